"""Gives browser tests a site, a browser without a way out, and a page that keeps what went wrong on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from browser.chromium import CHROMIUM, browser_context
from pophealth.delivery.pages import render_site
from test_support.parcels import made_parcel


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    render_site(made_parcel(), folder)
    return folder


@pytest.fixture(scope="session")
def playing() -> Iterator[Any]:
    if not CHROMIUM.is_file():
        pytest.skip("Debian's chromium is not installed (`make system` installs it)")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playing: Any) -> Iterator[Any]:
    with browser_context(playing) as context:
        yield context


@pytest.fixture(scope="session")
def browser_without_scripts(playing: Any) -> Iterator[Any]:
    with browser_context(playing, scripts=False) as context:
        yield context


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page()
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    yield opened
    opened.close()
