"""Native Synthea output: practices by the last encounter's organisation, numbers apart from other observations."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from pophealth.errors import ConfigError, DataContractError
from pophealth.pseudonyms import pseudonym
from small_extract import KEY, conformed, counts, rules, table

OUTPUT = {
    "patients": """
    Id | BIRTHDATE  | DEATHDATE  | SSN         | GENDER
    a  | 1950-03-04 |            | 999-10-1650 | F
    b  | 1980-01-01 | 2023-02-03 | 999-10-1651 | M
    c  | 1990-01-01 |            | 999-10-1652 | M
    """,
    "organizations": """
    Id | NAME                | POSTCODE
    o1 | Abbey Surgery       | ba1 2sr
    o2 | ELSEWHERE           | ZZ1 1ZZ
    o3 | THE OTHER SURGERY   | BA1 3NG
    """,
    "encounters": """
    Id | START                | STOP                 | PATIENT | ORGANIZATION | ENCOUNTERCLASS
    e1 | 2020-01-01T08:00:00Z | 2020-01-01T08:15:00Z | a       | o1           | wellness
    e2 | 2021-01-01T08:00:00Z | 2021-01-01T08:15:00Z | a       | o2           | wellness
    e4 | 2022-01-01T08:00:00Z | 2022-01-02T08:15:00Z | a       | o1           | inpatient
    e3 | 2022-01-01T08:00:00Z | 2022-01-01T08:15:00Z | a       | o2           | emergency
    e5 | 2019-01-01T08:00:00Z | 2019-01-01T08:15:00Z | b       | o3           | ambulatory
    e6 | 2019-01-01T08:00:00Z | 2019-01-01T08:15:00Z | c       | o2           | ambulatory
    e7 | 2025-01-01T08:00:00Z | 2025-01-01T08:15:00Z | c       | o1           | ambulatory
    e8 | 1979-12-31T08:00:00Z | 1979-12-31T08:15:00Z | b       | o3           | wellness
    """,
    "observations": """
    DATE                 | PATIENT | CODE   | VALUE | UNITS   | TYPE
    2020-01-01T08:01:02Z | a       | 8480-6 | 150   | mm[Hg]  | numeric
    2020-01-01T08:01:02Z | a       | 8462-4 | 90    | mm[Hg]  | numeric
    2020-01-01T08:01:02Z | a       | QALY   | 1     | a       | numeric
    1940-01-01T08:01:02Z | a       | DALY   | 1     | a       | numeric
    2020-01-01T08:01:02Z | a       | 72166-2| Never |         | text
    """,
    "conditions": """
    START      | STOP | PATIENT | CODE
    2020-01-01 |      | a       | 59621000
    """,
    "medications": """
    START                | PATIENT | CODE
    2020-01-01T08:00:00Z | a       | 197361
    """,
    "allergies": """
    START      | PATIENT | CODE      | SYSTEM
    2020-01-01 | a       | 195967001 | SNOMED-CT
    2020-01-01 | a       | 197361    | RxNorm
    """,
    "immunizations": """
    DATE | PATIENT | CODE
    a    | e1      | 03
    """,
    "providers": "Id | NAME\np1 | nobody",
}
MAP = (
    "PRACTICE_CODE,PRACTICE_NAME,PRACTICE_POSTCODE,PCN_CODE\n"
    "A81001, ABBEY SURGERY ,BA1 2SR,U12345\nB82002,THE OTHER SURGERY,BA13NG,U\n"
)


def synthea(folder: Path, output: dict[str, str] = OUTPUT, suffix: str = ".csv", **extract: Any):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in output.items():
        frame = table(text)
        frame.write_csv(folder / f"{name}.csv") if suffix == ".csv" else frame.write_parquet(folder / f"{name}.parquet")
    practice_map = folder.parent / f"{folder.name}-map.csv"
    practice_map.write_text(MAP)
    attribution = {"kind": "by_organisation", "practice_map": practice_map}
    return conformed(folder, extract={"layout": "synthea", "attribution": attribution} | extract)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_people_belong_where_they_were_last_seen(tmp_path: Path, suffix: str) -> None:
    account, writer = synthea(tmp_path / "out", suffix=suffix)
    homes = dict(writer.of("patients").select("patient_id", "_practice").iter_rows())
    # of two encounters that start together the greater Id is the later; one after the extract does not count
    assert homes == {pseudonym(KEY, "a"): "A81001", pseudonym(KEY, "b"): "B82002"}
    assert sorted(writer.of("registrations")["start_date"]) == [date(1979, 12, 31), date(2020, 1, 1)]
    people = account.to_dict()["persons"]
    assert people == {
        "in_extract": 3, "kept": 2, "quarantined": 0, "no_practice": 1, "matched_to_a_practice": 2, "matched_practices": 2,
        "matched_in_a_network": 1, "matched_networks": 1, "matched_in_no_network": 1,
    }  # fmt: skip
    assert counts(account, "patients")["reasons"] == {"no_practice": 1}
    assert writer.of("patients")["death_date"].drop_nulls().to_list() == [date(2023, 2, 3)]


def test_numbers_are_measurements_and_the_rest_events(tmp_path: Path) -> None:
    account, writer = synthea(tmp_path / "out")
    readings = writer.of("measurements")
    assert sorted(readings["code"]) == ["8462-4", "8480-6"]
    assert set(readings["time"]) == {time(8, 1, 2)}
    observed = counts(account, "observations")
    assert observed["kept_as"] == {"events": 1, "measurements": 2}
    # what is out of scope is still held against the rules first
    assert observed["reasons"] == {"measure_of_the_simulation": 1}
    assert observed["rules"] == {"date|before_birth": 1}


def test_encounters_are_stays_attendances_or_appointments(tmp_path: Path) -> None:
    account, writer = synthea(tmp_path / "out")
    encounters = counts(account, "encounters")
    assert encounters["kept_as"] == {"appointments": 3, "attendances": 1, "spells": 1}
    assert encounters["rules"] == {"date|before_birth": 1}
    assert encounters["reasons"] == {"booked_after_extract": 1, "no_practice": 1}
    assert writer.of("spells")["method"].to_list() == ["99"]


def test_headings_shifted_by_one_leave_no_date_and_are_told(tmp_path: Path) -> None:
    account, _ = synthea(tmp_path / "out")
    assert rules(account, "immunizations") == {"date|unreadable": 1, "unknown_person": 1}
    assert any("immunizations: all 1 rows fail date|unreadable" in warning for warning in account.warnings)


def test_allergies_keep_the_system_they_name(tmp_path: Path) -> None:
    _, writer = synthea(tmp_path / "out")
    mine = writer.of("events").filter(record_id="allergies-1").row(0, named=True)
    assert (mine["code"], mine["code_system"]) == ("197361", "RxNorm")


def test_everyone_can_be_put_into_one_practice(tmp_path: Path) -> None:
    one = {
        "kind": "one_practice", "practice_code": "ZZZ001", "practice_name": "p", "network_code": "U99999",
        "network_name": "n",
    }  # fmt: skip
    _, writer = synthea(tmp_path / "out", attribution=one)
    assert writer.of("patients").height == 3
    assert set(writer.of("patients")["_practice"]) == {"ZZZ001"}


def test_an_encounter_after_the_extract_moves_nobody(tmp_path: Path) -> None:
    later = OUTPUT["encounters"].rstrip() + "\n    e9 | 2025-02-01T08:00:00Z | 2025-02-01T08:00:00Z | a | o3 | wellness"
    _, before = synthea(tmp_path / "one")
    _, after = synthea(tmp_path / "two", OUTPUT | {"encounters": later})
    for name in ("patients", "registrations", "appointments"):
        assert before.of(name).equals(after.of(name))


def test_without_a_stated_date_the_extract_ends_with_its_last_record(tmp_path: Path) -> None:
    account, _ = synthea(tmp_path / "out", extract_date=None)
    assert account.facts["extract_date"] == "2025-01-01"


def test_what_is_no_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="no native Synthea output"):
        synthea(tmp_path / "one", {"patients": OUTPUT["patients"]})
    with pytest.raises(ConfigError, match=r"extract\.attribution: missing"):
        synthea(tmp_path / "two", attribution=None)
    with pytest.raises(DataContractError, match="POSTCODE or ZIP"):
        synthea(tmp_path / "three", OUTPUT | {"organizations": "Id | NAME\no1 | Abbey Surgery"})
