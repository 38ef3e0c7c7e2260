"""Gives the static site of a network and of each of its practices: files that open in a browser and need nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.pages import numbers, words
from pophealth.delivery.pages.charts import bars
from pophealth.delivery.pages.front import front_of
from pophealth.delivery.pages.inequality import gaps_of
from pophealth.delivery.pages.practices import practice_pages
from pophealth.delivery.pages.quality import quality_of
from pophealth.delivery.pages.render import STYLES, Chrome, asset
from pophealth.delivery.pages.services import address, chart_of, rules_address, rules_by_service, service_of
from pophealth.delivery.pages.worklists import MENU_ADDRESS, worklist_pages
from pophealth.errors import UsageError
from pophealth.terms import SERVICES, Purpose, practice_code

if TYPE_CHECKING:
    from pophealth.delivery.pages.services import RulesByService
    from pophealth.delivery.parcel import Parcel


def render_site(parcel: Parcel, folder: Path) -> list[Path]:
    """Write the pages of a delivery and give their paths, in the order written.

    Parameters
    ----------
    parcel
        What the network is handed. Where `practices` is None no practice gets pages.
    folder
        The delivery's folder: ``index.html`` and ``site/`` of the network, ``practices/<ODS>/site/`` of each practice.

    Raises
    ------
    UsageError
        The purpose is commissioning: no row of a person leaves, so there are no pages.
    """
    purpose = Purpose(parcel.facts["purpose"])
    if purpose is Purpose.COMMISSIONING:
        msg = f"delivery of {parcel.facts['network_code']}: commissioning has no pages, only its summary leaves"
        raise UsageError(msg)
    return [_write(folder / name, text) for name, text in _pages(parcel, purpose)]


def _pages(parcel: Parcel, purpose: Purpose) -> Iterator[tuple[str, str]]:
    """Give path and text of every file, one after the other: a large network's pages are not held together."""
    listed = numbers.listed_rows(parcel.members, parcel.summary["rules"])
    rules = rules_by_service(parcel.summary)
    yield from _network_pages(parcel, _network_chrome(parcel), rules, listed)
    if parcel.practices is None or purpose is not Purpose.CASE_FINDING:
        return
    for code, members in sorted(parcel.practices.items()):
        below = f"practices/{practice_code(code)}/site/"
        for name, text in practice_pages(parcel, code, members, rules, listed):
            yield below + name, text
        yield from _assets(below)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())  # whoever puts the delivery in its place waits for the disk, once for all files
    return path


def _assets(below: str) -> Iterator[tuple[str, str]]:
    yield from ((f"{below}assets/{name}", asset(name)) for name in STYLES)


def _network_chrome(parcel: Parcel) -> Chrome:
    facts = parcel.facts
    code = facts["network_code"]
    links = (
        ("This month", "../index.html"),
        ("Worklist", MENU_ADDRESS),
        ("Services", "services.html"),
        ("Rules", "rules.html"),
        ("Data quality", "quality.html"),
        ("About", "about.html"),
    )
    return Chrome(facts.get("network_name") or code, code, facts, links)


def _network_pages(
    parcel: Parcel, chrome: Chrome, rules: RulesByService, listed: pl.DataFrame
) -> Iterator[tuple[str, str]]:
    """Give the network's pages by their path below the delivery's folder."""
    gaps = gaps_of(parcel.summary["rules"])
    shares = chrome.shares
    none = pl.lit(None, dtype=pl.String).alias("nhs_number")
    people = parcel.worklist if shares else parcel.worklist.with_columns(none)
    front = front_of(parcel, people, gaps, listed) | {"links": shares and parcel.practices is not None}
    yield "index.html", chrome.page("index.html.jinja", "this month", "../index.html", "site/", **front)
    yield from _charts(front, "site/charts/")
    for name, text in worklist_pages(chrome, people, parcel, shows_practice=True):
        yield f"site/{name}", text
    for service, title in SERVICES.items():
        yield from _service_pages(parcel, chrome, service, title, rules[service], listed)
    overview = {"services": front["services"], "summary": parcel.summary}
    yield "site/services.html", chrome.page("services.html.jinja", "services", "services.html", **overview)
    yield "site/rules.html", chrome.page("rules-index.html.jinja", "rules", "rules.html", **overview)
    quality = quality_of(parcel)
    yield "site/quality.html", chrome.page("quality.html.jinja", "data quality", "quality.html", **quality)
    yield "site/about.html", chrome.page("about.html.jinja", "about these pages", "about.html", level="network")
    yield from _assets("site/")


def _service_pages(
    parcel: Parcel, chrome: Chrome, service: str, title: str, rules: list[dict[str, Any]], listed: pl.DataFrame
) -> Iterator[tuple[str, str]]:
    charted = []
    for place, rule in enumerate(rules, start=1):
        chart = chart_of(rule)
        name = f"charts/{service.replace('_', '-')}-{place}.svg"
        charted.append(rule | {"chart": name})
        if chart is not None:
            yield f"site/{name}", chart
    values = service_of(parcel, service, title, listed.filter(pl.col("service") == service)) | {"rules": charted}
    yield f"site/{address(service)}", chrome.page("service.html.jinja", title, "services.html", **values)
    said = {"title": title, "service": service, "rules": rules, "level": "network"}
    yield f"site/{rules_address(service)}", chrome.page("rules.html.jinja", f"rules: {title}", "rules.html", **said)


def _charts(front: dict[str, Any], below: str) -> Iterator[tuple[str, str]]:
    """Give the charts of the first page: people by service, and the two shares of each of the widest gaps."""
    services = front["services"]
    yield f"{below}services.svg", bars([(s["title"], s["people"], f"{s['people']:,}", True) for s in services])
    rows: list[tuple[str, float, str, bool]] = []
    for gap in front["gaps"]:
        one, other = gap.shares
        rows.append((gap.title, 100 * one, f"{words.percent(one, 1)} {gap.one}", True))
        rows.append((" ", 100 * other, f"{words.percent(other, 1)} {gap.other}", False))
    if rows:
        yield f"{below}inequality.svg", bars(rows)
