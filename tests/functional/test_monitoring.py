"""A model that was promoted, a year that passed, records that changed: what monitoring sees, says and stops."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from test_support.models import MODEL, promote, small_model, use

BEFORE, DAY, DAY_AFTER = "2024-01-31", "2025-01-31", "2025-01-30"
LIMITS = {
    "psi_stop = 0.9": "psi_warn = 0.1\npsi_stop = 0.25\nmissing_increase_warn = 0.05\nmissing_increase_stop = 0.2\n"
    "imputed_warn = 0.1\nin_the_large_warn = 0.02"
}


def watched(folder: Path, on_breach: str) -> Path:
    model = small_model(folder)
    text = (model / "model.toml").read_text()
    for old, new in {**LIMITS, 'on_breach = "stop"': f'on_breach = "{on_breach}"'}.items():
        assert old in text
        text = text.replace(old, new)
    (model / "model.toml").write_text(text)
    return model


def lose_records(folder: Path) -> None:
    """A year in which blood pressure came without a number, and two in three emergency admissions with no record."""
    for path in folder.glob("measurements/*.parquet"):
        rows = pl.read_parquet(path)
        pressures = rows.filter(pl.col("unit").cast(pl.String).is_in(["mmHg", "mm[Hg]"]))["record_id"]
        assert pressures.len() > 1_000
        rows.filter(~pl.col("record_id").is_in(pressures.implode())).write_parquet(path)
    for path in folder.glob("spells/*.parquet"):
        rows = pl.read_parquet(path)
        late = pl.col("admission_date") > pl.date(2024, 1, 31)
        rows.filter(~(late & (pl.int_range(pl.len()) % 3 > 0))).write_parquet(path)
    facts = json.loads((folder / "extract.json").read_text())
    for name in facts["files"]:
        if name.startswith(("measurements/", "spells/")):
            path = folder / name
            rows = pl.scan_parquet(path).select(pl.len()).collect().item()
            facts["files"][name] = {"rows": rows, "sha256": sha256(path.read_bytes()).hexdigest()}
    (folder / "extract.json").write_text(json.dumps(facts))


def monitored(site, day: str) -> dict[str, dict]:
    """Give, by network, what monitoring saw in the delivery of a day."""
    found = {}
    for delivery in site.deliveries():
        summary = json.loads((delivery / "summary.json").read_text())
        if summary["index_date"] == day:
            found[delivery.name] = {**summary["monitoring"][MODEL], "folder": delivery}
    return found


@pytest.fixture(scope="module")
def year_later(trained, tmp_path_factory):
    """A folder of the site with versions that warn and that stop, before anything ran."""
    from pophealth.config import load_config
    from pophealth.runs.retrain import retrain

    site = type(trained)(Path(shutil.copytree(trained.folder, tmp_path_factory.mktemp("watched") / "site")))
    for on_breach in ("warn", "stop"):
        retrain(load_config(Path(site.config)), watched(site.folder / on_breach, on_breach), lambda *_: None)
    site.hand_over_everything()
    use(site, MODEL)
    return site


def test_a_year_in_which_records_were_lost_is_seen_told_and_stopped(year_later, pophealth, capsys) -> None:
    site = year_later
    assert promote(site, pophealth, MODEL, 3) == 0
    assert pophealth("run", site.config, "--index-date", BEFORE) == 0
    quiet = monitored(site, BEFORE)
    for told in quiet.values():
        assert "in_the_large" not in told, "its months are not over"
        assert told["psi"]["risk"] < 0.1
        assert told["breaches"] == []
    capsys.readouterr()

    lose_records(site.folder)
    assert pophealth("ingest", site.config) == 0
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    said = capsys.readouterr()
    for network, told in monitored(site, DAY).items():
        what = {(breach["what"], breach["column"]) for breach in told["breaches"]}
        assert {("growth of the share missing", "sbp_latest_5y_mmhg"), ("share imputed", "any input")} <= what
        assert ("distance of outcomes from risks", "risk") in what
        assert told["missing"]["sbp_latest_5y_mmhg"]["now"] > 0.95
        assert told["in_the_large"]["gap"] < -0.02
        assert told["in_the_large"]["events"] < told["in_the_large"]["expected"]
        assert not any(breach["stops"] for breach in told["breaches"])
        assert f"{network}: {len(told['breaches'])} limits of model {MODEL} passed" in said.err + said.out
        page = (told["folder"] / "site" / "quality.html").read_text()
        assert "Share imputed of" in page
        assert "Distance of outcomes from risks" in page
        assert f"{told['in_the_large']['events']}</td>" in page

    before = {path: sha256(path.read_bytes()).hexdigest() for path in site.folder.glob("data/deliveries/**/*.arrow")}
    assert promote(site, pophealth, MODEL, 4) == 0
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY_AFTER) == 4
    told = capsys.readouterr().err
    assert f"limits of model {MODEL} were passed at which it asks to stop" in told
    assert "growth of the share missing of sbp_latest_5y_mmhg 0." in told
    after = {path: sha256(path.read_bytes()).hexdigest() for path in site.folder.glob("data/deliveries/**/*.arrow")}
    assert after == before
