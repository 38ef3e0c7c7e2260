"""Gives the shape of one table of an index shard: concept-major postings, and what a spell table looks like."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Days = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float64]


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
    supply : uint16 [n_rows] or empty
        Days' supply of an issue (medications): 0 = missing, 511 = 511 or more.
    repeat : uint8 [n_rows] or empty
        1 when the issue is on repeat, 0 when not, 2 when the source does not say (medications).
    value : float64 [n_rows] or empty
        Value of a measurement, in the unit of `unit`.
    unit : uint8 [n_rows] or empty
        Number of the unit in the snapshot's list of units; 0 = no unit given.
    setting : uint8 [n_rows] or empty
        0 none, 1 clinic, 2 home, 3 ambulatory (measurements).
    comparator : uint8 [n_rows] or empty
        0 none, then 1 to 5 for = < <= > >= (measurements).
    micros : int64 [n_rows] or empty
        Microseconds since midnight + 1; 0 = no time given (measurements).
    position : uint8 [n_rows] or empty
        Place of a diagnosis in its spell, 1 = primary (diagnoses).
    method : uint8 [n_rows] or empty
        Admission method of the spell, as in `Stays` (diagnoses).
    """

    offsets: Words
    entries: Words
    lag: Bytes
    late_row: Words
    late_day: Days
    supply: Days
    repeat: Bytes
    value: Values
    unit: Bytes
    setting: Bytes
    comparator: Bytes
    micros: npt.NDArray[np.int64]
    position: Bytes
    method: Bytes


class Stays(NamedTuple):
    """Spells or attendances of one shard, person-major. All arrays are read-only.

    Attributes
    ----------
    offsets : uint32 [n_people + 1]
        Rows of person p are ``offsets[p]:offsets[p + 1]``, by first day.
    first, last : uint16 [n_rows]
        Admission and discharge day since 1900-01-01; last 0 = still in hospital. For attendances last = first.
    method : uint8 [n_rows]
        Admission method as ``16 * first digit + second character as a hexadecimal digit``; 0 for attendances.
    """

    offsets: Words
    first: Days
    last: Days
    method: Bytes


class Shard(NamedTuple):
    """One index shard: up to 65,536 people of one practice, `first_person` counting from the bucket's person 0.

    `dictionaries` are the digests of the dictionaries its concepts are numbers of, by table; made-up shards have none.
    """

    first_person: int
    n_people: int
    postings: dict[str, Postings]
    stays: dict[str, Stays]
    dictionaries: Mapping[str, str] = MappingProxyType({})


_TYPES: dict[str, Any] = {
    "offsets": np.uint32,
    "entries": np.uint32,
    "lag": np.uint8,
    "late_row": np.uint32,
    "late_day": np.uint16,
    "supply": np.uint16,
    "repeat": np.uint8,
    "value": np.float64,
    "unit": np.uint8,
    "setting": np.uint8,
    "comparator": np.uint8,
    "micros": np.int64,
    "position": np.uint8,
    "method": np.uint8,
}


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give a read-only view, contiguous and aligned, as mapped arrays are: a kernel is compiled once only if all are."""
    view = np.require(array, requirements=["C", "A"]).view()
    view.flags.writeable = False
    return view


def postings_of_arrays(given: Mapping[str, npt.NDArray[Any]]) -> Postings:
    """Give postings of the arrays at hand, read-only; arrays that are not given are empty.

    Raises
    ------
    KeyError
        An array is given under a name that postings do not have.
    """
    arrays = dict(_EMPTY)
    for name, array in given.items():
        kind = arrays[name].dtype
        arrays[name] = array if array.dtype == kind and is_frozen(array) else frozen(array.astype(kind, copy=False))
    return Postings(**arrays)


def is_frozen(array: npt.NDArray[Any]) -> bool:
    """Give whether an array is as `frozen` gives it."""
    flags = array.flags
    return not flags.writeable and flags.c_contiguous and flags.aligned


_EMPTY = {name: frozen(np.empty(0, kind)) for name, kind in _TYPES.items()}

NO_POSTINGS = postings_of_arrays({})
"""A table nobody has a row of: no concept, no row."""

NO_STAYS = Stays(*(frozen(np.empty(0, kind)) for kind in (np.uint32, np.uint16, np.uint16, np.uint8)))
"""A table of stays nobody has a row of."""
