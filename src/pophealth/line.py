"""Gives the whole line for one network on one screen: count in, describe, score, select, explain, hand over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.cohorts import Selection, select_all, silence_report
from pophealth.errors import DataContractError
from pophealth.features import deciding_records, evaluate
from pophealth.population import registered
from pophealth.runs.scoring import add_risks, contributions_of
from pophealth.runs.watch import watch
from pophealth.scores import outputs_of
from pophealth.terms import Status, contract_year_of

if TYPE_CHECKING:
    from pophealth.plan import Plan
    from pophealth.register import Bucket, Snapshot
    from pophealth.runs.in_use import ModelInUse
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
    threads: int = 1
    """How many of its practices are described at the same time; no result depends on it."""


@dataclass(frozen=True)
class NetworkResult:
    """What the line gives for one network, before anything leaves the building."""

    frame: pl.DataFrame
    selections: dict[str, Selection]
    """What each rule counted; its rows stand in `members`."""
    members: pl.DataFrame
    evidence: pl.DataFrame
    contributions: pl.DataFrame
    facts: dict[str, Any]


def walk(task: Task, plan: Plan, snapshot: Snapshot) -> NetworkResult:
    """Give the result of one network: records flow once, left to right.

    Raises
    ------
    DataContractError
        A practice of the network was withheld at ingest, a feature is silent where silence is not credible, or a model
        passed a limit at which it asks to stop.
    """
    _refuse_withheld(task)
    buckets = {practice: snapshot.bucket(practice) for practice in task.practices if practice in snapshot.practices}
    frame, counts = describe(task, plan, buckets)
    silence = silence_report(frame, plan.features, plan.not_computable, network=task.network)
    monitoring = watch(plan, frame, task.network)
    selections = select_all(plan.rules, frame, contract_year=plan.contract_year, not_computable=plan.not_computable)
    members = pl.concat([selection.members for selection in selections.values()])
    evidence = explain_records(task, plan, buckets, members)
    contributions = contributions_of(plan, frame, members.filter(pl.col("status") == Status.LISTED.value)["patient_id"])
    absent = sorted(set(task.practices) - set(buckets))
    facts = {"practices": counts, "silence": silence, "monitoring": monitoring, "absent_practices": absent}
    counted = {rule_id: replace(selection, members=members.clear()) for rule_id, selection in selections.items()}
    return NetworkResult(frame, counted, members, evidence, contributions, facts)


def describe(task: Task, plan: Plan, buckets: dict[str, Bucket]) -> tuple[pl.DataFrame, dict[str, dict[str, int]]]:
    """Give one row per registered person of the network with features and scores, and the counts per practice."""
    if not buckets:
        msg = f"network {task.network}: none of its {len(task.practices)} practices is in the register"
        raise DataContractError(msg)
    with ThreadPoolExecutor(task.threads) as pool:
        made = list(pool.map(lambda practice: describe_practice(task, plan, practice, buckets[practice]), buckets))
    counts = {practice: left for practice, (_, left) in zip(buckets, made, strict=True)}
    frame = pl.concat([frame for frame, _ in made])
    del made  # wide frames: two of a network at a time are enough
    frame = frame.sort("patient_id")
    for score in plan.scores:
        inputs = frame.select(**plan.score_inputs[score.id])
        frame = frame.hstack(outputs_of(score, inputs, plan.score_options[score.id]))
    for model in plan.models:
        frame = add_risks(frame, model, plan, task, partial(described_on, task, plan, buckets, model))
    return frame, counts


def described_on(task: Task, plan: Plan, buckets: dict[str, Bucket], model: ModelInUse, day: date) -> pl.DataFrame:
    """Give who was registered with the network's practices on an earlier day, with a model's inputs as known then."""
    then = replace(task, index_date=day)
    past = replace(plan, feature_plan=model.features or plan.feature_plan, contract_year=contract_year_of(day))
    return pl.concat([describe_practice(then, past, practice, bucket)[0] for practice, bucket in buckets.items()])


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

    day, year = task.index_date, plan.contract_year
    return deciding_records(
        listed, criteria, plan.features, plan.library, archive, plan.medicine_map, day, year, task.threads
    )


def _refuse_withheld(task: Task) -> None:
    held = sorted(set(task.practices) & set(task.withheld))
    if held:
        msg = (
            f"network {task.network}: {len(held)} of {len(task.practices)} practices were withheld at ingest, "
            f"first {held[0]} ({task.withheld[held[0]]}). Mend that practice's extract and ingest again."
        )
        raise DataContractError(msg)
