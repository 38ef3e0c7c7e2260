"""Gives a fitted model: what it was told, what it learnt, and on whom; everything a night needs to score people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pophealth.prediction.inputs import Input

Floats = npt.NDArray[np.float64]


class Body(Protocol):
    """What an estimator learnt, whatever its kind.

    Attributes
    ----------
    native
        Whether it takes numbers as they are with NaN where missing (trees), or filled and standardised ones.
    """

    @property
    def native(self) -> bool:
        """Whether missing values reach it as NaN."""

    @property
    def base(self) -> float:
        """Raw score that nobody's own values have moved yet."""

    def raw(self, matrix: Floats) -> Floats:
        """Give raw scores, one a row: log odds, or a log hazard."""

    def parts(self, matrix: Floats) -> Floats:
        """Give what each column adds to the raw score; with `base` the parts of a row sum to its raw score."""

    def risk(self, raw: Floats, months: float) -> Floats:
        """Give the chance of the event within `months` from raw scores."""


@dataclass(frozen=True)
class Stacked:
    """Several bodies joined: ``raw = intercept + sum(weight * raw of a body)``, on the log odds.

    Attributes
    ----------
    members
        Kind and body of each; their columns come of the same inputs.
    """

    members: tuple[tuple[str, Body], ...]
    weights: tuple[float, ...]
    intercept: float

    @property
    def base(self) -> float:
        """Raw score that nobody's own values have moved yet."""
        return self.intercept + sum(
            weight * body.base for weight, (_, body) in zip(self.weights, self.members, strict=True)
        )


@dataclass(frozen=True)
class FittedModel:
    """One model, fitted.

    Attributes
    ----------
    inputs
        Predictors in their order, with what was learnt of each.
    body
        What the estimator learnt.
    horizon_months
        Months within which the predicted risk is of the event.
    recalibration
        By network, intercept and slope of ``logit(risk) = intercept + slope * logit(risk of the body)``; the key ``""``
        is for networks without their own.
    codelists
        By feature, the digest of the codelists it read in training.
    reference
        What training rows looked like, for drift: see `pophealth.prediction.fit_reference`.
    training
        Facts of the training: rows, people, events, index dates, seed, settings, and what the caller adds.
    spec_text
        The specification as trained, TOML.
    """

    spec_id: str
    spec_version: int
    estimator_kind: str
    inputs: tuple[Input, ...]
    body: Body | Stacked
    horizon_months: int
    recalibration: dict[str, tuple[float, float]] = field(default_factory=dict)
    codelists: dict[str, str] = field(default_factory=dict)
    reference: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    spec_text: str = ""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the predictors, in order."""
        return tuple(item.name for item in self.inputs)
