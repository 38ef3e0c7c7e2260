"""A window is half-open and written in words; months clip to the month's end, days stay days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.declare import EVER, Window, months_before, parse_window
from pophealth.errors import DeclarationError

DAY = date(2025, 1, 31)
YEAR = "2024-25"
DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))


def inside(window: Window, day: date, on: date = DAY, year: str = YEAR) -> bool:
    begin, end = window.bounds(on, year)
    return begin < day <= end


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("12m", date(2024, 2, 1), DAY),  # (31 January 2024, 31 January 2025]
        ("1m", date(2025, 1, 1), DAY),  # 31 December is outside: a month before 31 January is 31 December
        ("11m", date(2024, 3, 1), DAY),  # a month without a 31st: clipped to 29 February 2024
        ("365d", date(2024, 2, 2), DAY),  # a leap year has 366
        ("1d", DAY, DAY),
    ],
)
def test_the_first_and_the_last_day_inside(text: str, first: date, last: date) -> None:
    window = parse_window(text)
    assert inside(window, first)
    assert not inside(window, first - timedelta(1))
    assert inside(window, last)
    assert not inside(window, last + timedelta(1))


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2025, 3, 31), 1, date(2025, 2, 28)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
        (date(2025, 1, 15), 1, date(2024, 12, 15)),
        (date(2025, 1, 15), 0, date(2025, 1, 15)),
        (date(2024, 11, 30), -3, date(2025, 2, 28)),
    ],
)
def test_months_clip_to_the_months_end(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


@settings(deadline=None)
@given(day=DAYS, months=st.integers(0, 600))
def test_months_before_is_the_same_day_or_the_months_last(day: date, months: int) -> None:
    before = months_before(day, months)
    assert (day.year * 12 + day.month) - (before.year * 12 + before.month) == months
    assert before.day == day.day or (before.day < day.day and (before + timedelta(1)).day == 1)


@settings(deadline=None)
@given(on=DAYS, length=st.integers(1, 500), unit=st.sampled_from("md"))
def test_a_window_until_its_own_length_ago_follows_on_without_gap_or_overlap(on: date, length: int, unit: str) -> None:
    text = f"{length}{unit}"
    begin, _ = parse_window(text).bounds(on, YEAR)
    _, earlier_end = parse_window(text, until=text).bounds(on, YEAR)
    assert earlier_end == begin


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("contract_year_start", date(2024, 4, 1)),
        ("contract_year_start-6m", date(2023, 10, 1)),
        ("contract_year_start+5m", date(2024, 9, 1)),
        (date(2008, 4, 1), date(2008, 4, 1)),
    ],
)
def test_since_is_the_first_day_inside(since: str | date, first: date) -> None:
    window = parse_window(None, since=since)
    assert inside(window, first)
    assert not inside(window, first - timedelta(1))
    assert inside(window, DAY)


def test_until_the_contract_year_and_since_it_share_no_day() -> None:
    before, within = Window(until="contract_year_start"), Window(since="contract_year_start")
    for day in (date(2024, 3, 31), date(2024, 4, 1)):
        assert inside(before, day) != inside(within, day)


def test_a_window_of_an_earlier_year_ends_with_the_index_date() -> None:
    assert Window(until="contract_year_start").bounds(date(2024, 1, 1), YEAR)[1] == date(2024, 1, 1)


def test_ever_is_everything_the_register_can_hold() -> None:
    assert EVER.bounds(DAY, YEAR) == (date(1900, 1, 1), DAY)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("12", None, None),
        ("m", None, None),
        ("-1m", None, None),
        ("12m ", None, None),
        ("12m\n", None, None),
        ("１2m", None, None),
        ("12M", None, None),
        ("1y", None, None),
        ("0m", None, None),
        ("0d", None, None),
        ("1501m", None, None),
        ("99999999999999999999d", None, None),
        ("12m", "contract_year_start", None),
        (None, "contract_year", None),
        (None, "contract_year_start-6d", None),
        (None, "contract_year_start-99999999m", None),
        (None, None, "yesterday"),
        ("3m", None, "contract_year_start-1m"),
    ],
)
def test_what_is_no_window_is_refused(text: str | None, since: str | None, until: str | None) -> None:
    with pytest.raises(DeclarationError, match="window: "):
        parse_window(text, since=since, until=until)
