"""Gives rows a place to wait until their practice is whole: on disk, practice by practice, codes and people as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.errors import DataContractError
from pophealth.register.concepts import ICD_10
from pophealth.register.layout import CODED_RECORDS, CODED_TABLES, DATED, FROM_1970, LATEST_DAY, REQUIRED, SCHEMAS
from pophealth.register.texts import TextNumbers
from pophealth.tables import DIAGNOSES

Array = npt.NDArray[Any]
PIECE_ROWS = 262_144
"""Rows of one table and practice that go to disk as soon as they are there."""

WAITING_ROWS = 1_000_000
"""Rows held in memory before all of them go to disk, whatever they belong to."""

TEXT_TYPES = (pl.String(), pl.Categorical())


class Spool:
    """Rows by practice and table, in pieces, each an Arrow stream at the end of the table's file.

    A piece holds columns as the contract names and orders them, by their physical type, except: `patient_id` is a
    dictionary of the piece, the date is a `day` (uint16), `code` and `code_system` are one `concept`, `unit` is a number
    (0 none). Tables without record ids are kept as they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[tuple[str, str], list[pl.DataFrame]] = {}
        self._waiting_rows: Counter[tuple[str, str]] = Counter()
        self._held: set[tuple[str, str]] = set()
        self.codes = {table: TextNumbers() for table in CODED_TABLES}
        """Codes met so far by coded table, salted by their system."""
        self.units = TextNumbers()
        """Units met so far; number 0 is the empty text, no unit."""
        self.units.number(pl.Series([""]))

    def add(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        """Take rows of a table.

        Raises
        ------
        DataContractError
            A column is missing, cannot be cast, or is empty where a row needs it; a date the index cannot write.
        """
        typed = _typed(table, frame)
        for start in range(0, typed.height, PIECE_ROWS):
            piece = typed[start : start + PIECE_ROWS]
            self._waiting.setdefault((practice, table), []).append(piece)
            self._waiting_rows[practice, table] += piece.height
            if self._waiting_rows[practice, table] >= PIECE_ROWS:
                self._write(practice, table)
        if self._waiting_rows.total() >= WAITING_ROWS:
            self.flush()

    def flush(self) -> None:
        """Bring to disk what waits in memory."""
        for practice, table in list(self._waiting):
            self._write(practice, table)

    def _write(self, practice: str, table: str) -> None:
        frames = self._waiting.pop((practice, table))
        frame = frames[0] if len(frames) == 1 else pl.concat(frames)
        del self._waiting_rows[practice, table]
        batch = self._encoded(table, frame)
        path = self._path(practice, table)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file, pa.ipc.new_stream(file, batch.schema) as stream:
            stream.write_batch(batch)
        self._held.add((practice, table))

    def tables(self, practice: str) -> tuple[str, ...]:
        """Give the tables of which a practice has rows on disk."""
        return tuple(table for table in SCHEMAS if (practice, table) in self._held)

    def pieces(self, practice: str, table: str) -> Iterator[pa.RecordBatch]:
        """Give the pieces of a table, mapped, in the order in which they came."""
        if (practice, table) not in self._held:
            return
        with pa.memory_map(str(self._path(practice, table))) as file:
            while file.tell() < file.size():
                yield from pa.ipc.open_stream(file)

    def frame(self, practice: str, table: str) -> pl.DataFrame:
        """Give a table without record ids, in the contract's types."""
        schema = SCHEMAS[table]
        frames = [pl.DataFrame(pl.from_arrow(piece)) for piece in self.pieces(practice, table)]
        return pl.concat([pl.DataFrame(schema=schema), *(frame.cast(schema) for frame in frames)])

    def forget(self, practice: str) -> None:
        """Free the disk of a practice's rows."""
        for table in self.tables(practice):
            self._path(practice, table).unlink()

    def _path(self, practice: str, table: str) -> Path:
        return self._folder / practice / f"{table}.arrows"

    def _encoded(self, table: str, frame: pl.DataFrame) -> pa.RecordBatch:
        if table not in DATED:
            return _batch({name: _arrow(frame[name]) for name in frame.columns})
        people = TextNumbers()
        rows = people.number(frame["patient_id"])
        columns: dict[str, Any] = {
            "patient_id": pa.DictionaryArray.from_arrays(pa.array(rows), people.texts(), safe=False)
        }
        for name in frame.columns[1:]:
            if name == DATED[table]:
                columns["day"] = _days(table, frame[name])
            elif name == "code" and table in CODED_RECORDS:
                systems = frame["code_system"].to_physical().to_numpy()
                columns["concept"] = self.codes[table].number(frame["code"], systems)
            elif name == "unit":
                columns["unit"] = self.units.number(frame["unit"].fill_null(""))
            elif name != "code_system" or table not in CODED_RECORDS:
                columns[name] = _arrow(frame[name].to_physical())
        if table == "spells":
            self._learn_diagnoses(frame)
        return _batch(columns)

    def _learn_diagnoses(self, frame: pl.DataFrame) -> None:
        given = [name for name in DIAGNOSES if frame[name].null_count() < frame.height]
        found = pl.concat([pl.Series("code", [], pl.String), *(frame[name].unique().alias("code") for name in given)])
        codes = found.filter(found != "").unique()  # nulls are not unequal
        self.codes["diagnoses"].number(codes, np.full(codes.len(), ICD_10, np.uint8))


def _batch(columns: dict[str, Any]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(column) for name, column in columns.items()})


def _arrow(series: pl.Series) -> Any:
    """Give a column as one Arrow array, text with 64-bit offsets."""
    return series.to_arrow(compat_level=pl.CompatLevel.oldest())


def _typed(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    schema = SCHEMAS[table]
    try:
        typed = (
            frame if frame.schema == schema else frame.select(pl.col(name).cast(kind) for name, kind in schema.items())
        )
    except pl.exceptions.PolarsError as error:
        msg = f"register: spooled {table} do not fit the table's contract ({type(error).__name__})"
        raise DataContractError(msg) from None  # the library's own text can show a value
    for name in REQUIRED[table]:
        if missing := typed[name].null_count():
            msg = f"register: {missing} of {typed.height} spooled {table} have no {name}; every row needs one"
            raise DataContractError(msg)
    return typed


def _days(table: str, dates: pl.Series) -> Array:
    days = dates.to_physical().to_numpy() + np.int32(FROM_1970)
    if outside := int(np.count_nonzero((days < 1) | (days > LATEST_DAY))):
        msg = (
            f"register: {outside} of {days.size} spooled {table} are dated before 1900-01-02 or after 2079-06-06, "
            "which the index cannot write"
        )
        raise DataContractError(msg)
    return days.astype(np.uint16)
