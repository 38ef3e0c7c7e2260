"""Gives windows as day numbers once index dates and contract years are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.declare import EVER, Feature, Window, months_before
from pophealth.terms import EARLIEST_DAY

LAST_DAY = 65_534
"""The last day the register can tell from the days after it (in the year 2079)."""

_ONE = date.resolution


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


class Edge(NamedTuple):
    """One end of a window: its `start`, its `end`, or the start `before` it of a window as long as itself."""

    window: Window
    which: Literal["start", "end", "before"]

    def day(self, moment: Moment) -> int:
        """Give the day number of the edge."""
        start, end = self.window.bounds(moment.index_date, moment.contract_year)
        if self.which == "before":
            return day_number(start_before(self.window, start, end))
        return day_number(start if self.which == "start" else end)


START_OF_TIME = Edge(EVER, "start")
"""The edge no row lies before."""


def end_edge(window: Window) -> Edge:
    """Give the end of `window`; windows that end on one day have one edge."""
    return Edge(Window(until=window.until), "end")


def start_before(window: Window, start: date, end: date) -> date:
    """Give where the window of the same length before ``(start, end]`` starts (3-6 months before 0-3)."""
    if start <= EARLIEST_DAY:
        return start  # nothing lies before a window that began with time
    if window.months:
        return months_before(start, window.months)
    return max(start - (end - start), EARLIEST_DAY - _ONE)


def day_number(day: date) -> int:
    """Give the days from 1900-01-01 to `day`; 0 for that day and earlier ones, which no row can have."""
    return min(max((day - EARLIEST_DAY).days, 0), LAST_DAY)


def edge_days(edges: tuple[Edge, ...], moments: tuple[Moment, ...]) -> npt.NDArray[np.int32]:
    """Give the day of each edge at each moment, int32 [n_moments, n_edges]."""
    days = [[edge.day(moment) for edge in edges] for moment in moments]
    return np.array(days, np.int32).reshape(len(moments), len(edges))
