"""Gives numbers and weights of different chemical substances issued in windows, at one date or at many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import Numbers, kernel, recorded_day
from pophealth.kernels.postings import Bytes, Postings, Words

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


class SubstanceDates(NamedTuple):
    """Which dates a day counts at, for a group of features. Places of dates count from 0; n_dates stands for none.

    Attributes
    ----------
    seen : uint8 [n_days]
        The first date on which something recorded on a day is seen.
    enter, leave : uint8 [n_features, n_days]
        A day lies in the feature's window from the date `enter` until before the date `leave`.
    earliest : int32 [1]
        Days up to here lie in no window.
    """

    seen: Bytes
    enter: Bytes
    leave: Bytes
    earliest: Numbers


@kernel
def take_lanes(program: Substances, lanes: Lanes, size: int, counts: Numbers) -> None:
    """Give each feature's lane in its row of counts."""
    for feature in range(program.out.size):
        total = counts[program.out[feature]]
        width = (np.uint64(1) << program.bits[feature]) - np.uint64(1)
        for person in range(size):
            total[person] = np.int32((lanes[person] >> program.shift[feature]) & width)


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
    take_lanes(program, lanes, size, counts)


@kernel
def substance_changes(runs: Postings, program: Substances, days: SubstanceDates, n_dates: int, size: int) -> Lanes:
    """Give by how much everyone's lanes change at each date: uint64 [n_dates, size], added up without a carry to watch.

    Rows are read once for all dates. Of one substance a person has a set of dates for each feature; when the substance
    is done, each stretch of such dates adds its weight where it begins and takes it away after it ends.
    """
    features = program.out.size
    offsets, entries, lags, late_row, late_day = runs.offsets, runs.entries, runs.lag, runs.late_row, runs.late_day
    changes = np.zeros((n_dates, size), np.uint64)
    masks = np.zeros((size, features), np.uint64)
    touched = np.empty(size, np.uint32)
    is_touched = np.zeros(size, np.uint8)
    one = np.uint64(1)
    earliest = days.earliest[0]
    last = offsets.size - 1
    for substance in range(program.bounds.size - 1):
        used = 0
        for place in range(program.bounds[substance], program.bounds[substance + 1]):
            concept = np.int64(program.concepts[place])
            if concept >= last:
                continue
            member = program.member[place]
            row = np.int64(offsets[concept + 1]) - 1
            while row >= np.int64(offsets[concept]):
                day = np.int64(entries[row] >> np.uint32(16))
                if day <= earliest:
                    break
                recorded = recorded_day(lags, late_row, late_day, row, day)
                seen = days.seen[recorded] if recorded < days.seen.size else np.uint8(n_dates)
                if seen < n_dates:
                    person = entries[row] & np.uint32(0xFFFF)
                    if is_touched[person] == 0:
                        is_touched[person] = 1
                        touched[used] = person
                        used += 1
                    for feature in range(features):
                        if (member >> feature) & 1:
                            begin = max(seen, days.enter[feature, day])
                            end = days.leave[feature, day]
                            if begin < end:
                                masks[person, feature] |= ((one << np.uint64(end)) - one) & ~(
                                    (one << np.uint64(begin)) - one
                                )
                row -= 1
        for place in range(used):
            person = touched[place]
            is_touched[person] = 0
            for feature in range(features):
                mask = masks[person, feature]
                if mask != 0:
                    add_stretches(mask, program.weights[substance, feature], n_dates, changes[:, person])
                    masks[person, feature] = 0
    return changes


@kernel
def add_stretches(mask: np.uint64, weight: np.uint64, n_dates: int, changes: Lanes) -> None:
    """Give in `changes` the weight added where a stretch of dates begins, and taken away after its end."""
    edges = mask ^ (mask << np.uint64(1))
    is_inside = False
    for date in range(n_dates):
        if (edges >> np.uint64(date)) & np.uint64(1):
            is_inside = not is_inside
            if is_inside:
                changes[date] += weight
            else:
                changes[date] -= weight


@kernel
def add_changes(program: Substances, changes: Lanes, size: int, lanes: Lanes, counts: Numbers) -> None:
    """Give in `lanes` what they held and one date's changes, and each feature's lane in its row of counts."""
    for person in range(size):
        lanes[person] += changes[person]
    take_lanes(program, lanes, size, counts)
