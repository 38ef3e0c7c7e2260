"""Gives XXH64, a 64-bit checksum that runs as fast as memory is read: it finds damage, it is no proof of origin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.kernels.ingest_base import kernel, part

PRIME_1 = np.uint64(0x9E3779B185EBCA87)
PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
PRIME_3 = np.uint64(0x165667B19E3779F9)
PRIME_4 = np.uint64(0x85EBCA77C2B2AE63)
PRIME_5 = np.uint64(0x27D4EB2F165667C5)


def xxh64(content: Any) -> str:
    """Give the XXH64 (seed 0) of some bytes as 16 hex digits, as the reference implementation prints it.

    Parameters
    ----------
    content
        Anything with the buffer protocol, one byte an item.
    """
    data = np.frombuffer(content, np.uint8)
    if data.ctypes.data % 8:
        data = data.copy()  # words are read eight bytes at a time, from where memory begins one
    data.flags.writeable = False  # one type, whatever the buffer: a second one would be compiled again
    words = data[: data.size // 8 * 8].view(np.uint64)
    return f"{int(_xxh64(words, data)):016x}"


@part
def _turned(value: np.uint64, bits: int) -> Any:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@part
def _round(state: np.uint64, word: np.uint64) -> Any:
    return _turned(state + word * PRIME_2, 31) * PRIME_1


@part
def _merged(state: np.uint64, lane: np.uint64) -> Any:
    return (state ^ _round(np.uint64(0), lane)) * PRIME_1 + PRIME_4


@kernel
def _xxh64(words: npt.NDArray[np.uint64], data: npt.NDArray[np.uint8]) -> Any:
    place = 0
    if words.size >= 4:
        lane_1, lane_2 = PRIME_1 + PRIME_2, PRIME_2
        lane_3, lane_4 = np.uint64(0), np.uint64(0) - PRIME_1
        while place + 4 <= words.size:
            lane_1 = _round(lane_1, words[place])
            lane_2 = _round(lane_2, words[place + 1])
            lane_3 = _round(lane_3, words[place + 2])
            lane_4 = _round(lane_4, words[place + 3])
            place += 4
        state = _turned(lane_1, 1) + _turned(lane_2, 7) + _turned(lane_3, 12) + _turned(lane_4, 18)
        for lane in (lane_1, lane_2, lane_3, lane_4):
            state = _merged(state, lane)
    else:
        state = PRIME_5
    state += np.uint64(data.size)
    while place < words.size:
        state = _turned(state ^ _round(np.uint64(0), words[place]), 27) * PRIME_1 + PRIME_4
        place += 1
    at = place * 8
    if at + 4 <= data.size:
        four = np.uint64(0)
        for byte in range(4):
            four |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
        state = _turned(state ^ (four * PRIME_1), 23) * PRIME_2 + PRIME_3
        at += 4
    while at < data.size:
        state = _turned(state ^ (np.uint64(data[at]) * PRIME_5), 11) * PRIME_1
        at += 1
    state = (state ^ (state >> np.uint64(33))) * PRIME_2
    state = (state ^ (state >> np.uint64(29))) * PRIME_3
    return state ^ (state >> np.uint64(32))
