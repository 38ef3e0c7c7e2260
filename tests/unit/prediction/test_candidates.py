"""Which candidate is taken, what a stack weighs, what is refused before anything is learnt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from pophealth.errors import DataContractError
from pophealth.prediction.calibration import expit, logit
from pophealth.prediction.candidates import compare, foretold, refuse_useless
from pophealth.prediction.joined import stacked_risks, weigh
from pophealth.prediction.split import by_person_and_time, with_folds
from test_support.model_rows import SPEC, rows_with


def test_a_later_candidate_is_taken_only_when_it_is_surely_better() -> None:
    rows, truth = rows_with(6_000, seed=1)
    noise = np.random.default_rng(2).normal(size=truth.size)
    blurred = pl.Series(expit(logit(truth) + noise))
    as_good = pl.Series(expit(logit(truth) + 0.001 * noise))
    right = pl.Series(truth)
    spec = replace(SPEC, validation=replace(SPEC.validation, bootstraps=100))
    taken, told = compare(rows, {"logistic": blurred, "gradient_boosting": right}, spec, seed=1)
    assert taken == "gradient_boosting"
    assert told["gradient_boosting"]["gain"]["low"] > 0
    assert [entry["taken"] for entry in told.values()] == [False, True]
    assert compare(rows, {"logistic": right, "gradient_boosting": as_good}, spec, seed=1)[0] == "logistic"
    assert compare(rows, {"logistic": right, "gradient_boosting": blurred}, spec, seed=1)[0] == "logistic"


def test_a_stack_of_halves_of_the_truth_is_better_than_either() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=(2, 20_000))
    outcome = rng.random(20_000) < expit(-2 + one + two)
    risks = {"one": expit(-2 + one), "two": expit(-2 + two)}
    found = weigh(risks, outcome, np.ones(20_000))
    assert found is not None
    assert list(found.by_name.values()) == pytest.approx([1.0, 1.0], abs=0.06)
    stacked = stacked_risks(risks, outcome, np.ones(20_000), pl.Series(np.arange(20_000) % 5))
    assert stacked is not None
    assert np.corrcoef(logit(stacked), one + two)[0, 1] > 0.999


def test_a_candidate_that_would_weigh_less_than_nothing_weighs_nothing() -> None:
    rng = np.random.default_rng(4)
    score = rng.normal(size=5_000)
    outcome = rng.random(5_000) < expit(score)
    wrong = expit(rng.normal(size=5_000) - outcome)  # high where nothing happened
    found = weigh({"good": expit(score), "wrong": wrong}, outcome, np.ones(5_000))
    assert found is not None
    assert found.by_name["wrong"] == 0.0
    assert weigh({"only": expit(score)}, np.zeros(5_000, bool), np.ones(5_000)) is None


def test_every_late_row_is_foretold_by_others() -> None:
    rows, _ = rows_with(600, seed=5)
    early = rows.with_columns(index_date=pl.lit(date(2019, 1, 31)))
    both = with_folds(pl.concat([early, rows]).drop("fold", strict=False), SPEC.validation)
    seen: list[tuple[set[str], set[str]]] = []

    def foretell(learn: pl.DataFrame, test: pl.DataFrame) -> pl.Series:
        seen.append((set(learn["patient_id"]), set(test["patient_id"])))
        return pl.Series([0.5] * test.height)

    risk = foretold(both, by_person_and_time(both, SPEC.validation), foretell)
    assert risk.is_not_null().sum() == 600
    assert all(not learn & test for learn, test in seen)


def test_a_trial_without_an_event_is_refused_by_name() -> None:
    rows, _ = rows_with(100, seed=6)
    none = with_folds(rows.drop("fold", strict=False), SPEC.validation).with_columns(event=pl.lit(value=False))
    with pytest.raises(DataContractError, match="fold 0: 0 of the"):
        foretold(none, by_person_and_time(none, SPEC.validation), lambda _learn, test: test["risk"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda rows: rows.with_columns(event=pl.lit(value=False)), "no event of the outcome among 100 rows"),
        (lambda rows: rows.with_columns(event=pl.lit(value=True)), "nobody without the outcome among 100 rows"),
        (lambda rows: rows.with_columns(has_copd=pl.lit(value=True)), "the same for everybody: has_copd"),
        (lambda rows: rows.with_columns(age_years=pl.lit(None, pl.Int16)), "missing for everybody: age_years"),
        (lambda rows: rows.drop("has_copd"), "not in the frame: has_copd"),
    ],
)
def test_useless_rows_are_refused_by_name(change, named) -> None:
    rows, _ = rows_with(100, seed=7)
    refuse_useless(rows, SPEC.predictors, "m")
    with pytest.raises(DataContractError, match=named):
        refuse_useless(change(rows), SPEC.predictors, "m")
