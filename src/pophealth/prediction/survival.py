"""Gives survival models scored from plain numbers: Cox (step or spline baseline), accelerated failure time, discrete hazard.

Equal to the package that fitted them to 1e-12, without loading anything of it: coefficients, means, baseline and knots
are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pophealth.prediction.calibration import expit

Floats = npt.NDArray[np.float64]


def row_sums(matrix: Floats, coefficients: Floats) -> Floats:
    """Give the sum of each row times coefficients, every row alike whatever stands around it and however many threads run.

    A library's matrix product adds up in an order that depends on both, and a delivery has the same bytes every time.
    """
    return np.asarray(np.einsum("ij,j->i", matrix, coefficients, optimize=False))


@dataclass(frozen=True, eq=False)
class Steps:
    """A baseline cumulative hazard known at some times, on straight lines between them, level outside."""

    times: Floats
    cumulative_hazard: Floats

    def at(self, months: float | Floats) -> Floats:
        """Give the cumulative hazard of the mean person by `months`."""
        return np.asarray(np.interp(months, self.times, self.cumulative_hazard))


@dataclass(frozen=True, eq=False)
class Spline:
    """A baseline whose log cumulative hazard is a natural cubic spline of log time (Royston and Parmar 2002).

    ``ln H0(t) = phi[0] + phi[1] ln t + sum(phi[j] v_j(ln t))``, one v for each inner knot.
    """

    knots: Floats
    phi: Floats

    def at(self, months: float | Floats) -> Floats:
        """Give the cumulative hazard of the mean person by `months`."""
        time, knots = np.log(months), np.log(self.knots)
        first, last = knots[0], knots[-1]
        log_hazard = self.phi[0] + self.phi[1] * time
        for phi, knot in zip(self.phi[2:], knots[1:-1], strict=True):
            share = (last - knot) / (last - first)
            bend = np.maximum(0.0, time - knot) ** 3
            bend = bend - (share * np.maximum(0.0, time - first) ** 3 + (1 - share) * np.maximum(0.0, time - last) ** 3)
            log_hazard = log_hazard + phi * bend
        return np.asarray(np.exp(log_hazard))


@dataclass(frozen=True, eq=False)
class Cox:
    """Proportional hazards: the raw score is the log hazard ratio to the person at the means."""

    coefficients: Floats
    means: Floats
    baseline: Steps | Spline
    log_likelihood: float = float("nan")
    native: bool = False

    @property
    def base(self) -> float:
        """Log hazard ratio of the person at the means."""
        return 0.0

    def raw(self, matrix: Floats) -> Floats:
        """Give log hazard ratios."""
        return row_sums(matrix - self.means, self.coefficients)

    def parts(self, matrix: Floats) -> Floats:
        """Give what each column adds to the log hazard ratio: exact."""
        return np.asarray((matrix - self.means) * self.coefficients)

    def risk(self, raw: Floats, months: float) -> Floats:
        """Give the chance of the event within `months`."""
        return np.asarray(-np.expm1(-self.baseline.at(months) * np.exp(raw)))


@dataclass(frozen=True, eq=False)
class AcceleratedFailure:
    """A parametric survival model: the raw score is ``-shape * ln(scale of time)``, a log hazard or log odds at 1 month.

    Attributes
    ----------
    distribution
        ``weibull``: cumulative hazard ``(t / scale) ** shape``; ``log_logistic``: odds of the event the same.
    coefficients, intercept
        Of the log of the scale of time: a longer time is a lower risk.
    """

    distribution: Literal["weibull", "log_logistic"]
    coefficients: Floats
    intercept: float
    shape: float
    log_likelihood: float = float("nan")
    native: bool = False

    @property
    def base(self) -> float:
        """Raw score of the person at the means."""
        return -self.shape * self.intercept

    def raw(self, matrix: Floats) -> Floats:
        """Give raw scores."""
        return -self.shape * (row_sums(matrix, self.coefficients) + self.intercept)

    def parts(self, matrix: Floats) -> Floats:
        """Give what each column adds to the raw score: exact."""
        return np.asarray(matrix * (-self.shape * self.coefficients))

    def risk(self, raw: Floats, months: float) -> Floats:
        """Give the chance of the event within `months`."""
        at_time = raw + self.shape * np.log(months)
        return expit(at_time) if self.distribution == "log_logistic" else np.asarray(-np.expm1(-np.exp(at_time)))


@dataclass(frozen=True, eq=False)
class DiscreteHazard:
    """Hazard by interval: the raw score is what a person's columns add to the log odds of the event in any interval.

    Attributes
    ----------
    interval_months
        Length of an interval.
    intercepts : float64 array of shape (n_intervals,)
        Log odds of the event in each interval, for the person at the means who got there.
    """

    interval_months: float
    intercepts: Floats
    coefficients: Floats
    native: bool = False

    @property
    def base(self) -> float:
        """Raw score of the person at the means."""
        return 0.0

    def raw(self, matrix: Floats) -> Floats:
        """Give raw scores."""
        return row_sums(matrix, self.coefficients)

    def parts(self, matrix: Floats) -> Floats:
        """Give what each column adds to the raw score: exact."""
        return np.asarray(matrix * self.coefficients)

    def risk(self, raw: Floats, months: float) -> Floats:
        """Give the chance of the event in the intervals that end by `months`."""
        survival = np.ones_like(raw)
        for intercept in self.intercepts[: round(months / self.interval_months)]:
            survival *= expit(-(intercept + raw))
        return np.asarray(1.0 - survival)
