"""One small synthetic site, made once and copied for every test that changes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from pophealth.cli import main

INDEX_DATE = date(2025, 1, 31)


@dataclass(frozen=True)
class Site:
    """A folder with a configuration, an extract and, once ingested, a register."""

    folder: Path

    @property
    def config(self) -> str:
        return str(self.folder / "config.toml")

    def deliveries(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("**/deliveries/*/U*") if path.is_dir())


Command = Callable[..., int]


@pytest.fixture
def pophealth(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process and give its exit code."""

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["pophealth", *map(str, words)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return call


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Site:
    from pophealth.config import load_config
    from pophealth.runs.intake import ingest
    from pophealth.runs.keys import initialise_keys
    from pophealth.synthetic import generate

    folder = tmp_path_factory.mktemp("site") / "made"
    generate(folder, networks=2, patients=2_000, seed=7, index_date=INDEX_DATE)
    initialise_keys(folder / "keys")
    ingest(load_config(folder / "config.toml"))
    return Site(folder)


@pytest.fixture
def site(ingested: Site, tmp_path: Path) -> Site:
    """Give a copy of the ingested site that a test may change."""
    return Site(Path(shutil.copytree(ingested.folder, tmp_path / "site")))
