"""Gives whether a version may be promoted: each gate of its specification, what it asks and what the report says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pophealth.declare.model import ModelSpec

METRIC_OF = {
    "min_auroc": "auroc",
    "min_concordance": "concordance",
    "min_scaled_brier": "scaled_brier",
    "calibration_slope": "calibration_slope",
    "calibration_in_the_large": "calibration_in_the_large",
    "max_ici": "ici",
}
"""The figure of a report that each gate reads, where it is one figure of everybody."""

GAP_OF = {"max_subgroup_calibration_gap": "calibration_in_the_large", "max_subgroup_auroc_gap": "auroc"}
"""The figure of which the largest distance between a group and everybody is read."""


JUDGED_FROM = 10
"""Events, had or expected, from which a group's gap can shut a gate."""


@dataclass(frozen=True)
class Gate:
    """One gate with what it asks for and what was found; nothing found (no such figure) never passes."""

    name: str
    asks: float | list[float]
    found: float | None
    where: str
    passed: bool

    def words(self) -> str:
        """Give it as a sentence's part."""
        asks = f"{self.asks[0]:g} to {self.asks[1]:g}" if isinstance(self.asks, list) else f"{self.asks:g}"
        found = "no figure" if self.found is None else f"{self.found:.4g}"
        return f"{self.name} asks {asks}, found {found}" + (f" ({self.where})" if self.where else "")


def check_gates(spec: ModelSpec, report: Mapping[str, Any]) -> list[Gate]:
    """Give every gate of a model, in order, against the report of a version."""
    return [_gate(name, asks, report) for name, asks in spec.gates.items()]


def _gate(name: str, asks: Any, report: Mapping[str, Any]) -> Gate:
    where = ""
    if name in GAP_OF:
        found, where = _widest_gap(report, GAP_OF[name])
    elif name == "min_events":
        found = _number(report.get("events"))
    else:
        found = _number((report.get("metrics", {}).get(METRIC_OF[name]) or {}).get("estimate"))
    return Gate(name, asks, found, where, found is not None and _passes(name, asks, found))


def _passes(name: str, asks: Any, found: float) -> bool:
    if isinstance(asks, list):
        return bool(asks[0] <= found <= asks[1])
    return bool(found <= asks) if name.startswith("max_") else bool(found >= asks)


def _widest_gap(report: Mapping[str, Any], metric: str) -> tuple[float | None, str]:
    """Give the widest gap whose interval leaves out 0: a gap that chance explains does not shut a gate.

    Groups in which fewer than `JUDGED_FROM` events happened and were expected are left out: resampling a handful of people
    of whom nobody had the event says that chance explains nothing.
    """
    gaps = []
    for group in report.get("subgroups", ()):
        if _events(group) < JUDGED_FROM:
            continue
        gap = (group["figures"].get(metric) or {}).get("gap") or {}
        estimate, low, high = (_number(gap.get(bound)) for bound in ("estimate", "low", "high"))
        if estimate is not None:
            by_chance = low is not None and high is not None and low <= 0 <= high
            gaps.append((0.0 if by_chance else abs(estimate), f"{group['grouping']} {group['group']}"))
    if not gaps:
        return None, ""
    widest = max(gaps, key=lambda gap: gap[0])
    return widest if widest[0] else (0.0, "")


def _events(group: Mapping[str, Any]) -> float:
    """Give the events of a group, or those expected where these are more; a group with none where many were due counts."""
    events, rows = _number(group.get("events")), _number(group.get("rows"))
    gap = _number(((group["figures"].get("calibration_in_the_large") or {}).get("figure") or {}).get("estimate"))
    if events is None:
        return float("inf")
    return events if gap is None or rows is None else max(events, events - gap * rows)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None
