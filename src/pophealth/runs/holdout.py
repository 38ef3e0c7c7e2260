"""Gives what a programme changed, out of its own deliveries: the plan of one run, the outcome as a later run saw it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pophealth.delivery.verify import MANIFEST
from pophealth.errors import DataContractError, UsageError
from pophealth.files import check_sha256
from pophealth.planning.evaluate import Estimate, discontinuity, randomised
from pophealth.runs.resume import committed_networks, deliveries_folder
from pophealth.terms import network_code

if TYPE_CHECKING:
    from pophealth.config import Config

_PLAN = ("patient_id", "role", "is_urgent", "is_owed", "place", "slots_until_here", "is_drawn", "has_place_undrawn")


@dataclass(frozen=True)
class Evaluation:
    """What was estimated, and of whom.

    Attributes
    ----------
    estimates
        A randomised comparison where the plan's holdout drew people, a discontinuity at the cut-off where it did not.
    networks
        Networks that both runs delivered.
    lost
        People of the plan whom the later run no longer counts in: moved, died or objected. They are in no estimate.
    """

    run_id: str
    later_run_id: str
    outcome: str
    role: str | None
    networks: tuple[str, ...]
    lost: int
    estimates: tuple[Estimate, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the evaluation as plain values."""
        return asdict(self)


def evaluate_holdout(
    config: Config,
    run_id: str,
    later_run_id: str,
    outcome: str,
    *,
    networks: tuple[str, ...] = (),
    role: str | None = None,
    bandwidth: float | None = None,
) -> Evaluation:
    """Give the effect of being offered in run `run_id` on a column of patients as run `later_run_id` counted it.

    Parameters
    ----------
    outcome
        A number or a yes-or-no of ``patients.arrow``, counted over a window that ends on the later index date and begins
        not before the earlier one; somebody of whom it is not known is left out.
    networks
        Only these; without any, all that both runs delivered.
    role
        Only offers of this role.
    bandwidth
        Of the discontinuity, in slots.

    Raises
    ------
    UsageError
        A run delivered no rows, the later is not later, or its patients have no such column.
    DataContractError
        There are too few people to compare.
    """
    here = set(_networks(config, run_id)) & set(_networks(config, later_run_id))
    both = sorted(here & {network_code(code) for code in networks} if networks else here)
    if not both:
        msg = f"evaluate: runs {run_id[:16]} and {later_run_id[:16]} have no delivered network in common"
        raise UsageError(msg)
    parts = [_joined(config, run_id, later_run_id, network, outcome) for network in both]
    rows = pl.concat(parts).filter(~(pl.col("is_urgent") | pl.col("is_owed")))
    if role is not None:
        rows = rows.filter(pl.col("role") == role)
    known = rows.filter(pl.col("outcome").is_not_null())
    estimates = _randomised(known) if known["is_drawn"].any() else _at_cut_off(known, bandwidth)
    lost = rows.filter("lost")["patient_id"].n_unique()
    return Evaluation(run_id, later_run_id, outcome, role, tuple(both), lost, estimates)


def _networks(config: Config, run_id: str) -> list[str]:
    if not run_id.isalnum():
        msg = "run: expected the letters and digits that `pophealth status` shows"
        raise UsageError(msg)
    return committed_networks(config.site.data_root, run_id)


def _joined(config: Config, run_id: str, later_run_id: str, network: str, outcome: str) -> pl.DataFrame:
    """Give the offers of one network's plan with the outcome; numbers only, one network at a time."""
    root = deliveries_folder(config.site.data_root)
    first, day = _read(root / run_id / network, "plan.arrow", _PLAN)
    later, later_day = _read(root / later_run_id / network, "patients.arrow", ("patient_id", outcome))
    if later_day <= day:
        msg = f"evaluate: run {later_run_id[:16]} is of {later_day}, not after {day} of run {run_id[:16]}"
        raise UsageError(msg)
    kind = later.schema[outcome]
    if not (kind.is_numeric() or kind == pl.Boolean):
        msg = f"evaluate: {outcome} is neither a number nor a yes-or-no"
        raise UsageError(msg)
    seen = later.select("patient_id", outcome=pl.col(outcome).cast(pl.Float64), lost=pl.lit(value=False))
    return (
        first.with_columns(pl.col("role", "place").cast(pl.String), network=pl.lit(network))
        .join(seen, on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.col("lost").fill_null(value=True))
    )


def _read(folder: Path, name: str, columns: tuple[str, ...]) -> tuple[pl.DataFrame, date]:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    if name not in manifest["files"]:
        msg = f"evaluate: run {folder.parent.name[:16]} delivered no {name} of {folder.name}"
        raise UsageError(msg)
    check_sha256(folder / name, manifest["files"][name]["sha256"], f"delivery {folder.name}")
    missing = sorted(set(columns) - set(pl.read_ipc_schema(folder / name)))
    if missing:
        msg = f"evaluate: {name} of run {folder.parent.name[:16]} has no column {', '.join(missing)}"
        raise UsageError(msg)
    return pl.read_ipc(folder / name, columns=list(columns)), date.fromisoformat(manifest["index_date"])


def _randomised(rows: pl.DataFrame) -> tuple[Estimate, ...]:
    """Compare people who had a place before the draw: drawn, and so put behind the others, against not drawn."""
    people = (
        rows.filter("has_place_undrawn")
        .group_by("network", "patient_id")
        .agg(pl.col("is_drawn").first(), pl.col("outcome").first())
        .sort("network", "patient_id")
    )
    return (randomised(people["outcome"].to_numpy(), ~people["is_drawn"].to_numpy()),)


def _at_cut_off(rows: pl.DataFrame, bandwidth: float | None) -> tuple[Estimate, ...]:
    """Compare offers just inside the last place with those just outside, role by role measured in slots."""
    cut = (
        rows.filter(pl.col("place") == "planned").group_by("network", "role").agg(last=pl.col("slots_until_here").max())
    )
    near = rows.join(cut, on=["network", "role"], how="inner", maintain_order="left").filter(
        (pl.col("place") != "planned").any().over("network", "role")  # where nobody waits there is no cut-off
    )
    if near.is_empty():
        msg = "evaluate: no role of these plans has both offers with a place and offers that wait; nothing to compare"
        raise DataContractError(msg)
    running = (near["last"] - near["slots_until_here"]).to_numpy().astype(np.float64)
    groups = near.select(pl.struct("network", "patient_id").rank("dense")).to_series().to_numpy().astype(np.int64)
    return (discontinuity(running, near["outcome"].to_numpy(), bandwidth, groups),)
