"""Gives the summary of a network's run: counts only, never a row of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.terms import SERVICES, Status, evidence_words

if TYPE_CHECKING:
    from pophealth.declare import CohortRule
    from pophealth.line import NetworkResult, Task
    from pophealth.plan import Plan

SUMMARY_SCHEMA = 1
"""Version of the summary's form; it grows when a key changes its meaning."""


def summarise(
    task: Task, plan: Plan, result: NetworkResult, members: pl.DataFrame, left_out: dict[str, int]
) -> dict[str, Any]:
    """Give the summary: per rule status counts, attrition and what was not computable; per practice who was counted in."""
    statuses, tiers = (
        _counted(members, "status"),
        _counted(members.filter(pl.col("status") == Status.LISTED.value), "tier_label"),
    )
    return {
        "schema": SUMMARY_SCHEMA,
        "network_code": task.network,
        "index_date": task.index_date.isoformat(),
        "contract_year": plan.contract_year,
        "registered": result.frame.height,
        "practices": result.facts["practices"],
        "absent_practices": result.facts["absent_practices"],
        "left_out_at_delivery": left_out,
        "silence": result.facts["silence"],
        "monitoring": result.facts["monitoring"],
        "by_quintile": _by_quintile(result.frame),
        "rules": {
            rule.id: _rule(rule, plan, result, statuses.get(rule.id, {}), tiers.get(rule.id, {})) for rule in plan.rules
        },
    }


def _counted(rows: pl.DataFrame, column: str) -> dict[str, dict[str, int]]:
    """Give how many rows of each rule hold each value of `column`: all rules in one pass."""
    found: dict[str, dict[str, int]] = {}
    for rule_id, value, count in rows.group_by(pl.col("rule_id", column).cast(pl.String)).len().iter_rows():
        found.setdefault(rule_id, {})[value] = count
    return found


def _rule(
    rule: CohortRule, plan: Plan, result: NetworkResult, counts: dict[str, int], tiers: dict[str, int]
) -> dict[str, Any]:
    selection = result.selections[rule.id]
    return {
        **rule_facts(rule, plan.contract_year),
        "carried_from": selection.carried_from,
        "not_computable": selection.not_computable,
        **{status.value: counts.get(status.value, 0) for status in Status if status is not Status.UNKNOWN},
        "unknown": selection.unknown,
        "near_misses": selection.near_misses,
        "tiers": dict(sorted(tiers.items())),
        "attrition": selection.attrition.to_dicts(),
        "attrition_by_group": _by_group(selection.attrition_by_group),
    }


def rule_facts(rule: CohortRule, contract_year: str) -> dict[str, Any]:
    """Give what a rule declares, as pages and workbook show it; `bound` holds the figures of the year it runs with."""
    year = rule.year_for(contract_year)

    def bound(predicate: str) -> str:
        return rule.bind(predicate, contract_year) if year else predicate

    return {
        "catalogue_id": rule.catalogue_id,
        "service": rule.service,
        "service_title": SERVICES[rule.service],
        "title": rule.title,
        "source": rule.source,
        "evidence": [mark.value for mark in rule.evidence],
        "evidence_words": evidence_words(rule.evidence),
        "note": rule.note,
        "role": rule.role,
        "minutes": rule.minutes,
        "owed": rule.owed,
        "years": list(rule.years),
        "year_used": year,
        "criteria": [
            {"id": c.id, "part": c.part, "predicate": c.predicate, "bound": bound(c.predicate), "bit": c.bit}
            for c in rule.criteria
        ],
        "declared_tiers": [{"label": t.label, "when": bound(t.when), "urgent": t.urgent} for t in rule.tiers],
        "rank_by": [bound(term) for term in rule.rank_by],
    }


def _by_group(steps: pl.DataFrame) -> dict[str, dict[str, list[int]]]:
    """Give the people left at each step of `attrition`, in its order, by grouping and group."""
    counts: dict[str, dict[str, list[int]]] = {}
    for grouping, group, people in steps.select("grouping", "group", "people").iter_rows():
        counts.setdefault(grouping, {}).setdefault(group, []).append(people)
    return counts


def _by_quintile(frame: pl.DataFrame) -> dict[str, int]:
    counts = frame["imd_quintile"].value_counts().sort("imd_quintile", nulls_last=True)
    return {"not known" if quintile is None else str(quintile): count for quintile, count in counts.iter_rows()}
