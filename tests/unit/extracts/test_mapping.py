"""A site's own export, described in its configuration: columns, formats, words, units; nothing is guessed."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pophealth.errors import ConfigError, DataContractError
from pophealth.pseudonyms import pseudonym
from small_extract import KEY, PRACTICE, conformed, rules

PATIENTS = "PatID;NHS No;DOB;Gender\n007;943 476 5919;04/03/1950;F\n008;;01/01/1980;U\n"
REGISTRATIONS = "PatID;Practice;From;To;Kind\n007;A81001;01/02/2000;;R\n008;A81001;01/02/2001;;T\n"
CODES = "PatID|When|Code|Id\n007|01/05/2020 09:30|38341003|1\n008|31/12/2021 10:00|03|2\n"
READINGS = "PatID|When|Code|Value|Unit\n007|01/05/2020 09:30|271649006|150|mm of mercury\n"

TABLES: dict[str, dict[str, Any]] = {
    "patients": {
        "file": "people.txt",
        "separator": ";",
        "date_format": "%d/%m/%Y",
        "columns": {"patient_id": "PatID", "nhs_number": "NHS No", "birth_date": "DOB", "sex": "Gender"},
        "values": {"sex": {"F": "female", "M": "male", "U": "not_known"}},
    },
    "registrations": {
        "file": "stays.txt",
        "separator": ";",
        "date_format": "%d/%m/%Y",
        "columns": {
            "patient_id": "PatID", "practice_code": "Practice", "start_date": "From", "end_date": "To",
            "registration_type": "Kind",
        },
        "values": {"registration_type": {"R": "regular", "T": "temporary"}},
    },
    "journal": {
        "table": "events",
        "file": "codes_*.txt",
        "separator": "|",
        "date_format": "%d/%m/%Y %H:%M",
        "columns": {"patient_id": "PatID", "date": "When", "code": "Code", "record_id": "Id"},
        "constants": {"code_system": "SNOMED"},
    },
    "readings": {
        "table": "measurements",
        "file": "readings.txt",
        "separator": "|",
        "date_format": "%d/%m/%Y %H:%M",
        "columns": {
            "patient_id": "PatID", "date": "When", "time": "When", "code": "Code", "value": "Value", "unit": "Unit",
        },
        "constants": {"code_system": "SNOMED"},
        "units": {"mm of mercury": "mmHg"},
    },
}  # fmt: skip


def export(folder: Path) -> Path:
    for name, text in (("people", PATIENTS), ("stays", REGISTRATIONS), ("codes_1", CODES), ("readings", READINGS)):
        (folder / f"{name}.txt").write_text(text)
    return folder


def mapped(folder: Path, tables: dict[str, dict[str, Any]] = TABLES, **extract: Any):
    return conformed(folder, extract={"layout": "mapping", "tables": tables} | extract)


def test_an_export_conforms_by_its_description_alone(tmp_path: Path) -> None:
    account, writer = mapped(export(tmp_path))
    person = writer.of("patients").filter(pl.col("patient_id") == pseudonym(KEY, "9434765919")).row(0, named=True)
    assert (person["nhs_number"], person["sex"], person["birth_date"]) == ("9434765919", "female", date(1950, 3, 4))
    assert sorted(writer.of("registrations")["registration_type"]) == ["regular", "temporary"]
    assert writer.of("events")["date"].to_list() == [date(2020, 5, 1)]
    assert rules(account, "journal") == {"code|check_digit": 1}
    reading = writer.of("measurements").row(0, named=True)
    assert (reading["value"], reading["unit"], reading["time"]) == (150.0, "mmHg", time(9, 30))
    assert reading["record_id"] == "readings-0"
    assert account.to_dict()["sources"]["journal"]["kept_as"] == {"events": 1}
    assert list(account.to_dict()["sources"]["journal"]["practices"]) == [PRACTICE]


def test_dates_in_another_format_are_not_guessed(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "codes_1.txt").write_text(CODES.replace("01/05/2020", "2020-05-01"))
    account, _ = mapped(tmp_path)
    assert rules(account, "journal") == {"code|check_digit": 1, "date|unreadable": 1}


def test_a_word_the_value_map_does_not_know_is_unreadable(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "people.txt").write_text(PATIENTS.replace(";F", ";X"))
    account, _ = mapped(tmp_path)
    assert rules(account, "patients") == {"sex|unreadable": 1}


def test_files_that_match_a_pattern_are_one_table(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "codes_2.txt").write_text("PatID|When|Code|Id\n007|02/05/2020 09:30|38341003|7\n")
    _, writer = mapped(tmp_path)
    assert sorted(writer.of("events")["record_id"]) == ["1", "7"]


def test_a_file_in_the_code_page_of_its_makers(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "readings.txt").write_bytes(READINGS.replace("mm of mercury", "µ").encode("cp1252"))
    tables = TABLES | {"readings": TABLES["readings"] | {"encoding": "cp1252", "units": {"µ": "mmHg"}}}
    _, writer = mapped(tmp_path, tables)
    assert writer.of("measurements")["unit"].to_list() == ["mmHg"]


def test_null_values_are_the_sites_own_words(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "people.txt").write_text(PATIENTS.replace("008;;", "008;NULL;"))
    tables = TABLES | {"patients": TABLES["patients"] | {"null_values": ["", "NULL"]}}
    account, _ = mapped(tmp_path, tables)
    assert rules(account, "patients") == {}


def test_parquet_from_a_warehouse_is_mapped_too(tmp_path: Path) -> None:
    export(tmp_path)
    frame = pl.DataFrame(
        {"PatID": ["007"], "When": [date(2020, 5, 1)], "Code": ["38341003"], "Id": [12], "Remark": ["x"]}
    )
    frame.write_parquet(tmp_path / "journal.parquet")
    account, writer = mapped(tmp_path, TABLES | {"journal": TABLES["journal"] | {"file": "journal.parquet"}})
    assert writer.of("events")["record_id"].to_list() == ["12"]
    assert account.notes["ignored_columns"]["journal"] == ["Remark"]


def test_an_export_by_practice_is_read_part_by_part(tmp_path: Path) -> None:
    for practice, who in (("A81001", "007"), ("B82002", "009")):
        folder = tmp_path / practice
        folder.mkdir()
        export(folder)
        for path in folder.iterdir():
            number = "" if who != "007" else "943 476 5919"
            text = path.read_text().replace("007", who).replace("008", f"{who}8").replace("A81001", practice)
            path.write_text(text.replace("943 476 5919", number))
    tables = {name: mapping | {"file": "{part}/" + mapping["file"]} for name, mapping in TABLES.items()}
    account, writer = mapped(tmp_path, tables)
    assert sorted(set(writer.of("patients")["_practice"])) == ["A81001", "B82002"]
    (tmp_path / "B82002" / "codes_1.txt").write_bytes(b"\x00\xff")
    account, writer = mapped(tmp_path, tables)
    assert list(account.withheld) == ["B82002"]
    (tmp_path / "B82002" / "stays.txt").unlink()
    account, _ = mapped(tmp_path, tables)
    assert "no file 'B82002/stays.txt'" in account.withheld["B82002"]  # the folder is named as its practice


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"columns": {"patient_id": "PatID", "birth_dat": "DOB", "sex": "Gender"}}, "did you mean 'birth_date'"),
        ({"columns": {"patient_id": "PatID", "sex": "Gender"}}, "patients needs birth_date"),
        ({"table": "patient"}, "did you mean 'patients'"),
        ({"file": "{part}.txt"}, "give all or none"),
    ],
)
def test_a_description_that_cannot_be_meant_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        mapped(export(tmp_path), TABLES | {"patients": TABLES["patients"] | change})


def test_a_heading_the_file_does_not_have_is_named_with_the_nearest(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "people.txt").write_text(PATIENTS.replace("DOB", "D.O.B"))
    with pytest.raises(DataContractError, match=r"people\.txt: 1 columns are missing: DOB \(is it 'D\.O\.B'\?\)"):
        mapped(tmp_path)


def test_what_is_said_to_be_supplied_has_to_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is mapped to medications"):
        mapped(export(tmp_path), supplies={"medications": ["dm+d"]})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "readings.txt").unlink()
    with pytest.raises(DataContractError, match=r"no file 'readings\.txt' for readings"):
        mapped(tmp_path)
