"""Concordance counts the comparable pairs, no more and no fewer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.kernels.concordance import Pairs, harrell, uno

PEOPLE = st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 4)), max_size=24)


def comparable(time: list[int], event: list[bool], one: int, two: int) -> bool:
    return event[one] and (time[two] > time[one] or (time[two] == time[one] and not event[two]))


def free_before(time: list[int], event: list[bool], at: int) -> float:
    """Kaplan-Meier of censoring just before `at`, by hand: events of a time leave before its censorings."""
    chance = 1.0
    for moment in sorted(set(time)):
        if moment >= at:
            break
        at_risk = sum(other >= moment for other in time) - sum(
            other == moment and died for other, died in zip(time, event, strict=True)
        )
        censored = sum(other == moment and not died for other, died in zip(time, event, strict=True))
        if at_risk:
            chance *= 1 - censored / at_risk
    return chance


@settings(max_examples=200, deadline=None)
@given(PEOPLE)
def test_every_pair_is_counted_once(people: list[tuple[int, bool, int]]) -> None:
    time, event, risk = (list(column) for column in zip(*people, strict=True)) if people else ([], [], [])
    right = tied = wrong = 0
    weighed = whole = 0.0
    for one in range(len(people)):
        weight = 1 / free_before(time, event, time[one]) ** 2 if free_before(time, event, time[one]) > 0 else 0.0
        for two in range(len(people)):
            if one != two and comparable(time, event, one, two):
                right += risk[one] > risk[two]
                tied += risk[one] == risk[two]
                wrong += risk[one] < risk[two]
                whole += weight
                weighed += weight * ((risk[one] > risk[two]) + 0.5 * (risk[one] == risk[two]))
    arrays = np.array(time, float), np.array(event, bool), np.array(risk, float)
    assert harrell(*arrays) == Pairs(right, tied, wrong)
    assert uno(*arrays) == pytest.approx(weighed / whole if whole else math.nan, nan_ok=True)


def test_a_perfect_prediction_a_coin_and_nobody() -> None:
    time = np.arange(1.0, 8.0)
    event = np.ones(7, bool)
    assert harrell(time, event, -time).concordance == 1.0
    assert harrell(time, event, np.zeros(7)).concordance == 0.5
    assert math.isnan(harrell(time[:0], event[:0], time[:0]).concordance)
    assert math.isnan(harrell(time, np.zeros(7, bool), time).concordance)


def test_order_of_people_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    time, risk = rng.integers(1, 50, 400).astype(float), rng.integers(0, 30, 400).astype(float)
    event = rng.random(400) < 0.4
    mixed = rng.permutation(400)
    assert harrell(time, event, risk) == harrell(time[mixed], event[mixed], risk[mixed])
    assert uno(time, event, risk, tau=30.0) == pytest.approx(uno(time[mixed], event[mixed], risk[mixed], tau=30.0))


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="one length"):
        harrell(np.zeros(2), np.zeros(3, bool), np.zeros(2))
    with pytest.raises(ValueError, match="1 missing values of 2"):
        harrell(np.array([1.0, np.nan]), np.zeros(2, bool), np.zeros(2))
