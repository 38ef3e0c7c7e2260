"""Gives whether two medicines were issued near each other, at many index dates, by one look at the rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import Lists, Numbers, Rules, kernel, recorded_day
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.features_gather import Keys, day_of, gather, person_of, row_of
from pophealth.kernels.postings import Bytes, Postings

MOST_DATES = 64
"""Dates that fit the words."""

Dates = npt.NDArray[np.uint64]
"""Dates as bits of a word, the first the lowest."""


@kernel
def co_issued_dates(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    program: Numbers,
    starts: Numbers,
    ends: Numbers,
    indexes: Numbers,
    found: Dates,
) -> None:
    """Give in ``found[feature, person]``, zeros, the dates at which two issues lie near each other, both in the window.

    `program` is as in `co_issued`, of lists that read one table; `starts` and `ends` are int32 [n_dates, n].
    """
    size = found.shape[1]
    last = indexes[indexes.size - 1]
    wanted = np.empty(size, np.uint8)
    for number in range(program.shape[0]):
        one, other, gap = program[number, 1], program[number, 2], program[number, 5]
        start, end = starts[:, number].min(), ends[:, number].max()
        wanted[:] = 1
        rows = gather(tables, lists, rules, one, start, end, last, wanted)
        wanted[:] = 0
        for place in range(rows.size):
            wanted[person_of(rows[place])] = 1
        others = gather(tables, lists, rules, other, start, end, last, wanted)
        edges = starts[:, number], ends[:, number]
        dates = dates_of_rows(tables[lists.table[lists.parts[one]]], rows, *edges, indexes)
        other_dates = dates_of_rows(tables[lists.table[lists.parts[other]]], others, *edges, indexes)
        low = 0
        for place in range(rows.size):
            person, day = person_of(rows[place]), day_of(rows[place])
            while low < others.size and (
                person_of(others[low]) < person
                or (person_of(others[low]) == person and day_of(others[low]) < day - gap)
            ):
                low += 1
            near = low
            while near < others.size and person_of(others[near]) == person and day_of(others[near]) <= day + gap:
                found[number, person] |= dates[place] & other_dates[near]
                near += 1


@kernel
def dates_of_rows(runs: Postings, rows: Keys, starts: Numbers, ends: Numbers, indexes: Numbers) -> Dates:
    """Give the dates at which each row is seen and in the window."""
    dates = np.zeros(rows.size, np.uint64)
    for place in range(rows.size):
        day = day_of(rows[place])
        recorded = recorded_day(runs.lag, runs.late_row, runs.late_day, row_of(rows[place]), day)
        for date in range(indexes.size):
            counts = (starts[date] < day) & (day <= ends[date]) & (recorded <= indexes[date])
            dates[place] |= np.uint64(counts) << np.uint64(date)
    return dates


@kernel
def take_dates(program: Numbers, found: Dates, date: int, mask: Bytes, bits: Bytes) -> None:
    """Give the bits of one date."""
    size = found.shape[1]
    for number in range(program.shape[0]):
        for person in range(size):
            mask[person] = (found[number, person] >> np.uint64(date)) & np.uint64(1)
        pack_bits(mask, size, bits[program[number, 0]])
