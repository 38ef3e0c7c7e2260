"""Gives current repeats, and numbers and weights of different chemical substances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import Lists, Numbers, kernel, recorded_day, stretch, stretches
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.postings import Bytes, Postings, Words

MISSING_SUPPLY = 28
"""Days' supply of an issue that gives none (NCL int_medication_orders_repeat_current; service-specs.md section 3)."""
LONGEST_SUPPLY = 511
"""The index holds supplies up to here, so an issue that is older than this covers nothing."""
_SUPPLY_BITS = np.uint32(9)

Lanes = npt.NDArray[np.uint64]


class Substances(NamedTuple):
    """Up to five features that count substances, or add a weight of each, in lanes of one 64-bit word a person.

    Attributes
    ----------
    bounds : uint32 [n_substances + 1]
        Substance s is the products ``concepts[bounds[s]:bounds[s + 1]]``.
    concepts : uint32 [n_products], member : uint8 [n_products]
        Products, and the features they count for, one bit each.
    weights : uint64 [n_substances, n_features]
        What a substance adds, moved into the feature's lane.
    shift, bits : uint64 [n_features]
        Where a feature's lane begins, and its width.
    out : int32 [n_features]
        Row of the result.
    """

    bounds: Words
    concepts: Words
    member: Bytes
    weights: Lanes
    shift: Lanes
    bits: Lanes
    out: Numbers


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
def substance_sums(
    runs: Postings,
    program: Substances,
    inside: Bytes,
    earliest: int,
    index: int,
    seen: Words,
    lanes: Lanes,
    size: int,
    counts: Numbers,
) -> None:
    """Give, per feature, the sum over different substances with a row that counts.

    ``inside[day]`` holds the features in whose window a day lies, one bit each; days up to `earliest` lie in none.
    ``seen`` and ``lanes`` have room for every person.
    """
    features = program.out.size
    shift = np.uint32(features)
    gains = np.empty(1 << features, np.uint64)
    seen[:size] = 0
    lanes[:size] = 0
    offsets, entries, lags, late_row, late_day = runs.offsets, runs.entries, runs.lag, runs.late_row, runs.late_day
    bounds, concepts, members, weights = program.bounds, program.concepts, program.member, program.weights
    last = offsets.size - 1
    for substance in range(bounds.size - 1):
        stamp = np.uint32(substance + 1) << shift
        is_ready = False
        for place in range(bounds[substance], bounds[substance + 1]):
            concept = np.int64(concepts[place])
            if concept >= last or offsets[concept] == offsets[concept + 1]:
                continue
            if not is_ready:
                for chosen in range(gains.size):
                    gains[chosen] = 0
                    for feature in range(features):
                        if (chosen >> feature) & 1:
                            gains[chosen] += weights[substance, feature]
                is_ready = True
            member = members[place]
            first = np.int64(offsets[concept])
            row = np.int64(offsets[concept + 1]) - 1
            while row >= first:
                entry = entries[row]
                day = np.int64(entry >> np.uint32(16))
                if day <= earliest:
                    break
                applies = np.uint32(inside[day] & member)
                if recorded_day(lags, late_row, late_day, row, day) <= index:
                    person = entry & np.uint32(0xFFFF)
                    known = seen[person]
                    known = known if known >> shift == np.uint32(substance + 1) else stamp
                    seen[person] = known | applies
                    lanes[person] += gains[applies & ~known]
                row -= 1
    for feature in range(features):
        total = counts[program.out[feature]]
        width = (np.uint64(1) << program.bits[feature]) - np.uint64(1)
        for person in range(size):
            total[person] = np.int32((lanes[person] >> program.shift[feature]) & width)


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
