"""Who is seen stands for who was lost: weights by hand, against a slow twin, and what they mend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pophealth.kernels.concordance import harrell
from pophealth.prediction.censoring import censoring_weights, concordances

HORIZON = 12.0


def test_by_hand() -> None:
    # four people: one lost at 3 months, one event at 6, two seen to the end: the three carry the fourth
    found = censoring_weights(np.array([3.0, 6.0, 12.0, 12.0]), np.array([False, True, False, False]), HORIZON)
    assert found.tolist() == pytest.approx([0, 4 / 3, 4 / 3, 4 / 3])


def test_nobody_lost_is_weight_one() -> None:
    found = censoring_weights(np.array([2.0, 12.0, 12.0]), np.array([True, False, False]), HORIZON)
    assert (found == 1).all()


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=25))
def test_as_the_slow_twin(people: list[tuple[int, bool]]) -> None:
    months = np.array([float(month) for month, _ in people])
    event = np.array([happened for _, happened in people])
    found = censoring_weights(months, event, HORIZON)
    for place, (month, happened) in enumerate(people):
        lost = not happened and month < HORIZON
        free = 1.0
        for time in sorted({m for m, e in people if not e and m < HORIZON and m < month}):
            # events at a time come before who is lost at it
            at_risk = sum(m > time or (m == time and not e) for m, e in people)
            free *= 1 - sum(m == time and not e for m, e in people) / at_risk
        assert found[place] == pytest.approx(0.0 if lost or free <= 0 else 1 / free)


def test_weights_give_the_share_that_there_was() -> None:
    rng = np.random.default_rng(1)
    happened, gone = rng.exponential(60, 100_000), rng.exponential(40, 100_000)
    months = np.minimum(np.minimum(happened, gone), HORIZON)
    event = (happened <= gone) & (happened <= HORIZON)
    weight = censoring_weights(months, event, HORIZON)
    truth = 1 - np.exp(-HORIZON / 60)
    assert (weight * event).sum() / weight.sum() == pytest.approx(truth, abs=0.004)
    assert event.mean() < truth - 0.015  # what one would believe without them


def test_concordance_has_an_interval_around_it() -> None:
    rng = np.random.default_rng(2)
    risk = rng.random(400)
    months = rng.exponential(1 / (0.2 + risk))
    event = rng.random(400) < 0.8
    found = concordances(months, event, risk, np.arange(400) // 2, replicates=60, seed=3)
    assert found["harrell"]["estimate"] == harrell(months, event, risk).concordance
    for figure in found.values():
        assert figure["low"] < figure["estimate"] < figure["high"]
