"""No answer depends on how people are cut into shards, rows into pieces, or work into threads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from polars.testing import assert_frame_equal

from oracles.conftest import Effort, Opened, Worlds
from oracles.engine import engine_answers
from oracles.strategies import Asked, asked_dates, one_of_each
from pophealth.declare import Feature
from pophealth.register import Snapshot, open_writer

WORLD = 2
"""The number of a world of three practices, the largest of which needs many small shards."""
THREADS = 4
EXAMPLES = 3

Answer = Callable[[dict[str, Feature], list[Asked]], list[pl.DataFrame]]


def with_small_shards(patch: pytest.MonkeyPatch, people: int) -> None:
    """Cut shards after so many people, wherever the product looks the number up."""
    homes = [
        module
        for name, module in sys.modules.items()
        if name.startswith("pophealth.") and hasattr(module, "SHARD_PEOPLE")
    ]
    assert homes
    for module in homes:
        patch.setattr(module, "SHARD_PEOPLE", people)


def agree(opened: Opened, effort: Effort, other: Answer) -> None:
    """Refuse another way of answering that answers otherwise, one feature of every kind at a time."""

    @effort.settings(EXAMPLES, shrink=False)
    @given(one_of_each(), asked_dates(most=4))
    def check(features: dict[str, Feature], asked: list[Asked]) -> None:
        expected = engine_answers(opened.snapshot, features, opened.world, asked)
        for frame, twin in zip(expected, other(features, asked), strict=True):
            assert_frame_equal(frame, twin, check_exact=True)

    check()


def test_dates_together_and_one_by_one_are_the_same(opened: Opened, effort: Effort) -> None:
    agree(
        opened,
        effort,
        lambda features, asked: engine_answers(opened.snapshot, features, opened.world, asked, each=True),
    )


@pytest.fixture(scope="module")
def opened(worlds: Worlds) -> Opened:
    return worlds[WORLD]


@pytest.mark.parametrize("people", [3, 16])
def test_small_shards_change_nothing(people: int, opened: Opened, effort: Effort, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        with_small_shards(patch, people)
        small = opened.world.write(tmp_path)
    assert [small.manifest["practices"][practice]["shards"] for practice in small.practices] == [
        -(-small.rows(practice)["patients"] // people) for practice in small.practices
    ]

    def answer(features: dict[str, Feature], asked: list[Asked]) -> list[pl.DataFrame]:
        with pytest.MonkeyPatch.context() as patch:
            with_small_shards(patch, people)
            return engine_answers(small, features, opened.world, asked)

    agree(opened, effort, answer)


def test_rows_in_any_order_and_any_pieces_change_nothing(opened: Opened, effort: Effort, tmp_path: Path) -> None:
    pieces = in_pieces(opened, tmp_path, np.random.default_rng(5))
    agree(opened, effort, lambda features, asked: engine_answers(pieces, features, opened.world, asked))


def in_pieces(opened: Opened, root: Path, rng: np.random.Generator) -> Snapshot:
    """Give the same world, its rows shuffled and handed over a few at a time, practices and tables in turn."""
    pieces = [
        (table, practice, shuffled[start : start + 97])
        for practice, tables in opened.world.tables.items()
        for table, frame in tables.items()
        for shuffled in [frame[rng.permutation(frame.height)]]
        for start in range(0, frame.height, 97)
    ]
    with open_writer(root) as writer:
        for place in rng.permutation(len(pieces)):
            writer.spool(*pieces[place])
        return writer.finish(facts={"extract_date": "2026-12-31"}, documents={})


def test_threads_change_nothing(opened: Opened, effort: Effort) -> None:
    def answer(features: dict[str, Feature], asked: list[Asked]) -> list[pl.DataFrame]:
        with ThreadPoolExecutor(THREADS) as pool:
            work = [pool.submit(engine_answers, opened.snapshot, features, opened.world, asked) for _ in range(THREADS)]
            all_of_them = [one.result() for one in work]
        for other in all_of_them[1:]:
            for frame, twin in zip(all_of_them[0], other, strict=True):
                assert_frame_equal(frame, twin, check_exact=True)
        return all_of_them[0]

    agree(opened, effort, answer)
