"""Gives everything kept of one practice: people, canonical rows, identities, and the index as mapped arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.errors import UsageError
from pophealth.kernels.postings import Shard, Stays, postings_of_arrays
from pophealth.register.layout import (
    CODED_TABLES,
    PARTS,
    SCHEMAS,
    SHARD_PEOPLE,
    STAY_TABLES,
    archive_file,
    identity_file,
    index_file,
)
from pophealth.register.made import read_arrays

if TYPE_CHECKING:
    from pophealth.register.snapshot import Snapshot

Array = npt.NDArray[Any]
Wanted = Mapping[str, Collection[str]]
"""Tables of the index to open and, of each, the parts beside the runs: ``{"events": (), "medications": ("supply",)}``."""

EVERYTHING: Wanted = PARTS | dict.fromkeys(STAY_TABLES, ())


class Bucket:
    """A practice of a snapshot. Each file is checked once per snapshot opened, before its first use."""

    def __init__(self, snapshot: Snapshot, practice: str) -> None:
        self._snapshot = snapshot
        self._entry: dict[str, Any] = snapshot.manifest["practices"][practice]
        self.practice = practice

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row per person, by pseudonym: who they are, without NHS number. Row i is person i of the index."""
        schema = dict(SCHEMAS["patients"])
        del schema["nhs_number"]
        return self._snapshot.parquet(archive_file(self.practice, "patients"), pl.Schema(schema)).collect()

    @cached_property
    def registrations(self) -> pl.DataFrame:
        """Stays with practices, several per person."""
        return self.archive("registrations").collect()

    @cached_property
    def opt_outs(self) -> pl.DataFrame:
        """Objections, several per person."""
        return self.archive("opt_outs").collect()

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of which the archive has rows."""
        return tuple(self._entry["rows"])

    def archive(self, table: str) -> pl.LazyFrame:
        """Give the canonical rows of a table by (person, date, record id); no rows where the practice has none."""
        if table not in self._entry["rows"]:
            return pl.LazyFrame(schema=SCHEMAS[table])
        return self._snapshot.parquet(archive_file(self.practice, table), SCHEMAS[table])

    def identity(self) -> pl.DataFrame:
        """Give patient_id and nhs_number. Only a delivery joins them to anything."""
        schema = pl.Schema({name: SCHEMAS["patients"][name] for name in ("patient_id", "nhs_number")})
        return self._snapshot.parquet(identity_file(self.practice), schema).collect()

    @property
    def shard_count(self) -> int:
        """Shards of the practice's people."""
        return int(self._entry["shards"])

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The whole index, in order of people."""
        return self.shards_for(EVERYTHING)

    def shards_for(self, wanted: Wanted) -> tuple[Shard, ...]:
        """Give the parts of the index that a plan reads, in order of people: `shard` of each."""
        return tuple(self.shard(number, wanted) for number in range(self.shard_count))

    def shard(self, number: int, wanted: Wanted = EVERYTHING) -> Shard:
        """Give one shard of the index, as read-only mapped arrays.

        Parameters
        ----------
        wanted
            Tables and parts to open; no other file is opened or checked. Columns of a part that is not asked for are
            empty; a table of which the practice has no row is absent.

        Raises
        ------
        IntegrityError
            A file is not what the manifest says.
        UsageError
            There is no such table or part.
        """
        _refuse_unknown(wanted)
        first = number * SHARD_PEOPLE
        here = [table for table in wanted if table in self._entry["indexed"]]
        return Shard(
            first_person=first,
            n_people=min(SHARD_PEOPLE, self._entry["people"] - first),
            postings={
                table: postings_of_arrays(self._arrays(table, number, "offsets", "rows", "late", *wanted[table]))
                for table in here
                if table in CODED_TABLES
            },
            stays={table: self._stays(table, number) for table in here if table in STAY_TABLES},
            dictionaries=self._snapshot.manifest["dictionaries"],
        )

    def archive_rows(self, table: str, shard: int) -> Array:
        """Give, for each row of a shard's index, its row number in the archive (of spells, for diagnoses): uint32."""
        if table not in self._entry["indexed"]:
            return np.empty(0, np.uint32)
        return self._arrays(table, shard, "archive")["archive_row"]

    def _arrays(self, table: str, shard: int, *parts: str) -> dict[str, Array]:
        names = [index_file(self.practice, table, shard, part) for part in parts]
        return {column: array for name in names for column, array in read_arrays(self._snapshot.content(name)).items()}

    def _stays(self, table: str, shard: int) -> Stays:
        found = self._arrays(table, shard, "offsets", "rows")
        return Stays(found["offsets"], found["first"], found["last"], found["method"])


def _refuse_unknown(wanted: Wanted) -> None:
    for table, parts in wanted.items():
        if table not in EVERYTHING:
            msg = f"register: the index holds no table {table!r}; it holds {', '.join(EVERYTHING)}"
            raise UsageError(msg)
        if unknown := sorted(set(parts) - set(EVERYTHING[table])):
            msg = f"register: the index of {table} has no part {', '.join(unknown)}; it has {list(EVERYTHING[table])}"
            raise UsageError(msg)
