"""Gives Debian's Chromium, headless, with no way to a network and a fresh profile, for browser tests and pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
AXE = Path(__file__).resolve().parent / "assets" / "axe-4.14.1.min.js"


@contextmanager
def browser_context(playwright: Any, *, scripts: bool = True, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Give a browser context that is offline; every address a page asks for is in its `asked` list."""
    with tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=str(CHROMIUM),
            args=FLAGS,
            headless=True,
            offline=True,
            java_script_enabled=scripts,
            viewport={"width": width, "height": height},
            locale="en-GB",
        )
        context.asked = []
        context.on("request", lambda request: context.asked.append(request.url))
        try:
            yield context
        finally:
            context.close()
