"""Gives truth with three values over a batch: true, false, unknown; and points that stay open where something is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pophealth.scores._columns import absent, labels, truths, wholes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags

    Truths = NDArray[np.bool_]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What is known of a statement, person by person: nowhere both `true` and `unknown`, false where neither.

    ``&``, ``|`` and ``~`` follow Kleene: unknown stays unknown unless the other side alone decides.
    """

    true: Truths
    unknown: Truths

    def __and__(self, other: Truth) -> Truth:
        true = self.true & other.true
        return Truth(true, (self.true | self.unknown) & (other.true | other.unknown) & ~true)

    def __or__(self, other: Truth) -> Truth:
        true = self.true | other.true
        return Truth(true, (self.unknown | other.unknown) & ~true)

    def __invert__(self) -> Truth:
        return Truth(~self.true & ~self.unknown, self.unknown)

    def series(self, name: str) -> pl.Series:
        """Give it as a flag column, null where unknown."""
        return pl.Series(name, self.true).set(pl.Series(self.unknown), None)


def truth(inputs: pl.DataFrame, name: str, flags: Flags) -> Truth:
    """Give a flag input; where it is missing it is unknown, and noted as missing."""
    missing = absent(inputs, name)
    flags.add("missing", name, missing)
    return Truth(truths(inputs, name), missing)


def at_least(values: Floats, least: float) -> Truth:
    """Give where `values` reach `least`; unknown for NaN."""
    return Truth(values >= least, np.isnan(values))


def above(values: Floats, bound: float) -> Truth:
    """Give where `values` lie above `bound`; unknown for NaN."""
    return Truth(values > bound, np.isnan(values))


def below(values: Floats, bound: Floats | float) -> Truth:
    """Give where `values` lie below `bound`; unknown where either is NaN."""
    return Truth(values < bound, np.isnan(values) | np.isnan(bound))


class Points:
    """Adds points item by item. An item of unknown truth leaves the total open, between `low` and `high`."""

    def __init__(self, height: int) -> None:
        self.low = np.zeros(height, dtype=np.int64)
        self.high = np.zeros(height, dtype=np.int64)

    def add(self, points: int, item: Truth) -> None:
        """Add `points` where `item` is true."""
        self.low += points * item.true
        self.high += points * (item.true | item.unknown)

    def series(self, name: str) -> pl.Series:
        """Give the total, null where it is open."""
        return wholes(name, self.low, self.low == self.high)

    def bands(self, name: str, band_from: tuple[int, ...], words: tuple[str, ...]) -> pl.Series:
        """Give the band of the total, also of an open one that lies in one band whatever the unknown is."""
        least, most = (np.searchsorted(band_from, total, side="right") for total in (self.low, self.high))
        return labels(name, np.where(least == most, least, -1), words)
