"""Gives the flags column of a score: what was imputed, clamped, out of range, missing or not applicable, per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

FlagKind = Literal["imputed", "clamped", "out_of_range", "missing", "not_applicable"]

_BITS = 64


class Flags:
    """Gathers the flags of one computation, a bit each, and gives them as one list column.

    Only flags that occur take a bit, so a clean batch costs nothing. Within a row flags stand in the order of `add`.
    """

    def __init__(self, height: int) -> None:
        self._bits = np.zeros(height, dtype=np.uint64)
        self._texts: list[str] = []

    def add(self, kind: FlagKind, about: str, where: NDArray[np.bool_]) -> None:
        """Note ``kind:about`` for the rows where `where` is true.

        Raises
        ------
        OverflowError
            More than 64 different flags occur in one computation.
        """
        if not where.any():
            return
        if len(self._texts) == _BITS:
            msg = f"a score gave more than {_BITS} different flags in one computation"
            raise OverflowError(msg)
        self._bits |= where.astype(np.uint64) << np.uint64(len(self._texts))
        self._texts.append(f"{kind}:{about}")

    def series(self, name: str) -> pl.Series:
        """Give the flags as a list column; a row without any holds an empty list, never null."""
        met = np.sort(pl.Series(self._bits).unique().to_numpy())
        lists = [[text for bit, text in enumerate(self._texts) if int(mask) >> bit & 1] for mask in met]
        spoken = pl.Series(name, lists, dtype=pl.List(pl.String))
        return spoken.gather(np.searchsorted(met, self._bits).astype(np.uint32))
