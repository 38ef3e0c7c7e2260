"""Gives latest and first days of lists of concepts, and everything that is decided by such a day alone.

One primitive, the latest seen day of a list, serves has, within, unresolved, category, weighted sums and dates. A column
of them is a few kilobytes, so it is finished while it is still in the cache. For many dates a column is the state that
moves from one date to the next: `changed_rows` finds, in one pass, which rows come into sight at which date.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import Lists, Numbers, Places, Rules, kernel, passes, recorded_day, stretch, stretches
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.postings import Bytes, Postings, Words

TO_BIT, TO_DATE, TO_DAYS_SINCE, TO_SUM = 0, 1, 2, 3
"""What a use makes of a column."""
FROM_1970 = 25_567
"""Days from 1900-01-01, from which the register counts, to 1970-01-01, from which Arrow counts."""
FIRST = 65_535
"""A first day is kept as this less the day, so that the earlier is the greater."""

State = npt.NDArray[np.uint16]


class Columns(NamedTuple):
    """Columns of days, and what is made of them.

    Attributes
    ----------
    list_ : int32 [n_columns]
        The list of concepts.
    is_first : uint8 [n_columns]
        1 where the first day is wanted, 0 where the latest.
    slot : int32 [n_columns]
        Row of the state the column lies in; columns that nothing else needs may share one.
    uses : int32 [n_columns + 1]
        Uses of the column.
    kind, out, weight : int32 [n_uses]
        ``TO_...``, row of the result, and what is added to a sum.
    """

    list_: Numbers
    is_first: Bytes
    slot: Numbers
    uses: Numbers
    kind: Numbers
    out: Numbers
    weight: Numbers


class Changes(NamedTuple):
    """Rows that come into sight after the first date: ``rows[ends[c * n_dates + k]:ends[c * n_dates + k + 1]]`` at date k."""

    ends: Places
    rows: Words
    table: Bytes


@kernel
def scan(
    tables: tuple[Postings, ...], lists: Lists, rules: Rules, list_: int, is_first: int, least: int, end: int, index: int, column: State
) -> None:
    """Give in `column` the latest (or first) day of the list's seen rows with ``least < day <= end``."""
    column[:] = 0
    flip = np.uint32(FIRST) if is_first else np.uint32(0)
    above = np.uint32(least)
    below = np.uint32(end)
    seen_by = np.uint32(index)
    for part in range(lists.parts[list_], lists.parts[list_ + 1]):
        runs = tables[lists.table[part]]
        entries = runs.entries
        lags = runs.lag
        rule = lists.rule[part]
        for place in range(lists.ranges[part], lists.ranges[part + 1]):
            low = np.int64(lists.low[place])
            high = np.int64(lists.high[place])
            count = stretches(runs, low, high, least)
            for piece in range(count):
                begin, stop = stretch(runs, low, high, least, count, piece)
                for row in range(begin, stop):
                    entry = entries[row]
                    day = entry >> np.uint32(16)
                    lag = np.uint32(lags[row])
                    is_seen = day + lag <= seen_by
                    if lag == np.uint32(255):
                        is_seen = recorded_day(runs, row, day) <= index
                    if rule >= 0 and is_seen:
                        is_seen = passes(runs, rules, rule, row)
                    key = day ^ flip if is_seen and above < day <= below else np.uint32(0)
                    person = entry & np.uint32(0xFFFF)
                    column[person] = max(column[person], np.uint16(key))


@kernel
def finish(column: State, columns: Columns, number: int, starts: Numbers, index: int, mask: Bytes,
           bits: Bytes, dates: Numbers, date_bits: Bytes, counts: Numbers) -> None:
    """Give what the uses of column `number` make of it; a day up to the use's start is none. Under a null stands 0."""
    size = column.size
    for use in range(columns.uses[number], columns.uses[number + 1]):
        kind = columns.kind[use]
        out = columns.out[use]
        start = np.uint16(starts[use])
        if kind == TO_SUM:
            total = counts[out]
            weight = columns.weight[use]
            for person in range(size):
                total[person] += weight if column[person] > start else 0
            continue
        for person in range(size):
            mask[person] = column[person] > start
        if kind == TO_BIT:
            pack_bits(mask, size, bits[out])
            continue
        pack_bits(mask, size, date_bits[out])
        days = dates[out]
        if kind == TO_DAYS_SINCE:
            for person in range(size):
                days[person] = (index - np.int32(column[person])) * mask[person]
        elif columns.is_first[number]:
            for person in range(size):
                days[person] = (FIRST - np.int32(column[person]) - FROM_1970) * mask[person]
        else:
            for person in range(size):
                days[person] = (np.int32(column[person]) - FROM_1970) * mask[person]


@kernel
def apply_changes(tables: tuple[Postings, ...], changes: Changes, place: int, is_first: int, column: State) -> None:
    """Give in `column` what it held and the rows that come into sight at ``place = column * n_dates + date``."""
    flip = np.uint32(FIRST) if is_first else np.uint32(0)
    for change in range(changes.ends[place], changes.ends[place + 1]):
        entry = tables[changes.table[change]].entries[changes.rows[change]]
        person = entry & np.uint32(0xFFFF)
        column[person] = max(column[person], np.uint16((entry >> np.uint32(16)) ^ flip))


@kernel
def day_columns(
    tables: tuple[Postings, ...], lists: Lists, rules: Rules, columns: Columns, changes: Changes, date: int, n_dates: int, is_fresh: Bytes,
    least: Numbers, ends: Numbers, starts: Numbers, index: int, state: State, mask: Bytes,
    bits: Bytes, dates: Numbers, date_bits: Bytes, counts: Numbers,
) -> None:  # fmt: skip
    """Give every column at one date, in `state` and in what its uses make of it."""
    for number in range(columns.list_.size):
        column = state[columns.slot[number]]
        is_first = columns.is_first[number]
        if is_fresh[number]:
            scan(tables, lists, rules, columns.list_[number], is_first, least[number], ends[number], index, column)
        else:
            apply_changes(tables, changes, number * n_dates + date, is_first, column)
        finish(column, columns, number, starts, index, mask, bits, dates, date_bits, counts)


@kernel
def changed_rows(
    tables: tuple[Postings, ...], lists: Lists, rules: Rules, list_: Numbers, least: Numbers, ends: Numbers, indexes: Numbers
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
            rule = lists.rule[part]
            for place in range(lists.ranges[part], lists.ranges[part + 1]):
                low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
                count = stretches(runs, low, high, least[number])
                for piece in range(count):
                    begin, stop = stretch(runs, low, high, least[number], count, piece)
                    for row in range(begin, stop):
                        day = np.int64(runs.entries[row] >> np.uint32(16))
                        if day <= ends[0, number] and day + np.int64(runs.lag[row]) <= indexes[0] and runs.lag[row] != 255:
                            continue
                        recorded = recorded_day(runs, row, day)
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
    return sorted_changes(bounds, rows[:used], table[:used], when[:used], n_dates)


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


@kernel
def combine(
    unresolved: Numbers, categories: Numbers, slots: Numbers, slot_starts: Numbers, category_rows: Numbers,
    starts: Numbers, state: State, mask: Bytes, best: Words,
    bits: Bytes, dates: Numbers, date_bits: Bytes, labels: Bytes, label_bits: Bytes,
) -> None:  # fmt: skip
    """Give what two or more columns decide together.

    Parameters
    ----------
    unresolved : int32 [n, 4]
        Row of the bit, slot, the other slot, and 1 where the other must have a day too (issued in two windows) or 0
        where it must be earlier (resolved).
    categories, slots, slot_starts, category_rows
        Category c is the slots ``slots[categories[c]:categories[c + 1]]``, in order of labels, with its window's start in
        ``slot_starts[c]``; its rows of labels and dates are ``category_rows[c]``.
    starts : int32 [n, 2]
        Windows' starts for `unresolved`.
    """
    size = state.shape[1]
    for pair in range(unresolved.shape[0]):
        one = state[unresolved[pair, 1]]
        other = state[unresolved[pair, 2]]
        start, other_start = np.uint16(starts[pair, 0]), np.uint16(starts[pair, 1])
        if unresolved[pair, 3]:
            for person in range(size):
                mask[person] = (one[person] > start) & (other[person] > other_start)
        else:
            for person in range(size):
                mask[person] = (one[person] > start) & (one[person] > other[person])
        pack_bits(mask, size, bits[unresolved[pair, 0]])
    for category in range(slot_starts.size):
        start = np.uint16(slot_starts[category])
        best[:size] = 0
        for place in range(categories[category], categories[category + 1]):
            column = state[slots[place]]
            label = np.uint32(place - categories[category] + 1)
            for person in range(size):
                key = (np.uint32(column[person]) << np.uint32(8)) | label
                best[person] = max(best[person], key if column[person] > start else np.uint32(0))
        for person in range(size):
            mask[person] = best[person] != 0
        pack_bits(mask, size, label_bits[category_rows[category, 0]])
        pack_bits(mask, size, date_bits[category_rows[category, 1]])
        label_row, date_row = labels[category_rows[category, 0]], dates[category_rows[category, 1]]
        for person in range(size):
            label_row[person] = np.uint8(best[person] & np.uint32(255)) - mask[person]
            date_row[person] = (np.int32(best[person] >> np.uint32(8)) - FROM_1970) * mask[person]


@kernel
def count_rows(
    tables: tuple[Postings, ...], lists: Lists, rules: Rules, list_: Numbers, out: Numbers, starts: Numbers, ends: Numbers, index: int,
    counts: Numbers,
) -> None:  # fmt: skip
    """Give in row ``out[i]`` of `counts` the number of rows of ``list_[i]`` that count."""
    for number in range(list_.size):
        total = counts[out[number]]
        start, end = starts[number], ends[number]
        for part in range(lists.parts[list_[number]], lists.parts[list_[number] + 1]):
            runs = tables[lists.table[part]]
            rule = lists.rule[part]
            for place in range(lists.ranges[part], lists.ranges[part + 1]):
                low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
                count = stretches(runs, low, high, start)
                for piece in range(count):
                    begin, stop = stretch(runs, low, high, start, count, piece)
                    for row in range(begin, stop):
                        day = np.int64(runs.entries[row] >> np.uint32(16))
                        if start < day <= end and recorded_day(runs, row, day) <= index:
                            if rule < 0 or passes(runs, rules, rule, row):
                                total[runs.entries[row] & np.uint32(0xFFFF)] += 1
