"""Gives shards of rows that lie in memory: features of them without a register being written first.

For rows that are whole already and come from elsewhere, with whole numbers for people and codes, as a data warehouse holds
them. Nothing is checked against a contract, nothing is archived and nothing is hashed: what is to be delivered to anybody
goes through the register.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.errors import DataContractError
from pophealth.kernels import ingest_numbers as numbers
from pophealth.kernels.ingest_order import entries_and_lags, late_rows, order_by_concept, order_by_person_and_day
from pophealth.kernels.postings import Postings, Shard, Stays, frozen, postings_of_arrays
from pophealth.register.layout import LATEST_DAY, SHARD_PEOPLE

Array = npt.NDArray[Any]
Rows = Mapping[str, Array]
"""Columns of rows that came together. Of a coded table: person and code (int64), day and recorded (days since 1900-01-01)
and whatever `Postings` names beside (supply, value, unit ...); of stays: person, first, last, method as in `Stays`."""

USUAL_PEOPLE = 16_384
"""People a shard: columns of so many stay in a second-level cache."""


@dataclass(frozen=True)
class _Slots:
    keys: Array
    places: Array

    @classmethod
    def of(cls, keys: Array, what: str) -> _Slots:
        size = 1 << max(4, int(2 * keys.size).bit_length())
        made = cls(np.zeros(size, np.int64), np.full(size, numbers.EMPTY, np.uint32))
        if twice := numbers.fill_slots(frozen(keys.astype(np.int64)), made.keys, made.places):
            msg = f"rows in memory: {twice} of {keys.size} {what} stand there twice; each has to stand there once"
            raise DataContractError(msg)
        return made


def shards_of(
    people: Array,
    coded: Mapping[str, Iterable[Rows]],
    stays: Mapping[str, Iterable[Rows]],
    codes: Mapping[str, Array],
    *,
    shard_people: int = USUAL_PEOPLE,
) -> tuple[Shard, ...]:
    """Give the rows as shards of the index; person i of the first is person i of `people`.

    Parameters
    ----------
    people
        Everyone, once.
    coded, stays
        Rows by table, in as many pieces as they come in.
    codes
        By coded table: the code of each concept number, as in the dictionary the plan was compiled with. Rows with other
        codes are dropped.

    Raises
    ------
    DataContractError
        A person or code stands there twice, a row belongs to nobody, or is dated where the index cannot write it.
    """
    if not 0 < shard_people <= SHARD_PEOPLE:
        msg = f"rows in memory: a shard holds 1 to {SHARD_PEOPLE:,} people, asked for {shard_people:,}"
        raise DataContractError(msg)
    known = _Slots.of(people, "people")
    firsts = range(0, people.size, shard_people)
    sizes = [min(shard_people, people.size - first) for first in firsts]
    made: list[tuple[dict[str, Postings], dict[str, Stays]]] = [({}, {}) for _ in firsts]
    for table, pieces in coded.items():
        kept = _kept(table, pieces, known, _Slots.of(codes[table], f"codes of {table}"))
        for place, rows in enumerate(_by_shard(kept, firsts, shard_people)):
            made[place][0][table] = _postings(rows, sizes[place], codes[table].size)
    for table, pieces in stays.items():
        kept = _joined([_with_people(table, piece, known) for piece in pieces], _STAY)
        for place, rows in enumerate(_by_shard(kept, firsts, shard_people)):
            made[place][1][table] = _stays(rows, sizes[place])
    return tuple(Shard(first, size, *one) for first, size, one in zip(firsts, sizes, made, strict=True))


_CODED: dict[str, Any] = {"person": np.uint32, "concept": np.uint32, "day": np.uint16, "recorded": np.int32}
_STAY: dict[str, Any] = {"person": np.uint32, "first": np.uint16, "last": np.uint16, "method": np.uint8}


def _kept(table: str, pieces: Iterable[Rows], people: _Slots, codes: _Slots) -> dict[str, Array]:
    """Give the rows whose code somebody asks for, all pieces together, people and codes as places."""
    found = []
    for piece in pieces:
        code = frozen(piece["code"])
        row_of, concept = np.empty(code.size + 1, np.uint32), np.empty(code.size + 1, np.uint32)
        used = numbers.kept_rows(code, codes.keys, codes.places, row_of, concept)
        rows = row_of[:used].astype(np.intp)
        chosen = {name: column.take(rows) for name, column in piece.items() if name != "code"}
        found.append(_with_people(table, chosen | {"concept": concept[:used].copy()}, people))
    return _joined(found, _CODED)


def _with_people(table: str, rows: Rows, people: _Slots) -> dict[str, Array]:
    places = np.empty(rows["person"].size, np.uint32)
    strangers = numbers.places_of(frozen(rows["person"]), people.keys, people.places, places)
    days = rows["day"] if "day" in rows else rows["first"]
    outside = int(np.count_nonzero((days < 1) | (days > LATEST_DAY)))
    if strangers or outside:
        msg = (
            f"rows in memory, {table}: {strangers} of {places.size} rows belong to nobody in it, {outside} are dated before "
            "1900-01-02 or after 2079-06-06"
        )
        raise DataContractError(msg)
    return {**rows, "person": places}


def _joined(found: list[dict[str, Array]], kinds: dict[str, Any]) -> dict[str, Array]:
    if not found:
        return {name: np.empty(0, kind) for name, kind in kinds.items()}
    return {
        name: np.concatenate([rows[name] for rows in found]).astype(kinds.get(name, column.dtype), copy=False)
        for name, column in found[0].items()
    }


def _by_shard(rows: dict[str, Array], firsts: range, shard_people: int) -> Iterable[dict[str, Array]]:
    """Give the rows of each shard, their people counted from its first; rows that come in order are only sliced."""
    shard = rows["person"] // np.uint32(shard_people)
    in_order = bool((shard[1:] >= shard[:-1]).all())
    bounds = np.searchsorted(shard, np.arange(len(firsts) + 1)) if in_order else None
    for place, first in enumerate(firsts):
        if bounds is not None:
            mine = {name: column[bounds[place] : bounds[place + 1]] for name, column in rows.items()}
        else:
            chosen = np.flatnonzero(shard == place)
            mine = {name: column.take(chosen) for name, column in rows.items()}
        mine["person"] = mine["person"] - np.uint32(first)
        yield mine


def _postings(rows: dict[str, Array], people: int, concepts: int) -> Postings:
    person = rows["person"]
    if (person[1:] < person[:-1]).any():
        order = order_by_person_and_day(frozen(person), frozen(rows["day"]), people).astype(np.intp)
        rows = {name: column.take(order) for name, column in rows.items()}
    person, day, recorded = (frozen(rows[name]) for name in ("person", "day", "recorded"))
    offsets = np.zeros(concepts + 1, np.uint32)
    order = frozen(order_by_concept(frozen(rows["concept"]), day, offsets))
    entries, lag = np.empty(order.size, np.uint32), np.empty(order.size, np.uint8)
    count = entries_and_lags(order, person, day, recorded, entries, lag)
    late_row, late_day = np.empty(count, np.uint32), np.empty(count, np.uint16)
    late_rows(order, recorded, frozen(lag), late_row, late_day)
    places = order.astype(np.intp)
    extra = {name: column.take(places) for name, column in rows.items() if name not in _CODED}
    given: Rows = {"offsets": offsets, "entries": entries, "lag": lag, "late_row": late_row, "late_day": late_day}
    return postings_of_arrays({**given, **extra})


def _stays(rows: dict[str, Array], people: int) -> Stays:
    """Give stays person by person, by their first days, those of one day as they came."""
    order = order_by_person_and_day(frozen(rows["person"]), frozen(rows["first"]), people).astype(np.intp)
    counts = np.bincount(rows["person"], minlength=people)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
    columns = (rows[name].take(order) for name in ("first", "last", "method"))
    return Stays(frozen(offsets), *map(frozen, columns))
