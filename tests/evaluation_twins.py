"""The plain way to evaluate predictions, row by row and resample by resample: what the fast way is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pophealth.kernels.discrimination import poisson_weights
from pophealth.prediction.metrics import METRICS, Bools, Floats, Metric, Predictions


class Interval(NamedTuple):
    """An estimate with the bounds of its bootstrap interval; NaN where it cannot be computed."""

    estimate: float
    low: float
    high: float


def with_intervals(
    predictions: Predictions,
    metrics: Mapping[str, Metric] = METRICS,
    *,
    replicates: int = 500,
    seed: int = 1,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Give each figure with its percentile interval over resamples of people.

    Parameters
    ----------
    replicates
        Poisson resamples of people; 0 leaves the bounds NaN.
    level
        Share of resamples inside the bounds.
    """
    ones = np.ones(predictions.risk.size, np.int64)
    estimates = {name: metric(predictions.outcome, predictions.risk, ones) for name, metric in metrics.items()}
    draws = np.full((replicates, len(metrics)), np.nan)
    for replicate in range(replicates):
        weight = poisson_weights(predictions.people, seed=seed, replicate=replicate)[predictions.person]
        draws[replicate] = [metric(predictions.outcome, predictions.risk, weight) for metric in metrics.values()]
    return {name: Interval(estimates[name], *_bounds(draws[:, place], level)) for place, name in enumerate(metrics)}


def _bounds(draws: Floats, level: float) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class ListLength(NamedTuple):
    """What the `listed` people of highest risk hold.

    Attributes
    ----------
    threshold
        Lowest risk on the list.
    true_positives, ppv, sensitivity
        Events on the list; their share of it; their share of all events.
    to_contact
        People of the list contacted for one event; infinite without one.
    """

    listed: int
    threshold: float
    true_positives: int
    ppv: float
    sensitivity: float
    to_contact: float


def operational_table(outcome: Bools, risk: Floats, lengths: Sequence[int]) -> list[ListLength]:
    """Give what lists of these lengths would have found, highest risk first; ties by place, so that no event is preferred.

    A length beyond everybody stands for everybody.
    """
    order = np.argsort(-risk, kind="stable")
    hits = np.concatenate([[0], np.cumsum(outcome[order])])
    events = int(hits[-1])
    table: list[ListLength] = []
    for length in lengths:
        listed = min(length, outcome.size)
        true = int(hits[listed])
        table.append(
            ListLength(
                listed=listed,
                threshold=float(risk[order[listed - 1]]) if listed else float("nan"),
                true_positives=true,
                ppv=true / listed if listed else float("nan"),
                sensitivity=true / events if events else float("nan"),
                to_contact=listed / true if true else float("inf"),
            )
        )
    return table


def contacts_for(outcome: Bools, risk: Floats, events: int) -> int | None:
    """Give the shortest list that holds `events` events; None when there are not so many."""
    hits = np.cumsum(outcome[np.argsort(-risk, kind="stable")])
    place = int(np.searchsorted(hits, events))
    return place + 1 if events > 0 and place < hits.size else (0 if events <= 0 else None)
