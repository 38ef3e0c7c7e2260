"""Pictures of each page type of a delivered site, to be looked at: ``python tests/browser/screenshots.py DELIVERY OUT``.

DELIVERY is a network's folder in ``deliveries/<run>/`` (with ``index.html`` and ``site/``); OUT gets one PNG a page type.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browser.chromium import browser_context

TALLEST, LONG = 6000, 2400
"""Pixels of a page that a picture shows; of a worklist and of rules the first screens: whole they are many metres."""


def page_types(delivery: Path) -> dict[str, Path]:
    """Give one page of each type that the delivery has, by name."""
    site = delivery / "site"
    practices = sorted((delivery / "practices").glob("*/site")) if (delivery / "practices").is_dir() else []
    found = {
        "network-index": delivery / "index.html",
        "services": site / "services.html",
        "service": site / "service-cvd-prevention.html",
        "rules-index": site / "rules.html",
        "rules": site / "rules-cvd-prevention.html",
        "worklist": site / "worklist-1.html",
        "quality": site / "quality.html",
        "about": site / "about.html",
    }
    if practices:
        found |= {"practice-index": practices[0] / "index.html", "practice-worklist": practices[0] / "worklist-1.html"}
        found |= {"practice-rules": practices[0] / "rules-cvd-prevention.html"}
        found |= {"practice-rules-index": practices[0] / "rules.html", "practice-about": practices[0] / "about.html"}
    return {name: path for name, path in found.items() if path.is_file()}


def take(context: Any, pages: dict[str, Path], out: Path, suffix: str = "", *, opened: bool = False) -> None:
    """Write a picture of each page and print where it is."""
    page = context.new_page()
    if suffix == "-print":
        page.emulate_media(media="print")
    for name, path in pages.items():
        page.goto(path.resolve().as_uri())
        if opened:
            page.evaluate(
                "Array.from(document.querySelectorAll('details')).slice(0, 3).forEach(one => { one.open = true; })"
            )
        most = LONG if path.name.startswith(("worklist", "rules-", "service-")) else TALLEST
        height = min(int(page.evaluate("document.documentElement.scrollHeight")), most)
        target = out / f"{name}{suffix}.png"
        clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
        page.screenshot(path=target, clip=clip, full_page=True)
        sys.stdout.write(f"{target}\n")
    outside = [address for address in context.asked if not address.startswith("file:")]
    if outside:
        sys.exit(f"{len(outside)} addresses outside the folder were asked for")


def main() -> None:
    """Write the pictures: as they open, with reasons opened, as printed, with scripts off."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("delivery", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--narrow", action="store_true", help="as wide as a telephone")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    width = 390 if given.narrow else 1280
    found = page_types(given.delivery)
    some = {
        name: found[name] for name in ("network-index", "worklist", "service", "practice-worklist") if name in found
    }
    with sync_playwright() as playwright:
        with browser_context(playwright, width=width) as context:
            take(context, found, given.out)
            take(context, some, given.out, "-opened", opened=True)
            take(context, some, given.out, "-print")
        with browser_context(playwright, scripts=False, width=width) as context:
            take(context, some, given.out, "-no-scripts")


if __name__ == "__main__":
    main()
