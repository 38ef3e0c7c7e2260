"""A disk that fails at the n-th call, or a process that is killed there: every call that changes a disk is counted."""

from __future__ import annotations

import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

CHANGING = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir")
"""Functions of `os` that change a disk or wait for one."""


class Disk:
    """Counts calls; at call `at` (and, if `for_good`, at every later one) it does what `strike` does instead."""

    def __init__(self, at: int, strike: Callable[[], None], *, for_good: bool = False) -> None:
        self.at, self.strike, self.for_good = at, strike, for_good
        self.calls: list[str] = []
        self.resting = False

    def call(self, what: str) -> None:
        if self.resting:
            return
        self.calls.append(what)
        if len(self.calls) == self.at or (self.for_good and len(self.calls) > self.at):
            self.strike()

    @property
    def was_struck(self) -> bool:
        return len(self.calls) >= self.at


class _Counted(io.FileIO):
    """A file whose writes are counted; the one that fails has written half."""

    disk: Disk

    def write(self, data: Any) -> int:
        try:
            self.disk.call("write")
        except OSError:
            super().write(memoryview(data)[: len(memoryview(data)) // 2])
            raise
        return super().write(data)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def on(disk: Disk, *, removing_fails: bool = False) -> Iterator[Disk]:
    """Let every change of a disk go through `disk`. A full disk still lets files be removed, unless said otherwise."""
    plain_open = Path.open

    def opened(self: Path, mode: str = "r", *words: Any, **more: Any) -> Any:
        if not set(mode) & set("wax+"):
            return plain_open(self, mode, *words, **more)
        disk.call("open")
        raw = _Counted(self, mode.replace("b", ""))
        raw.disk = disk
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

    def counted(name: str) -> Callable[..., Any]:
        plain = getattr(os, name)

        def call(*words: Any, **more: Any) -> Any:
            disk.call(name)
            return plain(*words, **more)

        return call

    names = CHANGING if removing_fails else CHANGING[:4]
    patches = [mock.patch.object(os, name, counted(name)) for name in names]
    patches.append(mock.patch.object(Path, "open", opened))
    for patch in patches:
        patch.start()
    try:
        yield disk
    finally:
        disk.resting = True
        for patch in patches:
            patch.stop()
