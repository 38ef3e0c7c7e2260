"""The day is the day in England; times in the diary are UTC and say so."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from unittest import mock

import pytest

from pophealth.runs import clock


def at(moment: datetime) -> mock._patch:
    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz)

    return mock.patch.object(clock, "datetime", Frozen)


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        (datetime(2025, 7, 5, 23, 30, tzinfo=UTC), date(2025, 7, 6)),  # British Summer Time
        (datetime(2025, 1, 5, 23, 30, tzinfo=UTC), date(2025, 1, 5)),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), date(2024, 2, 29)),
        (datetime(2025, 3, 30, 0, 59, tzinfo=UTC), date(2025, 3, 30)),
        (datetime(2025, 3, 31, 22, 59, tzinfo=UTC), date(2025, 3, 31)),
        (datetime(2025, 3, 31, 23, 0, tzinfo=UTC), date(2025, 4, 1)),  # the contract year turns in London
        (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), date(2025, 10, 26)),
    ],
)
def test_the_day_is_the_day_in_england(utc: datetime, day: date) -> None:
    with at(utc):
        assert clock.today() == day
        assert datetime.fromisoformat(clock.now()) == utc.replace(microsecond=0)
        assert clock.now().endswith("+00:00")
