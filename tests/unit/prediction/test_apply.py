"""Scoring: a predictor that is not what it was in training is named; recalibration by network; never a null; speed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_rows import PREDICTORS, SMALL_TREES, people, spec_of
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.errors import IntegrityError
from pophealth.prediction.apply import check_inputs, imputed_share, imputed_shares, predict, raw_scores
from pophealth.prediction.bundle import read_bundle, write_bundle
from pophealth.prediction.calibration import expit, logit
from pophealth.prediction.fit import fit
from pophealth.prediction.inputs import Matrices

FRAME = people(1_500)
SPEC = spec_of("logistic")
MODEL = fit(FRAME, SPEC, EstimatorSpec("logistic"), seed=1)
TREES = fit(FRAME, SPEC, EstimatorSpec("gradient_boosting", SMALL_TREES), seed=1)
COX = fit(FRAME, SPEC, EstimatorSpec("cox"), seed=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop("sex"), "predictor sex is not among the 11 columns to score"),
        (lambda frame: frame.rename({"sex": "gender"}), "predictor sex is not among the 12 columns"),
        (
            lambda frame: frame.with_columns(pl.col("age_years").cast(pl.Float64)),
            "predictor age_years was Int16 in training, found Float64",
        ),
        (
            lambda frame: frame.with_columns(pl.col("has_diabetes").cast(pl.Int8)),
            "predictor has_diabetes was Boolean in training, found Int8",
        ),
        (
            lambda frame: frame.select(*frame.columns[:7], "bmi_latest_kg_m2", "age_years", *frame.columns[9:]),
            "predictor 1 of 5 was age_years in training, found bmi_latest_kg_m2",
        ),
    ],
    ids=["dropped", "renamed", "retyped number", "retyped truth value", "permuted"],
)
def test_a_predictor_that_is_not_what_it_was_is_named(change, words: str) -> None:
    with pytest.raises(IntegrityError, match=words):
        predict(MODEL, change(FRAME))


def test_text_of_any_kind_and_further_columns_are_fine() -> None:
    text = FRAME.with_columns(pl.col("sex").cast(pl.String), more=pl.lit(1))
    enum = FRAME.with_columns(pl.col("sex").cast(pl.String).cast(pl.Enum(["unknown", "male", "other", "female"])))
    assert predict(MODEL, text).to_list() == predict(MODEL, enum).to_list() == predict(MODEL, FRAME).to_list()


def test_other_codelists_than_in_training_are_refused() -> None:
    model = replace(MODEL, codelists={"has_diabetes": "a" * 64})
    check_inputs(model, FRAME)
    check_inputs(model, FRAME, {"has_diabetes": "a" * 64, "other": "x"})
    for codelists in ({"has_diabetes": "b" * 64}, {}):
        with pytest.raises(IntegrityError, match="has_diabetes was trained with other codelists"):
            check_inputs(model, FRAME, codelists)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 120),
            st.none() | st.floats(5, 90) | st.just(float("nan")),
            st.none() | st.sampled_from(["female", "male", "other", "indeterminate"]),
            st.none() | st.booleans(),
            st.none() | st.integers(0, 300),
        ),
        max_size=8,
    )
)
def test_anybody_has_a_risk(rows: list[tuple]) -> None:
    schema = {name: FRAME.schema[name] for name in PREDICTORS} | {"sex": pl.String()}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    for model in (MODEL, TREES, COX):
        risk = predict(model, frame)
        assert risk.dtype == pl.Float64
        assert risk.null_count() == 0
        assert risk.len() == frame.height
        assert risk.is_between(0, 1, closed="none").all()


def test_nobody_gives_an_empty_series_of_the_same_type() -> None:
    for model in (MODEL, TREES, COX):
        assert predict(model, FRAME.head(0)).to_list() == []
        assert predict(model, FRAME.head(0)).dtype == pl.Float64


def test_risks_do_not_depend_on_who_else_is_scored() -> None:
    """Nothing is estimated from the people who are scored: not the median, not the levels. Bit for bit."""
    for model in (MODEL, TREES, COX):
        whole = predict(model, FRAME).to_list()
        assert [predict(model, FRAME.slice(row, 1))[0] for row in range(40)] == whole[:40]
        assert predict(model, FRAME.slice(7, 13)).to_list() == whole[7:20]


def test_logistic_scores_are_scikit_learns() -> None:
    matrix = Matrices(MODEL.inputs, FRAME.select(PREDICTORS)).filled
    assert raw_scores(MODEL, FRAME).to_numpy() == pytest.approx(
        MODEL.body.estimator.decision_function(matrix), abs=1e-12
    )


def test_missing_values_and_unknown_levels_are_filled_and_counted() -> None:
    frame = FRAME.head(4).with_columns(
        sex=pl.Series(["martian", None, "male", "female"]), bmi_latest_kg_m2=pl.Series([None, 20.0, float("nan"), 30.0])
    )
    assert imputed_share(MODEL, frame) == 4 / 20
    shares = imputed_shares(MODEL, frame)
    assert (shares["sex"], shares["bmi_latest_kg_m2"], shares["age_years"]) == (0.5, 0.5, 0.0)
    common = frame.with_columns(sex=pl.lit(MODEL.inputs[2].fill_value))
    assert predict(MODEL, frame).head(2).to_list() == predict(MODEL, common).head(2).to_list()
    assert imputed_share(MODEL, frame.head(0)) == 0.0


def test_a_network_has_its_own_recalibration_or_everybodys() -> None:
    before = predict(MODEL, FRAME).to_numpy()
    model = replace(MODEL, recalibration={"": (0.1, 1.0), "U12345": (0.4, 0.9)})
    assert predict(model, FRAME, network="U12345").to_numpy() == pytest.approx(expit(0.4 + 0.9 * logit(before)))
    for other in ("U99999", None):
        assert predict(model, FRAME, network=other).to_numpy() == pytest.approx(expit(0.1 + logit(before)))
    assert raw_scores(model, FRAME).to_list() == raw_scores(MODEL, FRAME).to_list()


@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting", "cox"])
def test_forty_thousand_people_are_scored_within_a_second(kind: str, tmp_path: Path) -> None:
    """With 100 trees of 15 leaves, and reading and checking the bundle; in seconds of one processor."""
    model = fit(people(2_000), SPEC, EstimatorSpec(kind), seed=1)
    digest = write_bundle(model, tmp_path / "bundle")
    frame = people(40_000, seed=2)
    predict(read_bundle(tmp_path / "bundle", sha256=digest), frame.head(10))  # what is imported once a night
    start = time.process_time()
    risk = predict(read_bundle(tmp_path / "bundle", sha256=digest), frame)
    assert time.process_time() - start < 1.0
    assert risk.len() == 40_000
