"""Gives every figure of a set of predictions for everybody and for groups, with resamples of people drawn once for all.

A resample weighs rows; rows of about the same risk are counted together before any figure is worked out, so that a
resample costs one pass over the rows. Estimates themselves come from the rows, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.kernels.discrimination import poisson_weights
from pophealth.prediction.calibration import KNOTS, calibration_of, expit, logit, spline
from pophealth.prediction.metrics import (
    Bools,
    Counts,
    Floats,
    auprc_of,
    auroc_of,
    brier_of,
    scaled_brier_of,
)

FIGURES = (
    "auroc",
    "auprc",
    "brier",
    "scaled_brier",
    "calibration_in_the_large",
    "observed_expected",
    "calibration_intercept",
    "calibration_slope",
    "ici",
)
"""Figures of a set of predictions, in the order of every array of them."""
BINS, GROUP_BINS = 2_000, 400
"""Rows are counted together in at most so many bins of equal size: of everybody, and of a group."""
_STEPS, _CLOSE, _FAR = 50, 1e-9, 700.0
"""Newton steps at most, the change at which they end, and log odds beyond which a number is not finite any more."""
_SINGULAR = 1e-12
_WHOLE = 1_000
"""Weights that are no whole numbers go into the exact area as thousandths."""


class Binned:
    """Rows in bins of ascending risk; equal risks are never parted."""

    def __init__(self, outcome: Bools, risk: Floats, bins: int) -> None:
        values = np.unique(risk)
        if values.size > bins:
            ordered = np.sort(risk)
            values = np.unique(ordered[np.arange(bins) * ordered.size // bins])
        self.place = np.searchsorted(values, risk, side="right").astype(np.int64) - 1
        self.size = values.size
        self.outcome = outcome.astype(np.float64)
        rows = np.maximum(np.bincount(self.place, minlength=self.size), 1)
        self.risk = np.bincount(self.place, risk, self.size) / rows
        self.square = np.bincount(self.place, risk * risk, self.size) / rows
        self.knots = np.unique(np.quantile(logit(risk), KNOTS)) if risk.size else np.zeros(0)

    def counted(self, weight: Floats) -> Floats:
        """Give weighted events and rows by bin: array of shape (2, n_bins)."""
        hits = np.bincount(self.place, weight * self.outcome, self.size)
        return np.stack([hits, np.bincount(self.place, weight, self.size)])

    def figures(self, counts: Floats) -> Floats:
        """Give the figures of each resample; NaN where one cannot be computed.

        Parameters
        ----------
        counts : float64 array of shape (n_resamples, 2, n_bins)
            As `counted` gives them.
        """
        hits, rows = counts[:, 0], counts[:, 1]
        total, events, expected = rows.sum(axis=1), hits.sum(axis=1), rows @ self.risk
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = events / total
            brier = (rows @ self.square - 2 * (hits @ self.risk) + events) / total
            scaled = 1 - brier / (mean * (1 - mean))
            in_the_large, ratio = (events - expected) / total, events / expected
        log_odds = logit(self.risk)
        one = np.ones((self.size, 1))
        intercept = fit_many(one, hits, rows, log_odds)[:, 0]
        slope = fit_many(np.column_stack([one, log_odds]), hits, rows)[:, 1]
        curve = self.curves(counts, self.risk)
        with np.errstate(invalid="ignore", divide="ignore"):
            ici = (rows * np.abs(curve - self.risk)).sum(axis=1) / total
        scaled[~np.isfinite(scaled)] = np.nan
        columns = [
            _areas(hits, rows),
            _precisions(hits, rows),
            brier,
            scaled,
            in_the_large,
            ratio,
            intercept,
            slope,
            ici,
        ]
        return np.column_stack(columns)

    def curves(self, counts: Floats, at: Floats) -> Floats:
        """Give the smooth observed risk at predicted risks, by resample; NaN for one class."""
        log_odds, wanted = logit(self.risk), logit(at)
        found = np.full((counts.shape[0], at.size), np.nan)
        for knots in (np.zeros(0), self.knots) if self.knots.size > 2 else (np.zeros(0),):
            fitted = fit_many(spline(log_odds, knots), counts[:, 0], counts[:, 1])
            known = np.isfinite(fitted).all(axis=1)
            found[known] = expit(fitted[known] @ spline(wanted, knots).T)
        return found


def fit_many(design: Floats, hits: Floats, rows: Floats, offset: Floats | None = None) -> Floats:
    """Give the coefficients of a small logistic regression for many resamples of the same bins, by Newton's method.

    Parameters
    ----------
    design : float64 array of shape (n_bins, n_terms)
    hits, rows : float64 arrays of shape (n_resamples, n_bins)

    Returns
    -------
    float64 array of shape (n_resamples, n_terms)
        NaN where there is no finite maximum.
    """
    base = np.zeros(design.shape[0]) if offset is None else offset
    terms = design.shape[1]
    found = np.zeros((rows.shape[0], terms))
    products = np.einsum("bi,bj->bij", design, design).reshape(design.shape[0], terms * terms)
    events = hits.sum(axis=1)
    open_ = np.flatnonzero((events > 0) & (events < rows.sum(axis=1)))
    done = np.zeros(rows.shape[0], np.bool_)
    for _ in range(_STEPS):
        if not open_.size:
            break
        chance = expit(np.clip(found[open_] @ design.T + base, -_FAR, _FAR))
        gradient = (hits[open_] - rows[open_] * chance) @ design
        hessian = ((rows[open_] * chance * (1 - chance)) @ products).reshape(-1, terms, terms)
        scale = np.sqrt(np.einsum("rii->ri", hessian))
        sound = (scale > 0).all(axis=1)
        open_, gradient, hessian, scale = open_[sound], gradient[sound], hessian[sound], scale[sound]
        correlated = hessian / (scale[:, :, None] * scale[:, None, :])
        sound = np.abs(np.linalg.det(correlated)) > _SINGULAR
        open_, gradient, correlated, scale = open_[sound], gradient[sound], correlated[sound], scale[sound]
        step = np.linalg.solve(correlated, (gradient / scale)[:, :, None])[:, :, 0] / scale
        found[open_] += np.clip(step, -5.0, 5.0)
        ended = np.abs(step).max(axis=1, initial=0.0) < _CLOSE
        done[open_[ended]] = True
        open_ = open_[~ended & (np.abs(found[open_]).max(axis=1, initial=0.0) < _FAR)]
    found[~done] = np.nan
    return found


def _areas(hits: Floats, rows: Floats) -> Floats:
    others = rows - hits
    whole = hits.sum(axis=1) * others.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((hits * (np.cumsum(others, axis=1) - others / 2)).sum(axis=1) / whole)


def _precisions(hits: Floats, rows: Floats) -> Floats:
    found, listed = np.cumsum(hits[:, ::-1], axis=1), np.cumsum(rows[:, ::-1], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(listed > 0, found / listed, 0.0)
        return np.asarray((hits[:, ::-1] * share).sum(axis=1) / found[:, -1])


def exact(outcome: Bools, risk: Floats, weight: Floats | None = None) -> Floats:
    """Give the figures of the rows themselves, in the order of `FIGURES`."""
    weights = np.ones(risk.size) if weight is None else weight
    counts: Counts = np.rint(weights * (1 if weight is None else _WHOLE)).astype(np.int64)
    as_counts: Any = weights  # sums of products only: whole numbers or not
    calibration = calibration_of(outcome, risk, as_counts)
    expected = float((weights * risk).sum())
    return np.array(
        [
            auroc_of(outcome, risk, counts),
            auprc_of(outcome, risk, as_counts),
            brier_of(outcome, risk, as_counts),
            scaled_brier_of(outcome, risk, as_counts),
            calibration.in_the_large,
            float((weights * outcome).sum()) / expected if expected > 0 else np.nan,
            calibration.intercept,
            calibration.slope,
            calibration.ici,
        ]
    )


@dataclass(frozen=True)
class Sample:
    """Predictions beside what happened, as arrays; `weight` undoes censoring and is None where nobody was censored.

    Raises
    ------
    ValueError
        Lengths differ.
    """

    outcome: Bools
    risk: Floats
    person: Counts
    weight: Floats | None = None

    def __post_init__(self) -> None:
        sizes = {self.outcome.size, self.risk.size, self.person.size}
        if len(sizes | ({self.weight.size} if self.weight is not None else set())) > 1:
            msg = f"sample: outcome, risk, person and weight differ in length: {sorted(sizes)}"
            raise ValueError(msg)

    @property
    def people(self) -> int:
        """Number of different people."""
        return int(self.person.max()) + 1 if self.person.size else 0

    def drawn(self, seed: int, replicate: int) -> Floats:
        """Give the weight of every row in one resample of people."""
        times = poisson_weights(self.people, seed=seed, replicate=replicate)[self.person].astype(np.float64)
        return times if self.weight is None else times * self.weight

    def estimates(self, rows: npt.NDArray[np.int64] | None = None) -> Floats:
        """Give the figures of the rows, or of some of them."""
        if rows is None:
            return exact(self.outcome, self.risk, self.weight)
        weight = None if self.weight is None else self.weight[rows]
        return exact(self.outcome[rows], self.risk[rows], weight)


def resampled(
    sample: Sample, groups: Mapping[Any, npt.NDArray[np.int64]], *, replicates: int, seed: int, at: Floats
) -> tuple[Floats, dict[Any, Floats], Floats]:
    """Give the figures of each resample, for everybody and for each group, and the calibration curve at `at`.

    Parameters
    ----------
    groups
        Rows of each group, by any key.

    Returns
    -------
    float64 array of shape (replicates, n_figures)
        Of everybody.
    dict
        The same for each group: people are drawn once, so that a group and everybody share what they share.
    float64 array of shape (replicates, at.size)
        Observed risk at each predicted one.
    """
    whole = Binned(sample.outcome, sample.risk, BINS)
    parts = {key: Binned(sample.outcome[rows], sample.risk[rows], GROUP_BINS) for key, rows in groups.items()}
    counts = np.empty((replicates, 2, whole.size))
    by_group = {key: np.empty((replicates, 2, part.size)) for key, part in parts.items()}
    for replicate in range(replicates):
        weight = sample.drawn(seed, replicate)
        counts[replicate] = whole.counted(weight)
        for key, part in parts.items():
            by_group[key][replicate] = part.counted(weight[groups[key]])
    figures = {key: part.figures(by_group.pop(key)) for key, part in parts.items()}
    return whole.figures(counts), figures, whole.curves(counts, at)


def bounds(draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """Give the percentile interval of resamples that have a figure; NaN where none has."""
    known = draws[np.isfinite(draws)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
