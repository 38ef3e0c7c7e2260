"""Gives files that are whole or absent: hashed, synced, renamed into place; old state or new state, never between."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pophealth.errors import IntegrityError


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str, what: str) -> None:
    """Refuse a file that is absent or not what a manifest says.

    Raises
    ------
    IntegrityError
        The file is missing, or its hash differs: parsers read a flipped bit without noticing.
    """
    if not path.is_file():
        msg = f"{what}: {path.name} is named by the manifest and missing"
        raise IntegrityError(msg)
    if sha256_of(path) != expected:
        msg = f"{what}: {path.name} is not the file its manifest describes (SHA-256 differs); it was changed or damaged"
        raise IntegrityError(msg)


def json_bytes(value: Any) -> bytes:
    """Give `value` as JSON with sorted keys and a final newline: the same bytes for the same facts."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


@contextmanager
def open_synced(path: Path) -> Iterator[IO[bytes]]:
    """Give a new file to write; when the block ends without an error the disk has it.

    Only for files in a folder that is not yet in its place.
    """
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it; only for files in a folder that is not yet in its place."""
    with open_synced(path) as file:
        file.write(content)


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: a reader sees the old bytes or the new ones; an error leaves no litter."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_synced(beside, content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_tree(folder: Path) -> None:
    """Wait until the disk has every file and folder below `folder`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in `folder`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def place_folder(made: Path, destination: Path) -> None:
    """Rename a synced folder to where it belongs; what stood there incomplete is removed first."""
    sync_tree(made)
    destination.parent.mkdir(parents=True, exist_ok=True)
    if destination.exists():
        shutil.rmtree(destination)
    made.rename(destination)
    sync_folder(destination.parent)


def disk_is_full(error: BaseException) -> bool:
    """Give whether an error says that the disk, or the user's share of it, is full; libraries say so in words only."""
    numbers = (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, OSError) and error.errno in numbers:
        return True
    return re.search(rf"\(os error ({'|'.join(map(str, numbers))})\)", str(error)) is not None
