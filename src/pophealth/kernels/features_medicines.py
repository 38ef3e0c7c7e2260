"""Gives current repeats: the latest issue of a medicine, whether its supply covers a day, and how many substances do."""

from __future__ import annotations

import numpy as np

from pophealth.kernels.features_days import Bytes, Counts, Days, Words, first_after, is_seen, kernel

MISSING_SUPPLY = 28
"""Days' supply of an issue that gives none (NCL int_medication_orders_repeat_current; service-specs.md section 3)."""

LONGEST_SUPPLY = 255
"""The index holds supplies up to here, so an issue that is older than this covers nothing."""


@kernel
def latest_supply(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    supply: Bytes,
    repeat: Bytes,
    concepts: Words,
    index: int,
    key: Words,
) -> None:
    """Give in `key` ``day << 8 | supply`` of the latest issue up to `index`; of one day, the longest supply."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        tail = index - LONGEST_SUPPLY - 1
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), tail)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > index:
                break
            if repeat[row] == 0 or not is_seen(row, day, lag, late_row, late_day, index):
                continue
            days = np.uint32(supply[row]) if supply[row] != 0 else np.uint32(MISSING_SUPPLY)
            found = (np.uint32(day) << np.uint32(8)) | days
            person = entries[row] & np.uint32(0xFFFF)
            if found > key[person]:
                key[person] = found


@kernel
def count_substances(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    supply: Bytes,
    repeat: Bytes,
    concepts: Words,
    bounds: Words,
    index: int,
    key: Words,
    touched: Words,
    out: Counts,
) -> None:
    """Give in `out` the number of substances of which the latest issue covers `index`.

    Substance s owns the products ``concepts[bounds[s]:bounds[s + 1]]``. `key` is all 0 before and after; `touched` has
    room for every person.
    """
    tail = index - LONGEST_SUPPLY - 1
    for substance in range(bounds.size - 1):
        used = 0
        for place in range(np.int64(bounds[substance]), np.int64(bounds[substance + 1])):
            concept = np.int64(concepts[place])
            if concept + 1 >= offsets.size:
                continue
            low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), tail)
            for row in range(low, np.int64(offsets[concept + 1])):
                day = np.int64(entries[row] >> np.uint32(16))
                if day > index:
                    break
                if repeat[row] == 0 or not is_seen(row, day, lag, late_row, late_day, index):
                    continue
                days = np.uint32(supply[row]) if supply[row] != 0 else np.uint32(MISSING_SUPPLY)
                found = (np.uint32(day) << np.uint32(8)) | days
                person = entries[row] & np.uint32(0xFFFF)
                if key[person] == 0:
                    touched[used] = person
                    used += 1
                if found > key[person]:
                    key[person] = found
        for place in range(used):
            person = touched[place]
            if np.int64(key[person] >> np.uint32(8)) + np.int64(key[person] & np.uint32(255)) >= index:
                out[person] += 1
            key[person] = 0
