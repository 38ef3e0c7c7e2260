"""A programme evaluated out of its own deliveries: a planted effect is found, by lot and at the cut-off."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pophealth.config import load_config
from pophealth.errors import UsageError
from pophealth.runs.holdout import evaluate_holdout
from test_support.sites import make_site

FIRST, LATER, EFFECT = "a" * 64, "b" * 64, -0.12
PEOPLE, SLOTS = 3_000, 1_500


def plan(rng: np.random.Generator, *, drawn_share: float) -> pl.DataFrame:
    """A plan of one role: the first so many have a place, those drawn stand behind the others."""
    drawn = rng.random(PEOPLE) < drawn_share
    order = np.argsort(drawn, kind="stable")
    place = np.empty(PEOPLE, dtype=object)
    until = np.empty(PEOPLE, np.int32)
    until[order] = np.arange(1, PEOPLE + 1)
    place[:] = np.where(until <= SLOTS, "planned", np.where(drawn, "held_out", "waiting"))
    return pl.DataFrame(
        {
            "patient_id": [f"{number:04d}" for number in range(PEOPLE)],
            "role": "gp",
            "is_urgent": False,
            "is_owed": np.arange(PEOPLE) >= PEOPLE - 10,
            "place": pl.Series(place.tolist(), dtype=pl.String),
            "slots_until_here": until,
            "is_drawn": drawn,
            "has_place_undrawn": np.arange(PEOPLE) < SLOTS,
        }
    )


def deliver(root: Path, run: str, index_date: str, name: str, frame: pl.DataFrame) -> None:
    folder = root / "deliveries" / run / "U11111"
    folder.mkdir(parents=True)
    frame.write_ipc(folder / name)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    manifest = {"index_date": index_date, "files": {name: {"sha256": digest}}}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    (folder / "COMMITTED").write_text("")


@pytest.fixture
def world(tmp_path: Path):
    """Makes a site whose two runs hold a plan and outcomes on which being offered had an effect."""

    def make(drawn_share: float, seed: int = 1):
        rng = np.random.default_rng(seed)
        config = load_config(make_site(tmp_path / f"site{drawn_share}{seed}", register=False))
        made = plan(rng, drawn_share=drawn_share)
        # those further down the order are at lower risk, whoever is offered
        risk = 0.5 - 0.1 * np.arange(PEOPLE) / PEOPLE + EFFECT * (made["place"] == "planned").to_numpy()
        had_event = rng.random(PEOPLE) < risk
        later = pl.DataFrame({"patient_id": made["patient_id"], "has_event_12m": had_event, "name": "x"})[:-50]
        root = config.site.data_root
        deliver(root, FIRST, "2024-01-31", "plan.arrow", made)
        deliver(root, LATER, "2025-01-31", "patients.arrow", later)
        return config

    return make


def test_a_lot_finds_the_effect(world) -> None:
    found = evaluate_holdout(world(0.3), FIRST, LATER, "has_event_12m")
    (estimate,) = found.estimates
    assert estimate.design == "randomised"
    assert estimate.low < EFFECT < estimate.high < 0
    assert estimate.with_offer + estimate.without_offer == SLOTS
    assert found.lost == 40, "50 are gone, 10 of them were owed the offer and are in no comparison"


def test_without_a_lot_the_cut_off_does(world) -> None:
    effects = []
    for seed in range(1, 9):
        (estimate,) = evaluate_holdout(world(0.0, seed), FIRST, LATER, "has_event_12m").estimates
        assert estimate.design == "discontinuity"
        assert estimate.bandwidth > 0
        effects.append((estimate.effect, estimate.low <= EFFECT <= estimate.high))
    assert np.mean([effect for effect, _ in effects]) == pytest.approx(EFFECT, abs=0.05)
    assert sum(covered for _, covered in effects) >= 6


def test_what_cannot_be_compared_is_said(world, pophealth, capsys) -> None:
    config = world(0.0)
    with pytest.raises(UsageError, match="no column has_no_such"):
        evaluate_holdout(config, FIRST, LATER, "has_no_such")
    with pytest.raises(UsageError, match="neither a number nor a yes-or-no"):
        evaluate_holdout(config, FIRST, LATER, "name")
    with pytest.raises(UsageError, match="no delivered network in common"):
        evaluate_holdout(config, FIRST, "c" * 64, "has_event_12m")
    with pytest.raises(UsageError, match="delivered no plan"):
        evaluate_holdout(config, LATER, FIRST, "has_event_12m")
    site = config.site.data_root.parent / "config.toml"
    words = ("holdout", "evaluate", site, "--run", FIRST, "--later", LATER, "--outcome", "has_event_12m")
    assert pophealth(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["networks"] == ["U11111"]
    assert told["estimates"][0]["design"] == "discontinuity"
    assert pophealth(*words) == 0
    assert "95 % interval" in capsys.readouterr().out
