"""Gives the page types of a site by name, and where each is."""

from __future__ import annotations

from pathlib import Path

from browser.screenshots import page_types

TYPES = ("network-index", "services", "service", "rules-index", "rules", "worklist", "quality", "about",
         "practice-index", "practice-worklist", "practice-rules", "practice-rules-index", "practice-about")  # fmt: skip


def address(site: Path, name: str) -> str:
    return page_types(site)[name].resolve().as_uri()
