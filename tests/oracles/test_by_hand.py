"""Engine and oracle both give what a person reckons by hand, kind by kind."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from oracles.conftest import Opened
from oracles.database import open_database
from oracles.engine import engine_answers, oracle_answer
from oracles.world import World, codelist, registrations_of
from pophealth.declare import CODED_TABLES, KINDS, Feature, parse_feature
from pophealth.reference import CodelistLibrary
from pophealth.register.layout import SCHEMAS
from pophealth.tables import DATE_COLUMN
from pophealth.terms import contract_year_of

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "by_hand.toml").read_text("utf-8"))["case"]
PRACTICE = "A81001"
NOT_KEYS = ("says", "index", "rows", "gives")
INPUTS = {
    "first_a_date": {"kind": "first_date", "codelist": "a"},
    "first_b_date": {"kind": "first_date", "codelist": "b"},
    "has_a": {"kind": "has", "codelist": "a"},
    "has_b": {"kind": "has", "codelist": "b"},
    "has_icd": {"kind": "has", "codelist": "icd", "table": "diagnoses"},
    "count_a": {"kind": "count", "codelist": "a"},
    "days_since_a": {"kind": "days_since", "codelist": "a"},
    "severity": {"kind": "latest_category", "categories": {"mild": "a", "severe": "b"}},
    "has_unfilled": {"kind": "has", "codelist": "unfilled"},
}
"""What derived kinds of the cases are made of."""
LISTS: dict[str, list[tuple[str, str | None]]] = {
    "a": [("a1", None), ("a2", None), ("x", None)],
    "b": [("b1", None), ("x", None)],
    "m": [("m1", "2"), ("m2", "0.5"), ("m3", "3")],
    "w": [("m1", "2"), ("m2", "3"), ("m3", "3")],
    "n": [("n1", None)],
    "unfilled": [],
}
MEDICINE_MAP = [
    ("m1", "alpha", "0212000B0"),
    ("m2", "alpha", "0501013B0"),
    ("m2", "beta", "0501013B0"),
    ("m3", "gamma", None),
    ("n1", "delta", "0407020A0"),
]


def person(place: int) -> str:
    return hashlib.sha256(str(place).encode()).hexdigest()[:32]


def read_row(place: int, number: int, text: str) -> tuple[str, dict[str, Any]]:
    """Give a row's table and its columns."""
    table, *words = text.split()
    row: dict[str, Any] = {"patient_id": person(place), "record_id": f"{place}-{number}"}
    if table in CODED_TABLES:
        row |= {"code": words.pop(0), "code_system": "SYNTHETIC"}
    row[DATE_COLUMN[table]] = date.fromisoformat(words.pop(0))
    for word in words:
        column, _, value = word.partition("=")
        row[column] = _typed(SCHEMAS[table][column], value)
    return table, row


def _typed(dtype: pl.DataType, text: str) -> Any:
    if dtype == pl.Date:
        return date.fromisoformat(text)
    if dtype == pl.Time:
        return time.fromisoformat(text)
    if dtype == pl.Boolean:
        return text == "true"
    return float(text) if dtype.is_numeric() else text


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    rows: dict[str, list[dict[str, Any]]] = {}
    for place, case in enumerate(CASES):
        for number, text in enumerate(case["rows"]):
            table, row = read_row(place, number, text)
            rows.setdefault(table, []).append(row)
    ids = [person(place) for place in range(len(CASES))]
    people = [{"patient_id": one, "birth_date": date(1952, 2, 29), "sex": "female"} for one in ids]
    tables = {
        name: pl.DataFrame(
            [{key: row[key] for key in row if key in SCHEMAS[name]} for row in found], schema=SCHEMAS[name]
        )
        for name, found in rows.items()
    }
    tables |= {
        "patients": pl.DataFrame(people, schema=SCHEMAS["patients"]),
        "registrations": registrations_of(PRACTICE, ids),
    }
    lists = {
        name: codelist(name, [("SYNTHETIC", code) for code, _ in codes], [category for _, category in codes])
        for name, codes in LISTS.items()
    }
    lists["icd"] = codelist("icd", [("ICD-10", "Q10"), ("ICD-10", "R05")])
    mapped = pl.DataFrame(MEDICINE_MAP, schema=["code", "substance", "bnf_code"], orient="row")
    mapped = mapped.with_columns(code_system=pl.lit("SYNTHETIC"))
    holidays = pl.DataFrame({"day": [date(2024, 3, 29)]})
    world = World({PRACTICE: tables}, CodelistLibrary(lists), mapped, holidays)
    snapshot = world.write(tmp_path_factory.mktemp("by_hand"))
    return Opened(-2, world, snapshot, open_database(snapshot, world.library, mapped, holidays))


@pytest.mark.parametrize("side", ["oracle", "engine"])
@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{case['kind']}: {case['says']}" for case in CASES])
def test_case(place: int, side: str, opened: Opened) -> None:
    case = CASES[place]
    table = {key: value for key, value in case.items() if key not in NOT_KEYS}
    features = {name: parse_feature(name, one | {"source": "by hand"}) for name, one in INPUTS.items()}
    asked = parse_feature("asked", table | {"source": "by hand"})
    features = {name: features[name] for name in asked.inputs} | {"asked": asked}
    answer = _answer(side, opened, asked, features, case["index"])
    row = answer.row(by_predicate=pl.col("patient_id") == person(place), named=True)
    wanted = {column: None if value == "" else value for column, value in case["gives"].items()}
    assert {column: row[column] for column in wanted} == wanted


def _answer(side: str, opened: Opened, asked: Feature, features: dict[str, Feature], index_date: date) -> pl.DataFrame:
    year = contract_year_of(index_date)
    if side == "oracle":
        return oracle_answer(opened.database, asked, features, opened.world.library, index_date, year)
    (answer,) = engine_answers(opened.snapshot, features, opened.world, [(index_date, year)])
    return answer


def test_every_kind_has_a_case() -> None:
    assert {case["kind"] for case in CASES} == set(KINDS)
