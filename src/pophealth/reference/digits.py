"""Gives whether a SNOMED CT or dm+d id is whole: its length, its partition and its Verhoeff check digit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

LONGEST = 18
"""Digits of the longest id (SNOMED CT identifier, 6 to 18 digits)."""

CONCEPT_PARTITIONS = ("00", "10")
"""The two digits before the check digit of a concept's id: 00 international, 10 with a namespace."""


def _dihedral() -> npt.NDArray[np.uint8]:
    """Give the multiplication table of the symmetries of a pentagon: 0-4 turns, 5-9 reflections (Verhoeff 1969)."""
    table = np.empty((10, 10), np.uint8)
    for first in range(10):
        for second in range(10):
            turn = second % 5 if first < 5 else -(second % 5)
            table[first, second] = (first + turn) % 5 + 5 * ((first >= 5) != (second >= 5))
    return table


def _permutations() -> npt.NDArray[np.uint8]:
    """Give what each digit becomes at places 0 to 7 from the right: powers of one permutation (Verhoeff 1969)."""
    once = np.array([1, 5, 7, 6, 2, 8, 3, 0, 9, 4], np.uint8)
    table = np.empty((8, 10), np.uint8)
    table[0] = np.arange(10)
    for place in range(1, 8):
        table[place] = once[table[place - 1]]
    return table


_PRODUCT, _PERMUTED = _dihedral(), _permutations()


def passes_check_digit(ids: pl.Series) -> pl.Series:
    """Give, for each id as text, whether it can be a concept's id.

    Parameters
    ----------
    ids : Series of String
        Nulls fail.

    Returns
    -------
    Series of Boolean
        True for 6 to 18 ASCII digits, none of them a leading zero, of a concept's partition, with the right check digit
        (SNOMED CT Release File Specification, identifier).
    """
    shaped = ids.str.contains(r"^[1-9][0-9]{5,17}$") & ids.str.slice(-3, 2).is_in(CONCEPT_PARTITIONS)
    shaped = (shaped & (ids.str.len_bytes() <= LONGEST)).fill_null(
        value=False
    )  # $ admits a newline, the length does not
    padded = pl.select(pl.when(shaped).then(ids).otherwise(pl.lit("")).str.zfill(LONGEST)).to_series()
    digits = np.frombuffer("".join(padded.to_list()).encode(), np.uint8).reshape(-1, LONGEST) - ord("0")
    lengths = ids.str.len_bytes().fill_null(0).to_numpy()
    state = np.zeros(len(ids), np.uint8)
    for place in range(LONGEST):
        turned = _PRODUCT[state, _PERMUTED[place % 8, digits[:, LONGEST - 1 - place]]]
        state = np.where(place < lengths, turned, state)
    return shaped & pl.Series(state == 0)
