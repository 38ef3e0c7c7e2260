"""Gives windows as day numbers once an index date and a contract year are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pophealth.declare import Feature, months_before
from pophealth.terms import EARLIEST_DAY


@dataclass(frozen=True)
class Moment:
    """The index date and contract year looked from. Days are numbers since 1900-01-01."""

    index_date: date
    contract_year: str

    @property
    def index(self) -> int:
        """The index date as a day number."""
        return day_number(self.index_date)

    def window(self, feature: Feature) -> tuple[int, int]:
        """Give `(start, end)` of the feature's window: a row lies inside when ``start < day <= end``."""
        start, end = feature.window.bounds(self.index_date, self.contract_year)
        return day_number(start), day_number(end)

    def window_before(self, feature: Feature) -> tuple[int, int]:
        """Give the window of the same length that ends where the feature's window starts (3-6 months before 0-3)."""
        start, end = feature.window.bounds(self.index_date, self.contract_year)
        months = feature.window.months
        before = day_number(months_before(end, 2 * months)) if months else 2 * day_number(start) - day_number(end)
        return max(before, 0), day_number(start)


def day_number(day: date) -> int:
    """Give the days from 1900-01-01 to `day`; 0 for that day and earlier ones, which no row can have."""
    return max((day - EARLIEST_DAY).days, 0)
