"""Gives whether a SNOMED CT or dm+d id is whole: its length, its partition and its Verhoeff check digit."""

from __future__ import annotations

import re
from enum import Enum

import polars as pl

CONCEPT_PARTITIONS = ("00", "10")
"""The two digits before the check digit of a concept's id: 00 international, 10 with a namespace."""

OTHER_PARTITIONS = ("01", "02", "11", "12")
"""Those of descriptions (01, 11) and relationships (02, 12): whole ids, of something else than a concept."""

_SHAPE = re.compile(r"[1-9][0-9]{5,17}")
_PADDED = re.compile(r"[1-9][0-9]{12,14}000")
"""Spreadsheets keep 15 digits and fill up with zeros. An id longer than that has a namespace, so it cannot end so."""


class Component(Enum):
    """What an id is the id of, as far as its digits say."""

    CONCEPT = "concept"
    OTHER = "description or relationship"
    PADDED = "number filled up with zeros"
    NONE = "no id"


def _product(first: int, second: int) -> int:
    """Give one symmetry of a pentagon after another: 0-4 turns, 5-9 reflections (Verhoeff 1969)."""
    turn = second % 5 if first < 5 else -(second % 5)
    return (first + turn) % 5 + 5 * ((first >= 5) != (second >= 5))


def _permutations() -> tuple[tuple[int, ...], ...]:
    """Give what each digit becomes at places 0 to 7 from the right: powers of one permutation (Verhoeff 1969)."""
    once = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    rows = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(once[digit] for digit in rows[-1]))
    return tuple(rows)


# _STEP[place % 8][state][digit] is the next state
_STEP = tuple(
    tuple(tuple(_product(state, permuted[digit]) for digit in range(10)) for state in range(10))
    for permuted in _permutations()
)


def component_of(text: str) -> Component:
    """Give what `text` is the id of (SNOMED CT Release File Specification, identifier).

    An id is 6 to 18 ASCII digits, none of them a leading zero, of a known partition, with the right check digit.
    """
    if _SHAPE.fullmatch(text) is None:
        return Component.NONE
    if _PADDED.fullmatch(text) is not None:
        return Component.PADDED
    state = 0
    for place, digit in enumerate(reversed(text)):
        state = _STEP[place % 8][state][ord(digit) - 48]
    partition = text[-3:-1]
    if state or partition not in (*CONCEPT_PARTITIONS, *OTHER_PARTITIONS):
        return Component.NONE
    return Component.CONCEPT if partition in CONCEPT_PARTITIONS else Component.OTHER


def passes_check_digit(ids: pl.Series) -> pl.Series:
    """Give, for each id as text, whether it can be a concept's id; nulls fail."""
    passes = (text is not None and component_of(text) is Component.CONCEPT for text in ids)
    return pl.Series(ids.name, passes, dtype=pl.Boolean)
