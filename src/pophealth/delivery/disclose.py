"""Gives counts that can leave for secondary uses: small ones redacted, the others rounded."""

from __future__ import annotations

from typing import Any

# OpenSAFELY output rules (delivery-and-faults.md 5.1): redact counts up to 7, then round all; midpoint-6 is recommended.
REDACT_TO = 7
ROUND_TO = 6

_NOT_COUNTS = frozenset({"schema", "bit", "minutes", "share", "weeks", "slot_minutes", "slots", "slots_delta"})
"""Numbers of a summary that are no counts of people: they are said in declarations."""


def disclose(summary: dict[str, Any]) -> dict[str, Any]:
    """Give a summary of which every count is disclosure-controlled, at whatever depth.

    Counts of 1 to 7 become None; others the midpoint of their group of six (8 to 12 -> 9, 13 to 18 -> 15 ...); 0 stays.
    A total is rounded by itself, so no part can be found by subtracting the others from it. What was computed from
    counts (an expected number, a chance) becomes None: it would give the exact count away.
    """
    controlled: dict[str, Any] = _controlled(summary) | {"disclosure": f"counts of 1 to {REDACT_TO} are left out"}
    return controlled


def round_count(count: int) -> int | None:
    """Give one count as it may be shown."""
    if count == 0:
        return 0
    if count <= REDACT_TO:
        return None
    return (count + ROUND_TO - 1) // ROUND_TO * ROUND_TO - ROUND_TO // 2


def _controlled(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _controlled(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_controlled(item) for item in value]
    if isinstance(value, bool) or name in _NOT_COUNTS or not isinstance(value, int | float):
        return value
    return round_count(value) if isinstance(value, int) else None
