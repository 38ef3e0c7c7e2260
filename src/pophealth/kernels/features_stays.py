"""Gives counts of spells and attendances, and days in hospital, of person-major rows."""

from __future__ import annotations

import numpy as np

from pophealth.kernels.features_days import Bytes, Counts, Days, Words, kernel


@kernel
def count_stays(
    offsets: Words, first: Days, method: Bytes, low: int, high: int, start: int, end: int, out: Counts
) -> None:
    """Give in `out` the number of stays that began in the window by a method of ``low..high``."""
    for person in range(offsets.size - 1):
        for row in range(np.int64(offsets[person]), np.int64(offsets[person + 1])):
            if start < first[row] <= end and low <= method[row] <= high:
                out[person] += 1


@kernel
def count_bed_days(
    offsets: Words,
    first: Days,
    last: Days,
    method: Bytes,
    low: int,
    high: int,
    start: int,
    end: int,
    out: Counts,
) -> None:
    """Give in `out` the nights inside the window of stays by a method of ``low..high``, however early they began.

    A stay without a last day goes on until the end of the window.
    """
    for person in range(offsets.size - 1):
        for row in range(np.int64(offsets[person]), np.int64(offsets[person + 1])):
            if first[row] > end or not low <= method[row] <= high:
                continue
            until = min(np.int64(last[row]), end) if last[row] != 0 else end
            out[person] += max(until - max(np.int64(first[row]), start), 0)
