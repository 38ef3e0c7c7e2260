"""Pictures of each page type of a delivered site, to be looked at: ``python tests/browser/screenshots.py DELIVERY OUT``.

DELIVERY is a network's folder in ``deliveries/<run>/`` (with ``index.html`` and ``site/``); OUT gets one PNG a page type.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browser.chromium import browser_context

TALLEST = 2400
"""Pixels of a page that a picture shows: the first screens; a whole worklist would be a picture of many metres."""


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
    return {name: path for name, path in found.items() if path.is_file()}


def main() -> None:
    """Write the pictures and print where each is."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("delivery", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--narrow", action="store_true", help="as wide as a telephone")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, browser_context(playwright, width=390 if given.narrow else 1280) as context:
        page = context.new_page()
        for name, path in page_types(given.delivery).items():
            page.goto(path.resolve().as_uri())
            height = min(int(page.evaluate("document.documentElement.scrollHeight")), TALLEST)
            target = given.out / f"{name}.png"
            clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
            page.screenshot(path=target, clip=clip, full_page=True)
            sys.stdout.write(f"{target}\n")
        outside = [address for address in context.asked if not address.startswith("file:")]
    if outside:
        sys.exit(f"{len(outside)} addresses outside the folder were asked for")


if __name__ == "__main__":
    main()
