"""Gives the book of rules: one page a service, written from the declarations, so that it cannot say anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pophealth.cohorts.rules import load_rules
from pophealth.terms import SERVICES, Evidence, evidence_words

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.declare import CohortRule

PART_WORDS = {
    "include": "Considered when all of these hold",
    "exclude": "Left out when any of these holds",
    "adjust": "Taken off, unless the need was met, when any of these holds",
    "met_when": "Need met when any of these holds",
}


def write_book(out: Path) -> list[Path]:
    """Give the pages written to `out`, one a service."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for service, page in book().items():
        path = out / f"{service}.md"
        path.write_text(page, "utf-8")
        written.append(path)
    return written


def book() -> dict[str, str]:
    """Give the pages as text, by service."""
    rules = load_rules().values()
    return {service: _page(service, [rule for rule in rules if rule.service == service]) for service in SERVICES}


def _page(service: str, rules: list[CohortRule]) -> str:
    ordered = sorted(rules, key=lambda rule: (rule.catalogue_id, rule.id))
    lines = [
        f"# {SERVICES[service]}",
        "",
        "Written by `pophealth rules book` from the declarations; do not edit. Lists are prompts for a clinician, not "
        "decisions, and this is not an alerting service.",
        "",
        "| id | rule | who | minutes | evidence | years |",
        "|---|---|---|---|---|---|",
        *(
            f"| {rule.catalogue_id} | [{rule.title}](#{rule.id}) | {rule.role.replace('_', ' ')} | {rule.minutes} "
            f"| {_evidence(rule)} | {_years(rule)} |"
            for rule in ordered
        ),
    ]
    for rule in ordered:
        lines += ["", *_rule(rule)]
    return "\n".join(lines) + "\n"


def _evidence(rule: CohortRule) -> str:
    return "/".join("K (to be confirmed)" if mark is Evidence.TO_BE_CONFIRMED else mark.value for mark in rule.evidence)


def _years(rule: CohortRule) -> str:
    ended = f", ended before {rule.ended}" if rule.ended else ""
    return f"{', '.join(rule.years)}{ended}"


def _rule(rule: CohortRule) -> list[str]:
    lines = [
        f'<a id="{rule.id}"></a>',
        f"## {rule.catalogue_id} {rule.title}",
        "",
        f"`{rule.id}`. Source: {rule.source}.",
    ]
    lines += [f"Evidence {evidence_words(rule.evidence)}.", ""]
    if rule.note:
        lines += [rule.note, ""]
    for part, words in PART_WORDS.items():
        criteria = [criterion for criterion in rule.criteria if criterion.part == part]
        if criteria:
            lines += [f"{words}:", "", *(f"- **{c.id.replace('_', ' ')}**: `{c.predicate}`" for c in criteria), ""]
    if len(rule.tiers) > 1 or rule.tiers[0].label != "all":
        lines += ["Tiers, first to last:", ""]
        lines += [f"{t.number}. {t.label}{' (urgent)' if t.urgent else ''}: `{t.when}`" for t in rule.tiers]
        lines += [""]
    if rule.rank_by:
        lines += [f"Order within a tier: {', '.join(f'`{term}`' for term in rule.rank_by)}.", ""]
    parameters = {year: values for year, values in rule.years.items() if values}
    if parameters:
        lines += ["Figures by contract year:", ""]
        lines += [
            f"- {year}: {', '.join(f'{name} = `{_value(value)}`' for name, value in values.items())}"
            for year, values in parameters.items()
        ]
        lines += [""]
    return lines[:-1]


def _value(value: object) -> str:
    return str(value["sql"]) if isinstance(value, dict) else str(value)
