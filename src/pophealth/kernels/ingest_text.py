"""Gives numbers for texts, and the order of texts: what ingest needs to work on numbers from then on.

Texts to be numbered come as Arrow's views: 16 bytes each, of which four hold the size, and the rest either the text
itself (12 bytes at most) or where it stands (number of a buffer, offset). Nothing is copied; a kernel gets the addresses
of buffers that its caller keeps alive. Known texts lie in `known_data`, which has room to grow and eight bytes more;
`known_places` holds ``where it begins << 8 | salt``. `slots` is an open-addressing table, its size a power of two, of
``upper half of the hash | number + 1``: most rows are settled by three reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from pophealth.kernels.ingest_base import kernel, part

Offsets = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Longs = npt.NDArray[np.uint64]

UPPER = np.uint64(0xFFFFFFFF00000000)
LOWER = np.uint64(0x00000000FFFFFFFF)
INLINE = 12
"""Bytes of the longest text that stands in its view."""


def _word_at(_typing: Any, _address: Any) -> Any:
    """Give how the eight bytes at an address are read as one number, wherever they begin."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], context.get_value_type(types.uint64).as_pointer())
        word = builder.load(place)
        word.align = 1
        return word

    return types.uint64(types.int64), generate


word_at: Any = intrinsic(_word_at)


@part
def _short(address: int, size: int) -> Any:
    """Give a text of fewer than eight bytes as one number; eight bytes are there to be read."""
    return word_at(address) & ((np.uint64(1) << np.uint64(8 * size)) - np.uint64(1))


@part
def _byte(address: int, size: int, byte: int) -> Any:
    """Give one byte of a text without reading past its end, or past its view."""
    start = max(min(byte, size - 8), 0)
    return np.uint8((word_at(address + start) >> np.uint64(8 * (byte - start))) & np.uint64(255))


@part
def _hash(address: int, size: int, salt: int) -> Any:
    state = (np.uint64(size) ^ (np.uint64(salt) << np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    if size < 8:
        state ^= _short(address, size)
    else:
        for step in range((size - 1) >> 3):
            state = (state ^ word_at(address + 8 * step)) * np.uint64(0xBF58476D1CE4E5B9)
            state ^= state >> np.uint64(29)
        state ^= word_at(address + size - 8)  # the last eight, some of them a second time
    state *= np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(32))


@part
def _same(left: int, right: int, size: int) -> Any:
    if size < 8:
        same = _short(left, size) == _short(right, size)
    else:
        same = word_at(left + size - 8) == word_at(right + size - 8)
        for step in range((size - 1) >> 3):
            if not same:
                break
            same = word_at(left + 8 * step) == word_at(right + 8 * step)
    return same


@kernel
def number_texts(
    views: int,
    buffers: Offsets,
    salts: Bytes,
    slots: Longs,
    known_places: Offsets,
    known_data: Bytes,
    known_address: int,
    first: int,
    known: int,
    out: Words,
) -> tuple[int, int]:
    """Give in `out` the number of each text from row `first` on; a text not met before gets the next number.

    Parameters
    ----------
    views, buffers, known_address
        Address of the first view, of each buffer of longer texts, and of `known_data`.
    salts
        One byte per row that makes equal texts different (the code system); or no bytes at all.
    known
        How many texts are known.

    Returns
    -------
    tuple
        Rows done, and how many texts are known now. Fewer rows than there are: an array has to grow; call again.
    """
    mask = np.uint64(slots.size - 1)
    most = min(slots.size // 2, known_places.size - 1)
    last = np.uint32(0)
    last_text = views
    last_size = np.int64(-1)
    last_salt = np.int64(0)
    for row in range(first, out.size):
        view = views + 16 * row
        head = word_at(view)
        size = np.int64(head & LOWER)
        text = view + 4
        if size > INLINE:
            place = word_at(view + 8)
            text = buffers[np.int64(place & LOWER)] + np.int64(place >> np.uint64(32))
        salt = np.int64(salts[row]) if salts.size else np.int64(0)
        if size == last_size and salt == last_salt and _same(text, last_text, size):
            out[row] = last  # rows of one person, and repeats of one code, come one after the other
            continue
        hashed = _hash(text, size, salt)
        slot = hashed & mask
        found = slots[slot]
        while found != 0:
            if (found ^ hashed) & UPPER == 0:
                number = np.int64(found & LOWER) - 1
                begin = known_places[number] >> 8
                if (
                    known_places[number] & 255 == salt
                    and (known_places[number + 1] >> 8) - begin == size
                    and _same(text, known_address + begin, size)
                ):
                    break
            slot = (slot + np.uint64(1)) & mask
            found = slots[slot]
        if found == 0:
            begin = known_places[known] >> 8
            if known >= most or begin + size + 8 > known_data.size:
                return row, known
            for byte in range(size):
                known_data[begin + byte] = _byte(text, size, byte)
            known_places[known] = begin << 8 | salt
            known_places[known + 1] = (begin + size) << 8
            known += 1
            found = (hashed & UPPER) | np.uint64(known)
            slots[slot] = found
        last = np.uint32(np.int64(found & LOWER) - 1)
        last_text, last_size, last_salt = text, size, salt
        out[row] = last
    return out.size, known


@kernel
def refill_slots(slots: Longs, known_places: Offsets, known_address: int, known: int) -> None:
    """Put the first `known` texts into an empty table of slots."""
    mask = np.uint64(slots.size - 1)
    for number in range(known):
        start = known_places[number] >> 8
        size = (known_places[number + 1] >> 8) - start
        hashed = _hash(known_address + start, size, known_places[number] & 255)
        slot = hashed & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (hashed & UPPER) | np.uint64(number + 1)


@part
def _compared(offsets: Offsets, data: Bytes, left: int, right: int) -> Any:
    """Give below 0, 0 or above 0 as the left text comes before, with or after the right one, byte by byte."""
    left_start, left_end = offsets[left], offsets[left + 1]
    right_start, right_end = offsets[right], offsets[right + 1]
    for byte in range(min(left_end - left_start, right_end - right_start)):
        difference = np.int64(data[left_start + byte]) - np.int64(data[right_start + byte])
        if difference != 0:
            return difference
    return (left_end - left_start) - (right_end - right_start)


@kernel
def _sort_by_text(order: Words, low: int, high: int, room: Words, offsets: Offsets, data: Bytes) -> None:
    """Sort ``order[low:high]`` by text, stable: runs of 16 by insertion, then merged."""
    for start in range(low, high, 16):
        for place in range(start + 1, min(start + 16, high)):
            row = order[place]
            at = place
            while at > start and _compared(offsets, data, np.int64(order[at - 1]), np.int64(row)) > 0:
                order[at] = order[at - 1]
                at -= 1
            order[at] = row
    width = 16
    while width < high - low:
        for start in range(low, high - width, 2 * width):
            middle, end = start + width, min(start + 2 * width, high)
            room[start:middle] = order[start:middle]
            left, right, at = start, middle, start
            while left < middle:
                if right < end and _compared(offsets, data, np.int64(order[right]), np.int64(room[left])) < 0:
                    order[at] = order[right]
                    right += 1
                else:
                    order[at] = room[left]
                    left += 1
                at += 1
        width *= 2


@kernel
def sort_ties_by_text(
    order: Words, person: Words, day: npt.NDArray[np.uint16], room: Words, offsets: Offsets, data: Bytes, tied: Bytes
) -> int:
    """Sort rows of one person and day by their text; give how many rows still share all three with another.

    Parameters
    ----------
    order
        Rows by person and day; changed in place.
    room
        As long as `order`; used while merging.
    tied
        One byte per place of `order`; set to 1 where a row shares person, day and text with the row before it.
    """
    found = 0
    low = 0
    while low < order.size:
        high = low + 1
        first = order[low]
        while high < order.size and person[order[high]] == person[first] and day[order[high]] == day[first]:
            high += 1
        if high - low > 1:
            _sort_by_text(order, low, high, room, offsets, data)
            for place in range(low + 1, high):
                if _compared(offsets, data, np.int64(order[place - 1]), np.int64(order[place])) == 0:
                    tied[place] = 1
                    found += 1
        low = high
    return found
