"""Gives rows of whole-numbered people and codes as places of people and concepts; rows of codes nobody asks for are dropped.

Tables of slots are open addressing, a power of two and at least twice as many slots as keys; `EMPTY` marks a free one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.kernels.ingest_base import kernel, part

Keys = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]
Days = npt.NDArray[np.uint16]

EMPTY = np.uint32(0xFFFFFFFF)


@part
def _slot(key: int, mask: np.uint64) -> np.uint64:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed ^ (mixed >> np.uint64(32))) & mask


@kernel
def fill_slots(keys: Keys, slot_keys: Keys, slot_places: Words) -> int:
    """Put every key with its place into free slots; give how many stand there a second time."""
    mask = np.uint64(slot_keys.size - 1)
    twice = 0
    for place in range(keys.size):
        slot = _slot(keys[place], mask)
        while slot_places[slot] != EMPTY and slot_keys[slot] != keys[place]:
            slot = (slot + np.uint64(1)) & mask
        twice += slot_places[slot] != EMPTY
        slot_keys[slot] = keys[place]
        slot_places[slot] = place
    return twice


@kernel
def places_of(keys: Keys, slot_keys: Keys, slot_places: Words, out: Words) -> int:
    """Give in `out` the place of each key, `EMPTY` for unknown ones, and how many of these there are."""
    mask = np.uint64(slot_keys.size - 1)
    unknown = 0
    last_key, last = np.int64(0), EMPTY
    for row in range(keys.size):
        key = keys[row]
        if key != last_key or row == 0:  # rows of one person come one after the other
            slot = _slot(key, mask)
            while slot_places[slot] != EMPTY and slot_keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            last_key, last = key, slot_places[slot]
        out[row] = last
        unknown += last == EMPTY
    return unknown


@kernel
def kept_rows(code: Keys, slot_keys: Keys, slot_places: Words, row_of: Words, concept: Words) -> int:
    """Give in `row_of` the rows whose code is a key, in `concept` its place, and how many rows these are."""
    mask = np.uint64(slot_keys.size - 1)
    used = np.uint64(0)
    for row in range(np.uint64(code.size)):
        key = code[row]
        slot = _slot(key, mask)
        while slot_places[slot] != EMPTY and slot_keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        row_of[used] = row
        concept[used] = slot_places[slot]
        used += np.uint64(slot_places[slot] != EMPTY)
    return int(used)
