"""Fixtures of the oracle's tests: worlds made once a session, and how many examples hypothesis tries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, settings

from oracles.database import open_database
from oracles.world import World, make_world
from pophealth.register import Snapshot


@dataclass(frozen=True)
class Opened:
    """A world as both sides read it."""

    number: int
    world: World
    snapshot: Snapshot
    database: duckdb.DuckDBPyConnection


class Worlds:
    """Worlds by number, each written and opened when first asked for."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._opened: dict[int, Opened] = {}
        self.count = count

    def __getitem__(self, number: int) -> Opened:
        if number not in self._opened:
            world = make_world(number)
            snapshot = world.write(self._folder / str(number))
            database = open_database(snapshot, world.library, world.medicine_map, world.bank_holidays)
            self._opened[number] = Opened(number, world, snapshot, database)
        return self._opened[number]


@dataclass(frozen=True)
class Effort:
    """How hard the oracle looks: every push a little, now and then deeply (POPHEALTH_ORACLE=deep)."""

    times: int

    def settings(self, examples: int, *, shrink: bool = True) -> settings:
        """Give hypothesis settings; the ordinary effort tries the same examples every time, the deep one others."""
        return settings(
            phases=[phase for phase in Phase if shrink or phase not in (Phase.shrink, Phase.explain)],
            max_examples=examples * self.times,
            derandomize=self.times == 1,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )


@pytest.fixture(scope="session")
def effort() -> Effort:
    return Effort(20 if os.environ.get("POPHEALTH_ORACLE") == "deep" else 1)


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory, effort: Effort) -> Worlds:
    return Worlds(tmp_path_factory.mktemp("worlds"), 8 * effort.times)
