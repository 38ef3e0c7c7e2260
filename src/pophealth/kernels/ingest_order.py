"""Gives the two orders of a practice's rows: by person and day (the archive), by concept, day and person (the index).

Both are counting sorts: every key is a small whole number, so a pass costs a few nanoseconds a row and is stable.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.kernels.ingest_base import kernel

Words = npt.NDArray[np.uint32]
Days = npt.NDArray[np.uint16]
Bytes = npt.NDArray[np.uint8]


@kernel
def starts_by_day(day: Days) -> Words:
    """Give where rows of each day begin when sorted by day; one number per possible day and one more."""
    starts = np.zeros(65_537, np.uint32)
    for row in range(day.size):
        starts[np.int64(day[row]) + 1] += np.uint32(1)
    for place in range(65_536):
        starts[place + 1] += starts[place]
    return starts


@kernel
def order_by_person_and_day(person: Words, day: Days, n_people: int) -> Words:
    """Give the rows in order of person, then day; rows alike in both stay in the order in which they came."""
    rows = day.size
    order = np.empty(rows, np.uint32)
    in_order = True
    for row in range(1, rows):
        if person[row] < person[row - 1] or (person[row] == person[row - 1] and day[row] < day[row - 1]):
            in_order = False
            break
    if in_order:
        for row in range(rows):
            order[row] = row
        return order
    next_by_day = starts_by_day(day)
    by_day = np.empty(rows, np.uint32)
    for row in range(rows):
        place = next_by_day[day[row]]
        next_by_day[day[row]] = place + np.uint32(1)
        by_day[place] = row
    next_by_person = np.zeros(n_people + 1, np.uint32)
    for row in range(rows):
        next_by_person[person[row] + np.uint32(1)] += np.uint32(1)
    for number in range(n_people):
        next_by_person[number + 1] += next_by_person[number]
    for step in range(rows):
        row = by_day[step]
        place = next_by_person[person[row]]
        next_by_person[person[row]] = place + np.uint32(1)
        order[place] = row
    return order


@kernel
def order_by_concept(concept: Words, day: Days, offsets: Words) -> Words:
    """Give the rows in order of concept, then day, then as they came (by person); and the runs in `offsets`.

    Parameters
    ----------
    offsets
        Zeros, one per concept and one more; filled with where each concept's run begins.
    """
    rows = day.size
    for row in range(rows):
        offsets[np.int64(concept[row]) + 1] += np.uint32(1)
    for number in range(offsets.size - 1):
        offsets[number + 1] += offsets[number]
    next_by_day = starts_by_day(day)
    row_by_day = np.empty(rows, np.uint32)
    concept_by_day = np.empty(rows, np.uint32)
    for row in range(rows):
        place = next_by_day[day[row]]
        next_by_day[day[row]] = place + np.uint32(1)
        row_by_day[place] = row
        concept_by_day[place] = concept[row]
    next_by_concept = offsets.copy()
    order = np.empty(rows, np.uint32)
    for step in range(rows):
        place = next_by_concept[concept_by_day[step]]
        next_by_concept[concept_by_day[step]] = place + np.uint32(1)
        order[place] = row_by_day[step]
    return order


@kernel
def entries_and_lags(
    order: Words, person: Words, day: Days, recorded: npt.NDArray[np.int32], entries: Words, lag: Bytes
) -> int:
    """Give in `entries` ``day << 16 | person`` and in `lag` the days until it was recorded; give how many are late.

    Parameters
    ----------
    recorded
        Day each row was recorded; before the event counts as on the day.
    lag
        At most 255, which stands for 255 or more.
    """
    late = 0
    for place in range(order.size):
        row = order[place]
        happened = np.int64(day[row])
        entries[place] = np.uint32((happened << 16) | np.int64(person[row]))
        days = np.int64(recorded[row]) - happened
        if days >= 255:
            late += 1
        lag[place] = np.uint8(min(max(days, np.int64(0)), np.int64(255)))
    return late


@kernel
def late_rows(order: Words, recorded: npt.NDArray[np.int32], lag: Bytes, late_row: Words, late_day: Days) -> None:
    """Give the places of late rows in the index and the day each was recorded, at most 65,535."""
    found = 0
    for place in range(order.size):
        if lag[place] == 255:
            late_row[found] = place
            late_day[found] = np.uint16(min(np.int64(recorded[order[place]]), np.int64(65_535)))
            found += 1


@kernel
def compacted(values: Words, limit: int) -> tuple[npt.NDArray[np.int32], Words]:
    """Give each value as its place among the different values, and these values in order.

    Parameters
    ----------
    values
        All below `limit`.
    """
    place_of = np.zeros(limit, np.int32)
    for row in range(values.size):
        place_of[values[row]] = 1
    found = 0
    for value in range(limit):
        if place_of[value]:
            place_of[value] = found
            found += 1
        else:
            place_of[value] = -1
    used = np.empty(found, np.uint32)
    for value in range(limit):
        if place_of[value] >= 0:
            used[place_of[value]] = value
    places = np.empty(values.size, np.int32)
    for row in range(values.size):
        places[row] = place_of[values[row]]
    return places, used
