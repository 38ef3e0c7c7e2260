"""Drift: an index worked out by hand, missingness, outcomes held against risks, limits that warn or stop."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pophealth.declare.model_parts import Monitoring
from pophealth.prediction.drift import breaches_of, compare_with, in_the_large, reference_of, stability_index


def frame(ages: list[int | None], sexes: list[str | None], flags: list[bool | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"age": ages, "sex": sexes, "flag": flags}, schema={"age": pl.Int16, "sex": pl.String, "flag": pl.Boolean}
    )


THEN = frame(list(range(100)), ["female", "male"] * 50, [True] * 20 + [False] * 80)
RISK = pl.Series(np.linspace(0.01, 0.99, 100))


def test_an_index_worked_out_by_hand() -> None:
    # (0.3-0.5) ln(0.3/0.5) + (0.7-0.5) ln(0.7/0.5)
    by_hand = -0.2 * math.log(0.6) + 0.2 * math.log(1.4)
    assert stability_index([0.5, 0.5], [0.3, 0.7], 1_000) == pytest.approx(by_hand, abs=1e-15)


def test_the_same_people_have_no_drift() -> None:
    told = compare_with(reference_of(THEN, THEN.columns, RISK), THEN, RISK)
    assert set(told["psi"]) == {"age", "sex", "flag", "risk"}
    assert max(told["psi"].values()) == 0
    assert told["people"] == 100


def test_a_shift_is_seen_in_the_column_that_shifted() -> None:
    reference = reference_of(THEN, THEN.columns, RISK)
    now = THEN.with_columns(flag=pl.Series([True] * 60 + [False] * 40))
    told = compare_with(reference, now, RISK)
    assert told["psi"]["flag"] == pytest.approx(stability_index([0.8, 0.2], [0.4, 0.6], 100))
    assert told["psi"]["age"] == 0


def test_values_never_met_and_values_that_vanished_are_shifts() -> None:
    reference = reference_of(THEN, ["sex"], RISK)
    strange = compare_with(reference, THEN.with_columns(sex=pl.lit("unheard of")), RISK)["psi"]["sex"]
    one = compare_with(reference, THEN.with_columns(sex=pl.lit("male")), RISK)["psi"]["sex"]
    assert strange > one > 1


def test_missing_shares_are_told_apart_from_the_index() -> None:
    reference = reference_of(THEN, THEN.columns, RISK)
    now = THEN.with_columns(age=pl.when(pl.col("age") % 2 == 0).then("age"))
    told = compare_with(reference, now, RISK)
    assert told["missing"]["age"] == {"now": 0.5, "training": 0.0}
    assert told["psi"]["age"] < 0.1


def test_a_column_missing_for_everybody_has_no_index_and_a_missing_share_of_one() -> None:
    reference = reference_of(THEN, ["age"], RISK)
    told = compare_with(reference, THEN.with_columns(age=pl.lit(None, pl.Int16)), RISK)
    assert told["psi"]["age"] is None
    assert told["missing"]["age"]["now"] == 1.0


def test_nobody_is_no_error() -> None:
    told = compare_with(reference_of(THEN, THEN.columns, RISK), THEN.head(0), RISK.head(0))
    assert told["people"] == 0
    assert set(told["psi"].values()) == {None}


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8), st.lists(st.floats(0.01, 1), min_size=2, max_size=8))
def test_the_index_is_never_negative_and_symmetric(one: list[float], two: list[float]) -> None:
    size = min(len(one), len(two))
    then, now = ([value / sum(shares[:size]) for value in shares[:size]] for shares in (one, two))
    index = stability_index(then, now, 1_000_000)
    assert index >= 0
    assert index == pytest.approx(stability_index(now, then, 1_000_000), abs=1e-12)


def test_outcomes_held_against_risks() -> None:
    told = in_the_large(np.array([0.1, 0.3, 0.2, 0.4]), np.array([False, True, False, True]))
    assert (told["people"], told["events"]) == (4, 2)
    assert told["expected"] == pytest.approx(1.0)
    assert told["gap"] == pytest.approx(0.25)
    spread = 1.959964 * math.sqrt(0.09 + 0.21 + 0.16 + 0.24) / 4
    assert (told["low"], told["high"]) == (pytest.approx(0.25 - spread), pytest.approx(0.25 + spread))
    assert in_the_large(np.zeros(0), np.zeros(0, bool))["gap"] is None


def test_the_bounds_hold_the_truth_about_nineteen_times_of_twenty() -> None:
    draws = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        risk = draws.uniform(0, 0.5, 300)
        told = in_the_large(risk, draws.random(300) < risk)
        held += told["low"] <= 0 <= told["high"]
    assert 0.91 <= held / 400 <= 0.985


REPORT = {
    "psi": {"age": 0.3, "sex": 0.15, "flag": None},
    "missing": {"age": {"now": 0.5, "training": 0.1}, "sex": {"now": 0.0, "training": 0.4}},
    "imputed_share": 0.5,
}


def test_limits_warn_and_stop_only_where_the_model_says_so() -> None:
    stops = breaches_of(REPORT, Monitoring(on_breach="stop"))
    assert [(breach.what, breach.column, breach.stops) for breach in stops] == [
        ("growth of the share missing", "age", True),
        ("stability index", "age", True),
        ("share imputed", "any input", False),
        ("stability index", "sex", False),
    ]
    assert [breach.limit for breach in stops] == [0.20, 0.25, 0.30, 0.10]
    warns = breaches_of(REPORT, Monitoring())
    assert len(warns) == 4
    assert not any(breach.stops for breach in warns)
    assert "stability index of age 0.300, limit 0.25" in [breach.words() for breach in warns]


def test_an_outcome_gap_within_chance_is_no_breach() -> None:
    base = {"psi": {}, "missing": {}, "imputed_share": 0.0}
    by_chance = base | {"in_the_large": {"gap": 0.05, "low": -0.01, "high": 0.11}}
    beyond = base | {"in_the_large": {"gap": -0.05, "low": -0.06, "high": -0.04}}
    assert breaches_of(by_chance, Monitoring()) == []
    (breach,) = breaches_of(beyond, Monitoring())
    assert (breach.column, breach.found) == ("risk", 0.05)
