"""The rules a row must pass: those of its contract, and those on dates, codes and values."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.extracts.quarantine import contract_rules
from pophealth.tables import CODE_SYSTEMS, EXTRACT_TABLES, RECORD_TABLES
from small_extract import EVENTS, PRACTICE, conformed, counts, default_tables, rules, write_csv

MAYBE = st.none() | st.text(alphabet="A1Uab0 ", max_size=7)
DAYS = st.none() | st.dates(date(1899, 1, 1), date(2030, 1, 1))
VALUES = {
    pl.String: MAYBE | st.sampled_from(["A81001", "U12345", "21", "9434765919", "x" * 65]),
    pl.Date: DAYS,
    pl.Time: st.none(),
    pl.Float64: st.none() | st.sampled_from([0.0, -1.0, 5.5, float("nan"), float("inf")]),
    pl.Int16: st.none() | st.sampled_from([0, -1, 28, 366, 367, 2011, 2021, 2022]),
    pl.Int32: st.none() | st.sampled_from([0, -1, 10]),
    pl.Boolean: st.none() | st.booleans(),
}


def rows_of(name: str) -> st.SearchStrategy[list[dict[str, object]]]:
    kinds = EXTRACT_TABLES[name].create_empty().schema
    fields = {
        column: st.sampled_from([None, *kind.categories]) if isinstance(kind, pl.Enum) else VALUES[type(kind)]
        for column, kind in kinds.items()
    }
    return st.lists(st.fixed_dictionaries(fields), max_size=6)


@pytest.mark.parametrize(
    "name", ["patients", "registrations", "deaths", "opt_outs", "merges", *RECORD_TABLES, "care_homes"]
)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_the_compiled_rules_keep_what_the_contract_keeps(name: str, data: st.DataObject) -> None:
    contract = EXTRACT_TABLES[name]
    frame = pl.DataFrame(data.draw(rows_of(name)), schema=contract.create_empty().schema)
    good, failure = contract.filter(frame)
    compiled = contract_rules(name, frame.columns)
    passes = pl.all_horizontal(rule.fill_null(value=True) for rule in compiled.values())
    assert frame.filter(passes).equals(pl.DataFrame(good))
    broken = {rule: int(frame.select((~expr).fill_null(value=False).sum()).item()) for rule, expr in compiled.items()}
    assert {rule: count for rule, count in broken.items() if count} == failure.counts()


def with_event(text: str) -> dict[str, pl.DataFrame]:
    head = EVENTS.strip().splitlines()[0]
    deaths = "patient_id | death_date\na | 2022-02-02"
    return default_tables(events=f"{head}\n{text}", deaths=deaths)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a | 2024-12-31 | 2024-12-31 | 38341003 | SNOMED | 1", {"date|after_death": 1}),
        ("b | 2024-12-31 | 2024-12-31 | 38341003 | SNOMED | 1", {}),
        ("b | 2025-01-01 | | 38341003 | SNOMED | 1", {"date|future": 1}),
        ("b | 2024-12-01 | 2025-01-01 | 38341003 | SNOMED | 1", {"recorded_date|future": 1}),
        ("b | 1979-12-31 | | 38341003 | SNOMED | 1", {"date|before_birth": 1}),
        ("b | 1980-01-01 | | 38341003 | SNOMED | 1", {}),
        ("a | 2022-02-02 | | 38341003 | SNOMED | 1", {}),
        ("b | 1900-01-01 | | 38341003 | SNOMED | 1", {"date|1900_or_earlier": 1, "date|before_birth": 1}),
        ("b | 01/05/2020 | | 38341003 | SNOMED | 1", {"date|unreadable": 1}),
        ("b | 2020-02-30 | | 38341003 | SNOMED | 1", {"date|unreadable": 1}),
        ("b |            | | 38341003 | SNOMED | 1", {"date|nullability": 1}),
        ("b | 2020-01-01 | yesterday | 38341003 | SNOMED | 1", {"recorded_date|unreadable": 1}),
        ("z | 2020-01-01 | | 38341003 | SNOMED | 1", {"unknown_person": 1}),
        ("  | 2020-01-01 | | 38341003 | SNOMED | 1", {"patient_id|nullability": 1, "unknown_person": 1}),
        ("b | 2020-01-01 | | 38341004 | SNOMED | 1", {"code|check_digit": 1}),
        ("b | 2020-01-01 | | 3.8341003E7 | SNOMED | 1", {"code|check_digit": 1}),
        ("b | 2020-01-01 | | 38341003 | SNOMED CT | 1", {"code_system|unreadable": 1}),
        ("b | 2020-01-01 | | SYN:x | SYNTHETIC | 1", {"code|synthetic": 1}),
        ("b | 2020-01-01 | | SYN:x | SNOMED | 1", {"code|synthetic": 1}),
        ("b | 2020-01-01 | | =1+1 | CTV3 | 1", {"code|characters": 1}),
        ("b | 2020-01-01 | | <svg> | CTV3 | 1", {"code|characters": 1}),
        ("b | 2020-01-01 | | XE0q. | CTV3 | 1", {}),
        ("b | 2020-01-01 | | 38341003 | SNOMED |", {"record_id|nullability": 1}),
    ],
)
def test_a_row_is_quarantined_by_the_rule_it_breaks(tmp_path: Path, text: str, expected: dict[str, int]) -> None:
    account, writer = conformed(write_csv(tmp_path, with_event(text)))
    assert rules(account, "events") == expected
    assert account.totals()["events"]["quarantined"] == bool(expected)
    assert writer.of("events").height == (not expected)


def test_a_row_that_breaks_several_rules_is_one_row(tmp_path: Path) -> None:
    account, _ = conformed(write_csv(tmp_path, with_event("b | 2025-06-01 | 2025-06-02 | 38341004 | SNOMED | 1")))
    assert rules(account, "events") == {"code|check_digit": 1, "date|future": 1, "recorded_date|future": 1}
    assert account.totals()["events"] == {"rows_in": 1, "kept": 0, "quarantined": 1, "out_of_scope": 0}
    mine = account.to_dict()["sources"]["events"]["practices"]
    assert list(mine) == [PRACTICE]


def test_made_up_codes_pass_in_a_source_that_is_made_up(tmp_path: Path) -> None:
    account, writer = conformed(
        write_csv(tmp_path, with_event("b | 2020-01-01 | | SYN:x | SYNTHETIC | 1")), site={"synthetic": True}
    )
    assert rules(account, "events") == {}
    assert writer.of("events")["code"].to_list() == ["SYN:x"]


def test_a_stand_in_for_no_recorded_date_counts_as_none(tmp_path: Path) -> None:
    account, writer = conformed(write_csv(tmp_path, with_event("b | 2020-01-01 | 1900-01-01 | 38341003 | SNOMED | 1")))
    assert writer.of("events")["recorded_date"].to_list() == [None]
    assert account.to_dict()["recorded_date_missing"] == {"events": 1}


def test_a_lag_is_assumed_where_none_was_recorded_and_the_site_says_so(tmp_path: Path) -> None:
    _, writer = conformed(
        write_csv(tmp_path, with_event("b | 2020-01-01 | | 38341003 | SNOMED | 1")), extract={"recording_lag_days": 3}
    )
    assert writer.of("events")["recorded_date"].to_list() == [date(2020, 1, 4)]


SPELL = "patient_id | record_id | admission_date | discharge_date | method | diagnosis_01\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b | 1 | 2024-01-02 | 2024-01-01 | 21 | ", {"discharged_after_admission": 1}),
        ("b | 1 | 2024-12-30 | 2025-01-02 | 21 | ", {"discharge_date|future": 1}),
        ("b | 1 | 2024-12-30 |            | 21 | ", {}),
        ("b | 1 | 2024-12-30 |            | x  | ", {"method|regex": 1}),
        ("b | 1 | 1970-12-30 |            | 21 | ", {"admission_date|before_birth": 1}),
    ],
)
def test_stays_have_rules_of_their_own(tmp_path: Path, text: str, expected: dict[str, int]) -> None:
    account, _ = conformed(write_csv(tmp_path, default_tables(spells=SPELL + text)))
    assert rules(account, "spells") == expected


def restricted_list(folder: Path) -> Path:
    path = folder / "lists" / "restricted.csv"
    path.parent.mkdir()
    path.write_text(
        "# title: restricted\n# version: 1\n# source: a test\n# licence: none\ncode,code_system,term\n"
        "38341003,SNOMED,stands for a restricted one\nI21.9,ICD-10,stands for another\n"
    )
    return path


def test_restricted_codes_are_dropped_and_only_counted(tmp_path: Path) -> None:
    spells = (
        SPELL + "a | 1 | 2024-01-01 | | 21 | I21.9\nb | 2 | 2024-01-01 | | 21 | I219\nb | 3 | 2024-01-01 | | 21 | E11"
    )
    attendances = "patient_id | record_id | date | code | code_system\n" + "\n".join(
        f"a | t{place} | 2024-01-01 | {code} | ICD-10" for place, code in enumerate(["I219", "I21.9", "I21.0"])
    )
    events = EVENTS.replace("2021-06-01", "1900-01-01")  # the second breaks a rule as well, and none is told of it
    account, writer = conformed(
        write_csv(tmp_path, default_tables(events=events, spells=spells, attendances=attendances)),
        restricted={"codelist": restricted_list(tmp_path)},
    )
    assert writer.of("events").is_empty()
    assert counts(account, "events")["reasons"] == {"restricted_code": 2}
    assert counts(account, "spells")["reasons"] == {"restricted_code": 2}
    assert rules(account, "events") == {}
    assert writer.of("spells")["record_id"].to_list() == ["3"]
    assert writer.of("attendances")["record_id"].to_list() == ["t2"]  # written with a dot or without
    assert "38341003" not in str(account.to_dict())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "z"]),
            st.dates(date(1899, 12, 30), date(2026, 1, 1)),
            st.none() | st.integers(0, 400),
            st.sampled_from(CODE_SYSTEMS),
        ),
        max_size=12,
    )
)
@settings(max_examples=20, deadline=None)
def test_equals_a_slow_twin_that_looks_at_one_row_at_a_time(tmp_path_factory, drawn) -> None:
    born = {"a": date(1950, 3, 4), "b": date(1980, 1, 1)}
    died, last = {"a": date(2022, 2, 2), "b": date.max}, date(2024, 12, 31)
    kept = []
    lines = []
    for number, (who, day, lag, system) in enumerate(drawn):
        recorded = None if lag is None else day + timedelta(days=lag)
        lines.append(f"{who} | {day} | {recorded or ''} | 38341003 | {system} | r{number}")
        fine = who in born and born[who] <= day <= min(died[who], last) and day > date(1900, 1, 1)
        if fine and system != "SYNTHETIC" and (recorded is None or recorded <= last):
            kept.append(f"r{number}")
    folder = tmp_path_factory.mktemp("twin")
    account, writer = conformed(write_csv(folder, with_event("\n".join(lines))))
    assert sorted(writer.of("events")["record_id"]) == sorted(kept)
    totals = account.totals().get("events", {"rows_in": 0, "quarantined": 0})
    assert (totals["rows_in"], totals["quarantined"]) == (len(drawn), len(drawn) - len(kept))
