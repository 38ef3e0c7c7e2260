"""Reasons: the records that decided and the absence that is the point, in lines a clinician can check."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.delivery.pages.reasons import REASONS, SHOWN, reasons_of

RULES: dict[str, dict[str, Any]] = {
    "raised": {
        "criteria": [
            {"id": "adult", "part": "include", "bit": 0},
            {"id": "bp_raised", "part": "include", "bit": 1},
            {"id": "palliative", "part": "adjust", "bit": 2},
            {"id": "treated", "part": "met_when", "bit": 3},
        ]
    }
}
EVIDENCE = {
    "patient_id": pl.String, "rule_id": pl.String, "criterion": pl.String, "table": pl.String, "record_id": pl.String,
    "date": pl.Date, "code": pl.String, "term": pl.String, "value": pl.Float64, "unit": pl.String, "feature": pl.String,
}  # fmt: skip


def members(unknown: int = 0, status: str = "listed") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "patient_id": ["p"],
            "rule_id": ["raised"],
            "status": [status],
            "reasons": [["adult", "bp_raised"]],
            "criteria_unknown": pl.Series([unknown], dtype=pl.UInt64),
        }
    )


def record(criterion: str, number: int | None, value: float | None = None, **more: Any) -> dict[str, Any]:
    row = {"patient_id": "p", "rule_id": "raised", "criterion": criterion, "table": "measurements"}
    found = {
        "record_id": f"r{number}",
        "date": date(2024, 1, number or 1),
        "term": "Systolic",
        "value": value,
        "unit": "mmHg",
    }
    return (
        dict.fromkeys(EVIDENCE) | row | (found if number is not None else {}) | {"feature": f"has_{criterion}"} | more
    )


def one(evidence: list[dict[str, Any]], **given_members: Any) -> dict[str, Any]:
    frame = pl.DataFrame(evidence, schema=EVIDENCE)
    made = reasons_of(members(**given_members), frame, RULES)
    assert dict(made.schema) == REASONS
    return made.to_dicts()[0]


def test_records_are_told_latest_first_with_value_unit_and_date() -> None:
    said = one([record("bp_raised", 3, 150.0), record("bp_raised", 9, 172.5)])
    assert said["lines"] == [
        "Blood pressure raised: Systolic 172.5 mmHg, 9 January 2024; Systolic 150 mmHg, 3 January 2024"
    ]
    assert said["holds"] == ["adult"], "a criterion that records are told of is not said twice"


def test_more_records_than_are_shown_are_counted() -> None:
    said = one([record("bp_raised", day, 150.0 + day) for day in range(1, 8)])
    assert said["lines"][0].endswith(f"(and {7 - SHOWN} earlier)")
    assert said["lines"][0].count("Systolic") == SHOWN


def test_absence_is_told_where_it_is_the_point() -> None:
    said = one([record("bp_raised", 1, 150.0), record("treated", None), record("palliative", None)])
    assert said["lines"][1:] == ["Treated: nothing recorded of treated"]


def test_absence_beside_a_record_of_the_same_criterion_is_noise() -> None:
    said = one([record("bp_raised", 1, 150.0), record("bp_raised", None, feature="has_home_bp")])
    assert len(said["lines"]) == 1
    assert "nothing recorded" not in said["lines"][0]


def test_a_record_without_term_is_called_by_its_code_or_its_table() -> None:
    assert "XY1, 1 January" in one([record("bp_raised", 1, term=None, code="XY1", unit=None)])["lines"][0]
    visit = record("bp_raised", 1, term=None, unit=None, table="appointments")
    assert "Blood pressure raised: appointment, 1 January 2024" in one([visit])["lines"][0]


def test_what_is_unknown_is_named() -> None:
    assert one([], unknown=0b1100)["open_questions"] == "palliative, treated"
    assert one([])["open_questions"] is None


def test_only_the_listed_have_reasons() -> None:
    made = reasons_of(members(status="met"), pl.DataFrame(schema=EVIDENCE), RULES)
    assert made.is_empty()
    assert dict(made.schema) == REASONS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["bp_raised", "treated", "palliative"]), st.none() | st.integers(1, 28)), max_size=12
    )
)
def test_lines_are_as_a_slow_reading_finds_them(rows: list[tuple[str, int | None]]) -> None:
    """One line for each criterion with records, and one for each without that brings in or would meet the need."""
    said = one([record(criterion, day, 100.0 + (day or 0)) for criterion, day in rows])
    expected = []
    for criterion, opening in (
        ("bp_raised", "Blood pressure raised"),
        ("palliative", "Palliative"),
        ("treated", "Treated"),
    ):
        days = sorted({day for name, day in rows if name == criterion and day is not None}, reverse=True)
        if days:
            told = "; ".join(f"Systolic {100 + day} mmHg, {day} January 2024" for day in days[:SHOWN])
            more = f" (and {len(days) - SHOWN} earlier)" if len(days) > SHOWN else ""
            expected.append(f"{opening}: {told}{more}")
        elif criterion != "palliative" and (criterion, None) in rows:
            what = {"bp_raised": "blood pressure raised", "treated": "treated"}[criterion]
            expected.append(f"{opening}: nothing recorded of {what}")
    assert said["lines"] == expected
