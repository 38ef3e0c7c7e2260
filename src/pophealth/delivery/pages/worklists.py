"""Gives worklists as pages: people in the order in which to ring them, cut where a page would get heavy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
from markupsafe import Markup

from pophealth.delivery.pages import words
from pophealth.delivery.pages.numbers import placed_people
from pophealth.delivery.pages.people import next_in_line
from pophealth.delivery.pages.rows import Columns, row_texts
from pophealth.terms import SERVICES

if TYPE_CHECKING:
    from pophealth.delivery.pages.render import Chrome
    from pophealth.delivery.parcel import Parcel

PAGE_BYTES = 1_200_000
"""A page of a worklist is closed once its rows are this long; the claim is 3 MB."""

MOST_PEOPLE = 400
"""And never holds more people than this: sorting and printing stay quick."""

MENU_ADDRESS = "worklist-1.html"


def worklist_pages(
    chrome: Chrome, worklist: pl.DataFrame, parcel: Parcel, *, shows_practice: bool
) -> Iterator[tuple[str, str]]:
    """Give the pages of a worklist, each with its file name; one without rows where there is nobody.

    Parameters
    ----------
    worklist
        Everybody with something left to do; NHS numbers stand in it where they may be shown. Of those who wait, the next
        `people.WAITING_SHOWN` are shown, the others counted.
    """
    names = parcel.facts.get("practice_names") or {}
    shown, hidden = next_in_line(worklist)
    columns = Columns(
        practice=shows_practice,
        risk=bool(shown["risk"].is_not_null().any()),
        seen=bool(shown["months_since_seen"].is_not_null().any()),
    )
    common = {
        "people": worklist.height,
        "places": placed_people(worklist),
        "hidden": hidden,
        "columns": columns,
        "choices": _choices(shown, names if shows_practice else {}),
        "numbered": bool(shown["nhs_number"].is_not_null().any()),
    }
    yield from _paged(chrome, _cut(row_texts(parcel, shown, columns, names)), common)


def _paged(chrome: Chrome, cut: list[list[str]], common: dict[str, Any]) -> Iterator[tuple[str, str]]:
    first = 1
    for number, rows in enumerate(cut, start=1):
        values = {
            "rows": Markup("".join(rows)),  # noqa: S704 - each text in a row is escaped where it is put in
            "first": first,
            "last": first + len(rows) - 1,
            "number": number,
            "numbers": len(cut),
            "pagination_items": _pagination(number, len(cut)),
        }
        title = "worklist" if len(cut) == 1 else f"worklist, page {number} of {len(cut)}"
        yield f"worklist-{number}.html", chrome.page("worklist.html.jinja", title, MENU_ADDRESS, **common, **values)
        first += len(rows)


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


def _choices(people: pl.DataFrame, names: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Give what a worklist can be filtered by: value and words of each choice that occurs."""
    roles, services = (people[name].explode().drop_nulls().unique().sort().to_list() for name in ("roles", "services"))
    places, practices = (people[name].cast(pl.String).unique().sort().to_list() for name in ("place", "practice_code"))
    return {
        "place": [(place, said) for place, said in words.PLACES.items() if place in places],
        "role": [(role, words.role(role)) for role in roles],
        "service": [(service, title) for service, title in SERVICES.items() if service in services],
        "practice": [(code, names.get(code, code)) for code in practices] if names else [],
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
