"""Gives a snapshot to read: practices, buckets, dictionary, facts; every file checked before use."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import polars as pl
import pyarrow as pa

from pophealth.errors import ConfigError, IntegrityError
from pophealth.register.bucket import Bucket
from pophealth.register.layout import MANIFEST, MANIFEST_SCHEMA, SCHEMAS, dictionary_file, register_folder
from pophealth.register.store import Store, store_of

DICTIONARY = pl.Schema({"concept": pl.UInt32(), "code_system": SCHEMAS["events"]["code_system"], "code": pl.String()})


class Snapshot:
    """One whole state of the register, named by the hash of its manifest. Reading never changes it."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store.below(name)
        self._checked: set[str] = set()
        self._mapped: WeakValueDictionary[str, pa.Buffer] = WeakValueDictionary()
        content = self._store.content(MANIFEST).to_pybytes()
        self.digest = hashlib.sha256(content).hexdigest()
        """SHA-256 of the manifest, which holds the hash of every file."""
        self.id = name
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
    def path(self) -> Path:
        """Folder of the snapshot; in an object store, what stands for it there."""
        return Path(self._store.root)

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
        return self.parquet(dictionary_file(table), DICTIONARY).collect()

    def bucket(self, practice: str) -> Bucket:
        """Give the bucket of a practice."""
        return Bucket(self, practice)

    def content(self, name: str) -> pa.Buffer:
        """Give the bytes of a file, checked the first time it is asked for; threads may ask at once.

        Raises
        ------
        IntegrityError
            The manifest knows no such file, or another one.
        """
        said = self.manifest["files"].get(name)
        if said is None:
            msg = f"register {self.id}: {name} is not in the manifest"
            raise IntegrityError(msg)
        # a mapping that nobody reads any more must not count as memory of the run; while somebody holds it, it is shared
        if (content := self._mapped.get(name)) is not None:
            return content
        is_checked = name in self._checked
        content = self._store.content(name) if is_checked else self._store.checked(name, said, f"register {self.id}")
        if self._store.is_local:  # fetched bytes are not kept, and are checked each time
            self._checked.add(name)
            self._mapped[name] = content
        return content

    def parquet(self, name: str, schema: pl.Schema) -> pl.LazyFrame:
        """Give the rows of a Parquet file in the types of a schema."""
        content = self.content(name)
        source = self.path / name if self._store.is_local else io.BytesIO(content)
        return pl.scan_parquet(source).select(pl.col(column).cast(kind) for column, kind in schema.items())


def open_snapshot(data_root: Path | str, snapshot: str | None = None, *, store: Store | None = None) -> Snapshot:
    """Give a snapshot of the register: the one named, or the newest.

    Parameters
    ----------
    data_root
        A local path, or a URL that pyarrow's filesystems open (``file://``, ``s3://``, ``gs://``, ...).
    store
        Where the register lies, when neither says it: any other filesystem, already opened.

    Raises
    ------
    ConfigError
        There is no register, or no such snapshot.
    IntegrityError
        Its manifest was changed.
    """
    try:
        root = store if store is not None else store_of(data_root).below("register")
        if snapshot is None and root.has("CURRENT"):
            snapshot = root.content("CURRENT").to_pybytes().decode().strip()
    except (OSError, pa.ArrowInvalid) as error:
        msg = (
            f"register: its place cannot be read ({type(error).__name__}). Check site.register_url or site.data_root, "
            "and this machine's credentials for it."
        )
        raise ConfigError(msg) from error
    if snapshot is None:
        msg = f"register: nothing was ingested into {root.root} yet. Run `pophealth ingest CONFIG` first."
        raise ConfigError(msg)
    if re.fullmatch(r"[0-9a-f]{16}", snapshot) is None or not root.has(f"{snapshot}/{MANIFEST}"):
        msg = f"register: the snapshot asked for is not in {root.root}; it was pruned or never written there"
        raise ConfigError(msg)
    return Snapshot(root, snapshot)


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
