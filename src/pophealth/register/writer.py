"""Gives a snapshot of the register from spooled rows, one practice at a time: whole in its place, or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from pophealth.errors import DataContractError
from pophealth.files import json_bytes, place_folder, replace_file, sha256_of
from pophealth.register.bucket_writer import write_bucket
from pophealth.register.layout import CODED_TABLES, MANIFEST, MANIFEST_SCHEMA, SCHEMAS, register_folder
from pophealth.register.snapshot import Snapshot, open_snapshot

SPOOLED_ROWS = 1_000_000
"""Rows held in memory before they go to the spool."""

MOST_UNITS = 255


class Writer:
    """Takes rows practice by practice in any order; `finish` makes them a snapshot. Holds one practice at most."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: dict[tuple[str, str], list[pl.DataFrame]] = {}
        self._pending_rows = 0
        self._pieces: Counter[tuple[str, str]] = Counter()
        self._concepts: dict[str, pl.DataFrame] = {}
        self._units: set[str] = set()
        self._withheld: set[str] = set()
        self.rows: Counter[str] = Counter()
        """Rows spooled so far, by practice."""

    def spool(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        """Take rows of a table that belong to a practice, in canonical columns.

        Raises
        ------
        DataContractError
            A column of the contract is missing or cannot be cast to its type.
        """
        try:
            typed = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMAS[table].items())
        except pl.exceptions.PolarsError as error:
            msg = f"register: spooled {table} do not fit the table's contract ({type(error).__name__})"
            raise DataContractError(msg) from None  # the library's own text can show a value
        self._pending.setdefault((practice, table), []).append(typed)
        self._pending_rows += typed.height
        self.rows[practice] += typed.height
        if table in CODED_TABLES:
            self._learn(table, typed)
        if self._pending_rows >= SPOOLED_ROWS:
            self._flush()

    def _learn(self, table: str, frame: pl.DataFrame) -> None:
        codes = frame.select("code_system", "code").unique()
        known = self._concepts.get(table)
        self._concepts[table] = codes if known is None else pl.concat([known, codes]).unique()
        if "unit" in frame.columns:
            self._units |= set(frame["unit"].drop_nulls().unique())

    def _flush(self) -> None:
        for (practice, table), frames in self._pending.items():
            path = self._spooled(practice, table, self._pieces[practice, table])
            path.parent.mkdir(parents=True, exist_ok=True)
            pl.concat(frames).write_ipc(path, compression="lz4")
            self._pieces[practice, table] += 1
        self._pending, self._pending_rows = {}, 0

    def _spooled(self, practice: str, table: str, piece: int) -> Path:
        return self._folder / "spool" / practice / f"{table}-{piece}.arrow"

    def withhold(self, practice: str) -> None:
        """Leave a practice out of the snapshot, whatever was spooled for it."""
        self._withheld.add(practice)

    def finish(self, facts: Mapping[str, Any], documents: Mapping[str, Any]) -> Snapshot:
        """Give the snapshot, in its place, named by its content; the same rows give the same snapshot.

        Parameters
        ----------
        facts
            What the manifest says of the ingest (extract_date, layout, withheld ...).
        documents
            JSON documents to lie beside it, by file name.
        """
        self._flush()
        made = self._folder / "snapshot"
        made.mkdir()
        dictionaries = self._write_dictionaries(made)
        units = self._numbered_units()
        practices: dict[str, Any] = {}
        for practice in sorted(set(self.rows) - self._withheld):
            practices[practice] = write_bucket(made, practice, self._tables(practice), dictionaries, units)
            shutil.rmtree(self._folder / "spool" / practice, ignore_errors=True)
        for name, document in documents.items():
            (made / name).write_bytes(json_bytes(document))
        manifest = json_bytes(
            {
                "schema": MANIFEST_SCHEMA,
                "facts": dict(facts),
                "units": units,
                "practices": practices,
                "files": _described(made),
            }
        )
        (made / MANIFEST).write_bytes(manifest)
        return self._put_in_place(made, hashlib.sha256(manifest).hexdigest()[:16])

    def _put_in_place(self, made: Path, name: str) -> Snapshot:
        root = self._folder.parent
        if not (root / name / MANIFEST).is_file():
            place_folder(made, root / name)
        current = root / "CURRENT"
        if not current.is_file() or current.read_text("utf-8").strip() != name:
            replace_file(current, f"{name}\n".encode())
        return open_snapshot(root.parent, name)

    def _write_dictionaries(self, made: Path) -> dict[str, pl.DataFrame]:
        (made / "dictionary").mkdir()
        dictionaries: dict[str, pl.DataFrame] = {}
        for table in CODED_TABLES:
            known = self._concepts.get(table, pl.DataFrame(schema=SCHEMAS[table]).select("code_system", "code"))
            ordered = known.sort(pl.col("code_system").cast(pl.String), "code").with_row_index("concept")
            ordered.write_parquet(made / "dictionary" / f"{table}.parquet", compression="lz4")
            dictionaries[table] = ordered
        return dictionaries

    def _numbered_units(self) -> list[str]:
        units = sorted(self._units - {""})
        if len(units) > MOST_UNITS:
            msg = (
                f"register: measurements come in {len(units)} different units, at most {MOST_UNITS} are kept apart. "
                "HINT: map the site's spellings to units in extract.tables.measurements.units."
            )
            raise DataContractError(msg)
        return ["", *units]

    def _tables(self, practice: str) -> dict[str, pl.DataFrame]:
        return {
            table: pl.concat(
                [pl.read_ipc(self._spooled(practice, table, piece)) for piece in range(self._pieces[practice, table])]
            )
            for table in SCHEMAS
            if self._pieces[practice, table]
        }


def _described(made: Path) -> dict[str, dict[str, Any]]:
    return {
        str(path.relative_to(made)): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(made.rglob("*"))
        if path.is_file()
    }


@contextmanager
def open_writer(data_root: Path) -> Iterator[Writer]:
    """Give a writer of the next snapshot; what it leaves behind unfinished is removed, also after an error."""
    root = register_folder(data_root)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in root.glob(".writing-*"):
        shutil.rmtree(left)  # the caller holds the site's lock: nobody else is writing
    folder = root / f".writing-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        yield Writer(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
