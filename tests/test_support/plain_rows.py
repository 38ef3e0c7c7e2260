"""Gives worklist rows the slow way: person by person into records, each through a template that escapes what it is given.

The plain twin of `delivery/pages/rows.py`, which puts the same bytes together column by column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader

from pophealth.delivery.pages import words
from pophealth.delivery.pages.reasons import reasons_of
from pophealth.delivery.pages.rows import Columns
from pophealth.delivery.pages.services import rules_address
from pophealth.delivery.parcel import Parcel
from pophealth.terms import SERVICES

TOLD_CONTRIBUTIONS = 5
"""What moved a model's prediction: the largest of them are told."""


@dataclass(frozen=True)
class Need:
    """One list that a person stands on: what for, how severe, and the lines that say why."""

    rule_id: str
    service: str
    title: str
    tier: str
    is_urgent: bool
    is_owed: bool
    role: str
    result: str
    holds: str
    lines: tuple[str, ...]
    open_questions: str


@dataclass(frozen=True)
class Case:
    """One person of the worklist, in words; `nhs_number` is empty where it may not stand."""

    order: int
    patient_id: str
    practice_code: str
    nhs_number: str
    who: str
    age_years: int | None
    place: str
    place_words: str
    roles: tuple[str, ...]
    services: tuple[str, ...]
    minutes: int
    last_seen: str
    months_since_seen: int | None
    result: str
    risk: float | None
    is_new: bool
    action: str
    needs: tuple[Need, ...]
    contributions: tuple[str, ...]


def plain_rows(parcel: Parcel, worklist: pl.DataFrame, columns: Columns, names: dict[str, str]) -> list[str]:
    """Give the rows of people in the order they come in."""
    loaders = [FileSystemLoader(Path(__file__).parent), PackageLoader("pophealth.delivery.pages")]
    made = Environment(loader=ChoiceLoader(loaders), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    for name in ("role", "spelled", "percent", "first_upper", "reference"):
        made.filters[name] = getattr(words, name)
    row = made.get_template("plain_rows.html.jinja").module.case_row  # type: ignore[attr-defined]
    addresses = {service: rules_address(service) for service in SERVICES}
    return [
        str(row(case, place, columns, names.get(case.practice_code, case.practice_code), addresses))
        for place, case in enumerate(cases_of(parcel, worklist), start=1)
    ]


def cases_of(parcel: Parcel, worklist: pl.DataFrame) -> list[Case]:
    """Give people of the worklist in the order they come in."""
    rules = parcel.summary["rules"]
    made = reasons_of(parcel.members, parcel.evidence, rules)
    reasons = {(person, rule): rest for person, rule, *rest in made.iter_rows()}
    told = _contributions(parcel.contributions)
    knows_seen = parcel.worklist["months_since_seen"].null_count() < parcel.worklist.height
    return [
        _case(
            row,
            tuple(sorted(_needs(row, rules, reasons), key=_first)),
            told.get(row["patient_id"], ()),
            knows_seen=knows_seen,
        )
        for row in worklist.iter_rows(named=True)
    ]


def _first(need: Need) -> tuple[bool, bool]:
    """Give the key that puts first what puts the person first: an urgent tier, then what the contract owes."""
    return not need.is_urgent, not need.is_owed


def _needs(row: dict[str, Any], rules: dict[str, dict[str, Any]], reasons: dict[Any, Any]) -> Iterator[Need]:
    for rule_id, tier in zip(row["rules"], row["tier_labels"], strict=True):
        rule = rules[rule_id]
        days, holds, lines, questions = reasons.get((row["patient_id"], rule_id), (None, (), (), None))
        yield Need(
            rule_id=rule_id,
            service=rule["service"],
            title=rule["title"],
            tier="" if tier in (None, "all") else tier,
            is_urgent=any(t["urgent"] and t["label"] == tier for t in rule.get("declared_tiers", ())),
            is_owed=bool(rule.get("owed")),
            role=words.role(rule["role"]) if rule.get("role") else "",
            result=_age(days),
            holds=", ".join(holds or ()),
            lines=tuple(lines or ()),
            open_questions=questions or "",
        )


def _case(row: dict[str, Any], needs: tuple[Need, ...], told: tuple[str, ...], *, knows_seen: bool) -> Case:
    age = row["age_years"]
    sex = words.SEXES.get(row["sex"], row["sex"] or "")
    return Case(
        order=row["order"],
        patient_id=row["patient_id"],
        practice_code=row["practice_code"],
        nhs_number=words.nhs_number(row["nhs_number"]),
        who=", ".join(part for part in (f"{age}" if age is not None else "age not known", sex) if part),
        age_years=age,
        place=row["place"],
        place_words=words.PLACES.get(row["place"], ""),
        roles=tuple(row["roles"]),
        services=tuple(row["services"]),
        minutes=row["minutes"],
        last_seen=_last_seen(row["months_since_seen"], knows_seen=knows_seen),
        months_since_seen=row["months_since_seen"],
        result=_age(row["days_since_result"]),
        risk=row["risk"],
        is_new=bool(row["is_new"]),
        action=words.ACTIONS.get(row["action_status"] or "", row["action_status"] or ""),
        needs=needs,
        contributions=told,
    )


def _age(days: int | None) -> str:
    return "" if days is None else f"recorded {words.of(days, 'day')} ago"


def _last_seen(months: int | None, *, knows_seen: bool) -> str:
    if months is None:
        return "No contact found" if knows_seen else "Not supplied"
    return "Within a month" if months < 1 else f"{words.of(months, 'month')} ago"


def _contributions(frame: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Give by person what moved the prediction, the largest first, as sentences."""
    if frame.is_empty():
        return {}
    ordered = frame.sort("patient_id", "model_id", pl.col("contribution").abs(), descending=[False, False, True])
    text = pl.format(
        "{}: {} {} it",
        "label",
        pl.col("value_text").fill_null("not recorded"),
        pl.when(pl.col("direction") == "up").then(pl.lit("raises")).otherwise(pl.lit("lowers")),
    )
    rows = ordered.group_by("patient_id", maintain_order=True).agg(text.head(TOLD_CONTRIBUTIONS).alias("told"))
    return {person: tuple(told) for person, told in rows.iter_rows()}
