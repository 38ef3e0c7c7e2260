"""Gives the value of a codelist's measurements that counts, per person: latest, lowest or highest in a window."""

from __future__ import annotations

import numpy as np

from pophealth.kernels.features_days import Bytes, Days, Words, first_after, is_seen, kernel
from pophealth.kernels.features_pairs import Values

LATEST_HIGHEST, LATEST_LOWEST, LOWEST, HIGHEST = 0, 1, 2, 3
"""Which value counts: of the latest day the highest or the lowest; of all days the lowest or the highest."""


@kernel
def choose_value(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    value: Values,
    unit: Bytes,
    concepts: Words,
    factor: Values,
    lowest: float,
    highest: float,
    start: int,
    end: int,
    index: int,
    choice: int,
    out_day: Days,
    out_value: Values,
) -> None:
    """Give in `out_value` the value that counts, in the feature's unit, and in `out_day` its day; day 0 stands for none.

    ``factor[unit]`` turns a row's number into the feature's unit; NaN there, or a number outside the bounds, and the
    row is passed over before anything is chosen.
    """
    by_day = choice <= 1
    upward = choice == 0 or choice == 3
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            person = entries[row] & np.uint32(0xFFFF)
            held = np.int64(out_day[person])
            if by_day and day < held:
                continue
            number = value[row] * factor[unit[row]]
            if not (lowest <= number <= highest) or not is_seen(row, day, lag, late_row, late_day, index):
                continue
            better = number > out_value[person] if upward else number < out_value[person]
            if held == 0 or (by_day and day > held) or better:
                out_day[person] = day
                out_value[person] = number
