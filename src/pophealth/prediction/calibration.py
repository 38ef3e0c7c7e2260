"""Gives whether predicted risks are right on average, at every level: intercept, slope, curve, and their repair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.prediction.metrics import Bools, Counts, Floats

_SINGULAR = 1e13  # a condition number from which a solution would be noise: a design whose columns are one another
EDGE = 1e-12
"""Risks are kept this far from 0 and 1 before their logit is taken."""


class Calibration(NamedTuple):
    """Calibration of a set of predictions.

    Attributes
    ----------
    in_the_large
        Mean outcome less mean risk.
    intercept
        Intercept of a logistic regression on the logit of risk with slope 1; 0 is right on average.
    slope
        Slope of a logistic regression on the logit of risk; below 1 the risks are too extreme.
    ici
        Integrated calibration index: mean distance of the smooth curve from the diagonal (Austin and Steyerberg 2019).
    """

    in_the_large: float
    intercept: float
    slope: float
    ici: float


def logit(risk: Floats) -> Floats:
    """Give the log odds of risks, kept off 0 and 1."""
    inside = np.clip(risk, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def expit(value: Floats) -> Floats:
    """Give risks from log odds."""
    with np.errstate(over="ignore"):  # a risk that no number can tell from 0
        return np.asarray(1.0 / (1.0 + np.exp(-value)))


def fit_logistic(design: Floats, outcome: Bools, weight: Floats, offset: Floats | None = None) -> Floats | None:
    """Give the maximum-likelihood coefficients of a small logistic regression by Newton's method.

    Parameters
    ----------
    design : float64 array of shape (n_rows, n_terms)
    offset : float64 array of shape (n_rows,), optional
        Added to the linear predictor with coefficient 1.

    Returns
    -------
    float64 array of shape (n_terms,) or None
        None where there is no single finite maximum: one class only, classes that the design separates, or columns that
        are each other.
    """
    coefficients = np.zeros(design.shape[1])
    base = np.zeros(design.shape[0]) if offset is None else offset
    events = float((weight * outcome).sum())
    if not 0 < events < float(weight.sum()):
        return None
    for _ in range(50):
        chance = expit(design @ coefficients + base)
        gradient = design.T @ (weight * (outcome - chance))
        hessian = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        if not np.isfinite(hessian).all() or np.linalg.cond(hessian) > _SINGULAR:
            return None
        step = np.linalg.solve(hessian, gradient)
        coefficients = coefficients + np.clip(step, -5.0, 5.0)
        if np.abs(coefficients).max() > 1e3:
            return None
        if np.abs(step).max() < 1e-10:
            return np.asarray(coefficients)
    return None


def calibration_of(outcome: Bools, risk: Floats, weight: Counts) -> Calibration:
    """Give the calibration of weighted rows; NaN where a figure has no finite value."""
    weights = weight.astype(np.float64)
    whole = weights.sum()
    mean_gap = float((weights * (outcome - risk)).sum() / whole) if whole else float("nan")
    log_odds = logit(risk)
    one = np.ones((risk.size, 1))
    intercept = fit_logistic(one, outcome, weights, offset=log_odds)
    line = fit_logistic(np.column_stack([one, log_odds]), outcome, weights)
    curve = calibration_curve(outcome, risk, weight)
    ici = float("nan")
    if curve is not None:
        ici = float((weights * np.abs(curve - risk)).sum() / whole)
    return Calibration(
        mean_gap,
        float("nan") if intercept is None else float(intercept[0]),
        float("nan") if line is None else float(line[1]),
        ici,
    )


KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles at which a restricted cubic spline of four knots bends (Harrell, Regression Modeling Strategies, table 2.3)."""


def calibration_curve(outcome: Bools, risk: Floats, weight: Counts, at: Floats | None = None) -> Floats | None:
    """Give the smooth observed risk at each predicted risk (or `at` others): logistic on a spline of the log odds.

    With fewer than four different knots the curve is the straight recalibration line. None for one class.
    """
    log_odds, weights = logit(risk), weight.astype(np.float64)
    knots = np.unique(np.quantile(log_odds[weight > 0], KNOTS)) if (weight > 0).any() else np.zeros(0)
    terms = spline(log_odds, knots)
    coefficients = fit_logistic(terms, outcome, weights)
    if coefficients is None and terms.shape[1] > 2:
        knots = np.zeros(0)
        coefficients = fit_logistic(spline(log_odds, knots), outcome, weights)
    if coefficients is None:
        return None
    return expit(spline(log_odds if at is None else logit(at), knots) @ coefficients)


def spline(value: Floats, knots: Floats) -> Floats:
    """Give the terms of a restricted cubic spline: 1, x, and one cubic term for each knot but two."""
    columns = [np.ones(value.size), value]
    if knots.size >= 3:
        last, before = knots[-1], knots[-2]
        scale = (last - knots[0]) ** 2
        for knot in knots[:-2]:
            term = np.clip(value - knot, 0, None) ** 3
            term -= np.clip(value - before, 0, None) ** 3 * (last - knot) / (last - before)
            term += np.clip(value - last, 0, None) ** 3 * (before - knot) / (last - before)
            columns.append(term / scale)
    return np.column_stack(columns)
