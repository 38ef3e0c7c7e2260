"""Gives the words for arrays, days and seeded streams that every maker of synthetic people shares."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.declare.window import months_before

Days = npt.NDArray[np.int32]
"""Days since 1970-01-01."""
Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

NEVER = np.int32(2**30)
"""A day that does not come: later than any real one, so that comparisons need no special case."""


def day_number(day: date) -> int:
    """Give days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def stream(seed: int, network: int, what: str) -> np.random.Generator:
    """Give the random numbers of one purpose in one network: adding a purpose or a network changes no other."""
    return np.random.default_rng([seed, network, zlib.crc32(what.encode())])


@dataclass(frozen=True)
class Timeline:
    """The months lived through. Step j is the days ``(ends[j], ends[j + 1]]``; step `index_step` follows the index date."""

    index_date: date
    years: int
    months_after: int

    @property
    def index_step(self) -> int:
        """Steps before the index date; what is known at its start is what a feature sees on the index date."""
        return 12 * self.years

    @property
    def steps(self) -> int:
        """Number of months."""
        return self.index_step + self.months_after

    @cached_property
    def ends(self) -> Days:
        """Day on which each step begins to be lived, last day of the step before: `steps` + 1 days."""
        days = [day_number(months_before(self.index_date, self.index_step - step)) for step in range(self.steps + 1)]
        return np.array(days, np.int32)

    @property
    def index_day(self) -> int:
        """The index date as a number."""
        return int(self.ends[self.index_step])

    @property
    def first_day(self) -> int:
        """The last day before the history."""
        return int(self.ends[0])

    @property
    def last_day(self) -> int:
        """The last day the extract knows about."""
        return int(self.ends[-1])

    def step_known(self, days: npt.NDArray[Any]) -> Ints:
        """Give the first step at whose beginning a record of each day is known."""
        return np.searchsorted(self.ends, days, side="left")

    def day_in(self, steps: npt.NDArray[Any], share: npt.NDArray[Any]) -> Days:
        """Give the day a given share of the way through each step."""
        begin = self.ends[steps]
        length = self.ends[steps + 1] - begin
        day: Days = (begin + 1 + np.floor(share * length)).astype(np.int32)
        return day


def upper_tail(z: Floats) -> Floats:
    """Give the share of a standard normal above `z` (Abramowitz and Stegun 26.2.17, error below 1e-7)."""
    size = np.abs(z)
    t = 1.0 / (1.0 + 0.2316419 * size)
    polynomial = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = polynomial * np.exp(-0.5 * size * size) * 0.3989422804014327
    return np.where(z >= 0, tail, 1.0 - tail)


def pick(rng: np.random.Generator, weights: npt.NDArray[Any], count: int) -> Ints:
    """Give `count` places drawn by weight."""
    edges = np.cumsum(weights, dtype=np.float64)
    return np.minimum(np.searchsorted(edges / edges[-1], rng.random(count), side="right"), len(weights) - 1)


def spread(counts: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Give, for counts per person, the person of every row and the row's number within the person."""
    who = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return who, np.arange(len(who)) - first[who]
