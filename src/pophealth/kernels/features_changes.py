"""Gives the rows that come into sight from one index date to the next, found in one pass for all dates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import (
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


class Changes(NamedTuple):
    """Rows that come into sight after the first date: ``rows[ends[c * n_dates + k]:ends[c * n_dates + k + 1]]`` at date k."""

    ends: Places
    rows: Words
    table: Bytes


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

    Dates, and the ends of a column, must not descend.
    """
    n_dates = indexes.size
    last = n_dates - 1
    room = 1024
    rows, table, when = np.empty(room, np.uint32), np.empty(room, np.uint8), np.empty(room, np.uint8)
    sizes = np.zeros(list_.size * n_dates + 1, np.int64)
    used = 0
    for number in range(list_.size):
        for part in range(lists.parts[list_[number]], lists.parts[list_[number] + 1]):
            runs = tables[lists.table[part]]
            entries, lags, late_row, late_day = runs.entries, runs.lag, runs.late_row, runs.late_day
            rule = lists.rule[part]
            for place in range(lists.ranges[part], lists.ranges[part + 1]):
                low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
                count = stretches(runs, low, high, least[number])
                for piece in range(count):
                    begin, stop = stretch(runs, low, high, least[number], count, piece)
                    for row in range(begin, stop):
                        day = np.int64(entries[row] >> np.uint32(16))
                        recorded = recorded_day(lags, late_row, late_day, row, day)
                        if day <= ends[0, number] and recorded <= indexes[0]:
                            continue
                        if day > ends[last, number] or recorded > indexes[last] or day <= least[number]:
                            continue
                        date = 0
                        while day > ends[date, number] or recorded > indexes[date]:
                            date += 1
                        if date == 0 or (rule >= 0 and not passes(runs, rules, rule, row)):
                            continue
                        if used == room:
                            rows = np.append(rows, np.empty(room, np.uint32))
                            table = np.append(table, np.empty(room, np.uint8))
                            when = np.append(when, np.empty(room, np.uint8))
                            room *= 2
                        rows[used], table[used], when[used] = row, lists.table[part], date
                        sizes[number * n_dates + date + 1] += 1
                        used += 1
    bounds = np.cumsum(sizes)
    changes: Changes = sorted_changes(bounds, rows[:used], table[:used], when[:used], n_dates)
    return changes


@kernel
def sorted_changes(bounds: Places, rows: Words, table: Bytes, when: Bytes, n_dates: int) -> Changes:
    """Give changes, found column by column, in order of column and date."""
    fill = bounds.copy()
    out_rows, out_table = np.empty(rows.size, np.uint32), np.empty(rows.size, np.uint8)
    number = 0
    for place in range(rows.size):
        while place >= bounds[(number + 1) * n_dates]:
            number += 1
        target = fill[number * n_dates + when[place]]
        fill[number * n_dates + when[place]] += 1
        out_rows[target], out_table[target] = rows[place], table[place]
    return Changes(bounds, out_rows, out_table)
