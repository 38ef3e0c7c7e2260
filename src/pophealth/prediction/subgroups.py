"""Gives every figure for every group, with the gap to everybody and its interval: an average hides who is served badly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pophealth.kernels.discrimination import poisson_weights
from pophealth.prediction.calibration import calibration_of
from pophealth.prediction.metrics import METRICS, Counts, Floats, Interval, Metric, Predictions


def _slope(outcome: np.ndarray, risk: Floats, weight: Counts) -> float:
    return calibration_of(outcome, risk, weight).slope


def _in_the_large(outcome: np.ndarray, risk: Floats, weight: Counts) -> float:
    whole = weight.sum()
    return float((weight * (outcome - risk)).sum() / whole) if whole else float("nan")


GROUP_METRICS: Mapping[str, Metric] = {
    **METRICS,
    "calibration_in_the_large": _in_the_large,
    "calibration_slope": _slope,
}
"""What is shown for every group: how well it tells apart, how close it is, whether it is right on average."""


class GroupFigure(NamedTuple):
    """One figure of one group, and how far it lies from everybody's."""

    figure: Interval
    gap: Interval


@dataclass(frozen=True)
class GroupReport:
    """One group of one grouping: how many rows, people and events, and every figure."""

    grouping: str
    group: str
    rows: int
    people: int
    events: int
    figures: dict[str, GroupFigure]


def by_group(
    predictions: Predictions,
    groupings: Mapping[str, tuple[Counts, tuple[str, ...]]],
    *,
    metrics: Mapping[str, Metric] = GROUP_METRICS,
    replicates: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> list[GroupReport]:
    """Give a report for each group of each grouping, in their order; groups without a row are left out.

    Parameters
    ----------
    groupings
        By name (age_band, sex, ethnicity, imd_quintile, network): each row's group as a place in the labels.

    Notes
    -----
    A resample draws people once for everybody and the group, so that the interval of the gap counts what they share.
    """
    whole = _draws(predictions, np.ones(predictions.risk.size, bool), metrics, replicates, seed)
    reports: list[GroupReport] = []
    for grouping, (place, labels) in groupings.items():
        for number, label in enumerate(labels):
            rows = place == number
            if not rows.any():
                continue
            mine = _draws(predictions, rows, metrics, replicates, seed)
            figures = {
                name: GroupFigure(
                    _interval(mine[:, column], level), _interval(mine[:, column] - whole[:, column], level)
                )
                for column, name in enumerate(metrics)
            }
            people = int(np.unique(predictions.person[rows]).size)
            events = int(predictions.outcome[rows].sum())
            reports.append(GroupReport(grouping, label, int(rows.sum()), people, events, figures))
    return reports


def _draws(
    predictions: Predictions, rows: np.ndarray, metrics: Mapping[str, Metric], replicates: int, seed: int
) -> Floats:
    """Give the figures of the rows themselves (first) and of each resample of people."""
    outcome, risk, person = predictions.outcome[rows], predictions.risk[rows], predictions.person[rows]
    made = np.empty((replicates + 1, len(metrics)))
    made[0] = [metric(outcome, risk, np.ones(risk.size, np.int64)) for metric in metrics.values()]
    for replicate in range(replicates):
        weight = poisson_weights(predictions.people, seed=seed, replicate=replicate)[person]
        made[replicate + 1] = [metric(outcome, risk, weight) for metric in metrics.values()]
    return made


def _interval(values: Floats, level: float) -> Interval:
    known = values[1:][~np.isnan(values[1:])]
    if not known.size:
        return Interval(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values[0]), float(low), float(high))
