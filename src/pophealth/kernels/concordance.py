"""Gives concordance of survival predictions: counts of pairs in the right order, in n log n steps.

A pair of people is comparable when the one with the shorter time had the event, and the other was still at risk: later
time, or the same time and no event. Two events at one time are not compared.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int32]


class Pairs(NamedTuple):
    """Comparable pairs of a sample, whole numbers: higher risk with the earlier event, equal risks, the rest."""

    concordant: int
    tied: int
    discordant: int

    @property
    def concordance(self) -> float:
        """Concordant pairs and half the tied, over all; NaN without a comparable pair."""
        whole = self.concordant + self.tied + self.discordant
        return (self.concordant + 0.5 * self.tied) / whole if whole else float("nan")


def harrell(time: Floats, event: npt.NDArray[np.bool_], risk: Floats) -> Pairs:
    """Give the comparable pairs of a sample.

    Parameters
    ----------
    time : float64 array of shape (n_people,)
        Time at risk. No NaN.
    event : bool array of shape (n_people,)
        True where it ended with the event, false where it was censored.
    risk : float64 array of shape (n_people,)
        Higher means the event is expected earlier. No NaN.

    References
    ----------
    Harrell, Lee and Mark, Stat Med 1996;15:361.
    """
    order, starts = _by_time(time, event, risk)
    ranks, n_ranks = _ranks(risk)
    counted = _pairs_of_events(starts, event[order], ranks[order], n_ranks)
    right, same, whole = (int(pairs.sum(dtype=np.int64)) for pairs in counted)
    return Pairs(right, same, whole - same - right)


def uno(time: Floats, event: npt.NDArray[np.bool_], risk: Floats, *, tau: float | None = None) -> float:
    """Give Uno's concordance: each event's pairs weighed by the inverse squared chance of not being censored before it.

    Parameters
    ----------
    time, event, risk
        As in `harrell`.
    tau
        Events after this time do not count; None counts all.

    Returns
    -------
    float
        NaN without a comparable pair.

    References
    ----------
    Uno and others, Stat Med 2011;30:1105.
    """
    order, starts = _by_time(time, event, risk)
    ranks, n_ranks = _ranks(risk)
    pairs = np.empty((3, time.size))
    pairs[:, order] = _pairs_of_events(starts, event[order], ranks[order], n_ranks)
    concordant, tied, comparable = pairs
    free = _not_censored_before(time, event)
    counts = event & (free > 0) & (comparable > 0)
    if tau is not None:
        counts &= time < tau
    weight = np.zeros(time.size)
    weight[counts] = 1.0 / (free[counts] * free[counts])
    whole = float((weight * comparable).sum())
    return float((weight * (concordant + 0.5 * tied)).sum()) / whole if whole else float("nan")


def _not_censored_before(time: Floats, event: npt.NDArray[np.bool_]) -> Floats:
    """Give, at each person's time, the Kaplan-Meier estimate that censoring comes later, events first at equal times."""
    times, place = np.unique(time, return_inverse=True)
    censored = np.bincount(place, weights=~event, minlength=times.size)
    events = np.bincount(place, weights=event, minlength=times.size)
    at_risk = time.size - np.concatenate([[0.0], np.cumsum(censored + events)[:-1]]) - events
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.where(at_risk > 0, 1.0 - censored / at_risk, 1.0)
    after = np.cumprod(steps)
    # the chance just before this time: a censoring at the very time of an event comes after it
    return np.concatenate([[1.0], after[:-1]])[place]


def _by_time(time: Floats, event: npt.NDArray[np.bool_], risk: Floats) -> tuple[Counts, Counts]:
    """Give people by time, latest first, and where each new time begins (with the end)."""
    if not time.shape == event.shape == risk.shape or time.ndim != 1:
        msg = f"time, event and risk must be one-dimensional and of one length, found {time.shape}, {event.shape}, {risk.shape}"
        raise ValueError(msg)
    missing = int(np.isnan(time).sum() + np.isnan(risk).sum())
    if missing:
        msg = f"time and risk hold {missing} missing values of {time.size}; leave those people out first"
        raise ValueError(msg)
    order = np.argsort(-time)
    ordered = time[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]][: None if time.size else 1]))
    return order, starts


def _ranks(risk: Floats) -> tuple[Ranks, int]:
    """Give each person's risk as a rank from 1, equal risks alike, and the number of ranks."""
    order = np.argsort(risk)
    ordered = risk[order]
    steps = np.ones(risk.size, np.int32)
    steps[1:] = ordered[1:] != ordered[:-1]
    ranks = np.empty(risk.size, np.int32)
    ranks[order] = np.cumsum(steps, dtype=np.int32)
    return ranks, int(steps.sum())


def _kernel(function: Any) -> Any:
    return njit(cache=True, nogil=True)(function)


@_kernel
def _enter(tree: Ranks, here: Ranks, rank: int) -> None:
    here[rank] += 1
    node = rank
    while node < tree.size:
        tree[node] += 1
        node += node & -node


@_kernel
def _below(tree: Ranks, rank: int) -> int:
    count = 0
    node = rank - 1
    while node > 0:
        count += tree[node]
        node &= node - 1
    return count


@_kernel
def _pairs_of_events(
    starts: Counts, event: npt.NDArray[np.bool_], ranks: Ranks, n_ranks: int
) -> tuple[Ranks, Ranks, Ranks]:
    """Give, for each person with an event, the comparable people of lower and of equal risk, and all of them.

    People stand in the order of their times, latest first, so that memory is read in one direction. They enter a Fenwick
    tree over ranks; of one time first the censored, then, when every event of that time was counted, the events.
    """
    concordant = np.zeros(event.size, np.int32)
    tied = np.zeros(event.size, np.int32)
    comparable = np.zeros(event.size, np.int32)
    tree = np.zeros(n_ranks + 1, np.int32)
    here = np.zeros(n_ranks + 1, np.int32)
    inside = 0
    for group in range(starts.size - 1):
        first, end = starts[group], starts[group + 1]
        events = 0
        for place in range(first, end):
            if event[place]:
                events += 1
            else:
                _enter(tree, here, np.int64(ranks[place]))
        inside += end - first - events
        if events == 0:
            continue
        for place in range(first, end):
            if event[place]:
                rank = np.int64(ranks[place])
                tied[place] = here[rank]
                comparable[place] = inside
                concordant[place] = _below(tree, rank)
        for place in range(first, end):
            if event[place]:
                _enter(tree, here, np.int64(ranks[place]))
        inside += events
    return concordant, tied, comparable
