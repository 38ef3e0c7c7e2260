"""The electronic frailty index: counts of 36, bands on whole deficits, unknown deficits."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores import compute
from pophealth.scores.efi import CODED_DEFICITS, DEFICIT_INPUTS

DEFICITS = tuple(entry.name for entry in DEFICIT_INPUTS)


def people(*rows: dict[str, bool | None], age_years: int = 80) -> pl.DataFrame:
    frame = pl.DataFrame(
        [dict.fromkeys(DEFICITS, False) | row for row in rows], schema=dict.fromkeys(DEFICITS, pl.Boolean)
    )
    return compute("efi", frame.with_columns(age_years=pl.lit(age_years)))


def with_deficits(count: int, unknown: int = 0) -> pl.DataFrame:
    names = iter(DEFICITS)
    known = {next(names): True for _ in range(count)}
    return people(known | {next(names): None for _ in range(unknown)})


def test_36_deficits_are_named() -> None:
    assert len(set(CODED_DEFICITS)) == 35
    assert len(set(DEFICITS)) == 36
    assert "has_polypharmacy" in DEFICITS


# clinical-scores.md section 5: fit 0-4, mild 5-8, moderate 9-12, severe 13 and more of 36
@pytest.mark.parametrize(
    ("count", "category"),
    [
        (0, "fit"),
        (4, "fit"),
        (5, "mild"),
        (8, "mild"),
        (9, "moderate"),
        (12, "moderate"),
        (13, "severe"),
        (36, "severe"),
    ],
)
def test_bands_lie_between_whole_deficits(count: int, category: str) -> None:
    row = with_deficits(count).row(0, named=True)
    assert row["efi_deficit_count"] == count
    assert row["efi"] == count / 36
    assert row["efi_category"] == category
    assert row["efi_flags"] == []
    edges = {"fit": (0, 0.12), "mild": (0.12, 0.24), "moderate": (0.24, 0.36), "severe": (0.36, 1)}[category]
    assert edges[0] <= row["efi"] <= edges[1]


@given(st.lists(st.sampled_from([True, False, None]), min_size=36, max_size=36))
@settings(max_examples=60, deadline=None)
def test_equals_counting_by_hand(values: list[bool | None]) -> None:
    row = people(dict(zip(DEFICITS, values, strict=True))).row(0, named=True)
    present, unknown = values.count(True), values.count(None)
    assert row["efi_deficit_count"] == (present if not unknown else None)
    assert row["efi"] == (present / 36 if not unknown else None)
    bands = {(n >= 5) + (n >= 9) + (n >= 13) for n in (present, present + unknown)}
    assert (row["efi_category"] is None) == (len(bands) > 1)
    assert row["efi_flags"] == [
        f"missing:{name}" for name, value in zip(DEFICITS, values, strict=True) if value is None
    ]


def test_an_unknown_deficit_leaves_the_category_where_it_cannot_change_it() -> None:
    assert with_deficits(2, unknown=1)["efi_category"].to_list() == ["fit"]
    assert with_deficits(4, unknown=1)["efi_category"].to_list() == [None]
    assert with_deficits(13, unknown=20)["efi_category"].to_list() == ["severe"]


def test_under_65_the_count_stands_and_is_flagged() -> None:
    row = people({"has_falls": True}, age_years=64).row(0, named=True)
    assert row["efi"] == 1 / 36
    assert row["efi_flags"] == ["not_applicable:age_years"]
    assert people({}, age_years=65)["efi_flags"].to_list() == [[]]
