"""Gives survival models fitted by lifelines, kept as plain numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pophealth.errors import DataContractError
from pophealth.prediction.survival import AcceleratedFailure, Cox, Spline, Steps

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COX_SETTINGS = {"baseline": "breslow", "knots": 3, "penalizer": 0.0, "l1_ratio": 0.0, "max_rows": 200_000}
"""Settings of Cox regression: baseline ``breslow`` (steps) or ``spline`` with so many `knots`; lifelines' penalty; the
rows it learns from at most, chosen by chance."""
PARAMETRIC_SETTINGS = {"distribution": "weibull", "penalizer": 0.0, "max_rows": 200_000}
"""Settings of the parametric model: distribution ``weibull`` or ``log_logistic``; lifelines' penalty; the
rows it learns from at most, chosen by chance."""
STEPS: tuple[dict[str, float], ...] = ({}, {"step_size": 0.5}, {"step_size": 0.1})
"""lifelines' search begins with steps that overshoot where events are rare and columns skewed; it is begun again with shorter
ones, which end at the same maximum."""
FEW_EXPECTED = 5.0
"""Events, by everybody's share of them, below which none among some people says nothing of a column."""
_TOLERANCE = 1e-9  # share of a column's variance not told by the columns before it, below which it says nothing new


def fit_cox(matrix: Floats, months: Floats, event: Bools, settings: Mapping[str, Any]) -> Cox:
    """Give a Cox model (Efron's ties). A column that nothing can be learnt of (`learnable_columns`) has coefficient 0.

    Raises
    ------
    DataContractError
        The fit did not converge.
    """
    from lifelines import CoxPHFitter

    chosen = {**COX_SETTINGS, **settings}
    kept = learnable_columns(matrix, event)
    spline = chosen["baseline"] == "spline"
    # lifelines' search for a spline starts at numbers that fit times of about 1; from times of some hundred it ends
    # anywhere, and says nothing
    unit = float(months.max()) if spline else 1.0
    table = _table(matrix[:, kept], months / unit, event)
    fitter = CoxPHFitter(
        baseline_estimation_method=chosen["baseline"],
        penalizer=chosen["penalizer"],
        l1_ratio=chosen["l1_ratio"],
        n_baseline_knots=chosen["knots"] if spline else None,
    )
    if spline:
        _converge("cox", lambda: fitter.fit(table, "months", "event"))
    else:
        _converge("cox", *(partial(fitter.fit, table, "months", "event", fit_options=dict(step)) for step in STEPS))
    if spline:
        coefficients = fitter.params_["beta_"]
        phi = [fitter.params_[f"phi{place}_"].iloc[0] for place in range(1, chosen["knots"] + 1)]
        # lifelines' intercept of the log hazard is phi 0 here, moved from its unit of time to months
        start = coefficients["Intercept"] - phi[0] * np.log(unit)
        baseline: Steps | Spline = Spline(np.asarray(fitter._model.knots, np.float64) * unit, np.array([start, *phi]))
        values, means = coefficients.drop("Intercept").to_numpy(), np.zeros(kept.size)
    else:
        steps = fitter.baseline_cumulative_hazard_
        baseline = Steps(np.asarray(steps.index, np.float64), steps.iloc[:, 0].to_numpy(np.float64))
        values, means = fitter.params_.to_numpy(), np.asarray(fitter._norm_mean, np.float64)
    width = matrix.shape[1]
    body = Cox(_spread(values, kept, width), _spread(means, kept, width), baseline, float(fitter.log_likelihood_))
    if spline:
        expected = body.baseline.at(months) * np.exp(body.raw(matrix))
        _check_expected("cox with a spline baseline", expected, event)
    return body


def fit_parametric(matrix: Floats, months: Floats, event: Bools, settings: Mapping[str, Any]) -> AcceleratedFailure:
    """Give a Weibull or log-logistic accelerated failure time model.

    Raises
    ------
    DataContractError
        The fit did not converge.
    """
    from lifelines import LogLogisticAFTFitter, WeibullAFTFitter

    chosen = {**PARAMETRIC_SETTINGS, **settings}
    weibull = chosen["distribution"] == "weibull"
    kept = learnable_columns(matrix, event)
    table = _table(matrix[:, kept], months, event)
    fitter = (WeibullAFTFitter if weibull else LogLogisticAFTFitter)(penalizer=chosen["penalizer"])
    _converge(str(chosen["distribution"]), lambda: fitter.fit(table, "months", "event"))
    scale, shape = ("lambda_", "rho_") if weibull else ("alpha_", "beta_")
    values = fitter.params_[scale]
    names = [f"c{place}" for place in range(kept.size)]
    body = AcceleratedFailure(
        "weibull" if weibull else "log_logistic",
        _spread(values[names].to_numpy(), kept, matrix.shape[1]),
        float(values["Intercept"]),
        float(np.exp(fitter.params_[shape]["Intercept"])),
        float(fitter.log_likelihood_),
    )
    if weibull:
        _check_expected("weibull", np.exp(body.raw(matrix) + body.shape * np.log(months)), event)
    return body


def _check_expected(what: str, expected: Floats, event: Bools) -> None:
    """Refuse a fit that does not expect the events there were: at the maximum of the likelihood both sums are equal.

    Raises
    ------
    DataContractError
        The search ended somewhere else without saying so.
    """
    found, whole = float(expected.sum()), int(event.sum())
    if not abs(found - whole) <= 0.02 * whole:
        msg = (
            f"{what}: the fit did not converge: it expects {found:,.0f} events where there were {whole:,}. "
            "HINT: another number of knots, or a penalizer above 0"
        )
        raise DataContractError(msg)


def learnable_columns(matrix: Floats, event: Bools) -> npt.NDArray[np.int64]:
    """Give the independent columns without those that set apart a few people of whom nobody had the event.

    The likelihood of such a split grows without end: a level that 50 people have and none of them the event would stop a
    fit to a hundred thousand. They keep the risk that their other columns give them. Where `FEW_EXPECTED` events or more
    were to be expected among them, the column settles the outcome, and the fit is left to fail.
    """
    kept = independent_columns(matrix)
    able = [not _sets_few_apart(matrix[:, column], event) for column in kept]
    return kept[np.array(able, np.bool_)]


def _sets_few_apart(column: Floats, event: Bools) -> bool:
    low, high = column.min(), column.max()
    if not ((column == low) | (column == high)).all():
        return False
    parts = [column == low, column == high]
    return any(not event[part].any() and part.sum() * event.mean() < FEW_EXPECTED for part in parts)


def independent_columns(matrix: Floats) -> npt.NDArray[np.int64]:
    """Give the columns that are not a sum of the ones before them: two that are missing together are one."""
    centred = matrix - matrix.mean(axis=0)
    gram = centred.T @ centred
    size = np.sqrt(np.diag(gram))
    gram /= np.outer(np.where(size > 0, size, 1.0), np.where(size > 0, size, 1.0))
    kept: list[int] = []
    rest = gram.copy()  # what the kept columns do not tell of each other one
    for column in range(matrix.shape[1]):
        told = rest[column, column]
        if size[column] > 0 and told > _TOLERANCE:
            kept.append(column)
            rest = rest - np.outer(rest[:, column], rest[column]) / told
    return np.array(kept, np.int64)


def _table(matrix: Floats, months: Floats, event: Bools) -> pd.DataFrame:
    import pandas as pd

    columns = {f"c{place}": matrix[:, place] for place in range(matrix.shape[1])}
    return pd.DataFrame(columns | {"months": months, "event": event.astype(np.int64)})


def _spread(values: Floats, kept: npt.NDArray[np.int64], size: int) -> Floats:
    whole = np.zeros(size)
    whole[kept] = values
    return whole


def _converge(what: str, *fits: Callable[[], object]) -> None:
    """Run a fit, or the next way to fit where it fails; warnings and errors of the last become one refusal."""
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning, StatError

    fault: Exception | None = None
    for fit in fits:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):  # a search that runs away overflows before it is given up
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                fit()
            except (ConvergenceError, ConvergenceWarning, StatError, np.linalg.LinAlgError) as error:
                fault = error
            else:
                return
    msg = (
        f"{what}: the fit did not converge ({type(fault).__name__}). HINT: give it a penalizer above 0, or leave "
        "out predictors that nearly determine the outcome or each other"
    )
    raise DataContractError(msg) from fault
