"""What cannot be trusted or learnt from ends a command by name, with its exit code; the last good delivery stays as it was."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from test_support.models import MODEL, promote, small_model, use

DAY, NEXT_DAY = "2024-12-31", "2025-01-31"


def hashes(site) -> dict[str, str]:
    """Give the hash of every file of every delivery."""
    files = [path for folder in site.deliveries() for path in folder.rglob("*") if path.is_file()]
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


@pytest.fixture
def delivered(trained, pophealth, tmp_path, capsys):
    """A site with a promoted model and a delivery that it scored."""
    site = type(trained)(Path(shutil.copytree(trained.folder, tmp_path / "site")))
    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    capsys.readouterr()
    return site


@pytest.fixture
def tonight(delivered, pophealth, capsys):
    """Give what a run of the next date says on its way out; what was delivered before must be what it was."""
    before = hashes(delivered)
    assert len(before) > 10

    def refused(code: int) -> str:
        assert pophealth("run", delivered.config, "--index-date", NEXT_DAY) == code
        after = hashes(delivered)
        assert before.items() <= after.items()
        assert (len(after) > len(before)) == (code == 0)
        return str(capsys.readouterr().err)

    return refused


def test_a_flipped_byte_in_any_file_of_the_version_is_refused_by_its_name(delivered, tonight) -> None:
    from pophealth.config import load_config
    from pophealth.runs.registry import registry_of

    folder = registry_of(load_config(Path(delivered.config))).version(MODEL, "1").folder
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert {"estimator.skops", "model.json", "card.md", "report.json", "signature.json"} <= {
        path.name for path in files
    }
    for path in files:
        whole = path.read_bytes()
        flip(path)
        assert path.name in tonight(5)
        path.unlink()
        assert path.name in tonight(5)
        path.write_bytes(whole)
    tonight(0)  # every byte is back


def test_a_registry_that_went_away_is_tried_later(delivered, tonight) -> None:
    (delivered.folder / "data" / "state" / "mlflow.db").unlink()
    assert "mlflow.db is gone" in tonight(75)
    assert not (delivered.folder / "data" / "state" / "mlflow.db").exists(), "SQLite would make it anew, and empty"


def test_a_registry_that_is_no_database_is_refused(delivered, tonight) -> None:
    file = delivered.folder / "data" / "state" / "mlflow.db"
    whole = file.read_bytes()
    for damaged in (b"not a database" * 100, whole[:100] + b"\xff" * 8192 + whole[8292:]):
        file.write_bytes(damaged)
        assert "mlflow.db is damaged; restore the file" in tonight(5)


def test_a_registry_on_a_closed_port_is_tried_later(delivered, tonight) -> None:
    config = Path(delivered.config)
    config.write_text(config.read_text() + 'tracking_uri = "postgresql://somebody:secret@127.0.0.1:1/models"\n')
    told = tonight(75)
    assert "cannot be reached" in told
    assert "secret" not in told


def test_a_model_of_other_codelists_is_refused_by_the_feature(delivered, tonight) -> None:
    shipped = Path(__file__).parents[2] / "src" / "pophealth" / "reference" / "codelists" / "heart_failure.csv"
    lines = shipped.read_text().splitlines()
    (delivered.folder / "codelists" / shipped.name).write_text("\n".join(lines[:-1]) + "\n")
    assert "first has_heart_failure" in tonight(5)


USELESS = [
    ({'"age_years >= 18"': '"age_years >= 18 AND sbp_latest_5y_mmhg IS NULL"'}, "missing for everybody: sbp_latest"),
    ({'"age_years >= 18"': '"age_years >= 18 AND has_copd"'}, "the same for everybody: has_copd"),
    (
        {"emergency_admission_or_death": "care_home_entry", '"age_years >= 18"': '"age_years BETWEEN 18 AND 30"'},
        "no event of the outcome",
    ),
    ({'"age_years >= 18"': '"age_years > 150"'}, "nobody of its population"),
]


def test_what_cannot_be_learnt_from_is_refused_by_name(delivered, pophealth, capsys) -> None:
    folder = small_model(delivered.folder / "poor")
    whole = (folder / "model.toml").read_text()
    database = delivered.folder / "data" / "state" / "mlflow.db"
    before, registry = hashes(delivered), database.read_bytes()
    for change, named in USELESS:
        text = whole
        for old, new in change.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "model.toml").write_text(text)
        assert pophealth("models", "train", folder, "--config", delivered.config) == 3
        assert named in capsys.readouterr().err
    assert hashes(delivered) == before
    assert database.read_bytes() == registry, "nothing was registered"
