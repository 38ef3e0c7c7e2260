"""Gives the practices whose data left their range: another unit or another way to write dates, not a few slips."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from pophealth.extracts.conservation import UNATTRIBUTED, Conservation, Entry
from pophealth.extracts.plausible import Bounds
from pophealth.tables import DATE_COLUMN

GUARDED_ROWS = 100
"""Of fewer rows a share says little: a practice of ten people is not withheld for a handful of slips."""


def suspicious(conservation: Conservation, bounds: Bounds, most: float) -> dict[str, str]:
    """Give the practices to withhold, with the reason.

    Parameters
    ----------
    most
        Share of a practice's rows of one table without a readable date, or of its values of one codelist outside their
        bounds, that is still taken for slips (`extract.maximum_faulty_share`).
    """
    found: dict[str, str] = {}
    for (practice, codelist), counts in sorted(conservation.measured.items()):
        judged, bad = counts["judged"], counts["implausible"]
        if judged >= GUARDED_ROWS and bad > most * judged:
            bound = bounds.ranges[codelist]
            found[practice] = (
                f"{bad} of {judged} values of {codelist} are outside {bound.low:g} to {bound.high:g} "
                f"{' or '.join(bound.units)}; has the unit changed? ({_setting(most)})"
            )
    for practice, source, rows, bad in _undatable(conservation):
        if rows >= GUARDED_ROWS and bad > most * rows:
            found[practice] = (
                f"{bad} of {rows} dates of {source} cannot be read; are they written otherwise? ({_setting(most)})"
            )
    return found


def _setting(most: float) -> str:
    return f"extract.maximum_faulty_share = {most:g}"


def _undatable(conservation: Conservation) -> Iterable[tuple[str, str, int, int]]:
    """Give practice, source, rows and rows without a readable date."""
    rows: Counter[tuple[str, str]] = Counter()
    bad: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (source, table, practice), entry in conservation.entries.items():
        if practice != UNATTRIBUTED and table in DATE_COLUMN:
            rows[practice, source] += entry.rows_in
            bad[practice, source] += _unreadable(entry, DATE_COLUMN[table])
    return [(practice, source, rows[practice, source], bad[practice, source]) for practice, source in sorted(rows)]


def _unreadable(entry: Entry, column: str) -> int:
    return entry.rules[f"{column}|unreadable"]
