"""Gives the shape of one table of an index shard: concept-major postings, and what a spell table looks like."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Postings(NamedTuple):
    """Rows of one table of one shard, by concept, then day, then person. All arrays are read-only.

    Attributes
    ----------
    offsets : uint32 [n_concepts + 1]
        The run of concept c is ``entries[offsets[c]:offsets[c + 1]]``.
    entries : uint32 [n_rows]
        ``day << 16 | person``, ascending inside a run; day counts from 1900-01-01.
    lag : uint8 [n_rows]
        Days from event to recording; 255 = look up `late_row` / `late_day`.
    late_row : uint32 [n_late], late_day : uint16 [n_late]
        Row positions (ascending) whose lag is 255 or more, with the recorded day.
    supply : uint8 [n_rows] or empty
        Days' supply of an issue (medications): 0 = missing, 255 = 255 or more.
    repeat : uint8 [n_rows] or empty
        1 when the issue is on repeat, 0 when not, 2 when the source does not say (medications).
    value : float64 [n_rows] or empty
        Value of a measurement, in the unit of `unit`.
    unit : uint8 [n_rows] or empty
        Number of the unit in the snapshot's list of units; 0 = no unit given.
    """

    offsets: npt.NDArray[np.uint32]
    entries: npt.NDArray[np.uint32]
    lag: npt.NDArray[np.uint8]
    late_row: npt.NDArray[np.uint32]
    late_day: npt.NDArray[np.uint16]
    supply: npt.NDArray[np.uint8]
    repeat: npt.NDArray[np.uint8]
    value: npt.NDArray[np.float64]
    unit: npt.NDArray[np.uint8]


class Stays(NamedTuple):
    """Spells or attendances of one shard, person-major. All arrays are read-only.

    Attributes
    ----------
    offsets : uint32 [n_people + 1]
        Rows of person p are ``offsets[p]:offsets[p + 1]``, by first day.
    first, last : uint16 [n_rows]
        Admission and discharge day since 1900-01-01; last 0 = still in hospital. For attendances last = first.
    method : uint8 [n_rows]
        Admission method as ``16 * first character's digit + second character's base-36 digit`` capped at 15; 0 for attendances.
    """

    offsets: npt.NDArray[np.uint32]
    first: npt.NDArray[np.uint16]
    last: npt.NDArray[np.uint16]
    method: npt.NDArray[np.uint8]


class Shard(NamedTuple):
    """One index shard: up to 65,536 people of one practice, `first_person` counting from the bucket's person 0."""

    first_person: int
    n_people: int
    postings: dict[str, Postings]
    stays: dict[str, Stays]
