"""An id is whole or refused: checked against a plain walk through the published tables of Verhoeff's scheme."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.reference.digits import Component, component_of, passes_check_digit

# Verhoeff, Error Detecting Decimal Codes (1969): the group's table and the permutation, written out.
PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def state(digits: str) -> int:
    """The slow twin: digit by digit from the right; 0 when the last digit is the check digit of the others."""
    here = 0
    for place, digit in enumerate(reversed(digits)):
        here = int(PRODUCT[here][int(PERMUTED[place % 8][int(digit)])])
    return here


def with_check_digit(stem: str) -> str:
    """`stem` with the digit that makes it whole."""
    return next(stem + digit for digit in "0123456789" if state(stem + digit) == 0)


def passes(*ids: str | None) -> list[bool]:
    return passes_check_digit(pl.Series(ids, dtype=pl.String)).to_list()


KNOWN = ["10725009", "80274001", "177471000000100", "1129331000000101", "999021851000230108"]
"""Read in the shipped lists and in service-specs.md."""


def test_known_ids_pass() -> None:
    assert passes(*KNOWN) == [True] * len(KNOWN)


def test_nothing_else_passes() -> None:
    good = KNOWN[0]
    bad = [
        None,
        "",
        " ",
        good + "\n",
        f" {good}",
        f"{good} ",
        f"0{good}",
        "1072500９",
        "10725009.0",
        "1.07E+07",
        "-" + good,
    ]
    assert not any(passes(*bad))


def test_an_empty_column_gives_an_empty_answer() -> None:
    assert passes() == []


@pytest.mark.parametrize("damage", ["one digit", "two neighbours"])
@settings(deadline=None)
@given(
    stem=st.integers(10_000, 10**14),
    partition=st.sampled_from(["00", "10"]),
    place=st.integers(0, 30),
    by=st.integers(1, 9),
)
def test_every_wrong_digit_and_most_swaps_are_found(
    damage: str, stem: int, partition: str, place: int, by: int
) -> None:
    whole = with_check_digit(f"{stem}{partition}")
    spot = place % (len(whole) - 3)  # the last three are partition and check digit
    if damage == "one digit":
        changed = whole[:spot] + str((int(whole[spot]) + by) % 10) + whole[spot + 1 :]
    else:
        changed = whole[:spot] + whole[spot + 1] + whole[spot] + whole[spot + 2 :]
    if changed != whole and changed[-3:-1] == partition:
        assert passes(changed) == [False]


@settings(max_examples=200, deadline=None)
@given(digits=st.integers(1, 10**19).map(str))
def test_the_fast_way_says_what_the_slow_one_says(digits: str) -> None:
    long_without_namespace = len(digits) > 15 and digits.endswith("000")
    concept = 6 <= len(digits) <= 18 and digits[-3:-1] in ("00", "10") and state(digits) == 0
    assert passes(digits) == [concept and not long_without_namespace]
    other = 6 <= len(digits) <= 18 and digits[-3:-1] in ("01", "02", "11", "12") and state(digits) == 0
    assert (component_of(digits) is Component.OTHER) == other


@settings(deadline=None)
@given(stem=st.integers(1000, 10**15 - 1), partition=st.sampled_from(["00", "10", "01", "11", "02", "12"]))
def test_only_concept_partitions_pass(stem: int, partition: str) -> None:
    whole = with_check_digit(f"{stem}{partition}")
    concept = partition in ("00", "10") and not (len(whole) > 15 and whole.endswith("000"))
    assert passes(whole) == [concept]
    assert (component_of(whole) is Component.OTHER) == (partition not in ("00", "10"))


def test_zeros_that_a_spreadsheet_put_at_the_end_of_a_long_id_are_seen() -> None:
    rounded = [f"{float(code):.0f}"[:15] + "0" * (len(code) - 15) for code in KNOWN if len(code) == 18]
    assert [component_of(text) for text in rounded] == [Component.PADDED] * len(rounded)
    assert component_of("1" + "0" * 15) is Component.PADDED
    assert component_of("1" + "0" * 14) is not Component.PADDED
