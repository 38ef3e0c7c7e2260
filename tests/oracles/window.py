"""Gives a window's bounds as DuckDB SQL, written a second time: nothing here comes from `declare/window.py`."""

from __future__ import annotations

import re
from datetime import date

from pophealth.declare import Window

SINCE_EVER = "DATE '1900-01-01'"


def sql_date(day: date) -> str:
    """Give a date as SQL."""
    return f"DATE '{day:%Y-%m-%d}'"


def bounds(window: Window, index_date: date, contract_year: str) -> tuple[str, str]:
    """Give two SQL expressions `(from, to)`: a row on day d lies inside when ``from < d AND d <= to``."""
    year_start = f"DATE '{contract_year[:4]}-04-01'"
    last = _last(window, sql_date(index_date), year_start)
    if window.months is not None:
        return back(last, months=window.months), last
    if window.days is not None:
        return back(last, days=window.days), last
    if window.since is None:
        return SINCE_EVER, last
    if isinstance(window.since, date):
        return back(sql_date(window.since), days=1), last
    moved = re.search(r"([-+])([0-9]+)m$", window.since)
    first = f"CAST({year_start} {moved[1]} INTERVAL '{moved[2]} months' AS DATE)" if moved else year_start
    return back(first, days=1), last


def length_before(window: Window, index_date: date, contract_year: str) -> tuple[str, str]:
    """Give the bounds of the window of the same length that ends where `window` begins."""
    first, last = bounds(window, index_date, contract_year)
    if window.months is not None:
        return back(first, months=window.months), first
    return f"({first} - ({last} - {first})::INTEGER)", first


def back(day: str, *, months: int = 0, days: int = 0) -> str:
    """Give the SQL expression of the day so long before `day`; DuckDB clips months to their last day."""
    return f"CAST({day} - INTERVAL '{months} months' AS DATE)" if months else f"({day} - {days})"


def _last(window: Window, index: str, year_start: str) -> str:
    if window.until is None:
        return index
    if window.until == "contract_year_start":
        return f"least({index}, {back(year_start, days=1)})"
    length = int(window.until[:-1])
    return back(index, months=length) if window.until[-1] == "m" else back(index, days=length)
