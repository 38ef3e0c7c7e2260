"""Gives the risks a fitted model foretells for people, refusing columns that are not those it was made from."""

from __future__ import annotations

import numpy as np
import polars as pl

from pophealth.errors import IntegrityError
from pophealth.prediction.calibration import expit, logit
from pophealth.prediction.fitted import FittedModel
from pophealth.prediction.inputs import dtype_of, numbers_of
from pophealth.prediction.scoring import raw_of, risk_of

MODEL_OWN = 1e-15
"""Risks are kept this far inside 0 and 1."""


def check_inputs(fitted: FittedModel, frame: pl.DataFrame, codelists: dict[str, str] | None = None) -> None:
    """Refuse a frame whose predictors are not those the model was made from.

    Parameters
    ----------
    frame
        Any columns; the predictors among them in the order of training.
    codelists
        By feature, the digest of the codelists it was read with; None leaves them unchecked.

    Raises
    ------
    IntegrityError
        Names the first predictor that is absent, out of order, of another type, or read with other codelists.
    """
    what = f"model {fitted.spec_id} version {fitted.spec_version}"
    for item in fitted.inputs:
        if item.name not in frame.columns:
            msg = f"{what}: predictor {item.name} is not among the {frame.width} columns to score"
            raise IntegrityError(msg)
        found = dtype_of(frame[item.name])
        if found != item.dtype:
            msg = f"{what}: predictor {item.name} was {item.dtype} in training, found {found}"
            raise IntegrityError(msg)
    known = set(fitted.input_names)
    order = [name for name in frame.columns if name in known]
    for place, (expected, found) in enumerate(zip(fitted.input_names, order, strict=True)):
        if expected != found:
            msg = f"{what}: predictor {place + 1} of {len(order)} was {expected} in training, found {found}"
            raise IntegrityError(msg)
    for name, digest in fitted.codelists.items() if codelists is not None else ():
        if codelists is not None and codelists.get(name) != digest:
            msg = (
                f"{what}: predictor {name} was trained with other codelists than tonight's. "
                "HINT: train a version on the codelists in use, or bring back the ones it was trained on"
            )
            raise IntegrityError(msg)


def predict(fitted: FittedModel, frame: pl.DataFrame, *, network: str | None = None) -> pl.Series:
    """Give each person's chance of the event within the model's months; never null.

    Parameters
    ----------
    network
        Whose recalibration applies; without one of its own, and for None, the one for everybody, if there is one.

    Raises
    ------
    IntegrityError
        See `check_inputs`.
    """
    check_inputs(fitted, frame)
    risk = risk_of(fitted.body, fitted.inputs, frame, fitted.horizon_months)
    repair = fitted.recalibration.get(network or "") or fitted.recalibration.get("")
    if repair is not None:
        intercept, slope = repair
        risk = expit(intercept + slope * logit(risk))
    return pl.Series("risk", np.clip(risk, MODEL_OWN, 1 - MODEL_OWN), dtype=pl.Float64)


def raw_scores(fitted: FittedModel, frame: pl.DataFrame) -> pl.Series:
    """Give raw scores, before any recalibration: log odds, or log hazard for survival models.

    Raises
    ------
    IntegrityError
        See `check_inputs`.
    """
    check_inputs(fitted, frame)
    return pl.Series("raw_score", raw_of(fitted.body, fitted.inputs, frame), dtype=pl.Float64)


def imputed_shares(fitted: FittedModel, frame: pl.DataFrame) -> dict[str, float]:
    """Give, by predictor, the share of people whose value was missing or a category nobody had in training."""
    check_inputs(fitted, frame)
    if not frame.height:
        return dict.fromkeys(fitted.input_names, 0.0)
    return {item.name: float(numbers_of(item, frame[item.name])[1].mean()) for item in fitted.inputs}


def imputed_share(fitted: FittedModel, frame: pl.DataFrame) -> float:
    """Give the share of all values, people by predictors, in whose place another stood."""
    shares = imputed_shares(fitted, frame)
    return sum(shares.values()) / len(shares)
