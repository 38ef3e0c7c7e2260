"""Gives the pages of one practice: its own people with their NHS numbers, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from pophealth.delivery.pages import numbers, words
from pophealth.delivery.pages.front import FIRST_TO_RING
from pophealth.delivery.pages.quality import recorded
from pophealth.delivery.pages.render import Chrome
from pophealth.delivery.pages.services import rules_address, rules_of
from pophealth.delivery.pages.worklists import MENU_ADDRESS, worklist_pages
from pophealth.terms import SERVICES

if TYPE_CHECKING:
    from pophealth.delivery.pages.cases import Case
    from pophealth.delivery.parcel import Parcel


def practice_pages(parcel: Parcel, code: str, members: pl.DataFrame, cases: list[Case]) -> Iterator[tuple[str, str]]:
    """Give the pages of a practice, each with its file name.

    Parameters
    ----------
    members
        The practice's own member rows with NHS numbers.
    cases
        The network's worklist; only this practice's people are taken from it.
    """
    numbered = dict(
        members.filter(pl.col("nhs_number").is_not_null()).select("patient_id", "nhs_number").unique().iter_rows()
    )
    own = [
        replace(case, nhs_number=words.nhs_number(numbered.get(case.patient_id)))
        for case in cases
        if case.practice_code == code
    ]
    name = (parcel.facts.get("practice_names") or {}).get(code, code)
    links = (
        ("This month", "index.html"),
        ("Worklist", MENU_ADDRESS),
        ("Rules", "rules.html"),
        ("About", "about.html"),
    )
    chrome = Chrome(name, code, parcel.facts, links)
    yield "index.html", _front(parcel, chrome, code, own)
    yield from worklist_pages(chrome, own, parcel, shows_practice=False)
    services = [{"id": service, "title": title} for service, title in SERVICES.items()]
    overview = {"summary": parcel.summary, "services": services}
    yield "rules.html", chrome.page("rules-index.html.jinja", "rules", "rules.html", **overview)
    for service, title in SERVICES.items():
        rules = {"title": title, "service": service, "rules": rules_of(parcel.summary, service), "level": "practice"}
        yield rules_address(service), chrome.page("rules.html.jinja", f"rules: {title}", "rules.html", **rules)
    yield "about.html", chrome.page("about.html.jinja", "about these pages", "about.html", level="practice")


def _front(parcel: Parcel, chrome: Chrome, code: str, own: list[Case]) -> str:
    rules = parcel.summary["rules"]
    listed = numbers.listed_rows(parcel.members.filter(pl.col("practice_code").cast(pl.String) == code), rules)
    by_service = numbers.places_by(listed, "service")
    by_rule = numbers.places_by(listed, "rule_id")
    first = [case for case in own if case.place in ("urgent", "owed")]
    return chrome.page(
        "practice.html.jinja",
        "this month",
        "index.html",
        practice=parcel.summary["practices"].get(code, {}),
        people=len(own),
        placed={place: sum(case.place == place for case in own) for place in words.PLACES},
        new_people=sum(case.is_new for case in own),
        first=first[:FIRST_TO_RING],
        first_count=len(first),
        services=[
            {"id": key, "title": title, **by_service[key]} for key, title in SERVICES.items() if key in by_service
        ],
        rules=[{"id": rule_id, **rules[rule_id], **counts} for rule_id, counts in by_rule.items() if rule_id in rules],
        recorded=recorded(parcel.patients.filter(pl.col("practice_code").cast(pl.String) == code)),
        code=code,
        previous_run=(parcel.summary.get("changes") or {}).get("previous_run"),
    )
