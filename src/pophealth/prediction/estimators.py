"""Gives fitted scikit-learn estimators as bodies of a model: penalised logistic regression and boosted trees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pophealth.kernels.trees import Paths, base_of, contributions_of
from pophealth.prediction.calibration import expit
from pophealth.prediction.survival import row_sums
from pophealth.prediction.trees import paths_of

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A penalised logistic regression: the raw score is the log odds, a sum over columns."""

    estimator: LogisticRegression
    native: bool = False

    @property
    def coefficients(self) -> Floats:
        """Log odds ratio of each column, per standard deviation."""
        return np.asarray(self.estimator.coef_[0], np.float64)

    @property
    def base(self) -> float:
        """Log odds at the training mean of every column."""
        return float(self.estimator.intercept_[0])

    def raw(self, matrix: Floats) -> Floats:
        """Give log odds: scikit-learn's own but for the last digits, which do not depend here on threads or neighbours."""
        return self.base + row_sums(matrix, self.coefficients)

    def parts(self, matrix: Floats) -> Floats:
        """Give what each column adds to the log odds: exact."""
        return matrix * self.coefficients

    def risk(self, raw: Floats, months: float) -> Floats:  # noqa: ARG002 - every body is asked the same way
        """Give the chance within the months it was trained for."""
        return expit(raw)


@dataclass(frozen=True)
class Trees:
    """Boosted trees: the raw score is the log odds, a sum over trees."""

    estimator: HistGradientBoostingClassifier
    native: bool = True

    @cached_property
    def paths(self) -> Paths:
        """Every leaf with the conditions that lead to it."""
        return paths_of(self.estimator)

    @property
    def base(self) -> float:
        """Mean log odds of the training rows, by the trees' own counts."""
        return float(self.estimator._baseline_prediction.ravel()[0]) + base_of(self.paths)

    def raw(self, matrix: Floats) -> Floats:
        """Give log odds, on one thread: a night scores several networks at a time, and waiting threads burn both cores."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return np.asarray(self.estimator.decision_function(matrix), np.float64)

    def parts(self, matrix: Floats) -> Floats:
        """Give each column's Shapley value by the trees' own counts (Lundberg and others, Nat Mach Intell 2020;2:56)."""
        return contributions_of(self.paths, matrix)

    def risk(self, raw: Floats, months: float) -> Floats:  # noqa: ARG002
        """Give the chance within the months it was trained for."""
        return expit(raw)
