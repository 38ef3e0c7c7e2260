"""Gives what stays decide at the next index date from what they did at the date before: few stays make a difference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Numbers, kernel
from pophealth.kernels.features_stays import (
    MANY_STAYS,
    NIGHTS,
    READMISSIONS,
    StayCounts,
    is_readmission,
    mark_readmissions,
)
from pophealth.kernels.postings import Bytes, Days, Stays, Words, frozen

REACH = 16
"""Days a usual stay lasts at most; longer ones, and those that have not ended, are few and looked at every time."""
_LAST_DAY = (1 << 16) - 1


class StaysByDay(NamedTuple):
    """Stays of a table in order of their first day: usual ones, then longer ones; with the person of each.

    Attributes
    ----------
    again : uint8 [n_readmission_counts, n_rows]
        Whether the stay is a readmission, by count of readmissions; the index date has no part in that.
    usual : int
        How many are usual.
    """

    person: Words
    first: Days
    last: Days
    method: Bytes
    again: Bytes
    usual: int


def stays_by_day(stays: Stays, gaps: Numbers) -> StaysByDay:
    """Give stays in order of their first day; `gaps` are the days of each count of readmissions."""
    first, last = stays.first, stays.last
    again = np.zeros((gaps.size, first.size), np.uint8)
    for row, gap in enumerate(gaps.tolist()):
        all_readmissions(stays, gap, again[row])
    is_long = (last == 0) | (last.astype(np.int32) - first > REACH)
    usual, longer = np.flatnonzero(~is_long), np.flatnonzero(is_long)
    order = np.concatenate([usual[np.argsort(first[usual], kind="stable")], longer])
    offsets = stays.offsets.astype(np.int64)
    counts = offsets[1:] - offsets[:-1]
    person = np.repeat(np.arange(counts.size, dtype=np.uint32), counts)
    return StaysByDay(
        frozen(person[order]),
        frozen(first[order]),
        frozen(last[order]),
        frozen(stays.method[order]),
        frozen(again[:, order]),
        usual.size,
    )


@kernel
def all_readmissions(stays: Stays, days: int, again: Bytes) -> None:
    """Give in `again`, zeros, which stays began 0 to `days` days after an earlier one ended."""
    for person in range(stays.offsets.size - 1):
        begin, stop = np.int64(stays.offsets[person]), np.int64(stays.offsets[person + 1])
        if stop - begin > MANY_STAYS:
            mark_readmissions(stays.first, stays.last, begin, stop, _LAST_DAY, days, again[begin:stop])
            continue
        for row in range(begin, stop):
            again[row] = is_readmission(stays.first, stays.last, begin, stop, row, days)


@kernel
def move_stays(
    tables: tuple[StaysByDay, StaysByDay],
    program: StayCounts,
    old_starts: Numbers,
    old_ends: Numbers,
    starts: Numbers,
    ends: Numbers,
    counts: Numbers,
) -> None:
    """Give in `counts`, which holds what counted from the old starts to the old ends, what counts now.

    A stay is worth the same as before unless it meets the days between the two starts or between the two ends.
    """
    readmissions = np.zeros(2, np.int64)
    for number in range(program.table.size):
        table, kind = program.table[number], program.kind[number]
        stays = tables[table]
        again = np.int64(-1)
        if kind == READMISSIONS:
            again = readmissions[table]
            readmissions[table] += 1
        firsts = stays.first[: stays.usual]
        reach = REACH if kind == NIGHTS else 0
        stop = np.int64(0)
        for edge in range(2):
            old, new = (old_ends[number], ends[number]) if edge else (old_starts[number], starts[number])
            if old == new:
                continue
            begin = max(stop, np.int64(np.searchsorted(firsts, min(old, new) - reach)))  # no stay is moved twice
            stop = max(begin, np.int64(np.searchsorted(firsts, max(old, new), "right")))
            move_rows(stays, program, number, again, begin, stop, old_starts, old_ends, starts, ends, counts)
        all_stays = stays.first.size
        move_rows(stays, program, number, again, stays.usual, all_stays, old_starts, old_ends, starts, ends, counts)


@kernel
def move_rows(
    stays: StaysByDay,
    program: StayCounts,
    number: int,
    again: int,
    begin: int,
    stop: int,
    old_starts: Numbers,
    old_ends: Numbers,
    starts: Numbers,
    ends: Numbers,
    counts: Numbers,
) -> None:
    """Give in a program's row of `counts` what the stays ``begin..stop`` are worth now instead of before."""
    low, high = np.uint8(program.method_low[number]), np.uint8(program.method_high[number])
    old_start, old_end = np.int32(old_starts[number]), np.int32(old_ends[number])
    start, end = np.int32(starts[number]), np.int32(ends[number])
    total = counts[program.out[number]]
    none = np.int32(0)
    for row in range(np.uint64(begin), np.uint64(stop)):  # no jump: methods come in no order a processor could foresee
        first, last = np.int32(stays.first[row]), np.int32(stays.last[row])
        if program.kind[number] == NIGHTS:
            was = min(old_end if last == none else last, old_end) - max(first, old_start)
            now = min(end if last == none else last, end) - max(first, start)
            gained = max(now, none) - max(was, none)
        else:
            gained = np.int32((start < first) & (first <= end)) - np.int32((old_start < first) & (first <= old_end))
        counted = (low <= stays.method[row]) & (stays.method[row] <= high)
        if again >= 0:
            counted &= stays.again[again, row] != 0
        total[stays.person[row]] += gained if counted else none
