"""Gives the whole line for one network on one screen: count in, describe, score, select, explain, hand over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.cohorts import Selection, select_all, silence_report
from pophealth.errors import DataContractError
from pophealth.features import deciding_records, evaluate
from pophealth.population import registered
from pophealth.scores import outputs_of
from pophealth.terms import Status

if TYPE_CHECKING:
    from pophealth.plan import Plan
    from pophealth.register import Bucket, Snapshot
    from pophealth.terms import LegalBasis


@dataclass(frozen=True)
class Task:
    """A network on an index date: what one turn of the line is about."""

    network: str
    practices: tuple[str, ...]
    index_date: date
    legal_basis: LegalBasis
    areas: pl.DataFrame | None
    withheld: dict[str, str]


@dataclass(frozen=True)
class NetworkResult:
    """What the line gives for one network, before anything leaves the building."""

    frame: pl.DataFrame
    selections: dict[str, Selection]
    members: pl.DataFrame
    evidence: pl.DataFrame
    facts: dict[str, Any]


def walk(task: Task, plan: Plan, snapshot: Snapshot) -> NetworkResult:
    """Give the result of one network: records flow once, left to right.

    Raises
    ------
    DataContractError
        A practice of the network was withheld at ingest, or a feature is silent where silence is not credible.
    """
    _refuse_withheld(task)
    buckets = {practice: snapshot.bucket(practice) for practice in task.practices if practice in snapshot.practices}
    frame, counts = describe(task, plan, buckets)
    silence = silence_report(frame, plan.features, plan.not_computable, network=task.network)
    selections = select_all(plan.rules, frame, contract_year=plan.contract_year, not_computable=plan.not_computable)
    members = pl.concat([selection.members for selection in selections.values()])
    evidence = explain_records(task, plan, buckets, members)
    facts = {"practices": counts, "silence": silence, "absent_practices": sorted(set(task.practices) - set(buckets))}
    return NetworkResult(frame, selections, members, evidence, facts)


def describe(task: Task, plan: Plan, buckets: dict[str, Bucket]) -> tuple[pl.DataFrame, dict[str, dict[str, int]]]:
    """Give one row per registered person of the network with features and scores, and the counts per practice."""
    made = [describe_practice(task, plan, practice, bucket) for practice, bucket in buckets.items()]
    frames = [frame for frame, _ in made]
    counts = {practice: left for practice, (_, left) in zip(buckets, made, strict=True)}
    if not frames:
        msg = f"network {task.network}: none of its {len(task.practices)} practices is in the register"
        raise DataContractError(msg)
    frame = pl.concat(frames).sort("patient_id")
    for score in plan.scores:
        inputs = frame.select(**plan.score_inputs[score.id])
        frame = frame.hstack(outputs_of(score, inputs, plan.score_options[score.id]))
    return frame, counts


def describe_practice(task: Task, plan: Plan, practice: str, bucket: Bucket) -> tuple[pl.DataFrame, dict[str, int]]:
    """Give one row per registered person of a practice with features, and how many were left out for what reason."""
    people, left_out = registered(
        bucket.people,
        bucket.registrations,
        bucket.opt_outs,
        index_date=task.index_date,
        practice=practice,
        legal_basis=task.legal_basis,
        areas=task.areas,
    )
    features = evaluate(
        plan.feature_plan,
        bucket.shards_for(plan.feature_plan.reads),
        bucket.people,
        task.index_date,
        plan.contract_year,
        archive=bucket.archive,
        working_days=plan.working_days,
    )
    return pl.concat([people, features[people["person"].to_numpy()]], how="horizontal"), left_out


def explain_records(task: Task, plan: Plan, buckets: dict[str, Bucket], members: pl.DataFrame) -> pl.DataFrame:
    """Give the records that decided for everyone listed, rule by rule and criterion by criterion."""
    listed = members.filter(pl.col("status") == Status.LISTED.value).select("patient_id", "rule_id")
    criteria = {rule.id: plan.columns_of_rule(rule) for rule in plan.rules}

    def archive(table: str) -> pl.LazyFrame:
        return pl.concat([bucket.archive(table) for bucket in buckets.values()])

    return deciding_records(
        listed, criteria, plan.features, plan.library, archive, plan.medicine_map, task.index_date, plan.contract_year
    )


def _refuse_withheld(task: Task) -> None:
    held = sorted(set(task.practices) & set(task.withheld))
    if held:
        msg = (
            f"network {task.network}: {len(held)} of {len(task.practices)} practices were withheld at ingest, "
            f"first {held[0]} ({task.withheld[held[0]]}). Mend that practice's extract and ingest again."
        )
        raise DataContractError(msg)
