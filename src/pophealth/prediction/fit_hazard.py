"""Gives a discrete-time hazard model: a logistic regression over person-intervals that are never written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.errors import DataContractError, DeclarationError
from pophealth.prediction.calibration import expit
from pophealth.prediction.survival import DiscreteHazard

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

HAZARD_SETTINGS = {"interval_months": 3.0, "C": 1.0, "max_rows": 1_000_000}
"""Settings of the discrete hazard: length of an interval, which must divide the horizon, scikit-learn's C, and the rows it
learns from at most, chosen by chance."""
_STEPS = 100


def fit_hazard(
    matrix: Floats, months: Floats, event: Bools, settings: Mapping[str, Any], *, horizon: float
) -> DiscreteHazard:
    """Give the penalised maximum of the likelihood over person-intervals, by Newton's method.

    A person counts in an interval they entered and either finished or had the event in; intercepts are not penalised.

    Raises
    ------
    DataContractError
        An interval without an event, or with nobody who got past it, or no convergence.
    """
    chosen = {**HAZARD_SETTINGS, **settings}
    length = float(chosen["interval_months"])
    intervals = round(horizon / length)
    if intervals < 1 or abs(intervals * length - horizon) > 1e-9:
        msg = f"discrete_hazard: interval_months = {length:g} does not divide the horizon of {horizon:g} months"
        raise DeclarationError(msg)
    entered, happened = person_intervals(months, event, length, intervals)
    order = np.argsort(-entered, kind="stable")  # who entered most intervals first: each interval's people are a prefix
    inside = np.array([int((entered > place).sum()) for place in range(intervals)])
    counts = np.bincount(happened[happened >= 0], minlength=intervals)
    one_class = int(((counts == 0) | (counts == inside)).sum())
    if one_class:
        msg = (
            f"discrete_hazard: in {one_class} of {intervals} intervals nobody, or everybody who got there, had the event. "
            "HINT: a longer interval_months"
        )
        raise DataContractError(msg)
    rows, when = matrix[order], happened[order]
    weights = _newton(rows, when, inside, 1.0 / float(chosen["C"]))
    return DiscreteHazard(length, weights[:intervals], weights[intervals:])


def person_intervals(months: Floats, event: Bools, length: float, intervals: int) -> tuple[Counts, Counts]:
    """Give how many intervals each person counts in, and the interval of the event (-1 for none)."""
    finished = np.floor(months / length + 1e-9).astype(np.int64)
    during = np.ceil(months / length - 1e-9).astype(np.int64) - 1
    happened = np.where(event & (during < intervals), np.maximum(during, 0), -1)
    entered = np.where(happened >= 0, happened + 1, np.minimum(finished, intervals))
    return entered, happened


def _newton(rows: Floats, when: Counts, inside: Counts, penalty: float) -> Floats:
    """Give intercepts and coefficients; interval k has rows ``[: inside[k]]``, of which ``when == k`` had the event."""
    intervals, columns = inside.size, rows.shape[1]
    events = np.array([float((when[: inside[place]] == place).sum()) for place in range(intervals)])
    share = np.clip(events / np.maximum(inside, 1), 1e-9, 1 - 1e-9)
    found = np.concatenate([np.log(share / (1 - share)), np.zeros(columns)])
    last = _loss(rows, when, inside, penalty, found)
    for _ in range(_STEPS):
        gradient, hessian = _slopes(rows, when, inside, penalty, found)
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError as fault:
            msg = "discrete_hazard: no single maximum. HINT: a stronger penalty (a smaller C)"
            raise DataContractError(msg) from fault
        size = 1.0
        while (loss := _loss(rows, when, inside, penalty, found - size * step)) > last + 1e-12 * abs(last):
            size /= 2
            if size < 1e-8:
                break
        found, last = found - size * step, loss
        if np.abs(step).max() < 1e-9:
            return np.asarray(found)
    msg = f"discrete_hazard: no convergence in {_STEPS} steps. HINT: a stronger penalty (a smaller C)"
    raise DataContractError(msg)


def _slopes(rows: Floats, when: Counts, inside: Counts, penalty: float, at: Floats) -> tuple[Floats, Floats]:
    intervals, columns = inside.size, rows.shape[1]
    coefficients = at[intervals:]
    gradient = np.concatenate([np.zeros(intervals), penalty * coefficients])
    hessian = np.zeros((intervals + columns, intervals + columns))
    hessian[intervals:, intervals:] = penalty * np.eye(columns)
    linear = rows @ coefficients
    bend = np.zeros(rows.shape[0])  # over intervals, of each row: what its product with itself is weighed by
    excess = np.zeros(rows.shape[0])
    for place, people in enumerate(inside):
        chance = expit(at[place] + linear[:people])
        spread = chance * (1 - chance)
        gap = chance - (when[:people] == place)
        gradient[place] += gap.sum()
        hessian[place, place] += spread.sum()
        hessian[place, intervals:] = spread @ rows[:people]
        hessian[intervals:, place] = hessian[place, intervals:]
        bend[:people] += spread
        excess[:people] += gap
    gradient[intervals:] += excess @ rows
    hessian[intervals:, intervals:] += (rows * bend[:, None]).T @ rows
    return gradient, hessian


def _loss(rows: Floats, when: Counts, inside: Counts, penalty: float, at: Floats) -> float:
    intervals = inside.size
    linear = rows @ at[intervals:]
    whole = 0.5 * penalty * float(at[intervals:] @ at[intervals:])
    for place, people in enumerate(inside):
        value = at[place] + linear[:people]
        whole += float(np.logaddexp(0.0, value).sum() - value[when[:people] == place].sum())
    return whole
