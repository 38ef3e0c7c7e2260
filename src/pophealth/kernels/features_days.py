"""Gives latest and first days, counts and gathered rows of a codelist's runs, one number per person.

Every kernel takes plain read-only arrays and a list of concepts; a changed plan compiles nothing. Days count from
1900-01-01; 0 means none. A row is looked at when ``start < day <= end`` and seen when it was recorded by `index`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Days = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int32]

LATE = 255
"""A lag that stands for: look the recorded day up in the table of late rows."""


def kernel(function: Any) -> Any:
    """Give `function` compiled: no lock held, kept on disk, no reordering of floating-point arithmetic."""
    return njit(cache=True, nogil=True)(function)


@kernel
def first_after(entries: Words, low: int, high: int, day: int) -> int:
    """Give the first position in ``low..high`` of which the day is later than `day`."""
    while low < high:
        middle = (low + high) >> 1
        if np.int64(entries[middle] >> np.uint32(16)) <= day:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def is_seen(row: int, day: int, lag: Bytes, late_row: Words, late_day: Days, index: int) -> bool:
    """Give whether the row was recorded by day `index`."""
    if lag[row] != LATE:
        return day + np.int64(lag[row]) <= index
    low = 0
    high = late_row.size
    while low < high:
        middle = (low + high) >> 1
        if np.int64(late_row[middle]) < row:
            low = middle + 1
        else:
            high = middle
    return low < late_row.size and np.int64(late_row[low]) == row and np.int64(late_day[low]) <= index


@kernel
def latest_day(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    concepts: Words,
    start: int,
    end: int,
    index: int,
    out: Days,
) -> None:
    """Give in `out` the later of what it held and the latest seen day in the window."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            person = entries[row] & np.uint32(0xFFFF)
            if day > out[person] and is_seen(row, day, lag, late_row, late_day, index):
                out[person] = day


@kernel
def first_day(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    concepts: Words,
    start: int,
    end: int,
    index: int,
    out: Days,
) -> None:
    """Give in `out` the first seen day in the window, or what it held where that is earlier; 0 stands for none."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            person = entries[row] & np.uint32(0xFFFF)
            if (out[person] == 0 or day < out[person]) and is_seen(row, day, lag, late_row, late_day, index):
                out[person] = day


@kernel
def count_rows(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    concepts: Words,
    start: int,
    end: int,
    index: int,
    out: Counts,
) -> None:
    """Give in `out` what it held plus the number of seen rows in the window."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            if is_seen(row, day, lag, late_row, late_day, index):
                out[entries[row] & np.uint32(0xFFFF)] += 1


@kernel
def gather(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    concepts: Words,
    start: int,
    end: int,
    index: int,
    found: Words,
    used: int,
) -> int:
    """Give the number of places of `found` in use after the seen entries of the window were added from `used` on."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            if is_seen(row, day, lag, late_row, late_day, index):
                found[used] = entries[row]
                used += 1
    return used


@kernel
def count_distinct(found: Words, out: Counts) -> None:
    """Give in `out` the number of different entries (days) of each person; `found` is sorted on the way."""
    found.sort()
    for place in range(found.size):
        if place == 0 or found[place] != found[place - 1]:
            out[found[place] & np.uint32(0xFFFF)] += 1
