"""Gives ways to take no more than is used: a library without its optional modules, memory without what was freed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ARENA_MAX = -8
"""M_ARENA_MAX of the C library's malloc.h."""


@contextmanager
def without(module: str) -> Iterator[None]:
    """Hide `module` from the imports inside: to them it is not installed. What was imported before stays.

    A run starts in a new process every night; modules that no run uses would be a tenth of its time.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how Python itself spells "may not be imported"
    try:
        yield
    finally:
        del sys.modules[module]


def hand_freed_memory_back() -> None:
    """Let Polars' allocator give freed memory to the system at once; to be called before Polars is imported.

    Left alone it keeps such memory marked as free to take, and where a thread has ended it keeps it for good: a run of many
    networks would be seen to hold what the largest moment of each one took. What the environment says already goes before.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", "background_thread:true,muzzy_decay_ms:0")


def share_arenas() -> None:
    """Let all threads take memory out of two pools of the C library; to be called before the threads begin.

    Left alone each new thread may open a pool of its own, and what it freed stays there when it has ended: after a dozen
    networks a run held a quarter more than after one.
    """
    if sys.platform == "linux":
        import ctypes  # not for whoever only asks for help

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not every C library has it
        if mallopt is not None:
            mallopt(_ARENA_MAX, 2)
