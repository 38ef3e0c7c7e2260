"""Gives worklists as pages: people in the order in which to ring them, cut where a page would get heavy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pophealth.delivery.pages import words
from pophealth.delivery.pages.render import Chrome, rows_module
from pophealth.delivery.pages.services import rules_address
from pophealth.terms import SERVICES

if TYPE_CHECKING:
    from pophealth.delivery.pages.cases import Case
    from pophealth.delivery.parcel import Parcel

PAGE_BYTES = 1_200_000
"""A page of a worklist is closed once its rows are this long; the claim is 3 MB."""

MOST_PEOPLE = 400
"""And never holds more people than this: sorting and printing stay quick."""

WAITING_SHOWN = 2_000
"""People who wait that a worklist shows: the next in line. Those behind them are counted, and stand in the tables."""

MENU_ADDRESS = "worklist-1.html"


@dataclass(frozen=True)
class Columns:
    """Which columns a worklist has: the practice on the network's pages, risk and last contact where anybody has one."""

    practice: bool
    risk: bool
    seen: bool


def worklist_pages(
    chrome: Chrome, cases: list[Case], parcel: Parcel, *, shows_practice: bool
) -> Iterator[tuple[str, str]]:
    """Give the pages of a worklist, each with its file name; one without rows where there is nobody.

    Parameters
    ----------
    cases
        Everybody of the worklist in order. Of those who wait, the next `WAITING_SHOWN` are shown, the others counted.
    """
    names = parcel.facts.get("practice_names") or {}
    shown, hidden = _next_in_line(cases)
    columns = Columns(
        practice=shows_practice,
        risk=any(case.risk is not None for case in shown),
        seen=any(case.months_since_seen is not None for case in shown),
    )
    row = rows_module().case_row
    addresses = {service: rules_address(service) for service in SERVICES}
    rows = [
        str(row(case, place, columns, names.get(case.practice_code, case.practice_code), addresses))
        for place, case in enumerate(shown, start=1)
    ]
    common = {
        "people": len(cases),
        "places": {place: sum(case.place == place for case in cases) for place in words.PLACES},
        "hidden": hidden,
        "columns": columns,
        "choices": _choices(shown, names if shows_practice else {}),
        "numbered": any(case.nhs_number for case in shown),
    }
    yield from _paged(chrome, _cut(rows), common)


def _paged(chrome: Chrome, cut: list[list[str]], common: dict[str, Any]) -> Iterator[tuple[str, str]]:
    first = 1
    for number, rows in enumerate(cut, start=1):
        values = {
            "rows": rows,
            "first": first,
            "last": first + len(rows) - 1,
            "number": number,
            "numbers": len(cut),
            "pagination_items": _pagination(number, len(cut)),
        }
        title = "worklist" if len(cut) == 1 else f"worklist, page {number} of {len(cut)}"
        yield f"worklist-{number}.html", chrome.page("worklist.html.jinja", title, MENU_ADDRESS, **common, **values)
        first += len(rows)


def _next_in_line(cases: list[Case]) -> tuple[list[Case], int]:
    """Give everybody with a place and the next in line of those who wait, and how many more wait."""
    placed = [case for case in cases if case.place not in ("waiting", "held_out")]
    others = [case for case in cases if case.place in ("waiting", "held_out")]
    return placed + others[:WAITING_SHOWN], max(0, len(others) - WAITING_SHOWN)


def _cut(rows: list[str]) -> list[list[str]]:
    """Give the rows page by page; one page without rows where there are none."""
    parts: list[list[str]] = [[]]
    size = 0
    for row in rows:
        length = len(row.encode())
        if parts[-1] and (size + length > PAGE_BYTES or len(parts[-1]) >= MOST_PEOPLE):
            parts.append([])
            size = 0
        parts[-1].append(row)
        size += length
    return parts


def _choices(cases: list[Case], names: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Give what a worklist can be filtered by: value and words of each choice that occurs."""
    roles = sorted({role for case in cases for role in case.roles})
    services = {service for case in cases for service in case.services}
    places = {case.place for case in cases}
    practices = sorted({case.practice_code for case in cases}) if names else []
    return {
        "place": [(place, said) for place, said in words.PLACES.items() if place in places],
        "role": [(role, words.role(role)) for role in roles],
        "service": [(service, title) for service, title in SERVICES.items() if service in services],
        "practice": [(code, names.get(code, code)) for code in practices],
    }


def _pagination(number: int, numbers: int) -> dict[str, Any] | None:
    if numbers == 1:
        return None
    near = sorted({1, numbers, *range(max(1, number - 2), min(numbers, number + 2) + 1)})
    items: list[dict[str, Any]] = []
    for before, page in zip([0, *near], near, strict=False):
        if page > before + 1:
            items.append({"ellipsis": True})
        items.append({"number": page, "href": f"worklist-{page}.html", "current": page == number})
    made: dict[str, Any] = {"items": items}
    if number > 1:
        made["previous"] = {"href": f"worklist-{number - 1}.html"}
    if number < numbers:
        made["next"] = {"href": f"worklist-{number + 1}.html"}
    return made
