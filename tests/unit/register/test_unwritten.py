"""Rows in memory against the same rows as shards made row by row: the same answers, in any order and any pieces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pytest

from features_world import N_CODES, TABLES, compiled, rows_of_world
from features_world import shards_of as plain_shards
from pophealth.errors import DataContractError
from pophealth.features import evaluate
from pophealth.register.unwritten import shards_of

PEOPLE = 40
IDS = np.random.default_rng(3).permutation(10**6)[:PEOPLE].astype(np.int64) - 500_000
CODES = np.random.default_rng(4).permutation(10**6)[:N_CODES].astype(np.int64)
MORE = ("supply", "repeat", "value", "unit", "setting", "comparator", "micros", "position", "method")


def _columns(rows: list[Any], names: dict[str, str]) -> dict[str, np.ndarray]:
    return {name: np.array([getattr(row, field) for row in rows]) for name, field in names.items()}


def _pieces(columns: dict[str, np.ndarray], cut: int) -> Iterator[dict[str, np.ndarray]]:
    yield {name: column[:cut] for name, column in columns.items()}
    yield {name: column[cut:] for name, column in columns.items()}


def _coded(rows: list[Any], table: str, random: np.random.Generator | None) -> Iterator[dict[str, np.ndarray]]:
    mine = sorted((row for row in rows if row.table == table), key=lambda row: (row.person, row.day))
    if random is not None:
        random.shuffle(mine)
    columns = _columns(mine, {"day": "day", "recorded": "recorded", **{name: name for name in MORE}})
    columns["person"] = IDS[[row.person for row in mine]] if mine else np.empty(0, np.int64)
    columns["code"] = CODES[[row.concept for row in mine]] if mine else np.empty(0, np.int64)
    strange = {name: np.concatenate([column, column[:3]]) for name, column in columns.items()}
    strange["code"][-3:] = -1  # a code nobody asks for: dropped
    return _pieces(strange, len(mine) // 3)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shuffled", "shard_people"), [(False, 16_384), (True, 16_384), (True, 7)])
def test_the_same_answers(seed: int, shuffled: bool, shard_people: int) -> None:
    (rows, stays), people = rows_of_world(seed, PEOPLE)
    random = np.random.default_rng(seed) if shuffled else None
    coded = {table: _coded(rows, table, random) for table in TABLES}
    days = {"first": "first", "last": "last", "method": "method"}
    runs = {}
    for table in ("spells", "attendances"):
        mine = sorted((stay for stay in stays if stay.table == table), key=lambda stay: (stay.person * 7) % PEOPLE)
        columns = _columns(mine, days) | {"person": IDS[[stay.person for stay in mine]]}
        runs[table] = _pieces(columns, len(mine) // 2)
    made = shards_of(IDS, coded, runs, dict.fromkeys(TABLES, CODES), shard_people=shard_people)
    assert sum(shard.n_people for shard in made) == PEOPLE
    expected = plain_shards((rows, stays), PEOPLE)
    for day, year in ((date(2020, 2, 29), "2019-20"), (date(2021, 4, 1), "2021-22")):
        given = evaluate(compiled(seed), made, people, day, year)
        assert given.equals(evaluate(compiled(seed), expected, people, day, year))


def test_nobody_and_nothing() -> None:
    none = np.empty(0, np.int64)
    assert shards_of(none, {"events": []}, {"spells": []}, {"events": CODES}) == ()
    (shard,) = shards_of(IDS, {"events": []}, {"spells": []}, {"events": CODES})
    assert shard.postings["events"].entries.size == 0
    assert shard.postings["events"].offsets.size == N_CODES + 1
    assert shard.stays["spells"].offsets.tolist() == [0] * (PEOPLE + 1)


def _row(**changed: int) -> dict[str, np.ndarray]:
    row = {"person": int(IDS[0]), "code": int(CODES[0]), "day": 40_000, "recorded": 40_000} | changed
    return {name: np.array([value], np.int64) for name, value in row.items()}


def test_what_does_not_fit_is_refused() -> None:
    codes = {"events": CODES}
    with pytest.raises(DataContractError, match="1 of 1 rows belong to nobody"):
        shards_of(IDS, {"events": [_row(person=10**7)]}, {}, codes)
    with pytest.raises(DataContractError, match="1 are dated before"):
        shards_of(IDS, {"events": [_row(day=0)]}, {}, codes)
    with pytest.raises(DataContractError, match="1 are dated before"):
        shards_of(IDS, {"events": [_row(day=65_536)]}, {}, codes)
    with pytest.raises(DataContractError, match="1 of 41 people stand there twice"):
        shards_of(np.append(IDS, IDS[:1]), {}, {}, {})
    with pytest.raises(DataContractError, match="1 of 2 codes of events"):
        shards_of(IDS, {"events": []}, {}, {"events": CODES[[0, 0]]})
    with pytest.raises(DataContractError, match="1 to 65,536 people"):
        shards_of(IDS, {}, {}, {}, shard_people=0)
