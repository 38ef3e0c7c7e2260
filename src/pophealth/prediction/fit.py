"""Gives a fitted model from a training frame: what is stored of each predictor, and what the estimator learnt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare.model import ModelSpec
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.errors import DataContractError, DeclarationError
from pophealth.prediction.drift import reference_of
from pophealth.prediction.estimators import Logistic
from pophealth.prediction.fit_binary import (
    LOGISTIC_SETTINGS,
    TREE_SETTINGS,
    Happened,
    check_two_classes,
    fit_logistic_body,
    fit_trees,
    happened_within,
    sampled,
)
from pophealth.prediction.fit_hazard import HAZARD_SETTINGS, fit_hazard
from pophealth.prediction.fit_survival import COX_SETTINGS, PARAMETRIC_SETTINGS, fit_cox, fit_parametric
from pophealth.prediction.fitted import Body, FittedModel, Stacked
from pophealth.prediction.inputs import Input, Matrices, learn_inputs
from pophealth.prediction.penalty import chosen_strength
from pophealth.prediction.scoring import raw_of, risk_of
from pophealth.prediction.stack import fit_stack

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STACK_SETTINGS: dict[str, Any] = {"members": []}
"""Settings of a stack: kinds of its members; without them, every other estimator the model declares."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "logistic": LOGISTIC_SETTINGS,
    "gradient_boosting": TREE_SETTINGS,
    "cox": COX_SETTINGS,
    "weibull": PARAMETRIC_SETTINGS,
    "discrete_hazard": HAZARD_SETTINGS,
    "stack": STACK_SETTINGS,
}
"""What can be set of each kind of estimator, with what it is otherwise."""
CHOICES = {"baseline": ("breslow", "spline"), "distribution": ("weibull", "log_logistic")}
SURVIVAL_KINDS = frozenset({"cox", "weibull", "discrete_hazard"})
NEEDED = ("patient_id", "index_date", "event", "months_at_risk")


def fit(
    frame: pl.DataFrame,
    spec: ModelSpec,
    estimator: EstimatorSpec,
    *,
    seed: int,
    allow_constant: bool = False,
    threads: int = 1,
) -> FittedModel:
    """Give the model of one estimator, fitted to every row of the frame.

    Parameters
    ----------
    frame
        patient_id, index_date, event, months_at_risk, the predictors; fold where a stack is fitted or a penalty is
        chosen; ended_by where it is known who died without the event.
    estimator
        Kind and settings; settings not named are the defaults in `SETTINGS`.
    allow_constant
        Whether a predictor may have one value for everybody: true for a part of a frame that was checked whole.
    threads
        At most; more than there are idle cores is far slower than one, because they wait for each other. Trees do not
        depend on it at all, other numbers but for their last digits.

    Raises
    ------
    DataContractError
        The frame lacks a column or has an impossible time, a predictor is constant or wholly missing, the outcome has one
        class only, or the fit did not converge.
    DeclarationError
        A setting is unknown or of another type.
    """
    from threadpoolctl import threadpool_limits

    settings = check_settings(estimator)
    check_frame(frame)
    inputs = learn_inputs(frame, spec.predictors, allow_constant=allow_constant, curved=spec.curved)
    horizon = spec.outcome.months
    happened = happened_within(frame, horizon)
    if estimator.kind in SURVIVAL_KINDS:
        check_any_event(frame["event"])
    else:
        check_two_classes(happened, horizon)
    ground = _Ground(frame, inputs, happened, float(horizon), seed)
    with threadpool_limits(threads):
        body = _body(ground, spec, estimator.kind, settings)
    risk = risk_of(body, inputs, frame, horizon)
    return FittedModel(
        spec_id=spec.id,
        spec_version=spec.version,
        estimator_kind=estimator.kind,
        inputs=inputs,
        body=body,
        horizon_months=horizon,
        reference=reference_of(frame, spec.predictors, pl.Series(risk)),
        training=_facts(frame, happened, seed, {**SETTINGS[estimator.kind], **settings, **_chosen(body)}),
    )


def _body(ground: _Ground, spec: ModelSpec, kind: str, settings: Mapping[str, Any]) -> Body | Stacked:
    if kind != "stack":
        return _fit_body(ground, kind, settings, None)
    own = {other.kind: check_settings(other) for other in spec.estimators if other.kind != "stack"}
    return fit_stack(
        settings.get("members") or list(own),
        _fold(ground.frame),
        ground.happened,
        lambda member, some: _fit_body(ground, member, own.get(member, {}), some),
        lambda body, some: raw_of(body, ground.inputs, ground.frame.filter(some)),
    )


def check_settings(estimator: EstimatorSpec) -> dict[str, Any]:
    """Give an estimator's settings, checked against what can be set.

    Raises
    ------
    DeclarationError
        A setting is unknown, or of another type than its default.
    """
    known = SETTINGS[estimator.kind]
    for name, value in estimator.settings.items():
        if name not in known:
            msg = f"estimator {estimator.kind}: unknown setting {name!r}; known are {', '.join(known)}"
            raise DeclarationError(msg)
        kind = (int, float) if isinstance(known[name], float) else type(known[name])
        if isinstance(value, bool) or not isinstance(value, kind) or value not in CHOICES.get(name, (value,)):
            expected = " or ".join(CHOICES.get(name, (type(known[name]).__name__,)))
            msg = f"estimator {estimator.kind}: {name} is {expected}, found {value!r}"
            raise DeclarationError(msg)
    strange = sorted(set(estimator.settings.get("members", ())) - (set(SETTINGS) - {"stack"}))
    if strange:
        msg = f"estimator {estimator.kind}: members are other estimators, found {strange}"
        raise DeclarationError(msg)
    wrong = [value for value in estimator.settings.get("C_among", ()) if not _is_strength(value)]
    if wrong:
        msg = f"estimator {estimator.kind}: C_among is numbers above 0, found {wrong}"
        raise DeclarationError(msg)
    return dict(estimator.settings)


def _is_strength(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def check_any_event(event: pl.Series) -> None:
    """Refuse rows of which none has the event: there is no time to learn.

    Raises
    ------
    DataContractError
        Nobody had the event.
    """
    if not event.any():
        msg = (
            f"training frame: of {event.len():,} rows nobody had the event. "
            "HINT: check that the source supplies the records the outcome is made of, and the index dates"
        )
        raise DataContractError(msg)


def check_frame(frame: pl.DataFrame) -> None:
    """Refuse a training frame without its columns, without rows, or with an outcome that cannot be.

    Raises
    ------
    DataContractError
        Named above.
    """
    absent = [name for name in NEEDED if name not in frame.columns]
    if absent or not frame.height:
        msg = (
            f"training frame: {frame.height:,} rows, without the columns {absent}"
            if absent
            else "training frame: no rows"
        )
        raise DataContractError(msg)
    months = frame["months_at_risk"].cast(pl.Float64).fill_nan(None)
    bad = int((months.is_null() | (months < 0) | months.is_infinite()).sum())
    at_once = int((frame["event"] & (months <= 0)).fill_null(value=False).sum())
    unknown = frame["event"].null_count()
    if bad or at_once or unknown:
        msg = (
            f"training frame: of {frame.height:,} rows {bad:,} have a time at risk that is missing, negative or infinite, "
            f"{at_once:,} an event at time 0, {unknown:,} an event that is neither true nor false"
        )
        raise DataContractError(msg)


class _Ground(NamedTuple):
    """What every estimator of one fit learns from."""

    frame: pl.DataFrame
    inputs: tuple[Input, ...]
    happened: Happened
    horizon: float
    seed: int

    def columns(self, kind: str, use: Bools) -> Floats:
        """Give the columns of some rows in the shape an estimator takes."""
        names = [item.name for item in self.inputs]
        own = self.frame.select(names)
        rows = Matrices(self.inputs, own if use.all() else own.filter(use))
        return rows.of(native=kind == "gradient_boosting")


def _fit_body(ground: _Ground, kind: str, settings: Mapping[str, Any], some: Bools | None) -> Body:
    """Fit one estimator to some rows, or to all; to a sample of them where they are very many."""
    most = int({**SETTINGS[kind], **settings}["max_rows"])
    if kind in SURVIVAL_KINDS:
        return _fit_survival(ground, kind, settings, some, most)
    happened = ground.happened
    if some is not None:
        happened = Happened(happened.known & some, happened.event, happened.weight)
    check_two_classes(happened, ground.horizon)
    happened = sampled(happened, most, ground.seed)
    use = happened.known
    event, weight = happened.event[use], happened.weight[use]
    matrix, weights = ground.columns(kind, use), None if (weight == 1.0).all() else weight
    if kind == "logistic":
        return _fit_logistic(ground, matrix, event, weights, settings, use)
    return fit_trees(matrix, event, weights, settings, seed=ground.seed)


def _fit_logistic(
    ground: _Ground, matrix: Floats, event: Bools, weights: Floats | None, settings: Mapping[str, Any], use: Bools
) -> Body:
    among = settings.get("C_among", [])
    if not among:
        return fit_logistic_body(matrix, event, weights, settings)

    def fitted_with(strength: float, some: Bools) -> Logistic:
        own = None if weights is None else weights[some]
        return fit_logistic_body(matrix[some], event[some], own, {**settings, "C": strength})

    fold = _fold(ground.frame)[use]
    strength = chosen_strength(among, matrix, event, weights, fold, fitted_with)
    return fit_logistic_body(matrix, event, weights, {**settings, "C": strength})


def _fit_survival(ground: _Ground, kind: str, settings: Mapping[str, Any], some: Bools | None, most: int) -> Body:
    months = ground.frame["months_at_risk"].cast(pl.Float64).to_numpy()
    event = ground.frame["event"].to_numpy()
    use = months > 0  # who was lost at once says nothing of the time to the event
    use = use if some is None else use & some
    rows = int(use.sum())
    if rows > most:
        use &= np.random.default_rng(ground.seed).random(use.size) < most / rows
    matrix, months, event = ground.columns(kind, use), months[use], event[use]
    if kind == "cox":
        return fit_cox(matrix, months, event, settings)
    if kind == "weibull":
        return fit_parametric(matrix, months, event, settings)
    return fit_hazard(matrix, months, event, settings, horizon=ground.horizon)


def _fold(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    if "fold" not in frame.columns:
        msg = "training frame: no column fold, which a stack, and a penalty chosen among several, are fitted by"
        raise DataContractError(msg)
    return frame["fold"].cast(pl.Int64).to_numpy()


def _chosen(body: Body | Stacked) -> dict[str, float]:
    """Give the strength that a logistic regression was fitted with, which may have been chosen."""
    return {"C": float(body.estimator.C)} if isinstance(body, Logistic) else {}


def _facts(frame: pl.DataFrame, happened: Happened, seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rows": frame.height,
        "people": frame["patient_id"].n_unique(),
        "events": int(happened.event.sum()),
        "outcome_unknown": int((~happened.known).sum()),
        "index_dates": [str(day) for day in frame["index_date"].unique().sort().to_list()],
        "seed": seed,
        "settings": dict(settings),
    }
