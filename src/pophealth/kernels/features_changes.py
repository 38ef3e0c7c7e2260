"""Gives the rows that come into sight from one index date to the next, found in one pass for all dates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import (
    LATE,
    Lists,
    Numbers,
    Places,
    Rules,
    kernel,
    passes,
    recorded_day,
    stretch,
    stretches,
)
from pophealth.kernels.postings import Bytes, Postings, Words

N_DAYS = (1 << 16) + 512
"""Days a row can have been recorded on: a day of 16 bits, a lag, and a day after all of them for a row that has none."""


class Changes(NamedTuple):
    """Entries (``day << 16 | person``) of the rows that come into sight after the first date.

    Those of column c at date k are ``entries[ends[c * n_dates + k]:ends[c * n_dates + k + 1]]``.
    """

    ends: Places
    entries: Words


@kernel
def changed_rows(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    list_: Numbers,
    least: Numbers,
    ends: Numbers,
    indexes: Numbers,
) -> Changes:
    """Give the rows of each column that count at a later date and not at the first; ``ends`` is int32 [n_dates, n_columns].

    Dates, and the ends of a column, must not descend. Most rows are in sight at the first date already: of a long run
    they are not read, unless some row of the table was recorded so late that its day says nothing.
    """
    n_dates = indexes.size
    room = 4096
    entries, when = np.empty(room, np.uint32), np.empty(room, np.uint8)
    sizes = np.zeros(list_.size * n_dates + 1, np.int64)
    used = 0
    seen_from = dates_by_day(indexes)
    for number in range(list_.size):
        first_end, last_end = ends[0, number], ends[n_dates - 1, number]
        settled = min(first_end, indexes[0] - LATE)
        ends_at_index = True
        for step in range(n_dates):
            ends_at_index &= ends[step, number] == indexes[step]
        for part in range(lists.parts[list_[number]], lists.parts[list_[number] + 1]):
            runs = tables[lists.table[part]]
            rule = lists.rule[part]
            from_day = least[number] if runs.late_row.size else max(least[number], settled)
            for place in range(lists.ranges[part], lists.ranges[part + 1]):
                low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
                count = stretches(runs, low, high, from_day)
                for piece in range(count):
                    begin, stop = stretch(runs, low, high, from_day, count, piece)
                    if used + stop - begin >= room:
                        more = room + stop - begin
                        entries = np.append(entries, np.empty(more, np.uint32))
                        when = np.append(when, np.empty(more, np.uint8))
                        room += more
                    found = unsettled(runs, begin, stop, indexes[0], first_end, last_end, entries[used:])
                    for candidate in range(used, used + found):
                        row = np.int64(entries[candidate])
                        day = np.int64(runs.entries[row] >> np.uint32(16))
                        recorded = recorded_day(runs.lag, runs.late_row, runs.late_day, row, day)
                        date = np.int64(seen_from[recorded])  # and no row is recorded before its day
                        if not ends_at_index:
                            while date < n_dates and day > ends[date, number]:
                                date += 1
                        if date == 0 or date == n_dates or day <= least[number]:
                            continue
                        if rule >= 0 and not passes(runs, rules, rule, row):
                            continue
                        entries[used], when[used] = runs.entries[row], date
                        sizes[number * n_dates + date + 1] += 1
                        used += 1
    bounds = np.cumsum(sizes)
    changes: Changes = sorted_changes(bounds, entries[:used], when[:used], n_dates)
    return changes


@kernel
def dates_by_day(indexes: Numbers) -> Bytes:
    """Give the first date at which something recorded on a day is seen, by day; the number of dates for never."""
    seen_from = np.full(N_DAYS, indexes.size, np.uint8)
    for date in range(indexes.size - 1, -1, -1):
        seen_from[: indexes[date] + 1] = date
    return seen_from


@kernel
def unsettled(runs: Postings, begin: int, stop: int, index: int, first_end: int, last_end: int, rows: Words) -> int:
    """Give in `rows` the rows ``begin..stop`` that may come into sight after the first date, and how many they are."""
    entries, lags = runs.entries, runs.lag
    seen_by, above, below = np.uint32(index), np.uint32(first_end), np.uint32(last_end)
    found = np.uint64(0)
    for row in range(np.uint64(begin), np.uint64(stop)):
        rows[found] = row
        day = entries[row] >> np.uint32(16)
        comes = (day > above) | (day + np.uint32(lags[row]) > seen_by) | (lags[row] == LATE)
        found += np.uint64(comes & (day <= below))
    return int(found)


@kernel
def sorted_changes(bounds: Places, entries: Words, when: Bytes, n_dates: int) -> Changes:
    """Give changes, found column by column, in order of column and date."""
    fill = bounds.copy()
    ordered = np.empty(entries.size, np.uint32)
    number = 0
    for place in range(entries.size):
        while place >= bounds[(number + 1) * n_dates]:
            number += 1
        target = number * n_dates + when[place]
        ordered[fill[target]] = entries[place]
        fill[target] += 1
    return Changes(bounds, ordered)
