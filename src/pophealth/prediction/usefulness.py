"""Gives what acting on predicted risks is worth: net benefit at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
