"""Gives a snapshot to read: practices, buckets, dictionary, facts; every file checked before use."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from pophealth.errors import ConfigError, IntegrityError
from pophealth.files import check_sha256
from pophealth.kernels.postings import Shard
from pophealth.register.index import read_arrays, read_postings, read_stays
from pophealth.register.layout import (
    CODED_TABLES,
    MANIFEST,
    MANIFEST_SCHEMA,
    SCHEMAS,
    SHARD_PEOPLE,
    STAY_TABLES,
    archive_file,
    index_file,
    register_folder,
)


class Snapshot:
    """One whole state of the register, named by the hash of its manifest. Reading never changes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        content = (path / MANIFEST).read_bytes()
        self.digest = hashlib.sha256(content).hexdigest()
        """SHA-256 of the manifest, which holds the hash of every file."""
        self.id = path.name
        if not self.digest.startswith(self.id):
            msg = f"register {self.id}: its manifest was changed after it was written. Ingest again."
            raise IntegrityError(msg)
        self.manifest: dict[str, Any] = json.loads(content)
        if self.manifest["schema"] != MANIFEST_SCHEMA:
            msg = (
                f"register {self.id}: written in form {self.manifest['schema']}, this release reads {MANIFEST_SCHEMA}. "
                "Ingest again."
            )
            raise ConfigError(msg)
        self.facts: dict[str, Any] = self.manifest["facts"]

    @property
    def practices(self) -> tuple[str, ...]:
        """Practices that have a bucket, by code."""
        return tuple(self.manifest["practices"])

    @property
    def units(self) -> tuple[str, ...]:
        """Units of measurements in order of their numbers; number 0 is the empty text."""
        return tuple(self.manifest["units"])

    def rows(self, practice: str) -> dict[str, int]:
        """Give the rows of a practice by table."""
        found: dict[str, int] = self.manifest["practices"][practice]["rows"]
        return found

    def concepts(self, table: str) -> pl.DataFrame:
        """Give the dictionary of a coded table: concept (uint32), code_system, code."""
        name = f"dictionary/{table}.parquet"
        self.check(name)
        return pl.read_parquet(self.path / name)

    def check(self, name: str) -> None:
        """Refuse a file of the snapshot that is not what the manifest says."""
        entry = self.manifest["files"].get(name)
        if entry is None:
            msg = f"register {self.id}: {name} is not in the manifest"
            raise IntegrityError(msg)
        check_sha256(self.path / name, entry["sha256"], f"register {self.id}")

    def bucket(self, practice: str) -> Bucket:
        """Give the bucket of a practice."""
        return Bucket(self, practice)


class Bucket:
    """Everything kept of one practice. A file is hashed when it is first read from this bucket."""

    def __init__(self, snapshot: Snapshot, practice: str) -> None:
        self._snapshot = snapshot
        self._entry = snapshot.manifest["practices"][practice]
        self._checked: set[str] = set()
        self.practice = practice

    def _path(self, name: str) -> Path:
        if name not in self._checked:
            self._snapshot.check(name)
            self._checked.add(name)
        return self._snapshot.path / name

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row per person, by pseudonym: who they are, without NHS number. Row i is person i of the index."""
        return pl.read_parquet(self._path(archive_file(self.practice, "patients")))

    @cached_property
    def registrations(self) -> pl.DataFrame:
        """Stays with practices, several per person."""
        return self.archive("registrations").collect()

    @cached_property
    def opt_outs(self) -> pl.DataFrame:
        """Objections, several per person."""
        return self.archive("opt_outs").collect()

    def archive(self, table: str) -> pl.LazyFrame:
        """Give the canonical rows of a table by (person, date, record id); no rows where the practice has none."""
        if table not in self._entry["rows"]:
            return pl.LazyFrame(schema=SCHEMAS[table])
        return pl.scan_parquet(self._path(archive_file(self.practice, table)))

    def identity(self) -> pl.DataFrame:
        """Give patient_id and nhs_number. Only a delivery joins them to anything."""
        return pl.read_parquet(self._path(f"identity/{self.practice}.parquet"))

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The index, as read-only mapped arrays, in order of people."""
        return tuple(self._shard(number) for number in range(self._entry["shards"]))

    def _shard(self, number: int) -> Shard:
        first = number * SHARD_PEOPLE
        return Shard(
            first_person=first,
            n_people=min(SHARD_PEOPLE, self._entry["people"] - first),
            postings={
                table: read_postings(self._parts(table, number, ("offsets", "rows", "late")))
                for table in CODED_TABLES
                if table in self._entry["rows"]
            },
            stays={
                table: read_stays(self._parts(table, number, ("offsets", "rows")))
                for table in STAY_TABLES
                if table in self._entry["rows"]
            },
        )

    def _parts(self, table: str, shard: int, parts: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        return {part: read_arrays(self._path(index_file(self.practice, table, shard, part))) for part in parts}


def open_snapshot(data_root: Path, snapshot: str | None = None) -> Snapshot:
    """Give a snapshot of the register: the one named, or the newest.

    Raises
    ------
    ConfigError
        There is no register, or no such snapshot.
    IntegrityError
        Its manifest was changed.
    """
    root = register_folder(data_root)
    current = root / "CURRENT"
    if snapshot is None and current.is_file():
        snapshot = current.read_text("utf-8").strip()
    if snapshot is None:
        msg = f"register: nothing was ingested into {root} yet. Run `pophealth ingest CONFIG` first."
        raise ConfigError(msg)
    if re.fullmatch(r"[0-9a-f]{16}", snapshot) is None or not (root / snapshot / MANIFEST).is_file():
        msg = f"register: the snapshot asked for is not in {root}; it was pruned or never written there"
        raise ConfigError(msg)
    return Snapshot(root / snapshot)


def prune(data_root: Path, keep: int) -> list[str]:
    """Remove all but the newest `keep` snapshots, never the current one; give the ids removed."""
    root = register_folder(data_root)
    if not (root / "CURRENT").is_file():
        return []
    current = (root / "CURRENT").read_text("utf-8").strip()
    manifests = sorted(root.glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    older = [path.parent for path in manifests if path.parent.name != current][keep - 1 :]
    for folder in older:
        shutil.rmtree(folder)
    return [folder.name for folder in older]
