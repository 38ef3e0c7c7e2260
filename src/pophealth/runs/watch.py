"""Gives what monitoring sees: how far tonight's people are from those a model was trained on, and whether risks came true."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.declare.predicted import risk_column
from pophealth.declare.window import months_before
from pophealth.errors import DataContractError
from pophealth.files import check_sha256
from pophealth.runs.journal import read_journal
from pophealth.runs.resume import deliveries_folder, is_committed
from pophealth.runs.scoring import in_population, scoring_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pophealth.line import Task
    from pophealth.plan import Plan
    from pophealth.register import Bucket
    from pophealth.runs.in_use import ModelInUse
    from pophealth.runs.night import Night

HELD_OUT = "held_out"


def watch(plan: Plan, frame: pl.DataFrame, network: str) -> dict[str, Any]:
    """Give, by model, what tonight's frame looks like beside the one it was trained on, and the limits passed.

    Raises
    ------
    DataContractError
        A limit was passed at which the model asks that a network be stopped.
    """
    return {model.spec.id: _watched(model, frame, network) for model in scoring_models(plan)}


def _watched(model: ModelInUse, frame: pl.DataFrame, network: str) -> dict[str, Any]:
    from pophealth.prediction.apply import imputed_share
    from pophealth.prediction.drift import breaches_of, compare_with

    mine = frame.filter(in_population(frame, model))
    report = {
        "version": str(model.version),
        "alias": model.alias,
        **compare_with(model.fitted.reference, mine, mine[risk_column(model.spec.id)]),
        "imputed_share": imputed_share(model.fitted, mine.select(model.inputs)),
    }
    breaches = breaches_of(report, model.spec.monitoring)
    stopping = [breach.words() for breach in breaches if breach.stops]
    if stopping:
        msg = (
            f"network {network}: {len(stopping)} limits of model {model.spec.id} were passed at which it asks to stop, "
            f"first: {stopping[0]}. Look at the extract; if the change is real, train and promote a new version."
        )
        raise DataContractError(msg)
    return report | {"breaches": [asdict(breach) for breach in breaches]}


def with_outcomes(night: Night, task: Task, monitoring: Mapping[str, Any]) -> dict[str, Any]:
    """Give `monitoring` with, by model, whether the risks of an earlier delivery came true on average.

    Read is the latest delivery of the network that this version scored and whose months are over by the extract's last
    day less the recording lag; where there is none, nothing is added. Where people were held out of the programme, they
    are told apart: a list that works keeps risks from coming true, and that is no drift.
    """
    told = dict(monitoring)
    if night.extract_date is None:
        return told
    known_to = night.extract_date - timedelta(days=night.config.extract.recording_lag_days)
    for model in scoring_models(night.plan):
        latest = months_before(known_to, model.fitted.horizon_months)
        folder = _scored_before(night.config.site.data_root, task.network, model, latest)
        if folder is not None:
            buckets = [night.snapshot.bucket(code) for code in task.practices if code in night.snapshot.practices]
            told[model.spec.id] = _came_true(told[model.spec.id], model, night.plan, buckets, folder, known_to)
    return told


def _scored_before(data_root: Path, network: str, model: ModelInUse, latest: date) -> Path | None:
    """Give the delivery with the latest index date up to `latest` that this very version scored."""
    days = {entry["run_id"]: entry["index_date"] for entry in read_journal(data_root) if entry["event"] == "started"}
    for run_id, day in sorted(days.items(), key=lambda item: (item[1], item[0]), reverse=True):
        run = deliveries_folder(data_root) / run_id
        if day > latest.isoformat() or not is_committed(run, network):
            continue
        manifest = json.loads((run / network / "MANIFEST.json").read_bytes())
        scored_by = manifest.get("models", {}).get(model.spec.id, {})
        if scored_by.get("sha256") == model.sha256 and "patients.arrow" in manifest["files"]:
            return Path(run / network)
    return None


def _came_true(
    told: dict[str, Any],
    model: ModelInUse,
    plan: Plan,
    buckets: list[Bucket],
    folder: Path,
    known_to: date,
) -> dict[str, Any]:
    from pophealth.prediction.drift import breaches_of, in_the_large

    manifest = json.loads((folder / "MANIFEST.json").read_bytes())
    rows = _delivered(folder, manifest, "patients.arrow", ["patient_id", risk_column(model.spec.id)])
    rows = rows.rename({risk_column(model.spec.id): "risk"}).drop_nulls()
    rows = rows.with_columns(index_date=pl.lit(date.fromisoformat(manifest["index_date"])))
    parts = [_outcomes(rows, model, plan, bucket, known_to) for bucket in buckets]
    seen = pl.concat(parts).filter(pl.col("ended_by") != "left") if parts else rows.head(0)
    if not seen.height:
        return told
    figures = in_the_large(seen["risk"].to_numpy(), seen["event"].to_numpy())
    report = told | {"in_the_large": figures | {"run_id": manifest["run_id"], "index_date": manifest["index_date"]}}
    judged = report
    if "plan.arrow" in manifest["files"]:
        places = _delivered(folder, manifest, "plan.arrow", ["patient_id", "place"])
        held = places.filter(pl.col("place").cast(pl.String) == HELD_OUT)["patient_id"].cast(pl.String)
        out = seen.filter(pl.col("patient_id").is_in(held.implode()))
        if out.height:
            report["in_the_large_held_out"] = in_the_large(out["risk"].to_numpy(), out["event"].to_numpy())
            judged = report | {"in_the_large": report["in_the_large_held_out"]}
    return report | {"breaches": [asdict(breach) for breach in breaches_of(judged, model.spec.monitoring)]}


def _delivered(folder: Path, manifest: Mapping[str, Any], name: str, columns: list[str]) -> pl.DataFrame:
    check_sha256(folder / name, manifest["files"][name]["sha256"], f"earlier delivery of {folder.name}")
    return pl.read_ipc(folder / name, columns=columns).with_columns(pl.col("patient_id").cast(pl.String))


def _outcomes(rows: pl.DataFrame, model: ModelInUse, plan: Plan, bucket: Bucket, known_to: date) -> pl.DataFrame:
    """Give the rows of a practice's people with what came of them."""
    from pophealth.prediction.outcome import follow_up, outcomes_after
    from pophealth.runs.training_frame import happened_in

    mine = rows.filter(pl.col("patient_id").is_in(bucket.people["patient_id"].implode()))
    regular = bucket.registrations.filter(pl.col("registration_type").cast(pl.String) == "regular")
    found = outcomes_after(
        mine,
        model.spec.outcome,
        known_to=known_to,
        happened=happened_in(model.spec.outcome, plan.library, bucket),
        deaths=bucket.people.select("patient_id", "death_date"),
        followed_to=follow_up(mine, regular),
    )
    return mine.join(found, on=["patient_id", "index_date"], how="inner")
