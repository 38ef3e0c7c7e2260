"""Values nobody alive has, pairs that cannot be, and the guard against a unit that changed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.extracts import reading
from pophealth.extracts.plausible import BUILT_IN, make_bounds, plain_unit
from pophealth.reference import load_codelist, load_library
from pophealth.reference.codelists import SHIPPED
from small_extract import PRACTICE, conformed, counts, default_tables, rules, write_csv

# codes of the shipped codelists systolic_bp and diastolic_bp, read from there
SYS, DIA, HBA1C = (
    load_codelist(SHIPPED / f"{name}.csv").codes.filter(pl.col("code_system") == "SNOMED")["code"][0]
    for name in ("systolic_bp", "diastolic_bp", "hba1c")
)

HEAD = "patient_id | date | time | code | code_system | record_id | value | unit"


def measurements(*rows: str) -> str:
    """Give measurements from lines of ``patient date time code value unit``; a dash is nothing."""
    lines = [HEAD]
    for number, row in enumerate(rows):
        who, day, time, code, value, unit = ("" if cell == "-" else cell for cell in row.split())
        lines.append(f"{who} | {day} | {time} | {code} | SNOMED | v{number} | {value} | {unit}")
    return "\n".join(lines)


def kept(writer) -> list[str]:
    return sorted(writer.of("measurements")["record_id"])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (f"a 2020-01-01 - {SYS} 120 mmHg", {}),
        (f"a 2020-01-01 - {SYS} 50 mm[Hg]", {}),
        (f"a 2020-01-01 - {SYS} 49.9 mmHg", {"value|implausible_systolic_bp": 1}),
        (f"a 2020-01-01 - {SYS} 300.1 -", {"value|implausible_systolic_bp": 1}),
        (f"a 2020-01-01 - {SYS} 16 kPa", {}),  # another unit is not judged by this bound
        (f"a 2020-01-01 - {DIA} 1 mmHg", {"value|implausible_diastolic_bp": 1}),
        (f"a 2020-01-01 - {HBA1C} 6.1 %", {}),
        (f"a 2020-01-01 - {HBA1C} 6.1 mmol/mol", {"value|implausible_hba1c": 1}),
        (f"a 2020-01-01 - {HBA1C} 6.1 MMOL/MOL", {"value|implausible_hba1c": 1}),
        (f"a 2020-01-01 - {SYS} - mmHg", {"value|nullability": 1}),
        (f"a 2020-01-01 - {SYS} high mmHg", {"value|unreadable": 1}),
        (f"a 2020-01-01 - {SYS} nan mmHg", {"value|nan": 1, "value|implausible_systolic_bp": 1}),
        (f"a 2020-01-01 - {SYS} inf mmHg", {"value|inf": 1, "value|implausible_systolic_bp": 1}),
        (f"a 2020-01-01 25:00:00 {SYS} 120 mmHg", {"time|unreadable": 1}),
    ],
)
def test_a_value_outside_its_bounds_is_quarantined(tmp_path: Path, row: str, expected: dict[str, int]) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(measurements=measurements(row))))
    assert rules(account, "measurements") == expected
    assert kept(writer) == ([] if expected else ["v0"])


T = "09:30:00"


@pytest.mark.parametrize(
    ("rows", "bad"),
    [
        ([f"a 2020-01-01 {T} {SYS} 120 mmHg", f"a 2020-01-01 {T} {DIA} 80 mmHg"], []),
        ([f"a 2020-01-01 {T} {SYS} 80 mmHg", f"a 2020-01-01 {T} {DIA} 80 mmHg"], ["v0"]),
        ([f"a 2020-01-01 {T} {SYS} 75 mmHg", f"a 2020-01-01 10:00:00 {DIA} 80 mmHg"], []),
        ([f"a 2020-01-01 {T} {SYS} 75 mmHg", f"b 2020-01-01 {T} {DIA} 80 mmHg"], []),
        ([f"a 2020-01-01 - {SYS} 75 mmHg", f"a 2020-01-01 - {DIA} 80 mmHg"], ["v0"]),
        # without a time, of three readings on a day nobody knows which two are one
        ([f"a 2020-01-01 - {SYS} 75 mmHg", f"a 2020-01-01 - {SYS} 130 mmHg", f"a 2020-01-01 - {DIA} 80 mmHg"], []),
        # a diastolic that is itself impossible says nothing about the systolic
        ([f"a 2020-01-01 {T} {SYS} 120 mmHg", f"a 2020-01-01 {T} {DIA} 800 mmHg"], ["v1"]),
        ([f"a 2020-01-01 {T} {SYS} 1.5 mmHg", f"a 2020-01-01 {T} {DIA} 80 mmHg"], ["v0"]),
    ],
)
def test_a_systolic_reading_is_above_its_diastolic(tmp_path: Path, rows: list[str], bad: list[str]) -> None:
    account, writer = conformed(write_csv(tmp_path, default_tables(measurements=measurements(*rows))))
    assert kept(writer) == sorted({f"v{place}" for place in range(len(rows))} - set(bad))
    assert account.totals()["measurements"]["quarantined"] == len(bad)


def test_a_pair_split_between_two_batches_is_still_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"a 2020-01-01 {T} {SYS} 75 mmHg", *[f"b 2020-01-0{day} {T} {SYS} 120 mmHg" for day in range(1, 8)]]
    rows.append(f"a 2020-01-01 {T} {DIA} 80 mmHg")
    write_csv(tmp_path, default_tables(measurements=measurements(*rows)))
    expected, _ = conformed(tmp_path)
    assert rules(expected, "measurements") == {"value|systolic_not_above_diastolic": 1}
    for size in (1, 2, 3):
        monkeypatch.setattr(reading, "BATCH_ROWS", size)
        account, _ = conformed(tmp_path)
        assert account.to_dict() == expected.to_dict()


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.sampled_from([SYS, DIA]), st.integers(40, 130)),
        max_size=12,
    )
)
@settings(max_examples=25, deadline=None)
def test_pairs_equal_a_slow_twin(tmp_path_factory, drawn) -> None:
    rows = [f"{who} 2020-01-01 0{hour}:00:00 {code} {value} mmHg" for who, hour, code, value in drawn]
    bad = {
        f"v{place}"
        for place, (who, hour, code, value) in enumerate(drawn)
        if code == SYS and (value < 50 or any((w, h, c) == (who, hour, DIA) and v >= value for w, h, c, v in drawn))
    }
    folder = tmp_path_factory.mktemp("pairs")
    _, writer = conformed(write_csv(folder, default_tables(measurements=measurements(*rows))))
    assert kept(writer) == sorted({f"v{place}" for place in range(len(rows))} - bad)


def test_values_without_meaning_are_not_judged(tmp_path: Path) -> None:
    tables = default_tables(measurements=measurements(f"a 2020-01-01 - {SYS} 3 mmHg"))
    _, writer = conformed(write_csv(tmp_path, tables), extract={"supplies": {"values": False}})
    assert kept(writer) == ["v0"]


def series(code: str, good: int, bad: int, unit: str, low: float, high: float) -> str:
    rows = [f"a 2020-01-01 - {code} {high} {unit}"] * good + [f"a 2020-01-01 - {code} {low} {unit}"] * bad
    return measurements(*rows)


@pytest.mark.parametrize(
    ("good", "bad", "withheld"), [(100, 0, False), (80, 20, False), (79, 21, True), (0, 100, True), (0, 99, False)]
)
def test_a_practice_whose_unit_changed_is_withheld(tmp_path: Path, good: int, bad: int, withheld: bool) -> None:
    tables = default_tables(measurements=series(HBA1C, good, bad, "mmol/mol", 7.2, 55.0))
    account, _ = conformed(write_csv(tmp_path, tables))
    assert (PRACTICE in account.withheld) == withheld
    if withheld:
        assert f"{bad} of {good + bad} values of hba1c are outside 20 to 195 mmol/mol" in account.withheld[PRACTICE]
        assert account.totals()["measurements"]["kept"] == 0
        assert counts(account, "measurements")["reasons"] == {"practice_withheld": good} if good else True


def test_the_limit_and_the_bounds_are_the_sites_to_set(tmp_path: Path) -> None:
    tables = default_tables(measurements=series(HBA1C, 50, 50, "mmol/mol", 7.2, 55.0))
    write_csv(tmp_path, tables)
    account, _ = conformed(tmp_path, extract={"maximum_faulty_share": 0.5})
    assert account.withheld == {}
    wider = {"hba1c": {"low": 5, "high": 195, "units": ["mmol/mol"]}}
    account, _ = conformed(tmp_path, extract={"plausible": wider})
    assert (account.withheld, rules(account, "measurements")) == ({}, {})


@pytest.mark.parametrize(("good", "bad", "withheld"), [(80, 20, False), (60, 60, True), (0, 99, False)])
def test_a_practice_whose_dates_are_written_otherwise_is_withheld(
    tmp_path: Path, good: int, bad: int, withheld: bool
) -> None:
    head = "patient_id | date | code | code_system | record_id"
    days = ["2020-12-05"] * good + ["05/12/2020"] * bad
    events = "\n".join([head, *(f"a | {day} | 38341003 | SNOMED | {place}" for place, day in enumerate(days))])
    account, _ = conformed(write_csv(tmp_path, default_tables(events=events)))
    assert rules(account, "events") == {"date|unreadable": bad}
    assert (PRACTICE in account.withheld) == withheld


def test_the_built_in_bounds_are_of_codelists_we_have() -> None:
    library = load_library()
    assert set(BUILT_IN) <= set(library.ids)
    bounds = make_bounds((), {})
    assert bounds.places["code"].n_unique() == bounds.places.height
    for bound in BUILT_IN.values():
        assert bound.low < bound.high
        assert bound.units == tuple(plain_unit(unit) for unit in bound.units)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("mm[Hg]", "mmhg"), ("mm Hg", "mmhg"), ("kg/m^2", "kg/m2"), ("mL/min/{1.73_m2}", "ml/min/1.73m2")],
)
def test_units_are_read_whatever_their_spelling(text: str, plain: str) -> None:
    assert plain_unit(text) == plain
