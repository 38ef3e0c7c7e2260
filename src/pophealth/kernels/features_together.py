"""Gives what several columns of days decide together, and numbers of rows."""

from __future__ import annotations

import numpy as np

from pophealth.kernels.features_base import Lists, Numbers, Rules, kernel, passes, recorded_day, stretch, stretches
from pophealth.kernels.features_days import FROM_1970, State
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.postings import Bytes, Postings, Words


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
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    list_: Numbers,
    out: Numbers,
    starts: Numbers,
    ends: Numbers,
    index: int,
    counts: Numbers,
) -> None:
    """Give in row ``out[i]`` of `counts` the number of rows of ``list_[i]`` that count."""
    for number in range(list_.size):
        total = counts[out[number]]
        start, end = starts[number], ends[number]
        for part in range(lists.parts[list_[number]], lists.parts[list_[number] + 1]):
            runs = tables[lists.table[part]]
            entries, lags, late_row, late_day = runs.entries, runs.lag, runs.late_row, runs.late_day
            rule = lists.rule[part]
            for place in range(lists.ranges[part], lists.ranges[part + 1]):
                low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
                count = stretches(runs, low, high, start)
                for piece in range(count):
                    begin, stop = stretch(runs, low, high, start, count, piece)
                    for row in range(begin, stop):
                        day = np.int64(entries[row] >> np.uint32(16))
                        if not start < day <= end or recorded_day(lags, late_row, late_day, row, day) > index:
                            continue
                        if rule < 0 or passes(runs, rules, rule, row):
                            total[entries[row] & np.uint32(0xFFFF)] += 1
