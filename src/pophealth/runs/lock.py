"""Gives a site to one run at a time; the second is told to try later."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pophealth.errors import TryLaterError
from pophealth.files import disk_is_full

_ATTEMPTS, _PAUSE_SECONDS = 3, 0.1
"""`is_held` holds the lock for an instant to find out; a run that starts then must not be turned away."""


def lock_file(data_root: Path) -> Path:
    """Give where the lock lies. It is never written: only the system's hold on it counts."""
    return data_root / "state" / "lock"


@contextmanager
def exclusive(data_root: Path) -> Iterator[None]:
    """Hold a site's lock; the system frees it however the process ends, so there is no stale lock to clear.

    Raises
    ------
    TryLaterError
        Another process holds it, or what was done under the lock met a full disk.
    """
    path = lock_file(data_root)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(handle, data_root)
        yield
    except Exception as error:
        if not disk_is_full(error):
            raise
        msg = (
            f"the disk of {data_root} is full; what was committed before is unchanged. "
            "Free space (`pophealth prune`) and try again."
        )
        raise TryLaterError(msg) from None
    finally:
        os.close(handle)


def _take(handle: int, data_root: Path) -> None:
    if not _taken(handle, fcntl.LOCK_EX):
        msg = f"another pophealth works on {data_root}; nothing was done. Try later."
        raise TryLaterError(msg)


def is_held(data_root: Path) -> bool:
    """Give whether a process is at work on the site just now; makes no file."""
    try:
        handle = os.open(lock_file(data_root), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _taken(handle, fcntl.LOCK_SH, attempts=1)
    finally:
        os.close(handle)


def _taken(handle: int, kind: int, attempts: int = _ATTEMPTS) -> bool:
    for attempt in range(attempts):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
