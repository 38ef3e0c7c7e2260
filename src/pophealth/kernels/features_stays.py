"""Gives counts of spells and attendances, nights in hospital and readmissions, of person-major rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Numbers, kernel
from pophealth.kernels.postings import Bytes, Days, Stays, Words

COUNT, NIGHTS, READMISSIONS = 0, 1, 2
"""What is counted."""
MANY_STAYS = 64
"""Stays of one person above which ends are put in order instead of tried one by one."""


class StayCounts(NamedTuple):
    """Features that count stays. All int32 [n]; `table` numbers the tables of stays.

    Attributes
    ----------
    table, kind
        Which stays, and what is counted of them.
    method_low, method_high
        Accepted admission methods.
    days
        Days after an earlier discharge, for readmissions.
    out
        Row of the result.
    """

    table: Numbers
    kind: Numbers
    method_low: Numbers
    method_high: Numbers
    days: Numbers
    out: Numbers


@kernel
def stay_counts(
    tables: tuple[Stays, Stays], program: StayCounts, starts: Numbers, ends: Numbers, counts: Numbers
) -> None:
    """Give every count of stays; `counts` holds 0 before. Most stays lie in no window: they are looked at once."""
    for table in range(2):
        stays = tables[table]
        size = stays.first.size
        start, end = widest(program, table, starts, ends)
        row_of, offsets = np.empty(size + 1, np.uint32), np.empty(stays.offsets.size, np.uint32)
        used = stays_between(stays, start, end, row_of, offsets)
        first, last, method = np.empty(used, np.uint16), np.empty(used, np.uint16), np.empty(used, np.uint8)
        share, sums = np.empty(used, np.int32), np.zeros(used + 1, np.int32)
        for place in range(used):
            row = row_of[place]
            first[place], last[place], method[place] = stays.first[row], stays.last[row], stays.method[row]
        for number in range(program.table.size):
            if program.table[number] != table or used == 0:
                continue
            low, high = np.uint8(program.method_low[number]), np.uint8(program.method_high[number])
            start, end = np.int32(starts[number]), np.int32(ends[number])
            total = counts[program.out[number]]
            if program.kind[number] == NIGHTS:
                nights_of_rows(first, last, method, low, high, start, end, share)
            else:
                begun_rows(first, method, low, high, start, end, share)
            if program.kind[number] == READMISSIONS:
                readmissions_of_rows(stays, low, high, start, end, program.days[number], row_of, offsets, share)
            add_shares(offsets, share, sums, total)


@kernel
def add_shares(offsets: Words, share: Numbers, sums: Numbers, total: Numbers) -> None:
    """Give everyone the sum of their rows: what a running sum grows by from a person's first row to the next's."""
    running = np.int32(0)
    for row in range(share.size):
        running += share[row]
        sums[row + 1] = running
    for person in range(offsets.size - 1):
        total[person] = sums[offsets[person + 1]] - sums[offsets[person]]


@kernel
def nights_of_rows(
    first: Days,
    last: Days,
    method: Bytes,
    low: np.uint8,
    high: np.uint8,
    start: np.int32,
    end: np.int32,
    share: Numbers,
) -> None:
    """Give in `share` the nights of each stay inside the window; 0 where it came by another method."""
    none = np.int32(0)
    for row in range(first.size):
        until = np.int32(last[row])
        until = end if until == none or until > end else until
        nights = max(until - max(np.int32(first[row]), start), none)
        share[row] = nights if low <= method[row] and method[row] <= high else none


@kernel
def begun_rows(
    first: Days, method: Bytes, low: np.uint8, high: np.uint8, start: np.int32, end: np.int32, share: Numbers
) -> None:
    """Give in `share` 1 for each stay that began in the window, by one of the methods."""
    for row in range(first.size):
        day = np.int32(first[row])
        share[row] = (day > start) & (day <= end) & (low <= method[row]) & (method[row] <= high)


@kernel
def widest(program: StayCounts, table: int, starts: Numbers, ends: Numbers) -> tuple[np.int32, np.int32]:
    """Give a window in which those of all counts of a table lie."""
    start, end = np.int32(1 << 16), np.int32(0)
    for number in range(program.table.size):
        if program.table[number] == table:
            start, end = min(start, starts[number]), max(end, ends[number])
    return start, end


@kernel
def stays_between(stays: Stays, start: int, end: int, row_of: Words, offsets: Words) -> int:
    """Give in `row_of` the stays that begin or owe nights in a window, in `offsets` where each person's begin."""
    first, last = stays.first, stays.last
    used = np.uint64(0)
    row = np.uint64(0)
    above, below = np.uint16(min(max(start, 0), (1 << 16) - 1)), np.uint16(min(max(end, 0), (1 << 16) - 1))
    for person in range(offsets.size - 1):
        offsets[person] = used
        stop = np.uint64(stays.offsets[person + 1])
        while row < stop:
            row_of[used] = row
            lasts = (last[row] == np.uint16(0)) | (last[row] > above) | (first[row] > above)
            used += np.uint64((first[row] <= below) & lasts)
            row += np.uint64(1)
    offsets[offsets.size - 1] = used
    return int(used)


@kernel
def readmissions_of_rows(
    stays: Stays, low: int, high: int, start: int, end: int, days: int, row_of: Words, offsets: Words, share: Numbers
) -> None:
    """Give in `share` which of the stays it holds 1 for began 0 to `days` days after an earlier stay of any method ended.

    Stays of one day stand in the order of their ends, open ones last, then of the archive. Of the stays that ended on
    the day a stay began, only those that also began on it can stand after it; all others are earlier. Those of someone
    with many stays are counted together, at the first of them.
    """
    first, last, method = stays.first, stays.last, stays.method
    for person in range(offsets.size - 1):
        if offsets[person] == offsets[person + 1]:
            continue
        begin, stop = np.int64(stays.offsets[person]), np.int64(stays.offsets[person + 1])
        if stop - begin > MANY_STAYS:
            share[offsets[person] : offsets[person + 1]] = 0
            share[offsets[person]] = readmissions_of_many(first, last, method, begin, stop, low, high, start, end, days)
            continue
        for place in range(offsets[person], offsets[person + 1]):
            if share[place]:
                share[place] = is_readmission(first, last, begin, stop, np.int64(row_of[place]), days)


@kernel
def is_readmission(first: Days, last: Days, begin: int, stop: int, row: int, days: int) -> bool:
    """Give whether an earlier stay ended 0 to `days` days before the stay `row` began."""
    today = np.int64(first[row])
    place = begin
    while place < stop and first[place] <= today:
        ended = np.int64(last[place])
        # one that began on the same day ended on it: it is earlier, unless the stay `row` did too and stands before it
        is_earlier = first[place] < today or last[row] != ended or place < row
        if ended != 0 and today - days <= ended <= today and place != row and is_earlier:
            return True
        place += 1
    return False


@kernel
def readmissions_of_many(
    first: Days, last: Days, method: Bytes, begin: int, stop: int, low: int, high: int, start: int, end: int, days: int
) -> int:
    """Give the readmissions of someone with many stays."""
    again = np.zeros(stop - begin, np.uint8)
    mark_readmissions(first, last, begin, stop, end, days, again)
    found = 0
    for row in range(begin, stop):
        found += again[row - begin] and start < first[row] <= end and low <= method[row] <= high
    return found


@kernel
def mark_readmissions(first: Days, last: Days, begin: int, stop: int, end: int, days: int, again: Bytes) -> None:
    """Give in `again`, zeros, which of many stays are readmissions; none of those that begin after `end`.

    By their ends in order: as `is_readmission`, without trying every pair.
    """
    ends = np.sort(last[begin:stop])
    ended = 0
    row = begin
    while row < stop and first[row] <= end:
        today = np.int64(first[row])
        while ended < ends.size and np.int64(ends[ended]) < today:
            ended += 1
        before = ended > 0 and np.int64(ends[ended - 1]) > 0 and np.int64(ends[ended - 1]) >= today - days
        ended_today = ended
        while ended_today < ends.size and np.int64(ends[ended_today]) == today:
            ended_today += 1
        after_row = row
        short = 0
        while after_row < stop and first[after_row] == today:
            short += last[after_row] == today
            after_row += 1
        longer_before = ended_today - ended - short > 0
        short_before = 0
        for place in range(row, after_row):
            is_short = last[place] == today
            has_short = short_before > 0 if is_short else short > 0
            again[place - begin] = before or longer_before or has_short
            short_before += is_short
        row = after_row
