"""Gives the rows of a list that count, person by person and day by day, for kinds that look at several rows at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import Lists, Rules, kernel, passes, recorded_day, stretch, stretches
from pophealth.kernels.postings import Bytes, Postings, Values

Keys = npt.NDArray[np.uint64]
"""``person << 48 | day << 32 | row``, ascending."""

_DIGIT = 11


@kernel
def gather(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    list_: int,
    start: int,
    end: int,
    index: int,
    wanted: Bytes,
) -> Keys:
    """Give the rows of `list_` that count for the people with a 1 in `wanted`, as keys, ascending.

    Two rows of one person and day stand in the order of their runs, and rows of two tables in no order that may matter.
    """
    room = 4096
    used = 0
    keys = np.empty(room, np.uint64)
    for part in range(lists.parts[list_], lists.parts[list_ + 1]):
        runs = tables[lists.table[part]]
        entries, lags, late_row, late_day = runs.entries, runs.lag, runs.late_row, runs.late_day
        rule = lists.rule[part]
        for place in range(lists.ranges[part], lists.ranges[part + 1]):
            low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
            count = stretches(runs, low, high, start)
            for piece in range(count):
                begin, stop = stretch(runs, low, high, start, count, piece)
                for row in range(begin, stop):
                    entry = entries[row]
                    day = np.int64(entry >> np.uint32(16))
                    person = entry & np.uint32(0xFFFF)
                    if day <= start or day > end or not wanted[person]:
                        continue
                    if recorded_day(lags, late_row, late_day, row, day) > index:
                        continue
                    if rule >= 0 and not passes(runs, rules, rule, row):
                        continue
                    if used == room:
                        keys = np.append(keys, np.empty(room, np.uint64))
                        room *= 2
                    keys[used] = (
                        (np.uint64(person) << np.uint64(48)) | (np.uint64(day) << np.uint64(32)) | np.uint64(row)
                    )
                    used += 1
    ordered: Keys = in_order(keys[:used])
    return ordered


@kernel
def in_order(keys: Keys) -> Keys:
    """Give keys by person and day; the order of equal ones is kept (three passes of a counting sort)."""
    if keys.size < 2:
        return keys
    spare = np.empty_like(keys)
    counts = np.empty(1 << _DIGIT, np.int64)
    mask = np.uint64((1 << _DIGIT) - 1)
    for passed in range(3):
        shift = np.uint64(32 + _DIGIT * passed)
        counts[:] = 0
        for place in range(keys.size):
            counts[(keys[place] >> shift) & mask] += 1
        total = 0
        for digit in range(counts.size):
            size = counts[digit]
            counts[digit] = total
            total += size
        for place in range(keys.size):
            digit = (keys[place] >> shift) & mask
            spare[counts[digit]] = keys[place]
            counts[digit] += 1
        keys, spare = spare, keys
    return keys


@kernel
def person_of(key: np.uint64) -> np.int64:
    """Give the person of a key."""
    return np.int64(key >> np.uint64(48))


@kernel
def day_of(key: np.uint64) -> np.int64:
    """Give the day of a key."""
    return np.int64((key >> np.uint64(32)) & np.uint64(0xFFFF))


@kernel
def row_of(key: np.uint64) -> np.int64:
    """Give the row of a key."""
    return np.int64(key & np.uint64(0xFFFFFFFF))


@kernel
def sort_pairs(first: npt.NDArray[np.int64], second: Values, begin: int, end: int) -> None:
    """Sort the places ``begin..end`` of two arrays by the first, then the second (Shell's sort: days are short, not all)."""
    gap = 1
    while gap < (end - begin) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(begin + gap, end):
            one, two = first[place], second[place]
            hole = place
            while hole - gap >= begin and (
                first[hole - gap] > one or (first[hole - gap] == one and second[hole - gap] > two)
            ):
                first[hole], second[hole] = first[hole - gap], second[hole - gap]
                hole -= gap
            first[hole], second[hole] = one, two
        gap //= 3
