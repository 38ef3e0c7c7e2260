"""Gives the values of one input as a score can use them: NaN where missing or refused, and noted so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pophealth.scores._columns import numbers, places, within

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.declare import Input
    from pophealth.scores._flags import Flags


BEARABLE = (1e-9, 1e9)
"""Not clinical: no measurement in the units of these scores is smaller or larger, and no formula overflows inside."""


def read_number(inputs: pl.DataFrame, entry: Input, flags: Flags, *, note_missing: bool = True) -> NDArray[np.float64]:
    """Give a number input: inside its declared range, or above zero and of a size that arithmetic bears; else NaN."""
    values = numbers(inputs, entry.name)
    lacking = np.isnan(values)
    if entry.allowed is None:
        fits = within(values, *BEARABLE)
    else:
        low, high = entry.allowed
        fits = within(values, float(low), float(high))
    if note_missing:
        flags.add("missing", entry.name, lacking)
    flags.add("out_of_range", entry.name, ~lacking & ~fits)
    return np.where(fits, values, np.nan)


def read_female(inputs: pl.DataFrame, flags: Flags) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Give who is female, and of whom the sex is known."""
    place = places(inputs, "sex")
    flags.add("missing", "sex", place < 0)
    return place == 0, place >= 0
