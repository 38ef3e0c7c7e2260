"""Gives the bytes of a register's files, wherever they lie, and refuses those that are not what the manifest says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from pophealth.errors import IntegrityError
from pophealth.kernels.ingest_checksum import xxh64


class Store:
    """A folder on this machine, of which files are mapped, or in an object store, of which files are fetched whole."""

    def __init__(self, filesystem: fs.FileSystem, root: str) -> None:
        self._filesystem = filesystem
        self.root = root.rstrip("/")
        self.is_local = isinstance(filesystem, fs.LocalFileSystem)

    def below(self, name: str) -> Store:
        """Give the store of a folder in this one."""
        return Store(self._filesystem, f"{self.root}/{name}")

    def has(self, name: str) -> bool:
        """Give whether there is such a file."""
        found: bool = self._filesystem.get_file_info(f"{self.root}/{name}").type == fs.FileType.File
        return found

    def content(self, name: str) -> pa.Buffer:
        """Give a file's bytes, read-only; mapped on this machine, so that only what is looked at is read.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        path = f"{self.root}/{name}"
        if self.is_local:
            with pa.memory_map(path) as file:
                return file.read_buffer()
        with self._filesystem.open_input_file(path) as file:
            return file.read_buffer()

    def checked(self, name: str, said: dict[str, Any], what: str) -> pa.Buffer:
        """Give a file's bytes after comparing them with what the manifest said.

        Parameters
        ----------
        said
            bytes, and xxh64 (compared where there is one) or sha256.
        what
            What the file belongs to, for the message.

        Raises
        ------
        IntegrityError
            The file is missing, or was changed or damaged: parsers read a flipped bit without noticing.
        """
        try:
            content = self.content(name)
        except FileNotFoundError:
            msg = f"{what}: {name} is named by the manifest and missing"
            raise IntegrityError(msg) from None
        same, kind = content.size == said["bytes"], "size"
        if same and "xxh64" in said:
            same, kind = xxh64(content) == said["xxh64"], "XXH64"
        elif same:
            same, kind = hashlib.sha256(content).hexdigest() == said["sha256"], "SHA-256"
        if not same:
            msg = f"{what}: {name} is not the file its manifest describes ({kind} differs); it was changed or damaged"
            raise IntegrityError(msg)
        return content


def store_of(place: Path | str) -> Store:
    """Give the store of a local path, or of a URL such as ``s3://bucket/prefix`` or ``file:///folder``."""
    if isinstance(place, str) and "://" in place:
        filesystem, root = fs.FileSystem.from_uri(place)
        return Store(filesystem, root)
    return Store(fs.LocalFileSystem(), str(Path(place).absolute()))
