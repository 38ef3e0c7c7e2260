"""Gives counts of spells and attendances, nights in hospital and readmissions, of person-major rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Numbers, kernel
from pophealth.kernels.postings import Days, Stays

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
    tables: tuple[Stays, Stays], program: StayCounts, starts: Numbers, ends: Numbers, counts: Numbers
) -> None:
    """Give every count of stays; `counts` holds 0 before."""
    spells, attendances = person_of_rows(tables[0]), person_of_rows(tables[1])
    for number in range(program.table.size):
        stays = tables[program.table[number]]
        person_of = spells if program.table[number] == 0 else attendances
        low, high = program.method_low[number], program.method_high[number]
        start, end = starts[number], ends[number]
        total = counts[program.out[number]]
        first, last, method = stays.first, stays.last, stays.method
        if program.kind[number] == READMISSIONS:
            count_readmissions(stays, low, high, start, end, program.days[number], total)
        elif program.kind[number] == COUNT:
            for row in range(first.size):
                total[person_of[row]] += (
                    (start < first[row]) & (first[row] <= end) & (low <= method[row]) & (method[row] <= high)
                )
        else:
            for row in range(first.size):
                day, until = np.int32(first[row]), np.int32(last[row])
                until = end if until == 0 or until > end else until
                counts_here = (day <= end) & (low <= method[row]) & (method[row] <= high)
                total[person_of[row]] += max(until - max(day, start), 0) * counts_here


@kernel
def person_of_rows(stays: Stays) -> Days:
    """Give the person of each row."""
    people = np.empty(stays.first.size, np.uint16)
    for person in range(stays.offsets.size - 1):
        people[stays.offsets[person] : stays.offsets[person + 1]] = person
    return people


@kernel
def count_readmissions(stays: Stays, low: int, high: int, start: int, end: int, days: int, total: Numbers) -> None:
    """Give in `total` the stays in the window that began 0 to `days` days after an earlier stay of any method ended.

    Stays of one day stand in the order of their ends, open ones last, then of the archive. Of the stays that ended on
    the day a stay began, only those that also began on it can stand after it; all others are earlier.
    """
    offsets, first, last, method = stays.offsets, stays.first, stays.last, stays.method
    for person in range(offsets.size - 1):
        begin, stop = np.int64(offsets[person]), np.int64(offsets[person + 1])
        candidates = np.int64(0)
        for place in range(begin, stop):
            day = first[place]
            candidates += (start < day) & (day <= end) & (low <= method[place]) & (method[place] <= high)
        if stop - begin < 2 or candidates == 0:
            continue
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
                if (before or longer_before or has_short) and today > start and low <= method[place] <= high:
                    total[person] += 1
                short_before += is_short
            row = after_row
