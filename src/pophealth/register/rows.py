"""Gives the rows of one shard of a practice in the order of the archive: person, date, record id, then all the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.kernels.ingest_order import order_by_person_and_day
from pophealth.kernels.ingest_text import sort_ties_by_text
from pophealth.kernels.postings import frozen
from pophealth.register.concepts import Concepts
from pophealth.register.texts import text_parts

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Rows of one table and shard.

    Attributes
    ----------
    person, day
        uint32 place of the row's person in the shard, and uint16 days since 1900-01-01, both in order of the archive.
    order
        int64: row i of the archive is row ``order[i]`` of `columns`.
    columns
        What the spool held beside patient and day, as it came.
    """

    person: Array
    day: Array
    order: Array
    columns: dict[str, pa.Array]

    def __len__(self) -> int:
        return int(self.order.size)

    def ordered(self, name: str, empty: int = 0) -> Array:
        """Give a column of numbers in order of the archive, `empty` where it has none."""
        return numbers_of(self.columns[name], empty).take(self.order)

    def between(self, name: str, start: int, end: int) -> pa.Array:
        """Give rows `start` to `end` of the archive of a column, not copied into numbers."""
        return self.columns[name].take(pa.array(self.order[start:end]))


def numbers_of(column: pa.Array, empty: int = 0) -> Array:
    """Give a column of whole or broken numbers or booleans as plain numbers, `empty` where it has none."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    filled = column.fill_null(empty) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False))


def gather_rows(
    pieces: Iterator[tuple[pa.RecordBatch, Array]],
    first: int,
    people: int,
    concepts: Concepts | None,
    unit_of_number: Array,
) -> Rows:
    """Give the rows of the shard that begins at person `first` and holds so many `people`.

    Parameters
    ----------
    pieces
        Of the practice's table, with the person (uint32) of each row.
    concepts
        Of a coded table: rows alike in person, day and record id come in order of system and code.
    unit_of_number
        Unit of each number of the spool.
    """
    persons: list[Array] = []
    parts: dict[str, list[pa.Array]] = {}
    for piece, local in _pieces_of(pieces, first, people):
        persons.append(local)
        for name in piece.schema.names:
            parts.setdefault(name, []).append(piece.column(name))
    person = persons[0] if len(persons) == 1 else np.concatenate(persons)
    columns = {name: _joined(parts.pop(name)) for name in list(parts)}  # each column's parts are let go before the next
    if "unit" in columns:
        columns["unit"] = pa.array(unit_of_number[columns["unit"].to_numpy()])
    day = np.asarray(columns.pop("day").to_numpy())
    order = _archive_order(person, day, people, columns, concepts)
    order = order.astype(np.intp)  # what numpy takes by; other numbers it would convert every time
    return Rows(person.take(order), day.take(order), order, columns)


def _joined(parts: list[pa.Array]) -> pa.Array:
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _pieces_of(
    pieces: Iterator[tuple[pa.RecordBatch, Array]], first: int, people: int
) -> Iterator[tuple[pa.RecordBatch, Array]]:
    """Give the shard's rows of each piece, without patient ids; the first piece also where it has none."""
    for number, (piece, person) in enumerate(pieces):
        local = person - np.uint32(first)
        mine = local < people
        rows = piece.select([name for name in piece.schema.names if name != "patient_id"])
        if mine.all():
            yield rows, local
        elif mine.any() or not number:
            places = np.flatnonzero(mine)
            yield rows.take(pa.array(places)), local[places]


def _archive_order(
    person: Array, day: Array, people: int, columns: dict[str, pa.Array], concepts: Concepts | None
) -> Array:
    order: Array = order_by_person_and_day(frozen(person), frozen(day), people)
    offsets, data = text_parts(columns["record_id"])
    tied = np.zeros(order.size, np.uint8)
    room = np.empty_like(order)
    if sort_ties_by_text(order, frozen(person), frozen(day), room, offsets, data, tied):
        _settle(order, tied, columns, concepts)
    return order


def _settle(order: Array, tied: Array, columns: dict[str, pa.Array], concepts: Concepts | None) -> None:
    """Sort rows that share person, day and record id by everything else, so that the order of arrival never shows."""
    follows = tied.astype(bool)
    places = np.flatnonzero(follows | np.append(follows[1:], False))
    rows = order[places]
    keys: dict[str, Any] = {"group": np.cumsum(~follows)[places], "row": rows}
    for name, column in columns.items():
        series = pl.Series(pl.from_arrow(column.take(pa.array(rows))))
        if name == "concept" and concepts is not None:
            numbers = series.to_numpy()
            keys["system"] = concepts.system_of_number[numbers]
            keys["text"] = concepts.text_of_number[numbers]
        elif series.dtype == pl.Float64:
            bits = series.fill_null(0.0).to_numpy().view(np.int64)  # 0.0 and -0.0 are equal and not the same bytes
            keys[name] = pl.DataFrame({"null": series.is_null(), "bits": bits}).to_struct()
        else:
            keys[name] = series
    frame = pl.DataFrame(keys)
    order[places] = frame.sort("group", *(name for name in keys if name not in {"group", "row"}))["row"].to_numpy()
