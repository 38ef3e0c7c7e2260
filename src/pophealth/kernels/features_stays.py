"""Gives counts of spells and attendances, nights in hospital and readmissions, of person-major rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Numbers, kernel
from pophealth.kernels.postings import Stays

COUNT, NIGHTS, READMISSIONS = 0, 1, 2
"""What is counted."""


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
    tables: tuple[Stays, ...], program: StayCounts, starts: Numbers, ends: Numbers, index: int, counts: Numbers
) -> None:
    """Give every count of stays; `counts` holds 0 before."""
    for number in range(program.table.size):
        stays = tables[program.table[number]]
        low, high = program.method_low[number], program.method_high[number]
        start, end = starts[number], ends[number]
        total = counts[program.out[number]]
        if program.kind[number] == READMISSIONS:
            count_readmissions(stays, low, high, start, end, index, program.days[number], total)
            continue
        first, last, method = stays.first, stays.last, stays.method
        is_nights = program.kind[number] == NIGHTS
        for person in range(stays.offsets.size - 1):
            found = np.int32(0)
            for row in range(stays.offsets[person], stays.offsets[person + 1]):
                day = np.int32(first[row])
                if day > end or not low <= method[row] <= high:
                    continue
                if is_nights:
                    until = np.int32(last[row])
                    until = end if until == 0 or until > end else until
                    found += max(until - max(day, start), 0)
                else:
                    found += day > start
            total[person] = found


@kernel
def count_readmissions(stays: Stays, low: int, high: int, start: int, end: int, index: int, days: int, total: Numbers) -> None:
    """Give in `total` the stays in the window that began 0 to `days` days after an earlier stay of any method ended.

    Stays of one day stand in the order of their ends, open ones last, then of the archive. Of the stays that ended on
    the day a stay began, only those that also began on it can stand after it; all others are earlier.
    """
    for person in range(stays.offsets.size - 1):
        begin, stop = np.int64(stays.offsets[person]), np.int64(stays.offsets[person + 1])
        if stop - begin < 2:
            continue
        ends = np.sort(stays.last[begin:stop])
        ended = 0
        row = begin
        while row < stop and stays.first[row] <= end:
            today = np.int64(stays.first[row])
            while ended < ends.size and np.int64(ends[ended]) < today:
                ended += 1
            before = ended > 0 and np.int64(ends[ended - 1]) > 0 and np.int64(ends[ended - 1]) >= today - days
            ended_today = ended
            while ended_today < ends.size and np.int64(ends[ended_today]) == today:
                ended_today += 1
            after_row = row
            short = 0
            while after_row < stop and stays.first[after_row] == today:
                short += stays.last[after_row] == today
                after_row += 1
            longer_before = ended_today - ended - short > 0
            short_before = 0
            for place in range(row, after_row):
                is_short = stays.last[place] == today
                has_short = short_before > 0 if is_short else short > 0
                if (before or longer_before or has_short) and today > start and low <= stays.method[place] <= high:
                    total[person] += 1
                short_before += is_short
            row = after_row
