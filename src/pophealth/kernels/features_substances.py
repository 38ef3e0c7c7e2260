"""Gives numbers and weights of different chemical substances issued in windows, at one date or at many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import LATE, Numbers, kernel, late_day_of
from pophealth.kernels.postings import Bytes, Postings, Words

Lanes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.uint8] | npt.NDArray[np.uint64]


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


class SubstanceDates(NamedTuple):
    """On which dates a day counts, for a group of features at one date or several: bit ``date * n_features + feature``.

    Bytes at one date, which are wide enough and quicker; 64-bit words at several.

    Attributes
    ----------
    inside : [n_days]
        Dates and features in whose window a day lies.
    seen : [n_days]
        Dates, with all their features, on which something recorded on a day is seen.
    members : [2 ** n_features]
        The features of a product, at every date.
    first, dates : int
        The dates meant are ``first`` to ``first + dates - 1`` of the walk.
    earliest : int
        Days up to here lie in no window.
    """

    inside: Flags
    seen: Flags
    members: Flags
    first: int
    dates: int
    earliest: int


@kernel
def substance_lanes(
    runs: Postings, program: Substances, days: SubstanceDates, flags: Flags, touched: Words, lanes: Lanes
) -> None:
    """Give in ``lanes[person, date]`` what they held and the weights of the substances that count, feature by feature.

    Rows are read once for all dates. What one person has of one substance is a word of flags, in a column that stays in
    the first-level cache; when the substance is done, the people touched add what their flags are worth.

    Parameters
    ----------
    flags
        Zeros, one per person; of the type of `days`. Zeros again afterwards.
    touched
        Room for every person and one more.
    """
    features = program.out.size
    offsets, entries, lags, late_row, late_day = runs.offsets, runs.entries, runs.lag, runs.late_row, runs.late_day
    bounds, concepts, weights = program.bounds, program.concepts, program.weights
    inside, seen = days.inside, days.seen
    gains = np.empty(1 << features, np.uint64)
    low = np.uint64((1 << features) - 1)
    floor = np.uint32(days.earliest + 1) << np.uint32(16)
    last = offsets.size - 1
    for substance in range(bounds.size - 1):
        used = np.uint64(0)
        for place in range(bounds[substance], bounds[substance + 1]):
            concept = np.int64(concepts[place])
            if concept >= last:
                continue
            member = days.members[program.member[place]]
            first = np.uint64(offsets[concept])
            row = np.uint64(offsets[concept + 1])
            while row > first:
                row -= np.uint64(1)
                entry = entries[row]
                if entry < floor:
                    break
                day = entry >> np.uint32(16)
                recorded = day + np.uint32(lags[row])
                if lags[row] == LATE:
                    recorded = np.uint32(late_day_of(late_row, late_day, np.int64(row)))
                applies = inside[day] & seen[recorded] & member
                person = entry & np.uint32(0xFFFF)
                held = flags[person]
                flags[person] = held | applies
                touched[used] = person  # overwritten by the next row unless the person is new to the substance
                used += np.uint64(held == 0) & np.uint64(applies != 0)
        if used == 0:
            continue
        for chosen in range(gains.size):
            gains[chosen] = 0
            for feature in range(features):
                if (chosen >> feature) & 1:
                    gains[chosen] += weights[substance, feature]
        for place in range(used):
            person = touched[place]
            mask = np.uint64(flags[person])
            flags[person] = 0
            for date in range(days.first, days.first + days.dates):
                lanes[person, date] += gains[mask & low]
                mask >>= np.uint64(features)


@kernel
def take_lanes(program: Substances, lanes: Lanes, date: int, counts: Numbers) -> None:
    """Give each feature's lane at one date in its row of counts."""
    for feature in range(program.out.size):
        total = counts[program.out[feature]]
        width = (np.uint64(1) << program.bits[feature]) - np.uint64(1)
        for person in range(lanes.shape[0]):
            total[person] = np.int32((lanes[person, date] >> program.shift[feature]) & width)
