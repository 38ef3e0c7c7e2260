"""Modulus 11 as an expression equals modulus 11 by hand, and what no patient has is told apart."""

from __future__ import annotations

import importlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.extracts import nhs_number
from small_extract import NUMBERS


def by_hand(text: str) -> bool | None:
    """Modulus 11, written as the NHS Data Dictionary tells it."""
    if len(text) != 10 or not all(digit in "0123456789" for digit in text):
        return None
    total = sum(int(digit) * weight for digit, weight in zip(text, range(10, 1, -1), strict=False))
    check = 11 - total % 11
    return False if check == 10 else (0 if check == 11 else check) == int(text[9])


def passes(*texts: str | None) -> list[bool | None]:
    frame = pl.DataFrame({"n": texts}, schema={"n": pl.String})
    return frame.select(nhs_number.passes_check_digit(pl.col("n"))).to_series().to_list()


@given(st.lists(st.text(alphabet="0123456789", min_size=10, max_size=10), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_the_expression_equals_the_arithmetic_by_hand(texts: list[str]) -> None:
    assert passes(*texts) == [by_hand(text) for text in texts]


def test_of_ten_thousand_numbers_in_a_row_ten_in_eleven_have_a_check_digit() -> None:
    nine = [f"{number:09d}" for number in range(943_476_000, 943_486_000)]
    frame = pl.DataFrame({"n": [head + str(digit) for head in nine for digit in range(10)]})
    good = frame.filter(nhs_number.passes_check_digit(pl.col("n")))["n"].to_list()
    assert good == [text for text in frame["n"] if by_hand(text)]
    assert len(good) == pytest.approx(10_000 * 10 / 11, rel=0.01)


@pytest.mark.parametrize(
    "text", ["943476591", "94347659190", "943476591x", "９４３４７６５９１９", "9434765919\n", "", None]
)
def test_what_is_not_ten_digits_has_no_check_digit(text: str | None) -> None:
    assert passes(text) == [None]


def test_the_numbers_of_other_tests_are_right() -> None:
    assert passes(*NUMBERS) == [True] * len(NUMBERS)


def broken(text: str, *, synthetic: bool = False) -> list[str]:
    frame = pl.DataFrame({"n": [text]})
    rules = nhs_number.rules(pl.col("n"), synthetic=synthetic)
    return [name for name, rule in rules.items() if frame.select(rule).item() is False]


def test_zeros_and_test_numbers_pass_the_check_digit_and_are_refused_by_name() -> None:
    assert by_hand("0000000000")
    assert broken("0000000000") == ["nhs_number|all_zero"]
    assert by_hand("9990000018")
    assert broken("9990000018") == ["nhs_number|test"]
    assert broken("9990000018", synthetic=True) == []
    assert broken("9434765918") == ["nhs_number|check_digit"]
    assert broken(NUMBERS[0]) == []


@pytest.mark.parametrize(("written", "read"), [("943 476 5919", NUMBERS[0]), ("943-476-5919", NUMBERS[0]), (" ", None)])
def test_spaces_and_hyphens_are_no_part_of_a_number(written: str, read: str | None) -> None:
    assert pl.DataFrame({"n": [written]}).select(nhs_number.normalised(pl.col("n"))).item() == read


def test_agrees_with_the_package_where_it_is_installed() -> None:
    if importlib.util.find_spec("nhs_number") is None:
        agreed = [by_hand(text) for text in NUMBERS]  # the arithmetic by hand is then the only second opinion
    else:
        package = importlib.import_module("nhs_number")
        agreed = [package.is_valid(text) for text in NUMBERS]
    assert agreed == passes(*NUMBERS)
