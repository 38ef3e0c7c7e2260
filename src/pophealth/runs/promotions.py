"""Gives the promotion log: who let which version run, when and why; appended to, each line bound to the one before."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pophealth.errors import IntegrityError

FIRST = "0" * 64
"""What the first line is bound to."""


@dataclass(frozen=True)
class Promotion:
    """One line: from `at` on, `alias` of a model meant `version`; before, `previous_version`."""

    at: str
    event: str
    model_id: str
    alias: str
    version: int
    previous_version: int | None
    artifacts_sha256: str
    by: str
    reason: str
    gates: dict[str, Any]


def log_file(data_root: Path) -> Path:
    """Give where the log lies."""
    return data_root / "state" / "promotions.jsonl"


def read_promotions(data_root: Path) -> list[Promotion]:
    """Give the log's lines in order.

    A last line without its end was cut off by a power cut before anything was promoted: it is passed over.

    Raises
    ------
    IntegrityError
        A line was changed, removed or put in between; the message names the first.
    """
    path = log_file(data_root)
    if not path.is_file():
        return []
    return [entry for entry, _ in _entries(path.read_bytes())]


def append_promotion(data_root: Path, entry: Promotion) -> None:
    """Add a line; when this returns the disk has it.

    Raises
    ------
    IntegrityError
        The log as it stands is broken; nothing was added.
    """
    path = log_file(data_root)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _held(path) as file:
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        bindings = [FIRST, *(binding for _, binding in _entries(whole))]
        line = json.dumps({**asdict(entry), "after": bindings[-1]}, sort_keys=True, ensure_ascii=False)
        file.truncate(len(whole))  # half a line, which a power cut left: nobody was ever told that it stood
        file.seek(0, os.SEEK_END)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def current(entries: list[Promotion], model_id: str, alias: str) -> Promotion | None:
    """Give the line that says what an alias of a model means now; none where this site never promoted it."""
    mine = [entry for entry in entries if (entry.model_id, entry.alias) == (model_id, alias)]
    return mine[-1] if mine else None


def _entries(content: bytes) -> Iterator[tuple[Promotion, str]]:
    last = FIRST
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            values = json.loads(line)
            after = values.pop("after")
            entry = Promotion(**values)
        except (ValueError, TypeError, KeyError, AttributeError):
            entry, after = None, ""
        if entry is None or after != last:
            msg = (
                f"promotion log: line {number} is not what was written there, or a line before it is missing; "
                "nothing is promoted or scored on it. Restore state/promotions.jsonl from the last copy."
            )
            raise IntegrityError(msg)
        last = hashlib.sha256(line).hexdigest()
        yield entry, last


@contextmanager
def _held(path: Path) -> Iterator[IO[bytes]]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
