"""Gives what several values, or days, of one person make: means, slopes, changes, values apart, different days."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import Lists, Numbers, Places, Rules, kernel, row_number
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.features_gather import Keys, day_of, gather, person_of, row_of, sort_pairs
from pophealth.kernels.postings import Bytes, Postings, Values

MEAN, SD, SLOPE, CHANGE, APART, DISTINCT_DAYS = 0, 1, 2, 3, 4, 5
"""What is made of a series."""
DAYS_OF_YEAR = 365.25


class Series(NamedTuple):
    """Features over a person's series of values, in order of day, then value.

    Attributes
    ----------
    list_, kind : int32 [n]
        The list and what is made of it.
    days : int32 [n]
        ``days`` of a change or of two values apart.
    consecutive : int32 [n]
        1 where two values apart have to be consecutive.
    lowest, highest : float64 [n]
        ``meets`` of two values apart.
    out : int32 [n]
        Row of the values (of the bits for two values apart, of the counts for different days).
    """

    list_: Numbers
    kind: Numbers
    days: Numbers
    consecutive: Numbers
    lowest: Values
    highest: Values
    out: Numbers


@kernel
def series(
    tables: tuple[Postings, ...],
    measurements: int,
    lists: Lists,
    rules: Rules,
    program: Series,
    starts: Numbers,
    ends: Numbers,
    index: int,
    mask: Bytes,
    size: int,
    bits: Bytes,
    counts: Numbers,
    values: Values,
    value_bits: Bytes,
) -> None:
    """Give every feature over a series of values or days."""
    wanted = np.ones(size, np.uint8)
    for number in range(program.list_.size):
        list_, kind, out = program.list_[number], program.kind[number], program.out[number]
        keys = gather(tables, lists, rules, list_, starts[number], ends[number], index, wanted)
        mask[:size] = 0
        if kind == DISTINCT_DAYS:
            counts[out][:] = 0
            count_days(keys, counts[out])
            continue
        rule = lists.rule[lists.parts[list_]]
        day, value = days_and_values(tables[measurements], rules, rule, keys)
        result = values[out] if kind != APART else np.empty(0)
        result[:] = 0
        begin = 0
        while begin < keys.size:
            person = person_of(keys[begin])
            end = begin
            while end < keys.size and person_of(keys[end]) == person:
                end += 1
            if kind == APART:
                meets = program.lowest[number], program.highest[number]
                mask[person] = are_apart(
                    day, value, begin, end, program.days[number], program.consecutive[number], meets
                )
            else:
                found = of_series(kind, day, value, begin, end, program.days[number])
                mask[person] = not np.isnan(found)
                result[person] = 0.0 if np.isnan(found) else found
            begin = end
        pack_bits(mask, size, bits[out] if kind == APART else value_bits[out])


@kernel
def count_days(keys: Keys, counts: Numbers) -> None:
    """Give in `counts` what it held and the number of different days of each person."""
    for place in range(keys.size):
        if place == 0 or keys[place] >> np.uint64(32) != keys[place - 1] >> np.uint64(32):
            counts[person_of(keys[place])] += 1


@kernel
def days_and_values(runs: Postings, rules: Rules, rule: int, keys: Keys) -> tuple[Places, Values]:
    """Give day and value of each key; the values of one person and day ascend."""
    day, value = np.empty(keys.size, np.int64), np.empty(keys.size, np.float64)
    begin = 0
    for place in range(keys.size):
        day[place] = day_of(keys[place])
        value[place] = row_number(runs, rules, rule, row_of(keys[place]))
        if keys[place] >> np.uint64(32) != keys[begin] >> np.uint64(32):
            sort_pairs(day, value, begin, place)
            begin = place
    sort_pairs(day, value, begin, keys.size)
    return day, value


@kernel
def of_series(kind: int, day: Places, value: Values, begin: int, end: int, days: int) -> float:
    """Give mean, standard deviation, slope or change of the places ``begin..end``; NaN where there is none."""
    count = end - begin
    if kind == CHANGE:
        for place in range(end - 1, begin - 1, -1):
            if day[place] <= day[end - 1] - days:
                return float(value[end - 1] - value[place])
        return np.nan
    total = 0.0
    for place in range(begin, end):
        total += value[place]
    mean = total / count
    if kind == MEAN:
        return mean
    if kind == SD:
        squares = 0.0
        for place in range(begin, end):
            squares += (value[place] - mean) * (value[place] - mean)
        return float(np.sqrt(squares / (count - 1))) if count > 1 else np.nan
    elapsed = 0.0
    for place in range(begin, end):
        elapsed += np.float64(day[place] - day[begin])
    middle = elapsed / count
    products, squares = 0.0, 0.0
    for place in range(begin, end):
        distance = np.float64(day[place] - day[begin]) - middle
        products += distance * (value[place] - mean)
        squares += distance * distance
    return products / squares * DAYS_OF_YEAR if day[end - 1] != day[begin] else np.nan


@kernel
def are_apart(
    day: Places, value: Values, begin: int, end: int, days: int, consecutive: int, meets: tuple[float, float]
) -> bool:
    """Give whether days that meet bounds with all their values lie so many days apart; see `two_values_apart`."""
    latest = day[end - 1]
    last_met = np.int64(0)
    place = end - 1
    while place >= begin:
        today = day[place]
        met = True
        while place >= begin and day[place] == today:
            met &= meets[0] <= value[place] <= meets[1]
            place -= 1
        if consecutive:
            if not met:
                return False
            if today <= latest - days:
                return True
        elif met:
            if last_met == 0:
                last_met = today
            elif last_met - today >= days:
                return True
    return False
