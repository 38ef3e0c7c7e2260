"""Gives latest and first days of lists of concepts, and everything that is decided by such a day alone.

One primitive, the latest seen day of a list, serves has, within, unresolved, category, weighted sums and dates. A column
of them is a few kilobytes, so it is finished while it is still in the cache. For many dates a column is the state that
moves from one date to the next (`features_changes`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import (
    LATE,
    Lists,
    Numbers,
    Rules,
    kernel,
    late_day_of,
    passes,
    stretch,
    stretches,
)
from pophealth.kernels.features_changes import Changes
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.postings import Bytes, Postings

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


@kernel
def scan(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    list_: int,
    is_first: int,
    least: int,
    end: int,
    index: int,
    column: State,
) -> None:
    """Give in `column` the latest (or first) day of the list's seen rows with ``least < day <= end``."""
    column[:] = 0
    flip = np.uint32(FIRST) if is_first else np.uint32(0)
    above = np.uint32(least)
    below = np.uint32(end)
    seen_by = np.uint32(index)
    for part in range(lists.parts[list_], lists.parts[list_ + 1]):
        runs = tables[lists.table[part]]
        entries, lags = runs.entries, runs.lag
        late_row, late_day = runs.late_row, runs.late_day
        rule = lists.rule[part]
        for place in range(lists.ranges[part], lists.ranges[part + 1]):
            low = np.int64(lists.low[place])
            high = np.int64(lists.high[place])
            count = stretches(runs, low, high, least)
            for piece in range(count):
                begin, stop = stretch(runs, low, high, least, count, piece)
                for row in range(np.uint64(begin), np.uint64(stop)):  # unsigned: no place counts from the end
                    entry = entries[row]
                    day = entry >> np.uint32(16)
                    lag = np.uint32(lags[row])
                    is_seen = day + lag <= seen_by
                    if lag == np.uint32(LATE):
                        is_seen = late_day_of(late_row, late_day, np.int64(row)) <= index
                    if rule >= 0 and is_seen:
                        is_seen = passes(runs, rules, rule, np.int64(row))
                    key = day ^ flip if is_seen & (above < day) & (day <= below) else np.uint32(0)
                    person = entry & np.uint32(0xFFFF)
                    column[person] = max(column[person], np.uint16(key))


@kernel
def finish(
    column: State,
    columns: Columns,
    number: int,
    starts: Numbers,
    is_carried: Bytes,
    index: int,
    mask: Bytes,
    bits: Bytes,
    dates: Numbers,
    date_bits: Bytes,
    counts: Numbers,
) -> None:
    """Give what the uses of column `number` make of it; a day up to the use's start is none. Under a null stands 0."""
    size = column.size
    for use in range(columns.uses[number], columns.uses[number + 1]):
        if is_carried[use]:
            continue
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
def apply_changes(
    changes: Changes,
    place: int,
    columns: Columns,
    number: int,
    starts: Numbers,
    is_carried: Bytes,
    column: State,
    bits: Bytes,
    counts: Numbers,
) -> None:
    """Give in `column` what it held and the rows that come into sight at ``place = column * n_dates + date``.

    `bits` and `counts` hold what carried uses made of the column; they grow with it. A column only grows, so that whoever
    is past a start that does not move stays past it: nobody else is looked at.
    """
    flip = np.uint32(FIRST) if columns.is_first[number] else np.uint32(0)
    entries = changes.entries
    first, last = columns.uses[number], columns.uses[number + 1]
    for change in range(changes.ends[place], changes.ends[place + 1]):
        entry = entries[change]
        person = np.int64(entry & np.uint32(0xFFFF))
        held, day = column[person], np.uint16((entry >> np.uint32(16)) ^ flip)
        if day <= held:
            continue
        column[person] = day
        for use in range(first, last):
            if is_carried[use] and held <= starts[use] < day:
                if columns.kind[use] == TO_BIT:
                    bits[columns.out[use], person >> 3] |= np.uint8(1 << (person & 7))
                else:
                    counts[columns.out[use], person] += columns.weight[use]


@kernel
def day_columns(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    columns: Columns,
    changes: Changes,
    date: int,
    n_dates: int,
    is_fresh: Bytes,
    least: Numbers,
    ends: Numbers,
    starts: Numbers,
    is_carried: Bytes,
    index: int,
    state: State,
    mask: Bytes,
    bits: Bytes,
    dates: Numbers,
    date_bits: Bytes,
    counts: Numbers,
    carried_bits: Bytes,
    carried_counts: Numbers,
) -> None:
    """Give every column at one date, in `state` and in what its uses make of it; carried uses in rows of their own."""
    for number in range(columns.list_.size):
        column = state[columns.slot[number]]
        is_first = columns.is_first[number]
        if is_fresh[number]:
            scan(tables, lists, rules, columns.list_[number], is_first, least[number], ends[number], index, column)
        else:
            place = number * n_dates + date
            apply_changes(changes, place, columns, number, starts, is_carried, column, carried_bits, carried_counts)
        finish(column, columns, number, starts, is_carried, index, mask, bits, dates, date_bits, counts)
