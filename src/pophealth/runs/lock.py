"""Gives a site to one run at a time; the second is told to try later."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pophealth.errors import TryLaterError


@contextmanager
def exclusive(data_root: Path) -> Iterator[None]:
    """Hold a site's lock; the system frees it however the process ends.

    Raises
    ------
    TryLaterError
        Another process holds it.
    """
    folder = data_root / "state"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another pophealth works on {data_root}; nothing was done. Try later."
            raise TryLaterError(msg) from None
        yield
    finally:
        os.close(handle)
