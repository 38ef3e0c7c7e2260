"""Gives the last day an extract knows about, from the dates it holds, where nobody states it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import polars as pl

from pophealth.errors import DataContractError
from pophealth.extracts.columns import typed
from pophealth.extracts.layout import WHOLE, Layout, Rows
from pophealth.tables import RECORD_TABLES
from pophealth.terms import EARLIEST_DAY

_DATES = ("date", "recorded_date", "admission_date", "discharge_date", "start_date", "end_date", "death_date")
"""Dates that were recorded. A birth is none, and a next test lies ahead on purpose; so may the end of an opt-out."""

_TELLING = (*(table for table in RECORD_TABLES if table != "next_tests"), "registrations", "deaths")


def latest_date(layout: Layout, parts: Iterable[str], today: date) -> date:
    """Give the latest date recorded in the parts that is not after `today`: one slip of the pen makes no later extract.

    Raises
    ------
    DataContractError
        There is no date to be found.
    """
    latest = EARLIEST_DAY
    for part in parts:
        try:
            for rows in _telling(layout, part):
                latest = max(latest, _latest(rows, today))
        except DataContractError:
            if part == WHOLE:
                raise  # of several parts, the one that cannot be read is reported when its turn comes
    if latest == EARLIEST_DAY:
        msg = "extract: no date up to today is in it; give extract.extract_date"
        raise DataContractError(msg)
    return latest


def _telling(layout: Layout, part: str) -> Iterator[Rows]:
    yield from (rows for rows in layout.people(part) if rows.table in _TELLING)
    tables = [table for table in _TELLING if table in RECORD_TABLES]
    yield from layout.records(part, tables, _DATES)


def _latest(rows: Rows, today: date) -> date:
    frame = typed(rows)
    dates = [name for name in _DATES if name in frame.columns]
    found = frame.select(pl.col(name).filter(pl.col(name) <= today).max() for name in dates)
    return max((day for day in found.row(0) if day is not None), default=EARLIEST_DAY)
