"""Gives the slow twin of a selection: each person of each rule by itself, in plain Python, as the laws are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from pophealth.cohorts.attrition import GROUPINGS
from pophealth.cohorts.predicate import split_order
from pophealth.declare import CohortRule
from pophealth.terms import EVIDENCE_WORDS

STEPS = ("excluded", "met", "adjusted", "unknown", "listed")
DECIDES = {"exclude": "excluded", "met_when": "met", "adjust": "adjusted"}
BANDS = ((18, "0 to 17"), (40, "18 to 39"), (65, "40 to 64"), (75, "65 to 74"), (85, "75 to 84"), (999, "85 and over"))
GROUPS = {
    "imd_quintile": ["1", "2", "3", "4", "5", "not known"],
    "sex": ["female", "male", "indeterminate", "not_known", "not known"],
    "age_years": [*(label for _, label in BANDS), "not known"],
    "ethnicity_latest": ["white", "mixed", "asian", "black", "other", "not known"],
}

Person = dict[str, Any]


def twin(rule: CohortRule, frame: pl.DataFrame, contract_year: str) -> dict[str, Any]:
    """Members, attrition, attrition_by_group (each as tuples), near_misses and unknown of one rule."""
    people = _judged(rule, frame, contract_year)
    groups = _groups(frame)
    _ranked(rule, frame, people, contract_year)
    rows = [person for person in people if person["status"] in ("excluded", "met", "adjusted", "listed")]
    used = rule.year_for(contract_year)
    carried = None if used == contract_year else used
    steps = _steps(rule, people)
    return {
        "members": [
            (
                frame["practice_code"][person["place"]],
                frame["patient_id"][person["place"]],
                *(rule.service, rule.id, rule.catalogue_id, contract_year, carried),
                *(person[name] for name in ("status", "tier", "tier_label", "rank", "true", "unknown", "reasons")),
                "; ".join(f"{mark.value}: {EVIDENCE_WORDS[mark]}" for mark in rule.evidence),
            )
            for person in rows
        ],
        "attrition": [(step, criterion, len(kept), unknown) for step, criterion, kept, unknown in steps],
        "attrition_by_group": [
            (
                step,
                criterion,
                GROUPINGS[column],
                group,
                sum(groups[column][person["place"]] == group for person in kept),
            )
            for step, criterion, kept, _ in steps
            for column in groups
            for group in GROUPS[column]
        ],
        "near_misses": sum(person["near"] for person in people),
        "unknown": sum(person["status"] == "unknown" for person in people),
    }


def _column(frame: pl.DataFrame, sql: str) -> pl.Series:
    return frame.with_columns(pl.sql_expr(sql).alias("_answer"))["_answer"]


def _judged(rule: CohortRule, frame: pl.DataFrame, contract_year: str) -> list[Person]:
    answers = {c.id: _column(frame, rule.bind(c.predicate, contract_year)).to_list() for c in rule.criteria}
    tiers = [(tier, _column(frame, rule.bind(tier.when, contract_year)).to_list()) for tier in rule.tiers]
    people = []
    for place in range(frame.height):
        said = {c.id: answers[c.id][place] for c in rule.criteria}
        include = [said[c.id] for c in rule.criteria if c.part == "include"]
        against = [c.part for c in rule.criteria if c.part != "include" and said[c.id] is True]
        if False in include:
            status = "not considered"
        elif None in include:
            status = "unknown"
        else:
            status = next((word for part, word in DECIDES.items() if part in against), "listed")
        tier = next((tier for tier, holds in tiers if holds[place] is True), None)
        named = [c.id for c in rule.criteria if c.part == "include" and said[c.id] is True]
        named += [c.id for c in rule.criteria if DECIDES.get(c.part) == status and said[c.id] is True]
        people.append(
            {
                "place": place,
                "said": said,
                "status": status,
                "tier": tier.number if tier else None,
                "tier_label": tier.label if tier else None,
                "rank": None,
                "true": sum(1 << c.bit for c in rule.criteria if said[c.id] is True),
                "unknown": sum(1 << c.bit for c in rule.criteria if said[c.id] is None),
                "reasons": named,
                "near": include.count(False) == 1 and include.count(True) == len(include) - 1 and not against,
            }
        )
    return people


def _ranked(rule: CohortRule, frame: pl.DataFrame, people: list[Person], contract_year: str) -> None:
    listed = [person for person in people if person["status"] == "listed"]
    listed.sort(key=lambda person: frame["patient_id"][person["place"]])
    for term in reversed(rule.rank_by):
        sql, descending = split_order(rule.bind(term, contract_year))
        column = _column(frame, sql)
        values = (column.to_physical() if isinstance(column.dtype, pl.Enum) else column).to_list()
        known = [person for person in listed if values[person["place"]] is not None]
        nulls = [person for person in listed if values[person["place"]] is None]
        listed = sorted(known, key=_at(values), reverse=descending) + nulls  # reversed or not, ties keep their order
    listed.sort(key=lambda person: person["tier"] or 999)
    for rank, person in enumerate(listed, start=1):
        person["rank"] = rank


def _at(values: list[Any]) -> Callable[[Person], Any]:
    return lambda person: values[person["place"]]


def _groups(frame: pl.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column in (column for column in GROUPS if column in frame.columns):
        values = frame[column].to_list()
        if column == "age_years":
            values = [None if age is None else next(label for below, label in BANDS if age < below) for age in values]
        known = set(GROUPS[column])
        found[column] = [str(value) if str(value) in known else "not known" for value in values]
    return found


def _steps(rule: CohortRule, people: list[Person]) -> list[tuple[str, str | None, list[Person], int]]:
    steps: list[tuple[str, str | None, list[Person], int]] = [("registered", None, people, 0)]
    left = people
    for criterion in (c for c in rule.criteria if c.part == "include"):
        left = [person for person in left if person["said"][criterion.id] is not False]
        unknown = sum(person["said"][criterion.id] is None for person in left)
        steps.append(("include", criterion.id, left, unknown))
    ends = [(status, None, [person for person in people if person["status"] == status], 0) for status in STEPS]
    return steps + ends
