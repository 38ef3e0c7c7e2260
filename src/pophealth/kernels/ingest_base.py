"""Gives the decorators of the kernels that build the register."""

from __future__ import annotations

from typing import Any

from numba import njit


def kernel(function: Any) -> Any:
    """Give `function` compiled: no lock held, kept on disk, no reordering of floating-point arithmetic."""
    return njit(cache=True, nogil=True)(function)


def part(function: Any) -> Any:
    """Give `function` as a piece of the kernels that call it: a call with arrays counts references at every row."""
    return njit(nogil=True, inline="always")(function)
