"""Gives the pages of a service: its lists in numbers, the way to each, and its rules in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pophealth.delivery.pages import numbers, words
from pophealth.delivery.pages.charts import NARROW, bars
from pophealth.delivery.pages.render import rule_words
from pophealth.terms import SERVICES

if TYPE_CHECKING:
    import polars as pl

    from pophealth.delivery.parcel import Parcel

_ENDS = tuple(words.STATUSES)

RulesByService = dict[str, list[dict[str, Any]]]
"""Service to its rules in the order of the catalogue, each with what a page says of it."""


def address(service: str) -> str:
    """Give the file of a service's numbers."""
    return f"service-{service.replace('_', '-')}.html"


def rules_address(service: str) -> str:
    """Give the file of a service's rules."""
    return f"rules-{service.replace('_', '-')}.html"


def rules_of(summary: dict[str, Any], service: str) -> list[dict[str, Any]]:
    """Give the rules of a service in the order of the catalogue, each with what a page says of it."""
    rules = [{"id": rule_id, **rule} for rule_id, rule in summary["rules"].items() if rule["service"] == service]
    return [_with_words(rule, summary) for rule in sorted(rules, key=lambda rule: (rule["catalogue_id"], rule["id"]))]


def rules_by_service(summary: dict[str, Any]) -> RulesByService:
    """Give what pages say of the rules of each service, put in words once for all pages."""
    return {service: rules_of(summary, service) for service in SERVICES}


def service_of(parcel: Parcel, service: str, title: str, here: pl.DataFrame) -> dict[str, Any]:
    """Give the values of a service's page; `here` are its listed rows."""
    return {
        "service": service,
        "title": title,
        "places": numbers.places_by(here, "rule_id"),
        "whole": next(iter(numbers.places_by(here, "service").values()), None),
        "changes": (parcel.summary.get("changes") or {}).get("by_rule") or {},
        "practices": _by_practice(here),
        "practice_names": parcel.facts.get("practice_names") or {},
        "tiers": {rule_id: _tiers(rule) for rule_id, rule in parcel.summary["rules"].items()},
    }


def chart_of(rule: dict[str, Any]) -> str | None:
    """Give the way from everybody registered to the list as SVG; none where the rule was not computed."""
    if rule.get("not_computable") or not rule["attrition"]:
        return None
    rows = [(step["words"], step["people"], f"{step['people']:,}", step["is_main"]) for step in rule["steps"]]
    return bars(rows, NARROW)


def _with_words(rule: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    """Give a rule with its steps in words, and the marks that stand beside its numbers."""
    marks = []
    if rule.get("not_computable"):
        marks.append({"text": "Not computable", "colour": "grey", "why": rule["not_computable"]})
    if rule.get("carried_from"):
        why = f"the year {summary['contract_year']} is not declared; the figures of {rule['carried_from']} are used"
        marks.append({"text": f"Carried from {rule['carried_from']}", "colour": "yellow", "why": why})
    if "K" in rule["evidence"]:
        why = "a figure or code of this rule is general knowledge, not read in a source"
        marks.append({"text": "To be confirmed", "colour": "orange", "why": why})
    reads = " ".join([*(c.get("bound", c["predicate"]) for c in rule["criteria"]), *rule.get("rank_by", ())])
    steps = [
        {
            "words": _step_words(step["step"], step["criterion"]),
            "people": step["people"],
            "unknown": step["unknown"],
            "is_end": step["step"] in _ENDS,
            "is_main": step["step"] not in _ENDS or step["step"] == "listed",
        }
        for step in rule["attrition"]
    ]
    said = rule | {"marks": marks, "steps": steps, "reads_qrisk3": "qrisk3" in reads}
    return said | {"in_words": rule_words(said)}


def _step_words(step: str, criterion: str | None) -> str:
    if step == "registered":
        return "Registered"
    if step == "include":
        return f"… and {words.spelled(criterion or '')}"
    return words.STATUSES.get(step, step)


def _tiers(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the tiers as declared, first to last, each with its number of people; none where there is only one."""
    declared = rule.get("declared_tiers") or [{"label": label, "urgent": False} for label in rule["tiers"]]
    if len(declared) < 2 and not (declared and declared[0]["urgent"]):
        return []
    return [tier | {"people": rule["tiers"].get(tier["label"], 0)} for tier in declared]


def _by_practice(here: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Give, for each practice, how many people each rule lists."""
    counts: dict[str, dict[str, int]] = {}
    for practice, rule_id, people in here.group_by("practice_code", "rule_id").len().sort("practice_code").iter_rows():
        counts.setdefault(practice, {})[rule_id] = people
    return counts
