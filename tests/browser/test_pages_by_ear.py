"""What a screen reader is told of each page type, by Chromium's own accessibility tree: it has to be whole and in order.

No screen reader is at hand; the tree is what every one of them reads from.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from browser.pages import TYPES, address

pytestmark = pytest.mark.long

NAMED = ("table", "region", "navigation", "complementary", "link", "button", "combobox", "searchbox", "textbox", "img",
         "image", "columnheader", "form", "heading", "group")  # fmt: skip


def tree(page: Any) -> list[dict[str, Any]]:
    """Give what is said, node by node in the order of reading: role, name, and the properties that are told."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    by_id = {node["nodeId"]: node for node in nodes}

    def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not node.get("ignored"):
            told = {said["name"]: said["value"].get("value") for said in node.get("properties", ())}
            role, name = (node.get(key, {}).get("value", "") for key in ("role", "name"))
            yield {"role": role, "name": name, **told}
        for child in node.get("childIds", ()):
            yield from walk(by_id[child])

    return list(walk(next(node for node in nodes if "parentId" not in node)))


@pytest.mark.parametrize("name", TYPES)
def test_landmarks_headings_tables_and_controls_are_told(site: Path, page: Any, name: str) -> None:
    page.goto(address(site, name))
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    said = tree(page)
    count = {role: sum(node["role"] == role for node in said) for role in {node["role"] for node in said}}
    assert count["main"] == count["banner"] == count["contentinfo"] == 1
    navigations = [node["name"] for node in said if node["role"] == "navigation"]
    assert navigations[0] == "Menu"
    assert len(set(navigations)) == len(navigations), "two navigations are called the same"
    assert [node["name"] for node in said if node["role"] == "complementary"] == ["What these pages are"]
    nameless = [node["role"] for node in said if node["role"] in NAMED and node["role"] != "group" and not node["name"]]
    assert nameless == []
    tables = [node["name"] for node in said if node["role"] == "table"]
    assert len(tables) == page.locator("table").count()
    headings = [node["level"] for node in said if node["role"] == "heading"]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(next_one <= one + 1 for one, next_one in pairwise(headings)), "a level is left out"
    links = [node["name"] for node in said if node["role"] == "link"]
    assert links[0] == "Skip to main content"
    current = [node["name"] for node in said if node["role"] == "link" and node["name"] in ("This month", "Worklist")]
    assert current[:2] == ["This month", "Worklist"], "the menu stands before the page"


@pytest.mark.parametrize("name", ["network-index", "worklist", "quality", "practice-worklist"])
def test_every_cell_has_its_heads(site: Path, page: Any, name: str) -> None:
    """As many cells a row as there are heads, and a row that is called by its first head."""
    page.goto(address(site, name))
    wrong = page.evaluate("""() => Array.from(document.querySelectorAll('table')).filter(table => {
        const heads = table.tHead.rows[0].cells.length;
        return Array.from(table.tBodies[0].rows).some(row =>
            row.cells.length !== heads || !row.querySelector('th[scope=row]'));
    }).map(table => table.caption.textContent)""")
    assert wrong == []


def test_sorting_and_filtering_are_told(site: Path, page: Any) -> None:
    page.goto(address(site, "worklist"))
    page.get_by_role("button", name="Person (age)").press("Enter")
    said = tree(page)
    status = next(place for place, node in enumerate(said) if node["role"] == "status")
    assert said[status].get("live") == "polite"
    assert said[status + 1]["name"] == "Sorted by Person (age), ascending"
    labels = {node["name"] for node in said if node["role"] in ("combobox", "searchbox")}
    assert {"Place", "Who can help", "Service", "Practice", "New", "Words"} <= labels
    assert any(node["role"] == "columnheader" and node["name"].startswith("Person (age)") for node in said)


def test_the_whole_page_is_reached_by_tab_alone(site: Path, page: Any) -> None:
    """The first thing is the way past the menu, then the menu, and no step is a trap."""
    page.goto(address(site, "network-index"))
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(document.activeElement.textContent || '').trim().slice(0, 40)"))
    assert seen[:3] == ["Skip to main content", "This month", "Worklist"]
    assert "Whom to ring first" in seen
    assert len(set(seen)) > 25
