"""Synthetic extracts that several tests read: none of them changes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pophealth.synthetic import Facts, generate

INDEX_DATE = date(2025, 1, 31)


@dataclass(frozen=True)
class Extract:
    """What `generate` wrote, and what it said."""

    folder: Path
    facts: Facts

    def read(self, table: str) -> pl.DataFrame:
        return pl.concat([pl.read_parquet(path) for path in sorted((self.folder / table).glob("*.parquet"))])


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("small")
    return Extract(folder, generate(folder, networks=2, patients=2_000, seed=7, index_date=INDEX_DATE))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("large")
    return Extract(folder, generate(folder, networks=1, patients=40_000, seed=1, index_date=INDEX_DATE))


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("dirty")
    return Extract(folder, generate(folder, networks=2, patients=1_000, seed=3, index_date=INDEX_DATE, dirty=True))
