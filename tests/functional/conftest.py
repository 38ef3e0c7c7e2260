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

    def configure(self, *changes: tuple[str, str]) -> None:
        """Replace text in the configuration, each of which must be there."""
        path = Path(self.config)
        text = path.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text)

    def hand_over_everything(self) -> None:
        """Let runs write pages, workbook and files too."""
        self.configure((TABLES_ONLY, EVERYTHING))

    def deliveries(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("**/deliveries/*/U*") if path.is_dir())


Command = Callable[..., int]

EVERYTHING = 'pages = true\nworkbook = true\ngp_presets = ["nhs-only", "nhs-dob"]\n'
TABLES_ONLY = "pages = false\nworkbook = false\n"
"""Most tests look at tables; pages and workbook would cost each of them seconds."""


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
    config = folder / "config.toml"
    config.write_text(config.read_text().replace(EVERYTHING, TABLES_ONLY))
    ingest(load_config(folder / "config.toml"))
    return Site(folder)


@pytest.fixture
def site(ingested: Site, tmp_path: Path) -> Site:
    """Give a copy of the ingested site that a test may change."""
    return Site(Path(shutil.copytree(ingested.folder, tmp_path / "site")))


@pytest.fixture(scope="session")
def trained(ingested: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The small site with two versions of one model and one of how its risk moves; nothing is promoted."""
    from pophealth.config import load_config
    from pophealth.runs.retrain import retrain
    from test_support.models import rising_model, small_model

    site = Site(Path(shutil.copytree(ingested.folder, tmp_path_factory.mktemp("trained") / "site")))
    config = load_config(Path(site.config))
    small, rising = small_model(site.folder / "models"), rising_model(site.folder / "models")
    for folder in (small, small, rising):
        version, gates = retrain(config, folder, lambda *_: None)
        assert all(gate.passed for gate in gates)
    assert (version.model_id, version.version) == ("rising_risk", 1)
    return site
