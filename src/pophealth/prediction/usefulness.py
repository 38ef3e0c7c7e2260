"""Gives what a list is good for: net benefit at a threshold, and what a team of a given size would find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pophealth.prediction.metrics import Bools, Floats


class Benefit(NamedTuple):
    """Net benefit per person of acting on everybody at or above a threshold, and of acting on all (none has 0)."""

    threshold: float
    net_benefit: float
    treat_all: float


def decision_curve(outcome: Bools, risk: Floats, thresholds: Sequence[float]) -> list[Benefit]:
    """Give the decision curve (Vickers and Elkin, Med Decis Making 2006;26:565).

    Net benefit is true positives less false positives times the odds of the threshold, over everybody.
    """
    size = outcome.size
    events = int(outcome.sum())
    curve: list[Benefit] = []
    for threshold in thresholds:
        odds = threshold / (1 - threshold)
        chosen = risk >= threshold
        true = int((chosen & outcome).sum())
        false = int(chosen.sum()) - true
        gain = (true - false * odds) / size if size else float("nan")
        everyone = (events - (size - events) * odds) / size if size else float("nan")
        curve.append(Benefit(threshold, gain, everyone))
    return curve


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
