"""Gives the flags column of a score: what was imputed, clamped, out of range, missing or not applicable, per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FlagKind = Literal["imputed", "clamped", "out_of_range", "missing", "not_applicable"]


class Flags:
    """Gathers the flags of one computation, each with the rows it holds for, and gives them as one list column.

    Flags are rare, so rows are kept, not masks. Within a row flags stand in the order of `add`.
    """

    def __init__(self, height: int) -> None:
        self._height = height
        self._texts: list[str] = []
        self._rows: list[NDArray[np.int64]] = []

    def add(self, kind: FlagKind, about: str, where: NDArray[np.bool_]) -> None:
        """Note ``kind:about`` for the rows where `where` is true."""
        rows = np.flatnonzero(where)
        if rows.size:
            self._texts.append(f"{kind}:{about}")
            self._rows.append(rows)

    def series(self, name: str) -> pl.Series:
        """Give the flags as a list column; a row without any holds an empty list, never null."""
        return text_lists(name, self._texts, self._rows, self._height)


def text_lists(name: str, texts: Sequence[str], rows: Sequence[NDArray[np.int64]], height: int) -> pl.Series:
    """Give a column of lists: each of `texts` stands in the lists of its `rows`, in the order of `texts`."""
    starts = np.zeros(height + 1, dtype=np.int64)
    for these in rows:
        starts[these + 1] += 1
    np.cumsum(starts, out=starts)
    numbers = np.empty(starts[-1], dtype=np.uint32)
    free = starts[:-1].copy()  # where the next text of each row goes
    for number, these in enumerate(rows):
        numbers[free[these]] = number
        free[these] += 1
    spoken = pl.Series(texts, dtype=pl.String).gather(numbers)
    # not pa.array: given an array of numpy it imports pandas first, which costs more than all scores of a network
    offsets = pa.Array.from_buffers(pa.int64(), len(starts), [None, pa.py_buffer(starts)])
    lists = pa.LargeListArray.from_arrays(offsets, spoken.to_arrow())
    return pl.Series(name, lists, dtype=pl.List(pl.String))
