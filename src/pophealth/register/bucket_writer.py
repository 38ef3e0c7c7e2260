"""Gives one practice's bucket on disk: archive, index, and the identities kept apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.errors import DataContractError
from pophealth.register.archive import archive_groups, frame_groups
from pophealth.register.concepts import Concepts
from pophealth.register.index import Parts, coded_rows, diagnoses_of, postings_of, stays_of
from pophealth.register.layout import (
    CODED_RECORDS,
    DATED,
    SHARD_PEOPLE,
    STAY_TABLES,
    archive_file,
    identity_file,
    index_file,
)
from pophealth.register.made import Made
from pophealth.register.rows import Rows, gather_rows
from pophealth.register.spool import Spool
from pophealth.register.texts import TextNumbers

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Numbering:
    """What numbers mean in this snapshot: dictionaries by coded table, units, and the unit of each number of the spool."""

    concepts: dict[str, Concepts]
    units: list[str]
    unit_of_number: Array


class BucketWriter:
    """Writes the bucket of one practice. Holds the rows of one table of one shard at a time."""

    def __init__(self, made: Made, spool: Spool, numbering: Numbering, practice: str) -> None:
        self._made = made
        self._spool = spool
        self._numbering = numbering
        self._practice = practice
        self._names = pa.array([], pa.large_string())
        self._rows: Counter[str] = Counter()
        self._indexed: Counter[str] = Counter()
        self._strangers = 0

    def write(self) -> dict[str, Any]:
        """Give what the manifest says of the practice, after its files were written.

        Raises
        ------
        DataContractError
            A person stands in the practice twice, or rows belong to nobody in it.
        """
        tables = self._spool.tables(self._practice)
        twice = self._write_people()
        for table in tables:
            if table in DATED:
                self._write_dated(table)
            elif table != "patients":
                self._write_frame(table)
        if twice or self._strangers:
            msg = (
                f"register, practice {self._practice}: {twice} people stand twice and {self._strangers} rows belong to "
                "nobody in it; every person has to be spooled once, with all their rows, under one practice"
            )
            raise DataContractError(msg)
        return {
            "people": len(self._names),
            "shards": self._shards,
            "rows": dict(self._rows),
            "indexed": dict(self._indexed),
        }

    @property
    def _shards(self) -> int:
        return max(1, -(-len(self._names) // SHARD_PEOPLE))

    def _write_people(self) -> int:
        people = self._spool.frame(self._practice, "patients").sort(pl.all(), nulls_last=True)
        self._names = people["patient_id"].to_arrow(compat_level=pl.CompatLevel.oldest())
        self._rows["patients"] = people.height
        self._made.parquet(archive_file(self._practice, "patients"), frame_groups(people.drop("nhs_number")))
        self._made.parquet(identity_file(self._practice), frame_groups(people.select("patient_id", "nhs_number")))
        return people.height - people["patient_id"].n_unique()

    def _write_frame(self, table: str) -> None:
        frame = self._spool.frame(self._practice, table).sort(pl.all(), nulls_last=True)
        known = pl.Series(pl.from_arrow(self._names))
        self._strangers += frame.filter(~pl.col("patient_id").is_in(known.implode())).height
        self._rows[table] = frame.height
        self._made.parquet(archive_file(self._practice, table), frame_groups(frame))

    def _write_dated(self, table: str) -> None:
        people = TextNumbers()
        people.number(pl.Series(pl.from_arrow(self._names)))
        self._made.parquet(archive_file(self._practice, table), self._dated_groups(table, people))

    def _dated_groups(self, table: str, people: TextNumbers) -> Iterator[pa.Table]:
        """Give the archive's row groups; each shard's index is written on the way, from the same rows."""
        concepts = self._numbering.concepts.get(table)
        for shard in range(self._shards):
            first = shard * SHARD_PEOPLE
            size = min(SHARD_PEOPLE, len(self._names) - first)
            rows = gather_rows(
                self._persons(table, people, count=shard == 0), first, size, concepts, self._numbering.unit_of_number
            )
            if len(rows):
                names = self._names.slice(first, size)
                yield from archive_groups(table, rows, names, concepts, self._numbering.units)
            rows.columns.pop("record_id", None)  # the longest column: the index does without
            self._write_index(table, shard, size, rows)
            self._rows[table] += len(rows)

    def _persons(self, table: str, people: TextNumbers, *, count: bool) -> Iterator[tuple[pa.RecordBatch, Array]]:
        """Give each piece with the person of its rows; strangers get numbers past the last person, and are counted."""
        for piece in self._spool.pieces(self._practice, table):
            who = piece.column("patient_id")
            numbers = people.number(pl.Series(pl.from_arrow(who.dictionary)))
            person = numbers[who.indices.to_numpy()]
            if count and numbers.size and numbers.max() >= len(self._names):
                self._strangers += int(np.count_nonzero(person >= len(self._names)))
            yield piece, person

    def _write_index(self, table: str, shard: int, size: int, rows: Rows) -> None:
        first_row = self._rows[table]
        if table in CODED_RECORDS:
            coded = coded_rows(table, rows, self._numbering.concepts[table].of_number, first_row)
            self._write_parts(table, shard, len(rows), postings_of(coded, len(self._numbering.concepts[table])))
        if table in STAY_TABLES:
            self._write_parts(table, shard, len(rows), stays_of(rows, size, first_row))
        if table == "spells":
            concepts = self._numbering.concepts["diagnoses"]
            found = diagnoses_of(rows, self._spool.codes["diagnoses"], concepts.of_number, first_row)
            self._write_parts("diagnoses", shard, found.day.size, postings_of(found, len(concepts)))

    def _write_parts(self, table: str, shard: int, rows: int, parts: Parts) -> None:
        self._indexed[table] += rows
        for part, columns in parts.items():
            self._made.arrays(index_file(self._practice, table, shard, part), columns)
