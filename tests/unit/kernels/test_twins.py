"""Every kernel gives what its slow twin gives, whatever the chunking, the order, the number of dates and of threads."""

from __future__ import annotations

import random
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features_world import Row, Stay, compiled, declared, rows_of_world, shards_of
from pophealth.declare import KINDS
from pophealth.features import evaluate, evaluate_dates
from pophealth.features.archived import ARCHIVED_KINDS

sys.path.insert(0, str(Path(__file__).parent))
from twins import TWINS, expected

DATES = {
    date(2019, 12, 31): "2019-20",
    date(2020, 2, 29): "2019-20",
    date(2020, 4, 1): "2020-21",
    date(2021, 2, 28): "2020-21",
}
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def answers(seed: int, index_date: date, people: int = 40) -> pl.DataFrame:
    world, frame = rows_of_world(seed, people)
    return evaluate(compiled(seed % 8), shards_of(world, people), frame, index_date, DATES[index_date])


def test_every_kind_that_kernels_answer_has_a_twin() -> None:
    assert set(TWINS) == {name for name, kind in KINDS.items() if not kind.is_derived} - ARCHIVED_KINDS
    assert {feature.kind for feature in declared(0).values()} == set(TWINS)


@QUICK
@given(seed=st.integers(0, 40), index_date=st.sampled_from(sorted(DATES)))
def test_equal_to_the_twin(seed: int, index_date: date) -> None:
    (rows, stays), _ = rows_of_world(seed, 40)
    given = answers(seed, index_date)
    plan = compiled(seed % 8)
    assert len(plan.features) > 40
    for feature in plan.features:  # a codelist without an ICD-10 code cannot be looked for among diagnoses
        ours = given.select(*feature.outputs).to_dicts()
        for person in range(40):
            mine = [row for row in rows if row.person == person]
            theirs = expected(
                feature, mine, [stay for stay in stays if stay.person == person], index_date, DATES[index_date]
            )
            assert same(ours[person], theirs), f"{feature} person {person}: {ours[person]} for {theirs}"


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {name: str(value) for name, value in one.items()} == {name: str(value) for name, value in other.items()}


@QUICK
@given(seed=st.integers(0, 7), cuts=st.sets(st.integers(0, 40), max_size=5), shuffled=st.randoms(use_true_random=False))
def test_chunking_and_order_change_nothing(seed: int, cuts: set[int], shuffled: random.Random) -> None:
    (rows, stays), people = rows_of_world(seed, 40)
    mixed: tuple[list[Row], list[Stay]] = (shuffled.sample(rows, len(rows)), stays)
    given = evaluate(compiled(seed), shards_of(mixed, 40, sorted(cuts)), people, date(2020, 2, 29), "2019-20")
    assert given.equals(answers(seed, date(2020, 2, 29)))
    assert given.schema == answers(seed, date(2020, 2, 29)).schema


@QUICK
@given(seed=st.integers(0, 7), days=st.sets(st.sampled_from(sorted(DATES)), min_size=2))
def test_many_dates_equal_one_by_one(seed: int, days: set[date]) -> None:
    world, people = rows_of_world(seed, 40)
    years = [DATES[day] for day in sorted(days)]
    together = list(evaluate_dates(compiled(seed), shards_of(world, 40, (11,)), people, sorted(days), years))
    for day, frame in zip(sorted(days), together, strict=True):
        assert frame.equals(answers(seed, day)), day


@pytest.mark.parametrize("n_dates", [64, 65])
def test_more_dates_than_bits_of_a_word(n_dates: int) -> None:
    world, people = rows_of_world(3, 40)
    days = [date(2020, 1, 1) + timedelta(days=3 * number) for number in range(n_dates)]
    together = list(evaluate_dates(compiled(3), shards_of(world, 40, (11,)), people, days, ["2019-20"] * n_dates))
    for number in (0, 1, 31, 62, n_dates - 1):
        alone = evaluate(compiled(3), shards_of(world, 40), people, days[number], "2019-20")
        assert together[number].equals(alone), number


def test_a_contract_year_that_steps_back_is_read_anew() -> None:
    world, people = rows_of_world(2, 40)
    asked = [(date(2020, 1, 1), "2020-21"), (date(2020, 2, 1), "2018-19"), (date(2020, 6, 1), "2020-21")]
    shards = shards_of(world, 40)
    for seed in range(3):
        together = evaluate_dates(
            compiled(seed), shards, people, [day for day, _ in asked], [year for _, year in asked]
        )
        for (day, year), frame in zip(asked, together, strict=True):
            assert frame.equals(evaluate(compiled(seed), shards, people, day, year)), (seed, day)


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_change_nothing(threads: int) -> None:
    days = sorted(DATES)

    def work(seed: int) -> pl.DataFrame:
        return answers(seed, days[seed % 4])

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(work, range(8)))
    assert all(frame.equals(work(seed)) for seed, frame in enumerate(found))
