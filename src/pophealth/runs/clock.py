"""Gives the day and the time: the only file that reads a clock, for the journal, leases and the age of opt-out lists."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def today() -> date:
    """Give the day in England: 00:30 British Summer Time is still yesterday in UTC."""
    return datetime.now(ZoneInfo("Europe/London")).date()


def now() -> str:
    """Give the time in UTC to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
