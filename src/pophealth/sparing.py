"""Gives a way to import a library without an optional module it would load for things nobody here asks of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
