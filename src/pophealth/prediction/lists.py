"""Gives what lists of a network's length would find: true positives, PPV, sensitivity, contacts, by group, with intervals.

A list is of one network on one index date, highest risk first; figures add up over lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.prediction.metrics import Counts, Floats
from pophealth.prediction.resample import Sample, bounds

Groups = Mapping[Any, npt.NDArray[np.int64]]
TO_REACH = (10, 25, 50, 100)
"""Events of a network for which the shortest list is told."""


@dataclass(frozen=True)
class _Ordered:
    """Rows by list and then by risk, highest first; ties by place, so that no event is preferred."""

    order: Counts
    first: Counts
    outcome: Floats

    @classmethod
    def of(cls, sample: Sample, listing: Counts) -> _Ordered:
        order = np.lexsort((-sample.risk, listing))
        sorted_lists = listing[order]
        starts = np.flatnonzero(np.concatenate([[True], sorted_lists[1:] != sorted_lists[:-1]]))
        first = np.repeat(starts, np.diff(np.append(starts, order.size)))
        return cls(order, first, sample.outcome[order].astype(np.float64))

    def ahead(self, weight: Floats) -> Floats:
        """Give, by ordered row, the weight of rows above it on its list."""
        running = np.cumsum(weight) - weight
        return np.asarray(running - running[self.first])


def operational(
    sample: Sample, listing: Counts, lengths: Sequence[int], groups: Groups, *, replicates: int, seed: int
) -> tuple[list[dict[str, Any]], dict[Any, list[dict[str, Any]]]]:
    """Give the operational table of everybody, and of each group within the same lists.

    Parameters
    ----------
    listing : int64 array of shape (n_rows,)
        Which list a row belongs to: one per network and index date.
    lengths
        People on a list.

    Returns
    -------
    list of dict
        By length: listed, true_positives, ppv, sensitivity, to_contact (people contacted for one event; null without
        one); the last three also as ``<name>_interval``, [low, high].
    dict
        The same for each group's people on those lists.
    """
    ordered = _Ordered.of(sample, listing)
    place_of = _inverse(ordered.order)
    places: dict[Any, Any] = {None: slice(None)} | {key: place_of[rows] for key, rows in groups.items()}
    shape = (replicates + 1, len(lengths), 3)
    counted = {key: np.zeros(shape) for key in places}
    for replicate in range(replicates + 1):
        drawn = sample.drawn(seed, replicate - 1) if replicate else _own(sample)
        weight = drawn[ordered.order]
        ahead = ordered.ahead(weight)
        hits = weight * ordered.outcome
        events = {key: float(hits[rows].sum()) for key, rows in places.items()}
        for column, length in enumerate(lengths):
            taken = np.clip(length - ahead, 0.0, weight)
            found = taken * ordered.outcome
            for key, rows in places.items():
                counted[key][replicate, column] = taken[rows].sum(), found[rows].sum(), events[key]
    made = {
        key: [_row(counts[:, column], length) for column, length in enumerate(lengths)]
        for key, counts in counted.items()
    }
    return made.pop(None), made


def _own(sample: Sample) -> Floats:
    return np.ones(sample.risk.size) if sample.weight is None else sample.weight


def _inverse(order: Counts) -> Counts:
    inverse = np.empty(order.size, np.int64)
    inverse[order] = np.arange(order.size)
    return inverse


def _row(counts: Floats, length: int) -> dict[str, Any]:
    """Give one row of the table from listed, found and all events, of the sample (first) and of each resample."""
    listed, found, events = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        ppv, sensitivity, contact = found / listed, found / events, listed / found
    row: dict[str, Any] = {"list_length": length, "listed": round(listed[0]), "true_positives": round(found[0])}
    for name, values in (("ppv", ppv), ("sensitivity", sensitivity), ("to_contact", contact)):
        row |= {name: number(values[0]), f"{name}_interval": [number(bound) for bound in bounds(values[1:])]}
    return row


def contacts_to_reach(
    sample: Sample, listing: Counts, *, events: Sequence[int] = TO_REACH, replicates: int, seed: int
) -> list[dict[str, Any]]:
    """Give, for numbers of events, the mean length of the shortest list that holds as many, over lists that can."""
    ordered = _Ordered.of(sample, listing)
    starts = np.unique(ordered.first)
    ends = np.append(starts[1:], ordered.order.size)
    found = np.full((replicates + 1, len(events)), np.nan)
    for replicate in range(replicates + 1):
        weight = (sample.drawn(seed, replicate - 1) if replicate else _own(sample))[ordered.order]
        contacted, hits = np.cumsum(weight), np.cumsum(weight * ordered.outcome)
        for column, wanted in enumerate(events):
            base = np.concatenate([[0.0], hits])[starts]
            place = np.searchsorted(hits, base + wanted - 1e-9)
            reached = place < ends
            if reached.any():
                before = np.concatenate([[0.0], contacted])[starts[reached]]
                found[replicate, column] = float((contacted[place[reached]] - before).mean())
    return [
        {"events": wanted, "contacts": interval(found[0, column], found[1:, column])}
        for column, wanted in enumerate(events)
    ]


def interval(estimate: float, draws: Floats) -> dict[str, float | None]:
    """Give an estimate with its interval as plain values; null where there is none."""
    low, high = bounds(draws)
    return {"estimate": number(estimate), "low": number(low), "high": number(high)}


def number(value: float) -> float | None:
    """Give a number, or null for one that is none: JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
