"""Gives what needs two codelists at a time: values of one day, and records within some days of each other.

The first codelist's rows become per-person chains (``head`` by person, ``link`` by node); the second walks them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.kernels.features_days import Bytes, Days, Words, first_after, is_seen, kernel

Nodes = npt.NDArray[np.int32]
Values = npt.NDArray[np.float64]


@kernel
def chain_days(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    concepts: Words,
    start: int,
    end: int,
    index: int,
    head: Nodes,
    link: Nodes,
    node_day: Days,
    used: int,
) -> int:
    """Give the number of nodes in use after each seen row of the window was put on its person's chain."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            if is_seen(row, day, lag, late_row, late_day, index):
                person = entries[row] & np.uint32(0xFFFF)
                link[used] = head[person]
                node_day[used] = day
                head[person] = used
                used += 1
    return used


@kernel
def mark_near(
    offsets: Words,
    entries: Words,
    lag: Bytes,
    late_row: Words,
    late_day: Days,
    concepts: Words,
    start: int,
    end: int,
    index: int,
    head: Nodes,
    link: Nodes,
    node_day: Days,
    least: int,
    most: int,
    out: Bytes,
) -> None:
    """Give 1 in `out` where a seen row of the window lies `least` to `most` days after a node of the person's chain."""
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
            node = head[person]
            if node < 0 or out[person] == 1 or not is_seen(row, day, lag, late_row, late_day, index):
                continue
            while node >= 0:
                gap = day - np.int64(node_day[node])
                if least <= gap <= most:
                    out[person] = 1
                    break
                node = link[node]


@kernel
def add_first_values(
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
    head: Nodes,
    link: Nodes,
    node_day: Days,
    first: Values,
    used: int,
) -> int:
    """Give the number of nodes in use: one per person and day, with the day's lowest accepted first value."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            number = value[row] * factor[unit[row]]
            if not (lowest <= number <= highest) or not is_seen(row, day, lag, late_row, late_day, index):
                continue
            person = entries[row] & np.uint32(0xFFFF)
            node = head[person]
            while node >= 0 and node_day[node] != day:
                node = link[node]
            if node >= 0:
                first[node] = min(first[node], number)
            else:
                link[used] = head[person]
                node_day[used] = day
                first[used] = number
                head[person] = used
                used += 1
    return used


@kernel
def add_second_values(
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
    head: Nodes,
    link: Nodes,
    node_day: Days,
    second: Values,
) -> None:
    """Give in `second` the day's lowest accepted second value, for days that have a first; NaN stands for none."""
    for place in range(concepts.size):
        concept = np.int64(concepts[place])
        if concept + 1 >= offsets.size:
            continue
        low = first_after(entries, np.int64(offsets[concept]), np.int64(offsets[concept + 1]), start)
        for row in range(low, np.int64(offsets[concept + 1])):
            day = np.int64(entries[row] >> np.uint32(16))
            if day > end:
                break
            number = value[row] * factor[unit[row]]
            if not (lowest <= number <= highest) or not is_seen(row, day, lag, late_row, late_day, index):
                continue
            node = head[entries[row] & np.uint32(0xFFFF)]
            while node >= 0 and node_day[node] != day:
                node = link[node]
            if node >= 0 and not second[node] <= number:
                second[node] = number


@kernel
def latest_pair(
    head: Nodes,
    link: Nodes,
    node_day: Days,
    first: Values,
    second: Values,
    first_least: float,
    second_least: float,
    out_day: Days,
    out_first: Values,
    out_second: Values,
) -> None:
    """Give day and values of each person's latest day with both, of which either reaches its least; day 0 for none."""
    for person in range(head.size):
        node = head[person]
        while node >= 0:
            reaches = first[node] >= first_least or second[node] >= second_least
            if node_day[node] > out_day[person] and not np.isnan(second[node]) and reaches:
                out_day[person] = node_day[node]
                out_first[person] = first[node]
                out_second[person] = second[node]
            node = link[node]
