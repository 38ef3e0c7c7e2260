"""Gives whether rows of one list lie near rows of another: followed, preceded, issued together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Lists, Numbers, Rules, kernel
from pophealth.kernels.features_days import FROM_1970, State
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.features_gather import Keys, day_of, gather, person_of
from pophealth.kernels.postings import Bytes, Postings


class Near(NamedTuple):
    """Features that look for a row of another list near a row that counts. All int32 [n].

    Attributes
    ----------
    list_, other
        Lists of the rows that count and of those looked for.
    least, most
        A row looked for lies `least` to `most` days after the row that counts.
    is_not
        1 where rows without such a row are wanted.
    matured
        Rows less than so many days before the index date are passed over.
    bit, date
        Rows of the results.
    """

    list_: Numbers
    other: Numbers
    least: Numbers
    most: Numbers
    is_not: Numbers
    matured: Numbers
    bit: Numbers
    date: Numbers


@kernel
def near(
    tables: tuple[Postings, ...], lists: Lists, rules: Rules, program: Near, starts: Numbers, ends: Numbers, index: int,
    size: int, mask: Bytes, bits: Bytes, dates: Numbers, date_bits: Bytes,
) -> None:  # fmt: skip
    """Give, per feature, whether there is such a row, and the day of the latest."""
    wanted = np.empty(size, np.uint8)
    for number in range(program.list_.size):
        wanted[:] = 1
        start, end = starts[number], min(ends[number], index - program.matured[number])
        rows = gather(tables, lists, rules, program.list_[number], start, end, index, wanted)
        wanted[:] = 0
        for place in range(rows.size):
            wanted[person_of(rows[place])] = 1
        from_day = max(start + program.least[number], 0)
        to_day = min(max(end + program.most[number], 0), index)
        others = gather(tables, lists, rules, program.other[number], from_day, to_day, index, wanted)
        days = dates[program.date[number]]
        days[:] = 0
        latest_near(rows, others, program.least[number], program.most[number], program.is_not[number], days)
        for person in range(size):
            mask[person] = days[person] != 0
            days[person] -= FROM_1970 * mask[person]
        pack_bits(mask, size, bits[program.bit[number]])
        pack_bits(mask, size, date_bits[program.date[number]])


@kernel
def latest_near(rows: Keys, others: Keys, least: int, most: int, is_not: int, days: Numbers) -> None:
    """Give in `days` the latest day of a row with (or without) another `least` to `most` days after it."""
    low = 0
    for place in range(rows.size):
        person, day = person_of(rows[place]), day_of(rows[place])
        while low < others.size and (
            person_of(others[low]) < person or (person_of(others[low]) == person and day_of(others[low]) < day + least)
        ):
            low += 1
        has = low < others.size and person_of(others[low]) == person and day_of(others[low]) <= day + most
        if has != (is_not == 1):
            days[person] = max(days[person], day)


@kernel
def co_issued(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    program: Numbers,
    starts: Numbers,
    ends: Numbers,
    index: int,
    state: State,
    mask: Bytes,
    bits: Bytes,
) -> None:
    """Give whether a row of one list lies within some days of one of the other, both in the window.

    ``program`` is int32 [n, 6]: row of the bit, both lists, both slots of `state` with their latest days, the days. The
    latest days settle nearly everyone; rows are read only of people who have both, and further apart.
    """
    size = state.shape[1]
    for number in range(program.shape[0]):
        one, other = state[program[number, 3]], state[program[number, 4]]
        start, gap = np.uint16(starts[number]), program[number, 5]
        open_people = 0
        for person in range(size):
            both = (one[person] > start) & (other[person] > start)
            apart = abs(np.int32(one[person]) - np.int32(other[person])) > gap
            mask[person] = both
            mask[person] += both & apart
            open_people += both & apart
        if open_people > 0:
            close_open_people(tables, lists, rules, program[number], starts[number], ends[number], index, mask, size)
        pack_bits(mask, size, bits[program[number, 0]])


@kernel
def close_open_people(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    program: Numbers,
    start: int,
    end: int,
    index: int,
    mask: Bytes,
    size: int,
) -> None:
    """Give in `mask` 0 or 1 for the people that hold 2, by their rows."""
    wanted = np.empty(size, np.uint8)
    for person in range(size):
        wanted[person] = mask[person] == 2
        mask[person] -= 2 * wanted[person]
    gap = program[5]
    rows = gather(tables, lists, rules, program[1], start, end, index, wanted)
    others = gather(tables, lists, rules, program[2], start, end, index, wanted)
    days = np.zeros(size, np.int32)
    latest_near(rows, others, -gap, gap, 0, days)
    for person in range(size):
        mask[person] |= days[person] != 0
