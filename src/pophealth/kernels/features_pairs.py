"""Gives two values of one day: systolic with diastolic, by day or by time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_base import Lists, Numbers, Rules, kernel, row_number
from pophealth.kernels.features_days import FROM_1970
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.features_gather import Keys, day_of, gather, person_of, row_of, sort_pairs
from pophealth.kernels.postings import Bytes, Postings, Values


class Pairs(NamedTuple):
    """Features over two values of one day. int32 [n] where not said otherwise; -1 for a result that is not wanted.

    Attributes
    ----------
    list_, other
        The two lists.
    same_time
        1 where the two have to be of one time.
    least_value, other_least_value : float64 [n]
        The pair has to reach either.
    value, other_value, date
        Rows of the results.
    """

    list_: Numbers
    other: Numbers
    same_time: Numbers
    least_value: Values
    other_least_value: Values
    value: Numbers
    other_value: Numbers
    date: Numbers


@kernel
def pairs(
    tables: tuple[Postings, ...],
    measurements: int,
    lists: Lists,
    rules: Rules,
    program: Pairs,
    starts: Numbers,
    ends: Numbers,
    index: int,
    mask: Bytes,
    size: int,
    values: Values,
    value_bits: Bytes,
    dates: Numbers,
    date_bits: Bytes,
) -> None:
    """Give, per feature, two values of the latest day with both, and the day."""
    runs = tables[measurements]
    wanted = np.empty(size, np.uint8)
    spare = np.empty(size, np.float64)
    for number in range(program.list_.size):
        start, end = starts[number], ends[number]
        wanted[:] = 1
        ones = gather(tables, lists, rules, program.list_[number], start, end, index, wanted)
        wanted[:] = 0
        for place in range(ones.size):
            wanted[person_of(ones[place])] = 1
        twos = gather(tables, lists, rules, program.other[number], start, end, index, wanted)
        day = dates[program.date[number]]
        has_values = program.value[number] >= 0
        one = values[program.value[number]] if has_values else spare
        two = values[program.other_value[number]] if has_values else spare
        day[:], one[:], two[:] = 0, 0.0, 0.0
        rules_of = lists.rule[lists.parts[program.list_[number]]], lists.rule[lists.parts[program.other[number]]]
        least = program.least_value[number], program.other_least_value[number]
        match(runs, rules, rules_of, ones, twos, program.same_time[number], least, day, one, two)
        for person in range(size):
            mask[person] = day[person] != 0
            day[person] -= FROM_1970 * mask[person]
        pack_bits(mask, size, date_bits[program.date[number]])
        if has_values:
            pack_bits(mask, size, value_bits[program.value[number]])
            pack_bits(mask, size, value_bits[program.other_value[number]])


@kernel
def match(
    runs: Postings,
    rules: Rules,
    rules_of: tuple[int, int],
    ones: Keys,
    twos: Keys,
    same_time: int,
    least: tuple[float, float],
    day: Numbers,
    one: Values,
    two: Values,
) -> None:
    """Give day and values of each person's latest day with a pair that reaches either least."""
    place = other = 0
    while place < ones.size and other < twos.size:
        mine, theirs = ones[place] >> np.uint64(32), twos[other] >> np.uint64(32)
        if mine != theirs:
            place += mine < theirs
            other += theirs < mine
            continue
        end, other_end = place, other
        while end < ones.size and ones[end] >> np.uint64(32) == mine:
            end += 1
        while other_end < twos.size and twos[other_end] >> np.uint64(32) == mine:
            other_end += 1
        first, second = lowest_pair(runs, rules, rules_of, ones[place:end], twos[other:other_end], same_time)
        if first >= least[0] or second >= least[1]:
            person = person_of(ones[place])
            day[person], one[person], two[person] = day_of(ones[place]), first, second
        place, other = end, other_end


@kernel
def lowest_pair(
    runs: Postings, rules: Rules, rules_of: tuple[int, int], ones: Keys, twos: Keys, same_time: int
) -> tuple[float, float]:
    """Give the pair of one day: the lowest of each; or, of rows of one time, the lowest first, then second. NaN for none."""
    times, values = times_and_values(runs, rules, rules_of[0], ones, same_time)
    other_times, others = times_and_values(runs, rules, rules_of[1], twos, same_time)
    first, second = np.nan, np.nan
    place = other = 0
    while place < times.size and other < other_times.size:
        if times[place] == other_times[other]:
            value, partner = values[place], others[other]  # the lowest of this time: later ones of it cannot be lower
            if not (first < value or (first == value and second <= partner)):
                first, second = value, partner
            place += 1
        elif times[place] < other_times[other]:
            place += 1
        else:
            other += 1
    return first, second


@kernel
def times_and_values(
    runs: Postings, rules: Rules, rule: int, keys: Keys, same_time: int
) -> tuple[npt.NDArray[np.int64], Values]:
    """Give time and value of each key, by time, then value; time is 0 throughout unless it has to be the same."""
    times, values = np.zeros(keys.size, np.int64), np.empty(keys.size, np.float64)
    for place in range(keys.size):
        if same_time:
            times[place] = runs.micros[row_of(keys[place])]
        values[place] = row_number(runs, rules, rule, row_of(keys[place]))
    sort_pairs(times, values, 0, keys.size)
    return times, values
