"""Gives the value of a list's measurements that counts, per person: latest, lowest or highest in a window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.kernels.features_base import (
    LATE,
    READS_VALUE,
    Lists,
    Numbers,
    Rules,
    kernel,
    late_day_of,
    number_of,
    passes,
    recorded_day,
    stretch,
    stretches,
)
from pophealth.kernels.features_days import FROM_1970
from pophealth.kernels.features_frame import pack_bits
from pophealth.kernels.postings import Bytes, Days, Postings, Values

LATEST_HIGHEST, LATEST_LOWEST, LOWEST, HIGHEST = 0, 1, 2, 3
"""Which value counts: of the latest day the highest or the lowest; of all days the lowest or the highest."""


class Choices(NamedTuple):
    """Features that choose one value. All int32 [n]; a row of a result is -1 where it is not wanted.

    Attributes
    ----------
    list_, choice
        The list, whose parts all have a rule that reads the value; and which value counts.
    value, date, comparator, setting
        Rows of the results.
    """

    list_: Numbers
    choice: Numbers
    value: Numbers
    date: Numbers
    comparator: Numbers
    setting: Numbers


@kernel
def rank_of(runs: Postings, row: int) -> np.int64:
    """Give how little a row is preferred among equal values of one day: by comparator, then setting, missing ones last."""
    comparator = runs.comparator[row] if runs.comparator[row] != 0 else np.uint8(6)
    setting = runs.setting[row] if runs.setting[row] != 0 else np.uint8(4)
    return np.int64(comparator) * 8 + np.int64(setting)


@kernel
def choose_plain(
    runs: Postings,
    rules: Rules,
    rule: int,
    begin: int,
    stop: int,
    choice: int,
    start: int,
    end: int,
    index: int,
    day_of: Days,
    values: Values,
) -> None:
    """Give what `choose` does for the rows ``begin..stop`` where only the value is looked at: no row is jumped over.

    Rows come in no order that a processor could foresee, so that a value that does not count costs less when it is
    compared and not taken than when it is skipped.
    """
    entries, lags, value, unit = runs.entries, runs.lag, runs.value, runs.unit
    late_row, late_day = runs.late_row, runs.late_day
    factor, lowest, highest = rules.factor[rule], rules.lowest[rule], rules.highest[rule]
    by_day = choice <= LATEST_LOWEST
    sign = 1.0 if choice in (LATEST_HIGHEST, HIGHEST) else -1.0
    above, below, seen_by = np.uint32(start), np.uint32(end), np.uint32(index)
    for row in range(np.uint64(begin), np.uint64(stop)):
        entry = entries[row]
        day = entry >> np.uint32(16)
        person = entry & np.uint32(0xFFFF)
        lag = np.uint32(lags[row])
        is_seen = day + lag <= seen_by
        if lag == np.uint32(LATE):
            is_seen = late_day_of(late_row, late_day, np.int64(row)) <= index
        number = value[row] * factor[unit[row]] + 0.0
        held, best = np.uint32(day_of[person]), values[person]
        counts = is_seen & (day > above) & (day <= below) & (number >= lowest) & (number <= highest)
        better = sign * number > sign * best
        preferred = ((day > held) | ((day == held) & better)) if by_day else ((held == 0) | better)
        takes = counts & preferred
        day_of[person] = np.uint16(day if takes else held)
        values[person] = number if takes else best


@kernel
def choose(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    list_: int,
    choice: int,
    start: int,
    end: int,
    index: int,
    has_rank: int,
    day_of: Days,
    rank: Bytes,
    values: Values,
) -> None:
    """Give in `values` the value that counts, in `day_of` its day (0 for none) and, if asked, in `rank` its rank."""
    by_day = choice <= LATEST_LOWEST
    upward = choice in (LATEST_HIGHEST, HIGHEST)
    for part in range(lists.parts[list_], lists.parts[list_ + 1]):
        runs = tables[lists.table[part]]
        entries, lags, late_row, late_day = runs.entries, runs.lag, runs.late_row, runs.late_day
        value, unit = runs.value, runs.unit
        rule = lists.rule[part]
        factor, lowest, highest = rules.factor[rule], rules.lowest[rule], rules.highest[rule]
        only_value = rules.reads[rule] == READS_VALUE
        for place in range(lists.ranges[part], lists.ranges[part + 1]):
            low, high = np.int64(lists.low[place]), np.int64(lists.high[place])
            count = stretches(runs, low, high, start)
            for piece in range(count):
                begin, stop = stretch(runs, low, high, start, count, piece)
                if only_value and not has_rank:
                    choose_plain(runs, rules, rule, begin, stop, choice, start, end, index, day_of, values)
                    continue
                for row in range(begin, stop):
                    day = np.int64(entries[row] >> np.uint32(16))
                    person = entries[row] & np.uint32(0xFFFF)
                    held = np.int64(day_of[person])
                    if day <= start or day > end or (by_day and day < held):
                        continue
                    number = number_of(value[row], factor[unit[row]], lowest, highest)
                    if np.isnan(number) or recorded_day(lags, late_row, late_day, row, day) > index:
                        continue
                    if not only_value and not passes(runs, rules, rule, row):
                        continue
                    better = number > values[person] if upward else number < values[person]
                    if held == 0 or (by_day and day > held) or better:
                        day_of[person] = day
                        values[person] = number
                        if has_rank:
                            rank[person] = rank_of(runs, row)
                    elif has_rank and number == values[person]:
                        rank[person] = min(np.int64(rank[person]), rank_of(runs, row))


@kernel
def chosen_values(
    tables: tuple[Postings, ...],
    lists: Lists,
    rules: Rules,
    program: Choices,
    starts: Numbers,
    ends: Numbers,
    index: int,
    day_of: Days,
    rank: Bytes,
    mask: Bytes,
    size: int,
    values: Values,
    value_bits: Bytes,
    dates: Numbers,
    date_bits: Bytes,
    labels: Bytes,
    label_bits: Bytes,
) -> None:
    """Give, per feature, the value that counts with its day, comparator and setting."""
    for number in range(program.list_.size):
        day_of[:size] = 0
        row = values[program.value[number]]
        row[:] = 0
        has_rank = int(program.comparator[number] >= 0 or program.setting[number] >= 0)
        choose(tables, lists, rules, program.list_[number], program.choice[number], starts[number], ends[number], index, has_rank,
               day_of, rank, row)  # fmt: skip
        for person in range(size):
            mask[person] = day_of[person] != 0
        pack_bits(mask, size, value_bits[program.value[number]])
        if program.date[number] >= 0:
            pack_bits(mask, size, date_bits[program.date[number]])
            days = dates[program.date[number]]
            for person in range(size):
                days[person] = (np.int32(day_of[person]) - FROM_1970) * mask[person]
        if program.comparator[number] >= 0:
            label_of_rank(
                rank, mask, size, 3, 6, labels[program.comparator[number]], label_bits[program.comparator[number]]
            )
        if program.setting[number] >= 0:
            label_of_rank(rank, mask, size, 0, 4, labels[program.setting[number]], label_bits[program.setting[number]])


@kernel
def label_of_rank(
    rank: Bytes, has: Bytes, size: int, shift: int, missing: int, labels: Bytes, label_bits: Bytes
) -> None:
    """Give the comparator (from bit 3) or setting (from bit 0) that stands in a rank; `missing` is none."""
    known = np.zeros(has.size, np.uint8)
    for person in range(size):
        place = (np.int64(rank[person]) >> shift) & 7
        known[person] = has[person] != 0 and place != missing
        labels[person] = place - 1 if known[person] else 0
    pack_bits(known, size, label_bits)
