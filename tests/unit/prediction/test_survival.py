"""Survival models scored from plain numbers equal the packages that fitted them to 1e-12."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from lifelines import CoxPHFitter, LogLogisticAFTFitter, WeibullAFTFitter
from lifelines.exceptions import ConvergenceWarning
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression

from model_rows import PREDICTORS, people, spec_of
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.errors import DataContractError, DeclarationError
from pophealth.prediction.apply import predict
from pophealth.prediction.fit import fit
from pophealth.prediction.fit_hazard import _loss, _slopes, fit_hazard, person_intervals
from pophealth.prediction.fit_survival import fit_cox, fit_parametric, independent_columns
from pophealth.prediction.fitted import FittedModel
from pophealth.prediction.inputs import Matrices
from pophealth.prediction.survival import Spline, Steps

FRAME = people(1_500, months=60, lost=0.3)
SPEC = spec_of("cox", months=60)
NEW = people(300, seed=5, months=60)
TIMES = [0.5, 7.3, 24.0, 60.0, 61.0]


def fitted(kind: str, **settings: object) -> FittedModel:
    return fit(FRAME, SPEC, EstimatorSpec(kind, settings), seed=1)


def table(model: FittedModel, frame: pl.DataFrame) -> pd.DataFrame:
    matrix = Matrices(model.inputs, frame.select(PREDICTORS)).filled
    columns = pd.DataFrame(matrix, columns=[f"c{place}" for place in range(matrix.shape[1])])
    return columns.assign(months=frame["months_at_risk"].to_numpy(), event=frame["event"].to_numpy().astype(int))


def ours(model: FittedModel, frame: pl.DataFrame) -> np.ndarray:
    """Chance of no event, people by times."""
    matrix = Matrices(model.inputs, frame.select(PREDICTORS)).filled
    raw = model.body.raw(matrix)
    return np.array([1 - model.body.risk(raw, months) for months in TIMES]).T


@pytest.mark.parametrize(("baseline", "penalizer"), [("breslow", 0.0), ("breslow", 0.05), ("spline", 0.0)])
def test_cox_is_lifelines(baseline: str, penalizer: float) -> None:
    model = fitted("cox", baseline=baseline, penalizer=penalizer, knots=3)
    spline = baseline == "spline"
    unit = float(FRAME["months_at_risk"].max()) if spline else 1.0
    theirs = CoxPHFitter(
        baseline_estimation_method=baseline, penalizer=penalizer, n_baseline_knots=3 if spline else None
    ).fit(table(model, FRAME).assign(months=FRAME["months_at_risk"].to_numpy() / unit), "months", "event")
    expected = theirs.predict_survival_function(table(model, NEW), times=np.array(TIMES) / unit).to_numpy().T
    assert ours(model, NEW) == pytest.approx(expected, abs=1e-12)
    assert isinstance(model.body.baseline, Spline if spline else Steps)
    if not spline:
        hazard = theirs.predict_partial_hazard(table(model, NEW)).to_numpy()
        matrix = Matrices(model.inputs, NEW.select(PREDICTORS)).filled
        assert np.exp(model.body.raw(matrix)) == pytest.approx(hazard, rel=1e-12)


@pytest.mark.parametrize(
    ("distribution", "fitter"), [("weibull", WeibullAFTFitter), ("log_logistic", LogLogisticAFTFitter)]
)
def test_parametric_models_are_lifelines(distribution: str, fitter: type) -> None:
    model = fitted("weibull", distribution=distribution, penalizer=0.01)
    theirs = fitter(penalizer=0.01).fit(table(model, FRAME), "months", "event")
    expected = theirs.predict_survival_function(table(model, NEW), times=TIMES).to_numpy().T
    assert ours(model, NEW) == pytest.approx(expected, abs=1e-12)


def test_a_search_that_ended_anywhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """lifelines gives a spline far from the maximum without a word where it starts badly."""
    from pophealth.prediction import fit_survival

    monkeypatch.setattr(fit_survival.Spline, "at", lambda self, months: np.full(np.shape(months), 1e-5))
    with pytest.raises(
        DataContractError, match=r"spline baseline: the fit did not converge: it expects 0 events where there"
    ):
        fitted("cox", baseline="spline")


def test_discrete_hazard_is_a_logistic_regression_of_person_intervals() -> None:
    model = fitted("discrete_hazard", interval_months=12.0, C=0.7)
    matrix = Matrices(model.inputs, FRAME.select(PREDICTORS)).filled
    months, event = FRAME["months_at_risk"].to_numpy(), FRAME["event"].to_numpy()
    rows, answers = [], []
    for person in range(FRAME.height):
        for interval in range(5):
            start, end = 12.0 * interval, 12.0 * (interval + 1)
            had = bool(event[person]) and start < months[person] <= end
            if had or months[person] >= end:
                rows.append(np.concatenate([np.eye(5)[interval] * 1e3, matrix[person]]))
                answers.append(had)
    # the intervals' own terms are scaled so that scikit-learn's penalty, which has no exceptions, leaves them alone
    theirs = LogisticRegression(C=0.7, fit_intercept=False, solver="newton-cholesky", tol=1e-10).fit(
        np.array(rows), answers
    )
    assert model.body.coefficients == pytest.approx(theirs.coef_[0, 5:], abs=1e-5)
    assert model.body.intercepts == pytest.approx(theirs.coef_[0, :5] * 1e3, abs=1e-4)


def test_risk_by_intervals_is_what_is_left_of_survival() -> None:
    model = fitted("discrete_hazard", interval_months=12.0)
    raw = np.array([0.0, 1.0])
    hazards = 1 / (1 + np.exp(-(model.body.intercepts[:, None] + raw)))
    assert model.body.risk(raw, 24) == pytest.approx(1 - np.prod(1 - hazards[:2], axis=0))
    assert model.body.risk(raw, 60) == pytest.approx(1 - np.prod(1 - hazards, axis=0))


@pytest.mark.parametrize(
    ("months", "event", "entered", "happened"),
    [
        (5.0, True, 2, 1),  # in the second interval of 3 months
        (3.0, True, 1, 0),  # the last day of an interval is in it
        (5.0, False, 1, -1),  # the second was not finished
        (6.0, False, 2, -1),
        (12.0, True, 4, 3),
        (12.5, True, 4, -1),  # after the horizon
        (40.0, False, 4, -1),
        (0.5, False, 0, -1),
    ],
)
def test_intervals_a_person_counts_in(months: float, event: bool, entered: int, happened: int) -> None:
    found = person_intervals(np.array([months]), np.array([event]), 3.0, 4)
    assert [int(part[0]) for part in found] == [entered, happened]


def test_slopes_of_the_hazard_are_those_of_its_loss() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(40, 3))
    when = np.where(rng.random(40) < 0.4, rng.integers(0, 2, 40), -1)
    order = np.argsort(when == 0)
    rows, when = rows[order], when[order]
    inside = np.array([40, int((when != 0).sum())])
    at = rng.normal(size=5)
    gap = check_grad(lambda x: _loss(rows, when, inside, 0.3, x), lambda x: _slopes(rows, when, inside, 0.3, x)[0], at)
    assert gap < 1e-4


def test_columns_that_others_determine_are_left_out() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 400))
    matrix = np.column_stack([first, np.ones(400), second, first, first - 2 * second, rng.normal(size=400)])
    assert independent_columns(matrix).tolist() == [0, 2, 5]
    months = rng.exponential(10 * np.exp(-first)) + 0.01
    event = rng.random(400) < 0.8
    for body in (fit_cox(matrix, months, event, {}), fit_parametric(matrix, months, event, {})):
        assert body.coefficients[[1, 3, 4]].tolist() == [0.0, 0.0, 0.0]
        assert abs(body.coefficients[0]) > 0.7


def test_a_predictor_that_settles_the_outcome_is_refused() -> None:
    event = np.arange(200) < 100
    with pytest.raises(DataContractError, match=r"cox: the fit did not converge .*HINT: give it a penalizer"):
        fit_cox(event[:, None].astype(float), np.where(event, 1.0, 9.0) + np.arange(200) / 1e3, event, {})


def test_a_search_that_runs_away_is_begun_again_with_shorter_steps() -> None:
    """From here lifelines' own first steps go astray, as they did on 77,000 people with 1,373 events."""
    rng = np.random.default_rng(2)
    matrix = np.exp(rng.normal(0, 1.3, (4_000, 3)))
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    time = rng.exponential(np.exp(4.0 - matrix @ np.array([0.9, 0.7, 0.5])))
    months, event = np.minimum(time, 2.0), time <= 2.0
    table = pd.DataFrame(matrix).assign(months=months, event=event)
    with pytest.raises(ConvergenceWarning), np.errstate(all="ignore"):  # a warning is an error here
        CoxPHFitter().fit(table, "months", "event")
    slow = CoxPHFitter().fit(table, "months", "event", fit_options={"step_size": 0.05})
    assert fit_cox(matrix, months, event, {}).coefficients == pytest.approx(slow.params_.to_numpy(), abs=1e-5)


def test_intervals_that_do_not_fit_or_hold_nothing_are_refused() -> None:
    months, event = np.array([20.0, 30.0, 60.0]), np.array([True, False, False])
    with pytest.raises(DeclarationError, match="interval_months = 7 does not divide the horizon of 60 months"):
        fit_hazard(np.ones((3, 1)), months, event, {"interval_months": 7.0}, horizon=60.0)
    with pytest.raises(DataContractError, match="in 4 of 5 intervals nobody, or everybody who got there"):
        fit_hazard(np.ones((3, 1)), months, event, {"interval_months": 12.0}, horizon=60.0)


def test_who_was_lost_at_once_is_left_out_of_survival_models() -> None:
    lost = FRAME.head(50).with_columns(months_at_risk=pl.lit(0.0), event=pl.lit(value=False))
    more = pl.concat([FRAME, lost])
    first, second = (fit(frame, SPEC, EstimatorSpec("weibull"), seed=1) for frame in (FRAME, more))
    assert predict(second, NEW).to_numpy() == pytest.approx(predict(first, NEW).to_numpy(), abs=1e-5)
