"""Gives each network's own correction of a model's risks, shrunk towards everybody's by what chance could have done."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pophealth.prediction.calibration import calibration_of, expit, fit_logistic, logit
from pophealth.prediction.lists import number
from pophealth.prediction.meta_analysis import between_variance
from pophealth.prediction.metrics import Bools, Floats

OVERALL = ""
"""The name under which everybody's correction stands: for a network that has none of its own."""


class Shift(NamedTuple):
    """A correction ``logit(new) = intercept + slope * logit(old)``, and how it came about.

    `own` is the network's unshrunk intercept with its standard error; NaN where it has no finite one.
    """

    intercept: float
    slope: float
    own: float
    error: float
    events: int


def recalibrate(outcome: Bools, risk: Floats, networks: pl.Series, weight: Floats | None = None) -> dict[str, Shift]:
    """Give the corrections of risks that were foretold without their own rows, by network, and everybody's under ``""``.

    Everybody's correction is made only where chance does not explain the distance from intercept 0 and slope 1 (Wald
    interval of 95 % of either). A network's intercept is then estimated on top of it and shrunk: it keeps the share
    ``tau2 / (tau2 + error2)``, where tau2 is the variance between networks after DerSimonian and Laird (empirical Bayes
    for a normal mean: Morris, J Am Stat Assoc 1983;78:47). A network without an event, or with nothing else, keeps
    everybody's; so does a single network.
    """
    weights = np.ones(risk.size) if weight is None else weight
    overall = _overall(outcome, risk, weights)
    base = overall.intercept + overall.slope * logit(risk)
    codes = networks.unique().sort().to_list()
    own = {code: _intercept(outcome, base, (networks == code).to_numpy(), weights) for code in codes}
    values, errors = (np.array([own[code][place] for code in codes]) for place in (0, 1))
    known = np.isfinite(values) & np.isfinite(errors)
    tau2 = between_variance(values[known], errors[known] ** 2)[0] if known.sum() > 1 else 0.0
    found = {OVERALL: overall}
    for code, is_known in zip(codes, known, strict=True):
        value, error, events = own[code]
        moved = value * tau2 / (tau2 + error**2) if is_known and tau2 > 0 else 0.0
        found[code] = Shift(overall.intercept + moved, overall.slope, value, error, events)
    return found


def _overall(outcome: Bools, risk: Floats, weight: Floats) -> Shift:
    events = int(outcome.sum())
    design = np.column_stack([np.ones(risk.size), logit(risk)])
    line = fit_logistic(design, outcome, weight)
    plain = Shift(0.0, 1.0, float("nan"), float("nan"), events)
    if line is None:
        return plain
    chance = expit(design @ line)
    covariance = np.linalg.inv((design * (weight * chance * (1 - chance))[:, None]).T @ design)
    if abs(line[1] - 1) > 1.96 * np.sqrt(covariance[1, 1]):
        return Shift(float(line[0]), float(line[1]), float(line[0]), float(np.sqrt(covariance[0, 0])), events)
    value, error, _ = _intercept(outcome, logit(risk), np.ones(risk.size, np.bool_), weight)
    return Shift(value, 1.0, value, error, events) if abs(value) > 1.96 * error else plain


def _intercept(outcome: Bools, base: Floats, rows: Bools, weight: Floats) -> tuple[float, float, int]:
    """Give the intercept of some rows on top of their log odds, its standard error and the events."""
    mine, offset, weights = outcome[rows], base[rows], weight[rows]
    events = int(mine.sum())
    found = fit_logistic(np.ones((mine.size, 1)), mine, weights, offset=offset) if mine.size else None
    if found is None:
        return float("nan"), float("nan"), events
    chance = expit(offset + found[0])
    return float(found[0]), float(1 / np.sqrt((weights * chance * (1 - chance)).sum())), events


def recalibrated(risk: Floats, networks: pl.Series, shifts: dict[str, Shift]) -> Floats:
    """Give the corrected risks; a network that is not named has everybody's correction."""
    codes = networks.cast(pl.String)
    named = {code: shifts.get(code, shifts[OVERALL]) for code in codes.unique().to_list()}
    intercept = codes.replace_strict({code: shift.intercept for code, shift in named.items()}, return_dtype=pl.Float64)
    slope = codes.replace_strict({code: shift.slope for code, shift in named.items()}, return_dtype=pl.Float64)
    return expit(intercept.to_numpy() + slope.to_numpy() * logit(risk))


def recalibration_report(
    outcome: Bools, risk: Floats, networks: pl.Series, fold: pl.Series, weight: Floats | None = None
) -> dict[str, Any]:
    """Give the corrections and what they mend: the gap of each network before and after, learnt on other people's folds."""
    weights = np.ones(risk.size) if weight is None else weight
    shifts = recalibrate(outcome, risk, networks, weights)
    after = np.empty(risk.size)
    for number_of in fold.unique().to_list():
        mine = (fold == number_of).to_numpy()
        others = recalibrate(outcome[~mine], risk[~mine], networks.filter(pl.Series(~mine)), weights[~mine])
        after[mine] = recalibrated(risk[mine], networks.filter(pl.Series(mine)), others)
    rows = []
    for code in networks.unique().sort().to_list():
        here = (networks == code).to_numpy()
        counted: Any = weights[here]
        shift = shifts[code]
        rows.append(
            {
                "network": code,
                "events": shift.events,
                "intercept": number(shift.intercept),
                "slope": number(shift.slope),
                "own_intercept": number(shift.own),
                "own_error": number(shift.error),
                "in_the_large_before": number(calibration_of(outcome[here], risk[here], counted).in_the_large),
                "in_the_large_after": number(calibration_of(outcome[here], after[here], counted).in_the_large),
                "reason": None if np.isfinite(shift.own) else "no event of the outcome, or nobody without it",
            }
        )
    overall = shifts[OVERALL]
    return {"overall": {"intercept": overall.intercept, "slope": overall.slope}, "networks": rows}
