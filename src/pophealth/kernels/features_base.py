"""Gives what every feature kernel shares: lists of concepts as ranges of runs, row filters, and when a row was recorded.

Kernels take plain arrays, all of them read-only but scratch and results; a changed plan compiles nothing. Days count
from 1900-01-01 and 0 means none. A row is inside a window when ``start < day <= end``, and seen when it was recorded on
or before `index`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from pophealth.kernels.postings import Bytes, Days, Postings, Values, Words

Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]

LATE = 255
"""A lag that stands for: look the recorded day up in the table of late rows."""
SHORT_RUN = 24
"""Mean rows a concept up to which a range is read from end to end; in longer runs the window's tail is searched."""

READS_VALUE, READS_SETTING, READS_COMPARATOR, READS_POSITION, READS_METHOD = 1, 2, 4, 8, 16
"""What a row filter looks at, one bit each."""


class Lists(NamedTuple):
    """Every list of concepts of a plan, taken apart into ranges of adjacent concepts.

    Attributes
    ----------
    parts : int32 [n_lists + 1]
        List l is made of the parts ``parts[l]:parts[l + 1]``, one per table it reads.
    table, rule : int32 [n_parts]
        The part's table, and the row filter its rows pass; -1 for none.
    ranges : int32 [n_parts + 1]
        Ranges of the part.
    low, high : uint32 [n_ranges]
        A range is the concepts ``low`` to ``high - 1``; ascending, and apart from each other.
    """

    parts: Numbers
    table: Numbers
    rule: Numbers
    ranges: Numbers
    low: Words
    high: Words


class Rules(NamedTuple):
    """Row filters. `reads` says which of the others one looks at (``READS_...``).

    Attributes
    ----------
    factor : float64 [n_rules, 256]
        By what a number in a unit is to be multiplied; NaN where it cannot be read as the feature's.
    lowest, highest : float64 [n_rules]
        Accepted values, in the feature's unit.
    settings, comparators : uint8 [n_rules]
        Accepted numbers, as bits.
    position : uint8 [n_rules]
        The one accepted position.
    method_low, method_high : uint8 [n_rules]
        Accepted admission methods.
    """

    reads: Bytes
    factor: Values
    lowest: Values
    highest: Values
    settings: Bytes
    comparators: Bytes
    position: Bytes
    method_low: Bytes
    method_high: Bytes


def kernel(function: Any) -> Any:
    """Give `function` compiled: no lock held, kept on disk, no reordering of floating-point arithmetic."""
    return njit(cache=True, nogil=True)(function)


@kernel
def late_day_of(late_row: Words, late_day: Days, row: int) -> np.int64:
    """Give the recorded day of a late row; after every day where the table does not hold it."""
    low = 0
    high = late_row.size
    while low < high:
        middle = (low + high) >> 1
        if np.int64(late_row[middle]) < row:
            low = middle + 1
        else:
            high = middle
    return np.int64(late_day[low]) if low < late_row.size and np.int64(late_row[low]) == row else np.int64(1 << 16)


@kernel
def recorded_day(lags: Bytes, late_row: Words, late_day: Days, row: int, day: int) -> np.int64:
    """Give the day on which a row was recorded."""
    lag = np.int64(lags[row])
    return np.int64(day) + lag if lag != LATE else np.int64(late_day_of(late_row, late_day, row))


@kernel
def number_of(value: float, factor: float, lowest: float, highest: float) -> float:
    """Give a value in the feature's unit; NaN where it cannot be read as that or is out of bounds."""
    number = value * factor + 0.0  # so that -0.0 is 0.0, whichever came first
    return number if lowest <= number <= highest else np.nan


@kernel
def row_number(runs: Postings, rules: Rules, rule: int, row: int) -> float:
    """Give the value of a row in the unit and the bounds of a row filter, as `number_of`."""
    factor = rules.factor[rule, runs.unit[row]]
    return float(number_of(runs.value[row], factor, rules.lowest[rule], rules.highest[rule]))


@kernel
def passes(runs: Postings, rules: Rules, rule: int, row: int) -> bool:
    """Give whether a row passes a row filter; a missing comparator is ``=``, a missing setting is none of them."""
    reads = rules.reads[rule]
    if reads & READS_VALUE and np.isnan(row_number(runs, rules, rule, row)):
        return False
    if reads & READS_SETTING and not (rules.settings[rule] >> runs.setting[row]) & 1:
        return False
    if reads & READS_COMPARATOR and not (rules.comparators[rule] >> runs.comparator[row]) & 1:
        return False
    if reads & READS_POSITION and runs.position[row] != rules.position[rule]:
        return False
    return not (reads & READS_METHOD) or rules.method_low[rule] <= runs.method[row] <= rules.method_high[rule]


@kernel
def first_after(entries: Words, low: int, high: int, day: int) -> int:
    """Give the first position of a run ``low..high`` of which the day is later than `day`, searched from its end."""
    limit = np.uint32(day + 1) << np.uint32(16)
    step = 1
    while high - step > low and entries[high - step] >= limit:
        high -= step
        step *= 2
    low = max(low, high - step)
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] < limit:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def stretches(runs: Postings, low: int, high: int, start: int) -> int:
    """Give in how many stretches the rows of the concepts ``low..high`` are to be read: one, or one per concept."""
    last = runs.offsets.size - 1
    rows = np.int64(runs.offsets[min(high, last)]) - np.int64(runs.offsets[min(low, last)])
    return 1 if start <= 0 or rows <= SHORT_RUN * (high - low) else high - low


@kernel
def stretch(runs: Postings, low: int, high: int, start: int, count: int, place: int) -> tuple[np.int64, np.int64]:
    """Give the rows ``begin..end`` of one stretch; rows up to `start` may still be in it when it is the only one."""
    last = runs.offsets.size - 1
    if count == 1:
        return np.int64(runs.offsets[min(low, last)]), np.int64(runs.offsets[min(high, last)])
    concept = min(low + place, last)
    begin = np.int64(runs.offsets[concept])
    end = np.int64(runs.offsets[min(concept + 1, last)])
    return np.int64(first_after(runs.entries, begin, end, start)), end
