"""Gives bank holidays and working days of England: by rule, with the few days that were proclaimed beside it.

Rules: Banking and Financial Dealings Act 1971, schedule 1 (Easter Monday, last Mondays of May and August, 26 December and
its substitutes); proclaimed every year: New Year's Day (since 1974), the first Monday in May (since 1978) and substitutes
of days at a weekend; at common law: Good Friday and Christmas Day. Source of the lists compared with:
gov.uk/bank-holidays, division England and Wales, 2012 to 2022.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.errors import UsageError
from pophealth.terms import EARLIEST_DAY

FIRST_YEAR, LAST_YEAR = 1995, 2045
"""Years for which days are known. Later proclamations belong in `_EXTRA`, with a new release."""

# Royal proclamations under section 1 of the Act, as listed on gov.uk/bank-holidays or announced in The Gazette.
_MOVED = {
    date(1995, 5, 1): date(1995, 5, 8),  # 50 years of VE Day
    date(2002, 5, 27): date(2002, 6, 4),  # Golden Jubilee
    date(2012, 5, 28): date(2012, 6, 4),  # Diamond Jubilee
    date(2020, 5, 4): date(2020, 5, 8),  # 75 years of VE Day
    date(2022, 5, 30): date(2022, 6, 2),  # Platinum Jubilee
}
_EXTRA = (
    date(1999, 12, 31),  # millennium
    date(2002, 6, 3),  # Golden Jubilee
    date(2011, 4, 29),  # royal wedding
    date(2012, 6, 5),  # Diamond Jubilee
    date(2022, 6, 3),  # Platinum Jubilee
    date(2022, 9, 19),  # state funeral
    date(2023, 5, 8),  # coronation
)

_DAYS_OF_REGISTER = 1 << 16
_MONDAY, _SATURDAY = 0, 5


def easter_sunday(year: int) -> date:
    """Give Easter Sunday of a Gregorian year, by Butcher's algorithm (Spencer Jones, General Astronomy, 1922)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def bank_holidays(year: int) -> tuple[date, ...]:
    """Give the bank holidays of England in a year, in order: days off, so the substitute where a day is at a weekend.

    Raises
    ------
    UsageError
        The year is not from `FIRST_YEAR` to `LAST_YEAR`.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        msg = f"bank holidays: known are {FIRST_YEAR} to {LAST_YEAR}, asked for {year}"
        raise UsageError(msg)
    easter = easter_sunday(year)
    by_rule = [
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        _monday_from(date(year, 5, 1)),
        _monday_from(date(year, 5, 25)),
        _monday_from(date(year, 8, 25)),
    ]
    days = {_MOVED.get(day, day) for day in by_rule} | {day for day in _EXTRA if day.year == year}
    for fixed in (date(year, 1, 1), date(year, 12, 26), date(year, 12, 25)):
        days.add(_working_from(fixed, days))
    return tuple(sorted(days))


def _monday_from(day: date) -> date:
    """Give the first Monday on or after `day`; from the 25th of a month of 31 days that is its last."""
    return day + timedelta(days=(_MONDAY - day.weekday()) % 7)


def _working_from(day: date, taken: set[date]) -> date:
    """Give `day`, or the next weekday that is no holiday yet: a day at a weekend is had on the next working day.

    Boxing Day is given its day first: where Christmas is a Sunday the 26th stays, and Christmas is had on the 27th. Where
    Christmas is a Saturday, the 27th and 28th are had for both, whichever is called what.
    """
    while day.weekday() >= _SATURDAY or day in taken:
        day += timedelta(days=1)
    return day


def working_day_counts() -> npt.NDArray[np.int32]:
    """Give, for each day of the register (days since 1900-01-01, 65,536 of them), working days so far.

    Working days are Mondays to Fridays that are no bank holiday. Working days after day a, up to and with day b, are
    ``counts[b] - counts[a]``. Outside `FIRST_YEAR` to `LAST_YEAR` the count is -1: not known.
    """
    first = (date(FIRST_YEAR, 1, 1) - EARLIEST_DAY).days
    table = working_day_table()
    counts = np.full(_DAYS_OF_REGISTER, -1, np.int32)
    counts[first : first + table.height] = table["working_days"].to_numpy()
    return counts


def working_day_table() -> pl.DataFrame:
    """Give date, is_working_day and working_days (how many since 1 January of `FIRST_YEAR`, with this day), by date."""
    holidays = [day for year in range(FIRST_YEAR, LAST_YEAR + 1) for day in bank_holidays(year)]
    days = pl.date_range(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31), eager=True).alias("date")
    is_working = (days.dt.weekday() <= _SATURDAY) & ~days.is_in(holidays)  # Polars counts Monday as 1
    return pl.DataFrame([days, is_working.alias("is_working_day")]).with_columns(
        working_days=pl.col("is_working_day").cast(pl.Int32).cum_sum()
    )


def working_days_between(after: date, up_to: date) -> int:
    """Give the working days after `after`, up to and with `up_to`; negative where that is earlier.

    Raises
    ------
    UsageError
        A day is outside the years that are known.
    """
    counts = working_day_counts()
    places = [(day - EARLIEST_DAY).days for day in (after, up_to)]
    if any(not 0 <= place < _DAYS_OF_REGISTER or counts[place] < 0 for place in places):
        msg = f"working days: known are {FIRST_YEAR} to {LAST_YEAR}"
        raise UsageError(msg)
    return int(counts[places[1]] - counts[places[0]])
