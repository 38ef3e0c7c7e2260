"""Gives numbers for texts: each text once, in order of first appearance; rows then hold numbers only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.kernels.ingest_text import number_texts, refill_slots
from pophealth.kernels.postings import frozen

Array = npt.NDArray[Any]


def text_parts(texts: pa.LargeStringArray) -> tuple[Array, Array]:
    """Give offsets (int64, one more than texts) and bytes of an Arrow array of texts without nulls, not copied."""
    if not len(texts):
        return frozen(np.zeros(1, np.int64)), frozen(np.empty(0, np.uint8))
    _, offsets, data = texts.buffers()
    first = texts.offset
    places = np.frombuffer(offsets, np.int64)[first : first + len(texts) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    return frozen(places), frozen(content)


class TextNumbers:
    """Texts known so far. Numbers start at 0 and never change; memory grows with the number of different texts."""

    def __init__(self) -> None:
        self._known = 0  # room for the people of a usual practice: untouched memory costs nothing
        self._slots = np.zeros(1 << 15, np.uint64)
        self._places = np.zeros((1 << 14) + 1, np.int64)
        self._data = np.empty(1 << 19, np.uint8)

    def __len__(self) -> int:
        return self._known

    def number(self, texts: pl.Series, salts: Array | None = None) -> Array:
        """Give the number (uint32) of each text; new ones become known.

        Parameters
        ----------
        texts
            Without nulls.
        salts
            One byte per text that keeps equal texts apart: the code system of a code.
        """
        views = texts.to_arrow(compat_level=pl.CompatLevel.newest())
        _, first, *buffers = views.buffers() if len(views) else (None, None)
        address = 0 if first is None else first.address + 16 * views.offset
        places = frozen(np.array([0 if buffer is None else buffer.address for buffer in buffers], np.int64))
        salt = frozen(np.empty(0, np.uint8) if salts is None else salts)
        out = np.empty(len(views), np.uint32)
        done = 0
        while done < out.size:
            done, self._known = number_texts(
                address,
                places,
                salt,
                self._slots,
                self._places,
                self._data,
                self._data.ctypes.data,
                done,
                self._known,
                out,
            )
            if done < out.size:
                self._grow(len(texts[done].encode()))
        return out

    def _grow(self, size: int) -> None:
        if 2 * self._known >= self._slots.size:
            self._slots = np.zeros(2 * self._slots.size, np.uint64)
            refill_slots(self._slots, self._places, self._data.ctypes.data, self._known)
            self._places = np.concatenate([self._places, np.zeros(self._places.size - 1, np.int64)])
        if (self._places[self._known] >> 8) + size + 8 > self._data.size:  # eight bytes more, so that words can be read
            self._data = np.concatenate([self._data, np.empty(max(self._data.size, size + 8), np.uint8)])

    def texts(self) -> pa.LargeStringArray:
        """Give the known texts in order of their numbers."""
        offsets = self._places[: self._known + 1] >> 8
        data = self._data[: offsets[-1]].copy()
        return pa.LargeStringArray.from_buffers(self._known, pa.py_buffer(offsets), pa.py_buffer(data))

    def salts(self) -> Array:
        """Give the salt of each known text (0 where none was given)."""
        return (self._places[: self._known] & 255).astype(np.uint8)
