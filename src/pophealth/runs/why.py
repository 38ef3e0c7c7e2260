"""Gives the answer to "why is she on it, why is he not": one person of one delivered run, rule by rule, with records."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.cohorts import explain
from pophealth.errors import UsageError
from pophealth.features import deciding_records
from pophealth.line import Task, describe
from pophealth.plan import make_plan
from pophealth.planning.results import results_of
from pophealth.pseudonyms import pseudonym, purpose_key
from pophealth.reference import load_areas
from pophealth.register import open_snapshot
from pophealth.runs.anew import only
from pophealth.runs.in_use import load_models
from pophealth.runs.keys import read_key
from pophealth.runs.plan_facts import include_criteria_of, tier_features_of
from pophealth.terms import Status, network_code

if TYPE_CHECKING:
    from pophealth.cohorts import Explanation
    from pophealth.config import Config
    from pophealth.plan import Plan


@dataclass(frozen=True)
class Answer:
    """Every rule asked about, explained for one person, with the records each criterion rests on."""

    run_id: str
    index_date: str
    explanations: tuple[Explanation, ...]
    records: pl.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as plain values."""
        rules = [
            explanation.to_dict() | {"records": self._records_of(explanation.rule_id)}
            for explanation in self.explanations
        ]
        return {"run_id": self.run_id, "index_date": self.index_date, "rules": rules}

    def lines(self) -> list[str]:
        """Give the answer as text for a person."""
        lines = [f"run {self.run_id}, index date {self.index_date}"]
        for explanation in self.explanations:
            lines += ["", *explanation.lines()]
            lines += [_record_line(row) for row in self._records_of(explanation.rule_id)]
        return lines

    def _records_of(self, rule_id: str) -> list[dict[str, Any]]:
        rows = self.records.filter(pl.col("rule_id") == rule_id).drop("patient_id", "rule_id")
        return rows.to_dicts()


def _record_line(row: dict[str, Any]) -> str:
    if row["record_id"] is None:
        return (
            f"    {row['criterion']}: no record in {row['table']} after {row['window_from']} up to {row['window_to']}"
        )
    value = "" if row["value"] is None else f" = {row['value']:g} {row['unit'] or ''}".rstrip()
    return (
        f"    {row['criterion']}: {row['date']} {row['term'] or row['code']}{value} ({row['table']} {row['record_id']})"
    )


def explain_person(
    config: Config,
    run_id: str,
    network: str,
    *,
    patient: str | None,
    nhs_number: str | None,
    rule_id: str | None,
) -> Answer:
    """Give the answer for one person of a delivered network, computed anew from the snapshot the run read.

    Raises
    ------
    UsageError
        The run never delivered this network, the person is not registered in it on the index date, or the rule did
        not run.
    """
    manifest = _manifest(config, run_id, network)
    index_date = date.fromisoformat(manifest["index_date"])
    snapshot = open_snapshot(config.site.register_place, manifest["register_snapshot"])
    models = load_models(config, {name: str(said["version"]) for name, said in manifest.get("models", {}).items()})
    plan = make_plan(config, snapshot, manifest["contract_year"], models)
    if rule_id is not None:
        plan = only(plan, rule_id)
    person = patient or _pseudonym(config, nhs_number or "")
    areas = None
    if config.reference.areas_2011 or config.reference.areas_2021:
        areas = load_areas(config.reference.areas_2011, config.reference.areas_2021)
    practices = tuple(manifest["practices"])
    task = Task(network, practices, index_date, config.site.legal_basis, areas, {})
    buckets = {code: snapshot.bucket(code) for code in practices if code in snapshot.practices}
    frame, _ = describe(task, plan, buckets)
    if frame.filter(pl.col("patient_id") == person).is_empty():
        msg = f"the person asked about is not registered in network {network} on {index_date}; no list can hold them"
        raise UsageError(msg)
    explanations = tuple(
        explain(rule, frame, person, contract_year=plan.contract_year, not_computable=plan.not_computable)
        for rule in plan.rules
    )
    asked = pl.DataFrame({"patient_id": [person] * len(plan.rules), "rule_id": [rule.id for rule in plan.rules]})
    records = deciding_records(
        asked,
        {rule.id: plan.columns_of_rule(rule) for rule in plan.rules},
        plan.features,
        plan.library,
        lambda table: pl.concat([bucket.archive(table) for bucket in buckets.values()]),
        plan.medicine_map,
        index_date,
        plan.contract_year,
    )
    explanations = _with_age_of_result(plan, person, explanations, records, index_date)
    return Answer(run_id, index_date.isoformat(), explanations, records)


def _with_age_of_result(
    plan: Plan, person: str, explanations: tuple[Explanation, ...], records: pl.DataFrame, index_date: date
) -> tuple[Explanation, ...]:
    """Give the explanations, those of an urgent tier with the days since the result that put the person there."""
    rules = {rule.id: rule for rule in plan.rules}
    urgent = [
        (person, said.rule_id, said.tier, True)
        for said in explanations
        if said.status == Status.LISTED.value and said.tier and rules[said.rule_id].tiers[said.tier - 1].urgent
    ]
    kinds = {"patient_id": pl.String, "rule_id": pl.String, "tier": pl.Int8, "is_urgent": pl.Boolean}
    listed = pl.DataFrame(urgent, schema=kinds, orient="row")
    ages = results_of(listed, records, tier_features_of(plan), include_criteria_of(plan), index_date)
    days = dict(ages.select("rule_id", "days_since_result").iter_rows())
    return tuple(replace(said, days_since_result=days.get(said.rule_id)) for said in explanations)


def _manifest(config: Config, run_id: str, network: str) -> dict[str, Any]:
    if not run_id.isalnum():
        msg = "run: expected the letters and digits that `pophealth status` shows"
        raise UsageError(msg)
    path = config.site.data_root / "deliveries" / run_id / network_code(network) / "MANIFEST.json"
    if not path.is_file():
        msg = f"run {run_id} has no delivery of {network}; `pophealth status` lists the runs"
        raise UsageError(msg)
    manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return manifest


def _pseudonym(config: Config, nhs_number: str) -> str:
    key = purpose_key(read_key(config.site.key_file), config.site.purpose)
    return pseudonym(key, re.sub(r"[ -]", "", nhs_number))
