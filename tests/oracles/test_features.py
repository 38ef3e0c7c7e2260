"""The engine and the oracle give the same value, bit for bit, to every feature of every kind on every world tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.conftest import Effort, Opened, Worlds
from oracles.engine import differences, engine_answers, oracle_answer
from oracles.sql import OF_FEATURES, OF_RECORDS
from oracles.strategies import Asked, asked_dates, one_of_each, several_of
from pophealth.declare import KINDS, Feature
from pophealth.tables import RECORD_TABLES

EXAMPLES_A_KIND = 16
EXAMPLES_OF_ALL = 3


def compare(opened: Opened, features: Mapping[str, Feature], asked: Sequence[Asked]) -> None:
    """Refuse any difference, showing the declaration, the day, the values and one person's made-up rows."""
    answers = engine_answers(opened.snapshot, features, opened.world, asked)
    for one, answer in zip(asked, answers, strict=True):
        for feature in features.values():
            refuse_differences(opened, feature, features, one, answer)


def refuse_differences(
    opened: Opened, feature: Feature, features: Mapping[str, Feature], asked: Asked, answer: pl.DataFrame
) -> None:
    """Refuse an answer of the engine that is not the oracle's."""
    expected = oracle_answer(opened.database, feature, features, opened.world.library, *asked)
    found = differences(answer, expected, feature)
    assert not found, _told(opened, feature, *asked, found)


def _told(
    opened: Opened, feature: Feature, index_date: date, contract_year: str, found: list[tuple[str, str, Any, Any]]
) -> str:
    lines = [
        f"world {opened.number}, {index_date}, contract year {contract_year}: {len(found)} differences",
        repr(feature),
        f"codelists: { {name: opened.world.library.get(name).codes['code'].to_list() for name in feature.codelists} }",
    ]
    lines += [f"{who[:6]} {column}: engine {ours!r}, oracle {theirs!r}" for who, column, ours, theirs in found[:5]]
    tables = {"spells" if table == "diagnoses" else table for table in feature.tables} or set(RECORD_TABLES)
    fewest = min((opened.world.rows_of(patient, tables) for patient, *_ in found[:40]), key=len)
    return "\n".join([*lines, "rows of one person:", *fewest])


def test_every_kind_has_an_oracle() -> None:
    assert set(OF_RECORDS) | set(OF_FEATURES) == set(KINDS)
    assert not set(OF_RECORDS) & set(OF_FEATURES)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_engine_equals_oracle(kind: str, worlds: Worlds, effort: Effort) -> None:
    @effort.settings(EXAMPLES_A_KIND)
    @given(st.integers(0, worlds.count - 1), several_of(kind), asked_dates())
    def check(number: int, features: dict[str, Feature], asked: list[Asked]) -> None:
        compare(worlds[number], features, asked)

    check()


def test_all_kinds_in_one_plan_over_several_dates(worlds: Worlds, effort: Effort) -> None:
    @effort.settings(EXAMPLES_OF_ALL, shrink=False)
    @given(st.integers(0, worlds.count - 1), one_of_each(), asked_dates(most=3))
    def check(number: int, features: dict[str, Feature], asked: list[Asked]) -> None:
        compare(worlds[number], features, asked)

    check()
