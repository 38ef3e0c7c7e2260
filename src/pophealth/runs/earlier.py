"""Gives what a network was handed the last time, as far as the next plan and its changes are counted against it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pophealth.delivery.verify import MANIFEST
from pophealth.files import check_sha256
from pophealth.runs.journal import read_journal
from pophealth.runs.resume import deliveries_folder, is_committed
from pophealth.terms import Status


@dataclass(frozen=True)
class Earlier:
    """A delivery of an earlier index date.

    Attributes
    ----------
    listed : DataFrame
        patient_id, rule_id, status of the listed rows.
    plan : DataFrame
        patient_id, role, place.
    people : Series
        Everybody counted in then.
    rule_digests, models : dict
        What each rule was made of, and which version of each model scored.
    """

    run_id: str
    index_date: date
    listed: pl.DataFrame
    plan: pl.DataFrame
    people: pl.Series
    rule_digests: dict[str, str]
    models: dict[str, Any]


def runs_before(data_root: Path, index_date: date) -> dict[str, str]:
    """Give, for each network, the run that delivered it on the latest earlier index date, the one begun last of several.

    A delivery that was pruned since is none.
    """
    dates: dict[str, str] = {}
    found: dict[str, tuple[str, str]] = {}
    for entry in read_journal(data_root):
        if entry["event"] == "started":
            dates[entry["run_id"]] = entry["index_date"]
        elif entry["event"] == "delivered":
            day = dates.get(entry["run_id"], "")
            network, best = entry["network"], found.get(entry["network"], ("", ""))
            if best[0] <= day < index_date.isoformat() and day:
                found[network] = (day, entry["run_id"])
    root = deliveries_folder(data_root)
    return {network: run for network, (_, run) in found.items() if is_committed(root / run, network)}


def read_earlier(data_root: Path, run_id: str, network: str) -> Earlier | None:
    """Give a network's delivery of an earlier run; none where it holds no rows (another purpose, an older release).

    Raises
    ------
    IntegrityError
        A file is not what its manifest says.
    """
    folder = deliveries_folder(data_root) / run_id / network
    manifest = json.loads((folder / MANIFEST).read_bytes())
    files = manifest["files"]
    if not {"members.arrow", "plan.arrow", "patients.arrow"} <= set(files):
        return None
    for name in ("members.arrow", "plan.arrow", "patients.arrow", "summary.json"):
        check_sha256(folder / name, files[name]["sha256"], f"delivery {network} of the earlier run {run_id[:16]}")
    members = _read(folder / "members.arrow", ["patient_id", "rule_id", "status"])
    summary = json.loads((folder / "summary.json").read_bytes())
    return Earlier(
        run_id,
        date.fromisoformat(manifest["index_date"]),
        members.filter(pl.col("status").cast(pl.String) == Status.LISTED.value),
        _read(folder / "plan.arrow", ["patient_id", "role", "place"]),
        _read(folder / "patients.arrow", ["patient_id"])["patient_id"].cast(pl.String),
        {rule_id: rule.get("digest", "") for rule_id, rule in summary["rules"].items()},
        manifest.get("models", {}),
    )


def _read(path: Path, columns: list[str]) -> pl.DataFrame:
    return pl.read_ipc(path, columns=columns)
