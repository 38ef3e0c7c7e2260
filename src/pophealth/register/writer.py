"""Gives a snapshot of the register from spooled rows, one practice at a time: whole in its place, or absent."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pophealth.dictionaries import digest_of
from pophealth.errors import DataContractError
from pophealth.files import json_bytes, place_folder, replace_file
from pophealth.register.bucket import Bucket
from pophealth.register.bucket_writer import BucketWriter, Numbering
from pophealth.register.concepts import concepts_of
from pophealth.register.layout import CODED_TABLES, MANIFEST, MANIFEST_SCHEMA, SCHEMAS, dictionary_file, register_folder
from pophealth.register.made import Made
from pophealth.register.snapshot import Snapshot, open_snapshot
from pophealth.register.spool import Spool

MOST_UNITS = 255


class Writer:
    """Takes rows practice by practice in any order; `finish` makes them a snapshot. Holds one practice at most."""

    def __init__(self, folder: Path, order_hint: pl.DataFrame | None = None) -> None:
        self._folder = folder
        self._order_hint = order_hint
        self._spool = Spool(folder / "spool")
        self._withheld: set[str] = set()
        self.rows: Counter[str] = Counter()
        """Rows spooled so far, by practice."""

    def spool(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        """Take rows of a table that belong to a practice, in canonical columns.

        Raises
        ------
        DataContractError
            A column of the contract is missing, cannot be cast to its type, or is empty where a row needs it; a record
            is dated where the index cannot write it.
        """
        self._spool.add(table, practice, frame)
        self.rows[practice] += frame.height

    def keep(self, bucket: Bucket) -> None:
        """Take a practice over as another snapshot holds it: its extract is the same, or did not come.

        Its rows go through the spool like all others, since a new code anywhere numbers concepts anew.
        """
        people = bucket.people.join(bucket.identity(), on="patient_id", how="left")
        self.spool("patients", bucket.practice, people.select(SCHEMAS["patients"].names()))
        for table in bucket.tables:
            if table != "patients":
                self.spool(table, bucket.practice, bucket.archive(table).collect())

    def withhold(self, practice: str) -> None:
        """Leave a practice out of the snapshot, whatever was spooled for it."""
        self._withheld.add(practice)

    def finish(self, facts: Mapping[str, Any], documents: Mapping[str, Any], *, threads: int = 1) -> Snapshot:
        """Give the snapshot, in its place, named by its content; the same rows give the same snapshot.

        Parameters
        ----------
        facts
            What the manifest says of the ingest (extract_date, layout, withheld ...).
        documents
            JSON documents to lie beside it, by file name.
        threads
            Practices written at once; each needs memory for its largest shard. The snapshot is the same.
        """
        self._spool.flush()
        made = Made(self._folder / "snapshot")
        numbering = self._numbering(made)

        def write(practice: str) -> dict[str, Any]:
            entry = BucketWriter(made, self._spool, numbering, practice).write()
            self._spool.forget(practice)
            return entry

        practices = sorted(set(self.rows) - self._withheld)
        with ThreadPoolExecutor(threads) as pool:
            entries = dict(zip(practices, pool.map(write, practices), strict=True))
        for name, document in documents.items():
            made.content(name, json_bytes(document))
        manifest = json_bytes(
            {
                "schema": MANIFEST_SCHEMA,
                "facts": dict(facts),
                "units": numbering.units,
                "dictionaries": {table: digest_of(made.frame) for table, made in numbering.concepts.items()},
                "practices": entries,
                "files": made.files,
            }
        )
        made.content(MANIFEST, manifest)
        return self._put_in_place(made.folder, hashlib.sha256(manifest).hexdigest()[:16])

    def _put_in_place(self, made: Path, name: str) -> Snapshot:
        root = self._folder.parent
        if not (root / name / MANIFEST).is_file():
            place_folder(made, root / name)
        current = root / "CURRENT"
        if not current.is_file() or current.read_text("utf-8").strip() != name:
            replace_file(current, f"{name}\n".encode())
        return open_snapshot(root.parent, name)

    def _numbering(self, made: Made) -> Numbering:
        hint = self._order_hint
        concepts = {
            table: concepts_of(
                self._spool.codes[table], hint.filter(pl.col("table") == table) if hint is not None else None
            )
            for table in CODED_TABLES
        }
        for table, dictionary in concepts.items():
            content = io.BytesIO()
            dictionary.frame.write_parquet(content, compression="lz4")
            made.content(dictionary_file(table), content.getvalue())
        spooled = self._spool.units.texts().to_pylist()
        units = sorted(spooled)
        if len(units) - 1 > MOST_UNITS:
            msg = (
                f"register: measurements come in {len(units) - 1} different units, at most {MOST_UNITS} are kept apart. "
                "HINT: map the site's spellings to units in extract.tables.measurements.units."
            )
            raise DataContractError(msg)
        return Numbering(concepts, units, np.array([units.index(unit) for unit in spooled], np.uint8))


@contextmanager
def open_writer(data_root: Path, *, order_hint: pl.DataFrame | None = None) -> Iterator[Writer]:
    """Give a writer of the next snapshot; what it leaves behind unfinished is removed, also after an error.

    Parameters
    ----------
    order_hint
        Columns table (of the index), code_system, code, place (a whole number): numbers codes so that those of one
        codelist, or the products of one substance, lie together in the index. It changes how fast a run is, never what
        it gives.
    """
    root = register_folder(data_root)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in root.glob(".writing-*"):
        shutil.rmtree(left)  # the caller holds the site's lock: nobody else is writing
    folder = root / f".writing-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        yield Writer(folder, order_hint)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
