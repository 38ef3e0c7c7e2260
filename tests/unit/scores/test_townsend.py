"""Townsend: a look-up in a file the user brings."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import DataContractError, UsageError
from score_rows import one, rows_of

ROWS = [{"lsoa11": area} for area in (" E01000003", "E01000001", None, "W01000001", "E01000001")]


@pytest.fixture
def lookup(tmp_path: Path) -> Path:
    path = tmp_path / "townsend.csv"
    path.write_text("lsoa11cd,townsend_2011\nE01000001,1.6877\nE01000003,-5.2918\n", "utf-8")
    return path


def test_scores_are_found_and_an_unknown_area_has_none(lookup: Path) -> None:
    found = rows_of("townsend", ROWS, {"lookup_file": str(lookup)})
    assert [row["townsend"] for row in found] == [-5.2918, 1.6877, None, None, 1.6877]
    assert [row["townsend_flags"] for row in found] == [[], [], ["missing:lsoa11"], ["out_of_range:lsoa11"], []]


def test_without_a_file_nobody_has_a_score() -> None:
    known, unknown = rows_of("townsend", ROWS[1:3])
    assert (known["townsend"], known["townsend_flags"]) == (None, ["not_applicable:lookup_file_not_given"])
    assert (unknown["townsend"], unknown["townsend_flags"]) == (None, ["missing:lsoa11"])


def test_other_columns_and_parquet(tmp_path: Path) -> None:
    path = tmp_path / "by_output_area.parquet"
    pl.DataFrame({"oa": ["E00000001"], "tds": [2.5]}).write_parquet(path)
    options = {"lookup_file": str(path), "area_column": "oa", "score_column": "tds"}
    assert one("townsend", {"lsoa11": "E00000001"}, **options)["townsend"] == 2.5


def test_the_pack_s_file_serves(shared_data: Path) -> None:
    path = shared_data / "scores" / "townsend_2011_lsoa_england.csv"
    assert one("townsend", {"lsoa11": "E01000001"}, lookup_file=str(path))["townsend"] == 1.6877


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("area,townsend_2011\nE01000001,1\n", "lsoa11cd"),
        ("lsoa11cd,townsend_2011\nE01000001,much\n", "numbers in townsend_2011"),
        ("lsoa11cd,townsend_2011\nE01000001,1\nE01000001,2\n", "1 of 2 areas stand there twice"),
    ],
)
def test_a_file_that_cannot_serve_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "townsend.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataContractError, match=says):
        rows_of("townsend", ROWS, {"lookup_file": str(path)})


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        rows_of("townsend", ROWS, {"lookup_file": str(tmp_path / "none.csv")})
