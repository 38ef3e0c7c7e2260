"""Who the people are: one record each, one practice each, and what any of their records says of death and objection."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pophealth.extracts.conservation import UNATTRIBUTED
from pophealth.pseudonyms import pseudonym
from small_extract import (
    EVENTS,
    KEY,
    NUMBERS,
    OTHER,
    PATIENTS,
    PRACTICE,
    REGISTRATIONS,
    conformed,
    counts,
    default_tables,
    rules,
    table,
    write_csv,
)


def practices_of(writer) -> dict[str, str]:
    return dict(writer.of("patients").select("patient_id", "_practice").iter_rows())


@pytest.mark.parametrize(
    ("stays", "practice"),
    [
        ("A81001 2000-01-01 2010-01-01 regular; B82002 2010-01-01 - regular", OTHER),
        ("B82002 2010-01-01 - regular; A81001 2000-01-01 - regular", OTHER),  # the order of rows says nothing
        ("A81001 2000-01-01 - regular; B82002 2010-01-01 - temporary", PRACTICE),  # regular first
        ("A81001 2000-01-01 - temporary; B82002 2010-01-01 - private", OTHER),
        ("B82002 2000-01-01 2001-01-01 regular; A81001 2000-01-01 - regular", PRACTICE),  # of one day, the open one
        ("B82002 2000-01-01 - regular; A81001 2000-01-01 - regular", PRACTICE),  # then the smaller code
        ("A81001 2000-01-01 - regular; B82002 2025-06-01 - regular", PRACTICE),  # a later one is after the extract
        ("A81001 2000-01-01 - regular; B8200 2010-01-01 - regular", PRACTICE),  # no code of a practice
        ("A81001 2000-01-01 - regular; B8200２ 2010-01-01 - regular", PRACTICE),  # a full-width digit
    ],
)
def test_everyone_is_once_in_a_snapshot_under_the_latest_registration(
    tmp_path: Path, stays: str, practice: str
) -> None:
    rows = ["patient_id | practice_code | start_date | end_date | registration_type"]
    for stay in stays.split("; "):
        code, start, end, kind = stay.split(" ")
        rows.append(f"a | {code} | {start} | {end.strip('-') if end == '-' else end} | {kind}")
    patients = "\n".join(PATIENTS.strip().splitlines()[:2])
    _, writer = conformed(write_csv(tmp_path, default_tables(patients=patients, registrations="\n".join(rows))))
    assert practices_of(writer) == {pseudonym(KEY, "a"): practice}
    assert set(writer.of("events")["_practice"]) == {practice}


def test_who_has_no_practice_is_out_of_scope_and_not_lost(tmp_path: Path) -> None:
    registrations = "\n".join(REGISTRATIONS.strip().splitlines()[:2])
    account, writer = conformed(write_csv(tmp_path, default_tables(registrations=registrations)))
    for name in ("patients", "events"):
        entry = account.to_dict()["sources"][name]["practices"][UNATTRIBUTED]
        assert (entry["rows_in"], entry["reasons"]) == (1, {"no_practice": 1})
    assert set(practices_of(writer)) == {pseudonym(KEY, "a")}
    assert account.to_dict()["persons"] == {"in_extract": 2, "kept": 1, "quarantined": 0, "no_practice": 1}


NUMBERED = f"""
patient_id | nhs_number   | birth_date | sex
a          | {NUMBERS[0]} | 1950-03-04 | female
b          | {NUMBERS[0]} | 1950-03-04 | female
"""


@pytest.mark.parametrize(
    ("registrations", "winner"),
    [
        ("a | A81001 | 2000-01-01 | | regular; b | B82002 | 2010-01-01 | | regular", "b"),
        ("a | A81001 | 2000-01-01 | | regular; b | B82002 | 2010-01-01 | | temporary", "a"),
        ("a | A81001 | 2000-01-01 | | regular; b | B82002 | 2000-01-01 | | regular", "a"),
        ("b | B82002 | 2000-01-01 | | other", "b"),
    ],
)
def test_one_number_makes_one_person(tmp_path: Path, registrations: str, winner: str) -> None:
    text = "patient_id | practice_code | start_date | end_date | registration_type\n" + registrations.replace(
        "; ", "\n"
    )
    account, writer = conformed(write_csv(tmp_path, default_tables(patients=NUMBERED, registrations=text)))
    assert writer.of("patients")["patient_id"].to_list() == [pseudonym(KEY, NUMBERS[0])]
    assert rules(account, "patients") == {"duplicate_nhs_number": 1}
    assert rules(account, "events") == {"duplicate_nhs_number": 1}
    assert writer.of("events")["record_id"].to_list() == ["1" if winner == "a" else "2"]


def test_a_death_or_objection_on_either_record_is_of_the_person(tmp_path: Path) -> None:
    stays = REGISTRATIONS.replace("2001-01-01", "1990-01-01")  # a wins
    deaths = "patient_id | death_date\nb | 2023-05-05"
    account, writer = conformed(
        write_csv(tmp_path / "dead", default_tables(patients=NUMBERED, registrations=stays, deaths=deaths))
    )
    assert writer.of("patients")["death_date"].to_list() == [date(2023, 5, 5)]
    assert rules(account, "deaths") == {"duplicate_nhs_number": 1}
    opt_outs = "patient_id | opt_out_type | start_date\nb | type_1 | 2020-01-01"
    account, writer = conformed(
        write_csv(tmp_path / "objecting", default_tables(patients=NUMBERED, registrations=stays, opt_outs=opt_outs))
    )
    assert writer.of("patients").is_empty()
    assert writer.of("events").is_empty()
    assert account.to_dict()["persons"]["type_1_opt_out"] == 2


def test_one_key_twice_is_one_person_whatever_the_order_of_rows(tmp_path: Path) -> None:
    patients = table(PATIENTS.replace("b          |", "a          |"))
    kept = []
    for place, rows in enumerate((patients, patients.reverse())):
        account, writer = conformed(write_csv(tmp_path / str(place), default_tables(patients=rows)))
        assert rules(account, "patients") == {"duplicate_patient_id": 1}
        kept.append(writer.of("patients")["birth_date"].to_list())
    assert kept == [[date(1950, 3, 4)]] * 2


def test_a_faulty_row_does_not_win_over_a_good_one_of_the_same_key(tmp_path: Path) -> None:
    patients = "patient_id | birth_date | sex\na | 1850-01-01 | female\na | 1950-03-04 | female"
    account, writer = conformed(write_csv(tmp_path, default_tables(patients=patients)))
    assert writer.of("patients")["birth_date"].to_list() == [date(1950, 3, 4)]
    assert rules(account, "patients") == {"birth_date|1900_or_earlier": 1, "duplicate_patient_id": 1}


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("9434765918", "nhs_number|check_digit"),
        ("0000000000", "nhs_number|all_zero"),
        ("9990000018", "nhs_number|test"),
        ("12345", "nhs_number|regex"),
        ("９４３４７６５９１９", "nhs_number|regex"),
    ],
)
def test_a_number_that_is_none_quarantines_the_person(tmp_path: Path, number: str, rule: str) -> None:
    patients = (
        f"patient_id | nhs_number | birth_date | sex\na | {number} | 1950-03-04 | female\nb | | 1980-01-01 | male"
    )
    account, writer = conformed(write_csv(tmp_path, default_tables(patients=patients)))
    assert rules(account, "patients") == {rule: 1}
    assert rules(account, "events") == {"person_quarantined": 1}
    assert rules(account, "registrations") == {"person_quarantined": 1}
    assert set(practices_of(writer)) == {pseudonym(KEY, "b")}


def test_a_test_number_is_a_person_in_a_synthetic_source(tmp_path: Path) -> None:
    patients = "patient_id | nhs_number | birth_date | sex\na | 999 000 0018 | 1950-03-04 | female"
    _, writer = conformed(write_csv(tmp_path, default_tables(patients=patients)), site={"synthetic": True})
    assert writer.of("patients")["nhs_number"].to_list() == ["9990000018"]


@pytest.mark.parametrize(
    ("birth", "rule"),
    [
        ("2099-01-01", "birth_date|future"),
        ("1900-01-01", "birth_date|1900_or_earlier"),
        ("", "birth_date|nullability"),
        ("04/03/1950", "birth_date|unreadable"),
    ],
)
def test_nobody_is_born_then(tmp_path: Path, birth: str, rule: str) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(patients=PATIENTS.replace("1950-03-04", birth))))
    assert rules(account, "patients") == {rule: 1}
    assert rules(account, "events")["person_quarantined"] == 1
    assert account.totals()["events"]["quarantined"] == 1
    assert writer.of("patients").height == 1


MERGES = "patient_id | into_patient_id | merged_date\n"


def test_a_superseded_record_belongs_to_the_person_it_was_merged_into(tmp_path: Path) -> None:
    deaths = "patient_id | death_date\na | 2023-01-01"
    tables = default_tables(merges=MERGES + "a | b | 2022-02-02", deaths=deaths)
    account, writer = conformed(write_csv(tmp_path, tables))
    person = pseudonym(KEY, "b")
    for name in ("patients", "registrations", "events"):
        assert set(writer.of(name)["patient_id"]) == {person}
    assert writer.of("events").height == 2
    assert writer.of("patients")["birth_date"].to_list() == [date(1980, 1, 1)]
    assert writer.of("patients")["death_date"].to_list() == [date(2023, 1, 1)]
    assert counts(account, "patients")["reasons"] == {"merged_record": 1}
    assert counts(account, "merges")["kept"] == 1


def test_a_key_that_is_only_merged_still_leads_to_its_person(tmp_path: Path) -> None:
    events = EVENTS + "old | 2020-01-01 | | 38341003 | SNOMED | 3"
    account, writer = conformed(
        write_csv(
            tmp_path, default_tables(events=events, merges=MERGES + "older | old | 2001-01-01\nold | a | 2002-01-01")
        )
    )
    mine = writer.of("events").filter(pl.col("patient_id") == pseudonym(KEY, "a"))
    assert sorted(mine["record_id"]) == ["1", "3"]
    assert rules(account, "events") == {}


@pytest.mark.parametrize(
    ("merges", "rule"),
    [
        ("a | b | 2020-01-01\nb | a | 2021-01-01", "merge_cycle"),
        ("a | z | 2020-01-01\nb | z | 2020-01-01", "merged_into_unknown"),
    ],
)
def test_nobody_is_delivered_whose_merge_leads_nowhere(tmp_path: Path, merges: str, rule: str) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(merges=MERGES + merges)))
    for name in ("patients", "registrations", "events", "merges"):
        assert rules(account, name) == {rule: 2}
    assert writer.taken == {}


def test_a_merge_after_the_extract_is_not_yet_one(tmp_path: Path) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(merges=MERGES + "a | b | 2025-01-01")))
    assert rules(account, "merges") == {"merged_date|future": 1}
    assert writer.of("patients").height == 2


def test_the_earliest_usable_death_counts_and_one_after_the_extract_is_believed(tmp_path: Path) -> None:
    deaths = "patient_id | death_date\na | 2023-01-02\na | 2023-01-01\nb | 2025-03-01"
    account, writer = conformed(write_csv(tmp_path, default_tables(deaths=deaths)))
    assert sorted(writer.of("patients")["death_date"]) == [date(2023, 1, 1), date(2025, 3, 1)]
    assert counts(account, "deaths")["kept"] == 3


@pytest.mark.parametrize("day", ["", "31/12/2020", "1900-01-01", "1940-01-01"])
def test_who_died_on_no_usable_day_is_not_listed_as_living(tmp_path: Path, day: str) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(deaths=f"patient_id | death_date\na | {day}")))
    assert set(practices_of(writer)) == {pseudonym(KEY, "b")}
    assert rules(account, "patients") == {"death_date_unusable": 1}
    assert rules(account, "events") == {"death_date_unusable": 1}


OPT_OUTS = "patient_id | opt_out_type | start_date | end_date\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a | type_1 | 2020-01-01 |", "type_1_opt_out"),
        ("a | type_1 | 2020-01-01 | 2025-06-01", "type_1_opt_out"),
        ("a | type_1 | 2020-01-01 | 2024-12-31", None),  # ended on the day of the extract: no longer in force
        ("a | type_1 | 2026-01-01 |", "type_1_opt_out"),  # known already
        ("a | type_1 | ?          |", "type_1_opt_out"),
        ("a | type_1 |            |", "type_1_opt_out"),
        ("a | type_1 | 2020-01-01 | ?", "type_1_opt_out"),
        ("a | national | 2020-01-01 |", None),  # applied when counting in
        ("a | national | ?          |", "opt_out_unreadable"),
        ("a | TYPE 1   | 2020-01-01 |", "opt_out_unreadable"),
    ],
)
def test_an_objection_is_believed_even_where_its_dates_are_damaged(
    tmp_path: Path, row: str, reason: str | None
) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(opt_outs=OPT_OUTS + row)))
    left = {} if reason is None else {reason: 1}
    for name in ("patients", "events", "registrations"):
        assert counts(account, name)["reasons"] == left
    assert writer.of("events").height == (2 if reason is None else 1)


def test_the_practices_own_patients_are_not_asked_for_an_objection_to_other_uses(tmp_path: Path) -> None:
    tables = default_tables(opt_outs=OPT_OUTS + "a | type_1 | 2020-01-01 |")
    _, writer = conformed(
        write_csv(tmp_path, tables), site={"legal_basis": "direct_care", "approval_reference": "practices, 2024"}
    )
    assert writer.of("patients").height == 2
    assert writer.of("opt_outs").height == 1


def test_nothing_says_more_of_an_objector_than_a_count(tmp_path: Path) -> None:
    events = EVENTS.replace("2020-05-01", "1900-01-01")
    tables = default_tables(events=events, opt_outs=OPT_OUTS + "a | type_1 | 2020-01-01 |")
    account, _ = conformed(write_csv(tmp_path, tables))
    assert rules(account, "events") == {}  # not even which rule their records would have broken
