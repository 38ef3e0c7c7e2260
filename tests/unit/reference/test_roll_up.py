"""From the practice up: network, place, sub-ICB, ICB, region; a network may lie in two boards, U is no network."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import DataContractError
from pophealth.reference import load_practice_map, load_roll_up, networks_of
from pophealth.reference.roll_up import ROLL_UP

HEAD = (
    "PRACTICE_CODE,PRACTICE_NAME,PRACTICE_POSTCODE,PCN_CODE,PCN_NAME,SUB_ICB_LOCATION_CODE,SUB_ICB_LOCATION_NAME,"
    "ICB_CODE,ICB_NAME,COMM_REGION_CODE,COMM_REGION_NAME\n"
)
ROWS = [
    "A81002,Second,TS18 2AW,U11111,One,16C,Sub,QHM,Board,Y63,North",
    "A81001,  First ,ts18 1hu,U11111,One,T6Y0W,Sub,S1Y5D,Other board,Y63,North",
    "A81003,Third,TS18 3XX,U,Unallocated,16C,Sub,QHM,Board,Y63,North",
]


def written(folder: Path, *rows: str, name: str = "map.csv", head: str = HEAD) -> Path:
    path = folder / name
    path.write_text(head + "".join(row + "\n" for row in rows))
    return path


def test_one_row_a_practice_with_every_level(tmp_path: Path) -> None:
    rows = load_roll_up(written(tmp_path, *ROWS))
    assert tuple(rows.columns) == ROLL_UP
    assert rows["practice_code"].to_list() == ["A81001", "A81002", "A81003"]
    assert rows["network_code"].to_list() == ["U11111", "U11111", None]
    assert rows["network_name"].to_list() == ["One", "One", None]
    assert rows["icb_code"].to_list() == ["S1Y5D", "QHM", "QHM"]
    assert rows["place_code"].null_count() == 3


def test_places_come_from_the_site(tmp_path: Path) -> None:
    places = written(
        tmp_path, "A81001,E06000004,Stockton", "A81003,E06000005,Darlington",
        name="places.csv", head="practice_code,place_code,place_name\n",
    )  # fmt: skip
    rows = load_roll_up(written(tmp_path, *ROWS), places)
    assert rows["place_code"].to_list() == ["E06000004", None, "E06000005"]
    twice = written(
        tmp_path, "A81001,E1,x", "A81001,E2,y", name="twice.csv", head="practice_code,place_code,place_name\n"
    )
    with pytest.raises(DataContractError, match="1 of 2 rows name a practice that has a place already"):
        load_roll_up(written(tmp_path, *ROWS), twice)


def test_a_network_in_two_boards_is_two_rows(tmp_path: Path) -> None:
    path = written(tmp_path, *ROWS)
    networks = networks_of(load_roll_up(path), path)
    assert networks.select("network_code", "icb_code").rows() == [("U11111", "QHM"), ("U11111", "S1Y5D")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A8100,x,y,U11111,One,16C,Sub,QHM,Board,Y63,North", "'practice_code': 1"),
        ("A81009,x,y,U1111,One,16C,Sub,QHM,Board,Y63,North", "'network_code': 1"),
        ("A81009,x,y,u11111,One,16C,Sub,QHM,Board,Y63,North", "'network_code': 1"),
        ("A81009,x,y,U11111,One,16C,Sub,QHM1,Board,Y63,North", "'icb_code': 1"),
        ("A81009,x,y,U11111,One,1C,Sub,QHM,Board,Y63,North", "'sub_icb_code': 1"),
        ("A81009,x,y,U11111,One,16C,Sub,,Board,Y63,North", "'icb_code missing': 1"),
        ("A81001,x,y,U11111,One,16C,Sub,QHM,Board,Y63,North", "'practice twice': 1"),
    ],
)
def test_a_wrong_code_is_refused_by_kind(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataContractError, match=said):
        load_roll_up(written(tmp_path, *ROWS, row))


def test_a_missing_column_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("PRACTICE_CODE\nA81001\n")
    with pytest.raises(DataContractError, match=r"columns COMM_REGION_CODE, .* are missing; found PRACTICE_CODE"):
        load_roll_up(path)
    with pytest.raises(DataContractError, match="PCN_CODE"):
        load_practice_map(path)


def test_other_sources_are_matched_on_upper_case_and_no_spaces(tmp_path: Path) -> None:
    rows = load_practice_map(written(tmp_path, *ROWS))
    first = rows.filter(pl.col("practice_code") == "A81001").row(0, named=True)
    assert (first["name_key"], first["postcode_key"]) == ("FIRST", "TS181HU")


def test_englands_map_rolls_up(shared_data: Path) -> None:
    path = shared_data / "reference" / "practice_map_2026-07.csv"
    rows = load_roll_up(path)
    assert rows.height == 6_139
    assert rows["network_code"].null_count() == 52
    assert rows["network_code"].drop_nulls().n_unique() == 1_298
    assert rows["icb_code"].n_unique() == 36
    assert set(rows["icb_code"].str.len_chars()) == {3, 5}
    boards = rows.group_by("network_code").agg(pl.col("icb_code").n_unique()).filter(pl.col("icb_code") > 1)
    assert boards["network_code"].drop_nulls().to_list() == ["U41591"]
    networks = networks_of(rows, path)
    assert networks["network_code"].n_unique() == 1_298
