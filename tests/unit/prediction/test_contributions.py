"""Contributions sum to the score, are exact for linear models, and name the person's own value."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from model_rows import PREDICTORS, SMALL_TREES, people, spec_of
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.errors import IntegrityError
from pophealth.prediction.apply import raw_scores
from pophealth.prediction.contributions import CONTRIBUTIONS, all_parts, as_text, base_value, contributions
from pophealth.prediction.fit import fit
from pophealth.prediction.fitted import FittedModel
from pophealth.prediction.inputs import Matrices, owners

FRAME = people(1_200)
KINDS = ("logistic", "gradient_boosting", "cox", "weibull", "discrete_hazard", "stack")


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> FittedModel:
    spec = spec_of("logistic", "gradient_boosting", "stack", settings={"gradient_boosting": SMALL_TREES})
    if request.param == "stack":
        spec = replace(spec, kind="survival", estimators=(EstimatorSpec("cox"), EstimatorSpec("discrete_hazard")))
    settings = {"gradient_boosting": SMALL_TREES}.get(request.param, {})
    return fit(FRAME, replace(spec, curved=("age_years",)), EstimatorSpec(request.param, settings), seed=1)


def test_contributions_and_base_sum_to_the_raw_score(model: FittedModel) -> None:
    whole = contributions(model, FRAME, top=None)
    sums = whole.group_by("patient_id").agg(pl.col("contribution").sum())
    joined = FRAME.select("patient_id", raw=raw_scores(model, FRAME)).join(sums, on="patient_id", how="left")
    found = joined["contribution"].fill_null(0.0).to_numpy() + base_value(model)
    assert found == pytest.approx(joined["raw"].to_numpy(), abs=1e-9)


def test_the_strongest_stand_first_in_each_direction(model: FittedModel) -> None:
    found = contributions(model, FRAME, top=2)
    assert found.schema == CONTRIBUTIONS
    parts = all_parts(model, FRAME)
    for person in range(0, FRAME.height, 97):
        mine = found.filter(pl.col("patient_id") == FRAME["patient_id"][person])
        for direction, sign in (("up", 1), ("down", -1)):
            expected = sorted((sign * part for part in parts[person] if sign * part > 0), reverse=True)[:2]
            these = mine.filter(pl.col("direction") == direction)
            assert these["rank"].to_list() == list(range(1, len(expected) + 1))
            assert (these["contribution"] * sign).to_list() == pytest.approx(expected)
    assert found["patient_id"].unique(maintain_order=True).to_list() == [
        patient for patient, some in zip(FRAME["patient_id"], (parts != 0).any(axis=1), strict=True) if some
    ]


def test_values_are_the_persons_own(model: FittedModel) -> None:
    found = contributions(model, FRAME, top=None).join(FRAME, on="patient_id", how="left")
    assert set(found["feature"].unique()) <= set(PREDICTORS)
    ages = found.filter(pl.col("feature") == "age_years")
    assert ages["value"].cast(pl.Int16).to_list() == ages["age_years"].to_list()
    sexes = found.filter(pl.col("feature") == "sex")
    assert sexes["value"].to_list() == sexes["sex"].cast(pl.String).to_list()
    diabetes = found.filter(pl.col("feature") == "has_diabetes")
    assert (diabetes["value"] == "yes").to_list() == diabetes["has_diabetes"].to_list()
    mass = found.filter(pl.col("feature") == "bmi_latest_kg_m2")
    assert mass["value"].is_null().to_list() == mass["bmi_latest_kg_m2"].is_null().to_list()


def test_linear_contributions_are_coefficient_times_distance_from_the_mean() -> None:
    model = fit(FRAME, spec_of("logistic"), EstimatorSpec("logistic"), seed=1)
    row = FRAME.filter(pl.col("has_diabetes") & (pl.col("sex").cast(pl.String) == "male")).head(1)
    found = dict(contributions(model, row, top=None).select("feature", "contribution").iter_rows())
    places = {
        column.name: (place, column) for place, column in enumerate(c for item in model.inputs for c in item.columns)
    }
    place, column = places["has_diabetes"]
    coefficient = model.body.estimator.coef_[0, place] / column.scale
    assert found["has_diabetes"] == pytest.approx(coefficient * (1 - FRAME["has_diabetes"].mean()))
    place, column = places["age_years"]
    coefficient = model.body.estimator.coef_[0, place] / column.scale
    assert found["age_years"] == pytest.approx(coefficient * (row["age_years"][0] - FRAME["age_years"].mean()))


def test_tree_contributions_are_shaps_summed_by_feature() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap draws colours with functions that matplotlib will drop
        import shap
    model = fit(FRAME, spec_of("gradient_boosting"), EstimatorSpec("gradient_boosting", SMALL_TREES), seed=1)
    native = Matrices(model.inputs, FRAME.select(PREDICTORS)).native
    theirs = shap.TreeExplainer(model.body.estimator, feature_perturbation="tree_path_dependent").shap_values(native)
    expected = np.zeros((FRAME.height, len(PREDICTORS)))
    for place, owner in enumerate(owners(model.inputs, native=True)):
        expected[:, owner] += theirs[:, place]
    assert all_parts(model, FRAME) == pytest.approx(expected, abs=1e-9)


def test_nobody_and_other_columns(model: FittedModel) -> None:
    nobody = contributions(model, FRAME.head(0))
    assert nobody.schema == CONTRIBUTIONS
    assert nobody.height == 0
    with pytest.raises(IntegrityError, match="predictor sex"):
        contributions(model, FRAME.drop("sex"))


def test_values_are_written_as_people_read_them() -> None:
    assert as_text(pl.Series([31.0, 27.456, None, float("nan")])).to_list() == ["31", "27.46", None, None]
    assert as_text(pl.Series([True, False, None])).to_list() == ["yes", "no", None]
    assert as_text(pl.Series([3, None], dtype=pl.UInt16)).to_list() == ["3", None]
