"""The words of the field: contract years and codes mean one thing, written one way."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import UsageError
from pophealth.terms import contract_year_end, contract_year_of, contract_year_start


@settings(deadline=None)
@given(day=st.dates(date(1948, 7, 5), date(2098, 12, 31)))
def test_every_day_lies_in_the_year_it_is_said_to(day: date) -> None:
    year = contract_year_of(day)
    assert contract_year_start(year) <= day <= contract_year_end(year)
    assert contract_year_of(contract_year_end(year) + timedelta(1)) != year


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2024, 3, 31), "2023-24"),
        (date(2024, 4, 1), "2024-25"),
        (date(1999, 12, 31), "1999-00"),
        (date(2000, 3, 31), "1999-00"),
    ],
)
def test_the_year_turns_on_1_april(day: date, year: str) -> None:
    assert contract_year_of(day) == year


@pytest.mark.parametrize("text", ["2024", "2024-2025", "2024-26", "24-25", "2024-25\n", " 2024-25", "２024-25", ""])
def test_a_year_is_written_one_way(text: str) -> None:
    with pytest.raises(UsageError, match="two consecutive years as in 2024-25"):
        contract_year_start(text)
