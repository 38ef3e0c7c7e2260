"""A window's bounds, twice: as the product reckons them and as DuckDB's own calendar does."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.conftest import Effort
from oracles.declarations import SINCE
from oracles.window import bounds, length_before
from pophealth.declare import parse_window
from pophealth.terms import contract_year_of

DAYS = st.dates(date(1996, 1, 1), date(2032, 12, 31)) | st.sampled_from(
    [date(2024, 2, 29), date(2023, 3, 31), date(2024, 3, 31), date(2025, 4, 1), date(2025, 3, 31), date(2024, 12, 31)]
)
LENGTHS = st.one_of(st.none(), st.integers(1, 40).map("{}m".format), st.integers(1, 3_000).map("{}d".format))
UNTIL = st.one_of(st.none(), st.just("contract_year_start"), LENGTHS)


def asked(expressions: tuple[str, str]) -> tuple[date, date]:
    first, last = duckdb.execute(f"SELECT CAST({expressions[0]} AS DATE), CAST({expressions[1]} AS DATE)").fetchall()[0]
    return first, last


def test_bounds_are_the_calendar_s(effort: Effort) -> None:
    @effort.settings(120)
    @given(LENGTHS, st.one_of(st.none(), st.sampled_from(SINCE)), UNTIL, DAYS, st.booleans())
    def check(length: str | None, since: date | str | None, until: str | None, day: date, earlier: bool) -> None:
        window = parse_window(length, since=None if length else since, until=until)
        year = contract_year_of(day - timedelta(days=365 * earlier))
        assert window.bounds(day, year) == asked(bounds(window, day, year))

    check()


@pytest.mark.parametrize(
    ("length", "until", "day", "expected"),
    [
        ("1m", None, date(2023, 3, 31), (date(2023, 2, 28), date(2023, 3, 31))),
        ("1m", None, date(2024, 3, 31), (date(2024, 2, 29), date(2024, 3, 31))),
        ("12m", None, date(2024, 2, 29), (date(2023, 2, 28), date(2024, 2, 29))),
        ("30d", None, date(2024, 3, 30), (date(2024, 2, 29), date(2024, 3, 30))),
        ("3m", "1m", date(2024, 3, 31), (date(2023, 11, 29), date(2024, 2, 29))),
        ("3m", "contract_year_start", date(2025, 1, 31), (date(2023, 12, 31), date(2024, 3, 31))),
        (None, "contract_year_start", date(2024, 4, 1), (date(1900, 1, 1), date(2024, 3, 31))),
    ],
)
def test_bounds_read_off_a_calendar(
    length: str | None, until: str | None, day: date, expected: tuple[date, date]
) -> None:
    window = parse_window(length, until=until)
    assert window.bounds(day, "2024-25") == expected
    assert asked(bounds(window, day, "2024-25")) == expected


def test_the_window_before_ends_where_the_window_begins() -> None:
    month = parse_window("1m")
    assert asked(length_before(month, date(2024, 3, 31), "2023-24")) == (date(2024, 1, 29), date(2024, 2, 29))
    days = parse_window("10d")
    assert asked(length_before(days, date(2024, 3, 31), "2023-24")) == (date(2024, 3, 11), date(2024, 3, 21))
    since = parse_window(None, since=date(2024, 3, 1))
    assert asked(length_before(since, date(2024, 3, 31), "2023-24")) == (date(2024, 1, 29), date(2024, 2, 29))
