"""Bank holidays of England, by rule, against the published lists; working days against a walk day by day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import UsageError
from pophealth.reference import bank_holidays, working_day_counts, working_day_table, working_days_between
from pophealth.reference.calendar import FIRST_YEAR, LAST_YEAR, easter_sunday
from pophealth.terms import EARLIEST_DAY

# gov.uk/bank-holidays, England and Wales, as published (month-day)
PUBLISHED = {
    2012: "01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26",
    2013: "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26",
    2014: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2015: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2016: "01-01 03-25 03-28 05-02 05-30 08-29 12-26 12-27",
    2017: "01-02 04-14 04-17 05-01 05-29 08-28 12-25 12-26",
    2018: "01-01 03-30 04-02 05-07 05-28 08-27 12-25 12-26",
    2019: "01-01 04-19 04-22 05-06 05-27 08-26 12-25 12-26",
    2020: "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
    2021: "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28",
    2022: "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_rule_gives_the_published_list(year: int) -> None:
    assert " ".join(f"{day:%m-%d}" for day in bank_holidays(year)) == PUBLISHED[year]


@pytest.mark.parametrize(
    ("year", "has", "has_not"),
    [
        (1995, "05-08", "05-01"),
        (1999, "12-31", "12-30"),
        (2002, "06-03", "05-27"),
        (2002, "06-04", "05-27"),
        (2011, "04-29", "04-30"),
        (2023, "05-08", "05-09"),
    ],
)
def test_proclaimed_days(year: int, has: str, has_not: str) -> None:
    days = {f"{day:%m-%d}" for day in bank_holidays(year)}
    assert has in days
    assert has_not not in days


@pytest.mark.parametrize("year", range(FIRST_YEAR, LAST_YEAR + 1))
def test_every_year_has_its_eight_on_weekdays(year: int) -> None:
    extra = {1999: 1, 2002: 1, 2011: 1, 2012: 1, 2022: 2, 2023: 1}.get(year, 0)
    days = bank_holidays(year)
    assert len(set(days)) == len(days) == 8 + extra
    assert all(day.weekday() < 5 and day.year == year for day in days)
    assert list(days) == sorted(days)


def gauss_easter(year: int) -> date:
    """The other algorithm: Gauss's, with both of his exceptions."""
    a, b, c = year % 19, year % 4, year % 7
    k = year // 100
    m = (15 - (13 + 8 * k) // 25 + k - k // 4) % 30
    n = (4 + k - k // 4) % 7
    d = (19 * a + m) % 30
    e = (2 * b + 4 * c + 6 * d + n) % 7
    if d == 29 and e == 6:
        return date(year, 4, 19)
    if d == 28 and e == 6 and (11 * m + 11) % 30 < 19:
        return date(year, 4, 18)
    return date(year, 3, 22) + timedelta(days=d + e)


def test_easter_is_what_gauss_says() -> None:
    for year in range(1800, 2300):
        assert easter_sunday(year) == gauss_easter(year)
    assert easter_sunday(2000) == date(2000, 4, 23)
    assert easter_sunday(2038) == date(2038, 4, 25)


HOLIDAYS = {day for year in range(FIRST_YEAR, LAST_YEAR + 1) for day in bank_holidays(year)}
KNOWN_DAYS = st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))


@settings(deadline=None)
@given(after=KNOWN_DAYS, days=st.integers(0, 400))
def test_working_days_are_what_a_walk_counts(after: date, days: int) -> None:
    up_to = min(after + timedelta(days), date(LAST_YEAR, 12, 31))
    walked, day = 0, after
    while day < up_to:
        day += timedelta(1)
        walked += day.weekday() < 5 and day not in HOLIDAYS
    assert working_days_between(after, up_to) == walked
    assert working_days_between(up_to, after) == -walked


def test_the_table_covers_every_day_and_the_array_says_the_same() -> None:
    table = working_day_table()
    assert table.schema == {"date": pl.Date, "is_working_day": pl.Boolean, "working_days": pl.Int32}
    assert (table["date"][0], table["date"][-1]) == (date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
    assert table.height == (table["date"][-1] - table["date"][0]).days + 1
    counts = working_day_counts()
    assert (counts.dtype, counts.shape) == (np.int32, (65_536,))
    first = (table["date"][0] - EARLIEST_DAY).days
    assert np.array_equal(counts[first : first + table.height], table["working_days"].to_numpy())
    assert set(counts[:first]) == set(counts[first + table.height :]) == {-1}


def test_a_christmas_week() -> None:
    """Wednesday 24 December 2025 to Friday 2 January 2026: 24, 29, 30, 31 and 2 are worked."""
    assert working_days_between(date(2025, 12, 23), date(2026, 1, 2)) == 5
    assert working_days_between(date(2025, 12, 24), date(2025, 12, 28)) == 0


@pytest.mark.parametrize("day", [date(1994, 12, 31), date(2046, 1, 1), date(1899, 12, 31), date(2200, 1, 1)])
def test_outside_the_known_years_nothing_is_guessed(day: date) -> None:
    with pytest.raises(UsageError, match="1995 to 2045"):
        working_days_between(day, date(2020, 1, 1))
    with pytest.raises(UsageError, match="1995 to 2045"):
        bank_holidays(day.year)
