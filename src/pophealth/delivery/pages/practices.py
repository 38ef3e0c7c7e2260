"""Gives the pages of one practice: its own people with their NHS numbers, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from pophealth.delivery.pages import numbers
from pophealth.delivery.pages.front import FIRST_TO_RING
from pophealth.delivery.pages.people import first_to_ring
from pophealth.delivery.pages.quality import recorded
from pophealth.delivery.pages.render import Chrome
from pophealth.delivery.pages.services import rules_address
from pophealth.delivery.pages.worklists import MENU_ADDRESS, worklist_pages
from pophealth.terms import SERVICES

if TYPE_CHECKING:
    from pophealth.delivery.pages.services import RulesByService
    from pophealth.delivery.parcel import Parcel


def practice_pages(
    parcel: Parcel, code: str, members: pl.DataFrame, rules: RulesByService, listed: pl.DataFrame
) -> Iterator[tuple[str, str]]:
    """Give the pages of a practice, each with its file name.

    Parameters
    ----------
    members
        The practice's own member rows with NHS numbers.
    rules
        What pages say of the rules of each service.
    listed
        The network's listed rows (`numbers.listed_rows`); only this practice's are counted.
    """
    numbered = (
        members.filter(pl.col("nhs_number").is_not_null()).select("patient_id", "nhs_number").unique("patient_id")
    )
    own = (
        parcel.worklist.filter(pl.col("practice_code").cast(pl.String) == code)
        .drop("nhs_number")
        .join(numbered, on="patient_id", how="left", maintain_order="left")
    )
    name = (parcel.facts.get("practice_names") or {}).get(code, code)
    links = (
        ("This month", "index.html"),
        ("Worklist", MENU_ADDRESS),
        ("Rules", "rules.html"),
        ("About", "about.html"),
    )
    chrome = Chrome(name, code, parcel.facts, links)
    yield "index.html", _front(parcel, chrome, own, listed.filter(pl.col("practice_code") == code))
    yield from worklist_pages(chrome, own, parcel, shows_practice=False)
    services = [{"id": service, "title": title} for service, title in SERVICES.items()]
    overview = {"summary": parcel.summary, "services": services}
    yield "rules.html", chrome.page("rules-index.html.jinja", "rules", "rules.html", **overview)
    for service, title in SERVICES.items():
        values = {"title": title, "service": service, "rules": rules[service], "level": "practice"}
        yield rules_address(service), chrome.page("rules.html.jinja", f"rules: {title}", "rules.html", **values)
    yield "about.html", chrome.page("about.html.jinja", "about these pages", "about.html", level="practice")


def _front(parcel: Parcel, chrome: Chrome, own: pl.DataFrame, listed: pl.DataFrame) -> str:
    rules, code = parcel.summary["rules"], chrome.code
    by_service = numbers.places_by(listed, "service")
    by_rule = numbers.places_by(listed, "rule_id")
    placed = numbers.placed_people(own)
    return chrome.page(
        "practice.html.jinja",
        "this month",
        "index.html",
        practice=parcel.summary["practices"].get(code, {}),
        people=own.height,
        placed=placed,
        new_people=int(own["is_new"].fill_null(value=False).sum()),
        first=first_to_ring(parcel, own, FIRST_TO_RING),
        first_count=placed["urgent"] + placed["owed"],
        services=[
            {"id": key, "title": title, **by_service[key]} for key, title in SERVICES.items() if key in by_service
        ],
        rules=[{"id": rule_id, **rules[rule_id], **counts} for rule_id, counts in by_rule.items() if rule_id in rules],
        recorded=recorded(parcel.patients.filter(pl.col("practice_code").cast(pl.String) == code)),
        code=code,
        previous_run=(parcel.summary.get("changes") or {}).get("previous_run"),
    )
