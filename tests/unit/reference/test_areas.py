"""Deprivation by small area: each boundary year with the edition made for it, and no other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import DataContractError
from pophealth.reference import load_areas
from pophealth.tables import Areas

IMD_2019 = "lsoa11_code,imd2019_rank,imd2019_decile\nE01000001,29199,9\nE01000002,30379,10\n"
IMD_2025 = "lsoa21_code,imd2025_rank,imd2025_decile\nE01000001,26525,8\n"


def written(folder: Path, text: str, name: str = "imd.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_one_code_has_a_decile_of_each_year(tmp_path: Path) -> None:
    areas = load_areas(written(tmp_path, IMD_2019, "2019.csv"), written(tmp_path, IMD_2025, "2025.csv"))
    assert areas.schema == Areas.create_empty().schema
    assert areas.filter(pl.col("lsoa_code") == "E01000001").select(
        "lsoa_vintage", "imd_edition", "imd_decile"
    ).rows() == [
        (2011, 2019, 9),
        (2021, 2025, 8),
    ]


def test_without_files_there_is_an_empty_table_with_its_columns() -> None:
    assert load_areas(None, None).schema == Areas.create_empty().schema
    assert load_areas(None, None).is_empty()


def test_our_own_table_serves_both_years(tmp_path: Path) -> None:
    both = load_areas(written(tmp_path, IMD_2019, "a.csv"), written(tmp_path, IMD_2025, "b.csv"))
    csv, parquet = tmp_path / "own.csv", tmp_path / "own.parquet"
    both.write_csv(csv)
    both.write_parquet(parquet)
    assert load_areas(csv, parquet).equals(both)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (IMD_2025, "are missing"),  # the file of the other boundary year
        (IMD_2019 + "E01000003,5,11\n", "1 breaches in 3 rows"),
        (IMD_2019 + "E01000003,,5\n", "1 breaches in 3 rows"),
        (IMD_2019 + "E01000001,5,5\n", "breaches in 3 rows"),
        (IMD_2019 + "E01000003,five,5\n", "1 breaches in 3 rows"),
        ("lsoa11_code,imd2019_rank\nE01000001,1\n", "columns imd2019_decile are missing"),
        ("lsoa_code,lsoa_vintage,imd_edition,imd_rank,imd_decile\nE01000001,2011,2025,1,1\n", "edition_fits_vintage"),
        ("lsoa_code,lsoa_vintage,imd_edition,imd_rank,imd_decile\nE01000001,2021,2025,1,1\n", "areas of 2011 .*0 rows"),
        ("lsoa_code,lsoa_vintage,imd_edition,imd_rank,imd_decile\nE01000001,soon,2019,1,1\n", "1 breaches in 1 rows"),
        ("", "cannot be read"),
    ],
)
def test_the_wrong_edition_and_damage_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataContractError, match=said):
        load_areas(written(tmp_path, text), None)


def test_england_has_an_equal_number_of_areas_in_each_tenth(shared_data: Path) -> None:
    folder = shared_data / "reference"
    areas = load_areas(folder / "imd2019_lsoa11.csv", folder / "imd2025_lsoa21.csv")
    counts = areas.group_by("lsoa_vintage").len().sort("lsoa_vintage")
    assert counts.rows() == [(2011, 32_844), (2021, 33_755)]
    for _, year in areas.group_by("lsoa_vintage"):
        tenths = year.group_by("imd_decile").agg(pl.len(), pl.col("imd_rank").max()).sort("imd_decile")
        assert tenths["imd_decile"].to_list() == list(range(1, 11))
        assert tenths["imd_rank"].is_sorted(), "decile 1 is the most deprived tenth"
        assert tenths["len"].max() - tenths["len"].min() <= 1


def test_areas_of_another_vintage_or_country_have_no_decile(shared_data: Path) -> None:
    areas = load_areas(None, shared_data / "reference" / "imd2025_lsoa21.csv")
    practice = pl.read_csv(shared_data / "reference" / "practice_lsoa_QNC_2025-10.csv", infer_schema=False)
    lost = practice.join(areas, left_on="LSOA_CODE", right_on="lsoa_code", how="anti")
    assert lost["NUMBER_OF_PATIENTS"].cast(pl.Int64).sum() == 1_433
    assert lost.filter(pl.col("LSOA_CODE").str.starts_with("E0")).is_empty()
