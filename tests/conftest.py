"""Fixtures that any test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of the reference pack; where it is absent the test is skipped, with the reason printed."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the reference pack is not beside this checkout (expected ../shared/data)")
    return SHARED_DATA


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Close with the counts on a line of their own, as schedulers read them."""
    counts = {word: len(terminalreporter.stats.get(word, [])) for word in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(
        f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed, {counts['skipped']} skipped"
    )


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a skip into a failure where every test is required (POPHEALTH_REQUIRE=all)."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("POPHEALTH_REQUIRE") == "all" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
