"""Every page type in a real browser: accessible, silent on the network, whole without scripts, sorted from the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser.chromium import AXE
from browser.pages import TYPES, address
from pophealth.delivery.pages import render_site
from test_support.parcels import POLYGLOT, Made, made_parcel, poisoned

pytestmark = pytest.mark.long

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Any) -> list[str]:
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("tags => axe.run(document, {runOnly: tags, preload: false})", AXE_TAGS)
    assert found["passes"], "axe looked at nothing"
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]


@pytest.mark.parametrize("name", TYPES)
def test_axe_finds_no_violation(site: Path, page: Any, name: str) -> None:
    page.goto(address(site, name))
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert violations(page) == []
    assert page.problems == [], "the page's own policy refused something of the page"


def test_axe_is_awake(page: Any, tmp_path: Path) -> None:
    """A page with faults is found out: otherwise the test above could not fail."""
    bad = tmp_path / "bad.html"
    bad.write_text("<html><head></head><body><img src='x.png'><input></body></html>")
    page.goto(bad.as_uri())
    assert {line.split(":")[0] for line in violations(page)} >= {
        "image-alt",
        "label",
        "html-has-lang",
        "document-title",
    }


@pytest.mark.parametrize("name", TYPES)
def test_a_page_asks_for_nothing_outside_its_folder(site: Path, browser: Any, page: Any, name: str) -> None:
    before = len(browser.asked)
    page.goto(address(site, name))
    page.wait_for_load_state("networkidle")
    asked = browser.asked[before:]
    assert len(asked) >= 3, "style sheets were not loaded"
    assert [where for where in asked if not where.startswith(site.resolve().as_uri())] == []
    assert page.evaluate("getComputedStyle(document.querySelector('.ph-header')).backgroundColor") == "rgb(0, 94, 184)"
    assert page.evaluate("Array.from(document.images).every(image => image.naturalWidth > 0)")
    assert page.evaluate("document.fonts.size") == 0


def test_the_policy_stops_what_should_not_be_there(site: Path, page: Any) -> None:
    """A script, a request and a form that got in somehow do nothing."""
    page.goto(address(site, "worklist"))
    seen: list[Any] = []
    page.on("request", lambda request: seen.append(request))
    page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.hit = 1';
        document.body.appendChild(script);
        const image = document.createElement('img');
        image.src = 'https://example.invalid/x.png';
        document.body.appendChild(image);
    }""")
    assert page.evaluate("typeof window.hit") == "undefined"
    assert page.evaluate("fetch('https://example.invalid/').then(() => 'went', () => 'stopped')") == "stopped"
    went = [request for request in seen if not request.url.startswith("file:")]
    assert {request.failure for request in went} == {"csp"}, "the browser itself refused them, none went out"


@pytest.fixture(scope="module")
def bad_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    render_site(poisoned(made_parcel(Made(people=80, listed=20))), folder)
    return folder


def test_markup_in_any_text_stays_text(bad_site: Path, browser: Any, page: Any) -> None:
    """Polyglots stand in every text of the parcel; in the document they are text, on every page and in every chart."""
    paths = sorted(bad_site.rglob("*.html")) + sorted(bad_site.rglob("*.svg"))
    assert len(paths) > 40
    held = 0
    for path in paths:
        before = len(browser.asked)
        page.goto(path.as_uri())
        found = page.evaluate("""() => {
            const all = Array.from(document.querySelectorAll('*'));
            return {
                hit: typeof window.hit,
                scripts: all.filter(e => e.localName === 'script').length,
                handlers: all.filter(e => e.getAttributeNames().some(n => n.startsWith('on'))).length,
                pictures: all.filter(e => e.localName === 'img' && !e.getAttribute('src').match(/(^|\\/)charts\\//)).length,
                held: document.documentElement.textContent.includes('onerror=window.hit=2'),
            };
        }""")
        is_page = path.suffix == ".html"
        held += found.pop("held")
        assert found == {"hit": "undefined", "scripts": int(is_page), "handlers": 0, "pictures": 0}, path.name
        outside = [where for where in browser.asked[before:] if not where.startswith(bad_site.resolve().as_uri())]
        assert outside == [], path.name
    assert held > 40, "the polyglot did not get into the pages: the test tested nothing"
    assert POLYGLOT.count("window.hit") == 3


def test_a_worklist_is_sorted_from_the_keyboard(site: Path, page: Any) -> None:
    page.goto(address(site, "worklist"))
    button = page.get_by_role("button", name="Person (age)")
    button.focus()
    page.keyboard.press("Enter")
    ages = page.eval_on_selector_all("#worklist tbody th", "cells => cells.map(cell => Number(cell.dataset.sort))")
    assert ages == sorted(ages)
    assert len(set(ages)) > 5
    assert page.locator("#worklist th[aria-sort=ascending]").count() == 1
    assert page.locator("#ph-said").text_content() == "Sorted by Person (age), ascending"
    page.keyboard.press("Enter")
    again = page.eval_on_selector_all("#worklist tbody th", "cells => cells.map(cell => Number(cell.dataset.sort))")
    assert again == sorted(ages, reverse=True)


def test_a_worklist_is_filtered_from_the_keyboard(site: Path, page: Any) -> None:
    page.goto(address(site, "worklist"))
    whole = page.locator("#worklist tbody tr").count()
    waiting = page.locator("#worklist tbody tr[data-place=waiting]").count()
    assert 0 < waiting < whole
    page.get_by_label("Place").focus()
    page.keyboard.type("Waiting")
    shown = page.locator("#worklist tbody tr:not([hidden])")
    assert shown.count() == waiting
    assert page.locator("#ph-said").text_content() == f"Showing {waiting} of {whole} people on this page"
    page.get_by_role("button", name="Show all").press("Enter")
    page.wait_for_function(f"document.querySelectorAll('#worklist tbody tr:not([hidden])').length === {whole}")
    page.get_by_label("Words").fill("zzz nobody")
    assert shown.count() == 0


@pytest.mark.parametrize("name", TYPES)
def test_a_page_is_whole_without_scripts(site: Path, browser_without_scripts: Any, name: str) -> None:
    page = browser_without_scripts.new_page()
    page.goto(address(site, name))
    assert len(page.locator("main").inner_text()) > 200
    assert page.locator("form:visible").count() == 0, "a filter that cannot work is shown"
    assert page.locator("th button").count() == 0
    if page.locator("details").count():
        page.locator("details > summary").first.click()
        assert page.locator("details[open]").count() == 1
    page.close()


def test_a_page_can_be_printed(site: Path, page: Any) -> None:
    page.goto(address(site, "worklist"))
    page.emulate_media(media="print")
    assert page.locator(".ph-menu").is_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('#worklist a'), '::after').content") == "none"
    more = page.locator("#worklist summary", has_text="more").first
    assert more.is_visible(), "that there are more lists is printed"
    assert ": why" not in more.inner_text()
    assert page.locator(".ph-filters").is_hidden()
    assert page.locator("#worklist tbody tr").first.is_visible()
    assert page.locator(".ph-band").inner_text().count("not an alerting service") == 1


def test_a_page_fits_a_telephone(site: Path, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for name in TYPES:
        page.goto(address(site, name))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
