"""Gives a declared cohort rule: who is considered, who is left out, whose need is met, in which order the rest stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pophealth.errors import DeclarationError
from pophealth.terms import SERVICES, Evidence

Part = Literal["include", "exclude", "adjust", "met_when"]
PARTS: tuple[Part, ...] = ("include", "exclude", "adjust", "met_when")
"""The four parts of a rule, in the order of the bits of its masks."""


@dataclass(frozen=True)
class Criterion:
    """One named predicate of a rule: SQL over declared features. `bit` is its place in the criteria masks."""

    id: str
    part: Part
    predicate: str
    bit: int


@dataclass(frozen=True)
class Tier:
    """A severity tier: number (1 first), words, predicate; `urgent` tiers come before capacity and are never held out."""

    number: int
    label: str
    when: str
    urgent: bool = False


@dataclass(frozen=True)
class CohortRule:
    """One rule of a service, whole, as its TOML file says it.

    `years` maps a contract year to the parameters that predicates name as ``:name``: numbers, dates, texts, or
    ``{sql = "..."}`` where the years differ in wording rather than in a number. A year after the last one runs
    with the latest earlier year (marked carried from it) unless `ended` names the first year it no longer runs in.
    `owed` marks what the contract owes everybody listed: such offers come before capacity and are never held out.
    """

    id: str
    catalogue_id: str
    service: str
    title: str
    source: str
    evidence: tuple[Evidence, ...]
    role: str
    minutes: int
    years: dict[str, dict[str, Any]]
    ended: str | None
    criteria: tuple[Criterion, ...]
    tiers: tuple[Tier, ...]
    rank_by: tuple[str, ...]
    note: str = ""
    owed: bool = False

    def year_for(self, contract_year: str) -> str | None:
        """Give the declared year whose parameters apply in `contract_year`; none before its first year or once ended."""
        if self.ended is not None and contract_year >= self.ended:
            return None
        earlier = [year for year in self.years if year <= contract_year]
        return max(earlier) if earlier else None

    def bind(self, predicate: str, contract_year: str) -> str:
        """Give `predicate` with each ``:name`` replaced by the year's value as an SQL literal.

        Raises
        ------
        DeclarationError
            The year declares no such parameter.
        """
        year = self.year_for(contract_year)
        values = self.years[year] if year else {}

        def literal(match: re.Match[str]) -> str:
            if match[1] not in values:
                msg = f"rule {self.id}: :{match[1]} is not among the parameters of {year}: {sorted(values)}"
                raise DeclarationError(msg)
            value = values[match[1]]
            if isinstance(value, dict):
                return f"({value['sql']})"
            return f"DATE '{value.isoformat()}'" if isinstance(value, date) else repr(value)

        return re.sub(r":([a-z_][a-z0-9_]*)", literal, predicate)


_KEYS = frozenset(
    {
        "id",
        "catalogue_id",
        "service",
        "title",
        "source",
        "evidence",
        "role",
        "minutes",
        "rank_by",
        "years",
        "ended",
        "tier",
        "note",
        "owed",
    }
) | frozenset(PARTS)


def parse_rule(table: dict[str, Any], *, file_stem: str, folder: str) -> CohortRule:
    """Give the rule that a TOML file declares. File name == id and folder == service.

    Raises
    ------
    DeclarationError
        A key is unknown or missing, the id is not the file name, or there are more than 64 criteria.
    """
    where = f"rule {folder}/{file_stem}.toml"
    unknown = sorted(set(table) - _KEYS)
    required = ("id", "catalogue_id", "service", "title", "source", "evidence", "role", "minutes", "years", "include")
    missing = sorted(key for key in required if not table.get(key))
    if unknown or missing:
        msg = f"{where}: unknown keys {unknown}, missing keys {missing}"
        raise DeclarationError(msg)
    if table["id"] != file_stem or table["service"] != folder or folder not in SERVICES:
        msg = f"{where}: id must be the file name and service the folder, one of {list(SERVICES)}"
        raise DeclarationError(msg)
    named = [(part, key, predicate) for part in PARTS for key, predicate in table.get(part, {}).items()]
    if len({key for _, key, _ in named}) != len(named) or len(named) > 64:
        msg = f"{where}: criterion names must differ and number 64 at most, found {len(named)}"
        raise DeclarationError(msg)
    return CohortRule(
        id=table["id"],
        catalogue_id=table["catalogue_id"],
        service=table["service"],
        title=table["title"],
        source=table["source"],
        evidence=tuple(Evidence(mark) for mark in str(table["evidence"]).split("/")),
        role=table["role"],
        minutes=int(table["minutes"]),
        years={year: dict(values) for year, values in table["years"].items()},
        ended=table.get("ended"),
        criteria=tuple(Criterion(key, part, predicate, bit) for bit, (part, key, predicate) in enumerate(named)),
        tiers=tuple(
            Tier(number, tier["label"], tier["when"], bool(tier.get("urgent", False)))
            for number, tier in enumerate(table.get("tier", [{"label": "all", "when": "true"}]), start=1)
        ),
        rank_by=tuple(table.get("rank_by", ())),
        note=table.get("note", ""),
        owed=bool(table.get("owed", False)),
    )
