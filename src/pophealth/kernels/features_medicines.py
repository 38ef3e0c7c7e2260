"""Gives current repeats: of lists of medicines, and of chemical substances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Lists, Numbers, kernel, recorded_day, stretch, stretches
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.postings import Bytes, Postings, Words

MISSING_SUPPLY = 28
"""Days' supply of an issue that gives none (NCL int_medication_orders_repeat_current; service-specs.md section 3)."""
LONGEST_SUPPLY = 511
"""The index holds supplies up to here, so an issue that is older than this covers nothing."""
_SUPPLY_BITS = np.uint32(9)


class CurrentSubstances(NamedTuple):
    """One feature over substances that are a current repeat: products by substance, and what each substance adds."""

    bounds: Words
    concepts: Words
    weights: Numbers


@kernel
def supply_key(supply: int, day: int) -> np.uint32:
    """Give ``day << 9 | supply`` of an issue, 28 days where it gives none: the greater key is the later, then longer."""
    days = np.uint32(supply) if supply != 0 else np.uint32(MISSING_SUPPLY)
    return (np.uint32(day) << _SUPPLY_BITS) | days


@kernel
def reaches(key: np.uint32, index: int) -> bool:
    """Give whether an issue and its supply reach the day `index`."""
    day, supply = np.int64(key >> _SUPPLY_BITS), np.int64(key & np.uint32(LONGEST_SUPPLY))
    return bool(key != 0 and day + supply >= index)


@kernel
def current_repeats(
    tables: tuple[Postings, ...],
    lists: Lists,
    list_: Numbers,
    out: Numbers,
    starts: Numbers,
    ends: Numbers,
    index: int,
    key: Words,
    mask: Bytes,
    size: int,
    bits: Bytes,
) -> None:
    """Give whether the latest row of each list that counts, and its supply, reach the index date.

    Rows said not to be on repeat do not count.
    """
    for number in range(list_.size):
        key[:size] = 0
        start, end = max(starts[number], index - LONGEST_SUPPLY - 1), ends[number]
        for part in range(lists.parts[list_[number]], lists.parts[list_[number] + 1]):
            runs = tables[lists.table[part]]
            entries, lags, late_row, late_day = runs.entries, runs.lag, runs.late_row, runs.late_day
            repeat, supply = runs.repeat, runs.supply
            for place in range(lists.ranges[part], lists.ranges[part + 1]):
                low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
                count = stretches(runs, low, high, start)
                for piece in range(count):
                    begin, stop = stretch(runs, low, high, start, count, piece)
                    for row in range(begin, stop):
                        day = np.int64(entries[row] >> np.uint32(16))
                        if day <= start or day > end or repeat[row] == 0:
                            continue
                        if recorded_day(lags, late_row, late_day, row, day) <= index:
                            person = entries[row] & np.uint32(0xFFFF)
                            key[person] = max(key[person], supply_key(supply[row], day))
        for person in range(size):
            mask[person] = reaches(key[person], index)
        pack_bits(mask, size, bits[out[number]])


@kernel
def current_substances(
    runs: Postings,
    program: CurrentSubstances,
    start: int,
    end: int,
    index: int,
    key: Words,
    touched: Words,
    size: int,
    total: Numbers,
) -> None:
    """Give in `total` the sum of weights over substances of which the latest row that counts reaches the index date.

    Rows said not to be on repeat do not count. `key` and `touched` have room for every person.
    """
    key[:size] = 0
    total[:] = 0
    offsets, entries, lags, late_row, late_day = runs.offsets, runs.entries, runs.lag, runs.late_row, runs.late_day
    repeat, supply = runs.repeat, runs.supply
    last = offsets.size - 1
    start = max(start, index - LONGEST_SUPPLY - 1)
    for substance in range(program.bounds.size - 1):
        used = 0
        for place in range(program.bounds[substance], program.bounds[substance + 1]):
            concept = np.int64(program.concepts[place])
            if concept >= last:
                continue
            first = np.int64(offsets[concept])
            row = np.int64(offsets[concept + 1]) - 1
            while row >= first:
                day = np.int64(entries[row] >> np.uint32(16))
                if day <= start:
                    break
                if day <= end and repeat[row] != 0 and recorded_day(lags, late_row, late_day, row, day) <= index:
                    person = entries[row] & np.uint32(0xFFFF)
                    if key[person] == 0:
                        touched[used] = person
                        used += 1
                    key[person] = max(key[person], supply_key(supply[row], day))
                row -= 1
        for place in range(used):
            person = touched[place]
            if reaches(key[person], index):
                total[person] += program.weights[substance]
            key[person] = 0
