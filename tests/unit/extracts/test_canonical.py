"""Canonical tables, one file each or in folders, Parquet or CSV: every row kept, quarantined or out of scope."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import ConfigError, DataContractError
from pophealth.pseudonyms import pseudonym
from small_extract import (
    EVENTS,
    KEY,
    PRACTICE,
    conformed,
    counts,
    default_tables,
    rules,
    table,
    write_csv,
)


def test_every_row_of_a_clean_extract_is_kept_under_pseudonyms(tmp_path: Path) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables()))
    assert account.totals() == {
        name: {"rows_in": 2, "kept": 2, "quarantined": 0, "out_of_scope": 0}
        for name in ("events", "patients", "registrations")
    }
    assert account.withheld == {}
    assert account.facts == {"layout": "canonical", "extract_date": "2024-12-31"}
    names = {pseudonym(KEY, "a"), pseudonym(KEY, "b")}
    for name in ("patients", "registrations", "events"):
        assert set(writer.of(name)["patient_id"]) == names
        assert set(writer.of(name)["_practice"]) == {PRACTICE}
    assert set(writer.of("patients")["birth_date"]) == {date(1950, 3, 4), date(1980, 1, 1)}
    assert counts(account, "events")["kept_as"] == {"events": 2}
    assert account.to_dict()["recorded_date_missing"] == {"events": 1}


@pytest.mark.parametrize("form", ["csv", "parquet", "folder of csv", "folder of parquet"])
def test_all_forms_of_an_extract_give_the_same(tmp_path: Path, form: str) -> None:
    tables = default_tables()
    plain, expected = conformed(write_csv(tmp_path / "plain", tables))
    folder = tmp_path / "other"
    folder.mkdir()
    for name, frame in tables.items():
        pieces = {"": frame} if "folder" not in form else {"one": frame[:1], "two": frame[1:]}
        for piece, rows in pieces.items():
            target = folder / name / piece if piece else folder / name
            target.parent.mkdir(exist_ok=True)
            (rows.write_csv if form.endswith("csv") else rows.write_parquet)(target.with_suffix(f".{form.split()[-1]}"))
    account, writer = conformed(folder, extract={"self_contained_parts": False} if "folder" in form else {})
    assert account.to_dict() == plain.to_dict()
    for name in tables:
        assert writer.of(name).equals(expected.of(name))


def test_codes_and_numbers_keep_their_leading_zeros(tmp_path: Path) -> None:
    events = EVENTS.replace("38341003 | SNOMED", "03 | CVX")
    _, writer = conformed(write_csv(tmp_path, default_tables(events=events)))
    assert set(writer.of("events")["code"]) == {"03"}


def test_a_missing_column_names_what_differs_and_what_it_may_be(tmp_path: Path) -> None:
    events = table(EVENTS).rename({"recorded_date": "remark", "record_id": "recordid"})
    with pytest.raises(DataContractError) as caught:
        conformed(write_csv(tmp_path, default_tables(events=events)))
    text = str(caught.value)
    assert "events.csv" in text
    assert "record_id (is it 'recordid'?)" in text
    assert "2 are not in the contract: remark, recordid" in text


def test_an_extra_column_is_not_read_and_is_told(tmp_path: Path) -> None:
    events = table(EVENTS).with_columns(free_text=pl.lit("met her daughter"))
    account, _ = conformed(write_csv(tmp_path, default_tables(events=events)))
    assert account.notes["ignored_columns"] == {"events": ["free_text"]}
    assert account.warnings == ["events: 1 columns are not in the contract and were not read"]
    assert "daughter" not in str(account.to_dict())


def test_a_number_where_the_contract_says_text_is_refused(tmp_path: Path) -> None:
    for name, frame in default_tables().items():
        rows = frame.with_columns(pl.col("code").cast(pl.Int64)) if name == "events" else frame
        rows.write_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(DataContractError, match="code is Int64, expected String"):
        conformed(tmp_path)


@pytest.mark.parametrize("missing", ["patients", "registrations"])
def test_an_extract_without_its_people_is_refused(tmp_path: Path, missing: str) -> None:
    tables = default_tables()
    del tables[missing]
    with pytest.raises(DataContractError, match=f"no file for {missing}"):
        conformed(write_csv(tmp_path, tables))


def test_a_table_that_is_said_to_be_supplied_must_be_there(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    with pytest.raises(DataContractError, match="no file for medications"):
        conformed(tmp_path, extract={"supplies": {"medications": ["dm+d"]}})


def test_a_table_in_two_forms_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    table(EVENTS).write_parquet(tmp_path / "events.parquet")
    with pytest.raises(DataContractError, match="more than one form"):
        conformed(tmp_path)


def test_a_folder_that_is_not_there_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        conformed(tmp_path / "nowhere")


def test_lines_with_other_numbers_of_fields_are_counted_under_one_rule(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    with (tmp_path / "events.csv").open("a") as file:
        file.write("a,2020-01-01\na,2020-01-01,,38341003,SNOMED,3,surplus\n")
    account, _ = conformed(tmp_path)
    assert rules(account, "events") == {"row|fields": 2}
    assert account.totals()["events"] == {"rows_in": 4, "kept": 2, "quarantined": 2, "out_of_scope": 0}


def test_care_homes_lie_beside_the_snapshot(tmp_path: Path) -> None:
    homes = """
    home_id | home_name  | network_code | practice_code | home_type   | beds
    h1      | The Laurels | U12345      | A81001        | residential | 31
    h2      | The Oaks   | PCN1         |               | nursing     | 40
    """
    account, _ = conformed(write_csv(tmp_path, default_tables(care_homes=homes)))
    assert [home["home_id"] for home in account.documents["care_homes.json"]] == ["h1"]
    assert rules(account, "care_homes") == {"network_code|regex": 1}


TABLES = {
    "medications": """
    patient_id | date       | code           | code_system | record_id | quantity | days_supply | is_repeat
    a          | 2024-01-01 | 10097211000001102 | dm+d     | m1        | 28       | 28          | true
    """,
    "appointments": """
    patient_id | date       | record_id | status
    a          | 2024-01-01 | p1        | attended
    a          | 2025-02-01 | p2        | booked
    """,
    "referrals": """
    patient_id | date       | record_id | is_urgent_suspected_cancer
    a          | 2024-01-01 | r1        | 1
    """,
    "outpatients": """
    patient_id | date       | record_id | attended
    a          | 2024-01-01 | o1        | false
    """,
    "attendances": """
    patient_id | date       | record_id | department_type
    a          | 2024-01-01 | t1        | 01
    """,
    "next_tests": """
    patient_id | programme | due_date
    a          | cervical  | 2027-01-01
    """,
    "spells": """
    patient_id | record_id | admission_date | discharge_date | method | diagnosis_01 | diagnosis_02
    a          | s1        | 2024-01-01     | 2024-01-04     | 21     | I21.9        | E11
    """,
}


def test_every_record_table_conforms(tmp_path: Path) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(**TABLES)))
    assert {name: account.totals()[name]["kept"] for name in TABLES} == dict.fromkeys(TABLES, 1)
    assert counts(account, "appointments")["reasons"] == {"booked_after_extract": 1}
    spell = writer.of("spells").row(0, named=True)
    assert (spell["diagnosis_01"], spell["diagnosis_02"], spell["discharge_date"]) == ("I219", "E11", date(2024, 1, 4))
    issue = writer.of("medications").row(0, named=True)
    assert (issue["quantity"], issue["days_supply"], issue["is_repeat"]) == (28.0, 28, True)
    assert writer.of("referrals")["is_urgent_suspected_cancer"].to_list() == [True]
    assert writer.of("outpatients")["attended"].to_list() == [False]
    assert writer.of("attendances")["department_type"].to_list() == ["01"]
