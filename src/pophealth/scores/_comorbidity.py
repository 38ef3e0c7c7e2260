"""Gives comorbidity categories of coded lists and the points of several weightings, hierarchies applied."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pophealth.scores._data import read_table
from pophealth.scores._flags import text_lists
from pophealth.scores._icd10 import expand, groups_met

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pophealth.scores._icd10 import Diagnoses


class Categories(NamedTuple):
    """The categories of one data file, a bit each in file order."""

    names: tuple[str, ...]
    beginnings: dict[str, int]
    yields: tuple[tuple[int, int], ...]
    points: dict[str, tuple[int, ...]]


@cache
def categories(table: str, weightings: tuple[str, ...]) -> Categories:
    """Give the categories of ``data/<table>.csv`` with the columns of points named `weightings`."""
    rows = read_table(table)
    names = tuple(row["category"] for row in rows)
    beginnings: dict[str, int] = {}
    for bit, row in enumerate(rows):
        for text in expand(row["icd10"]):
            beginnings[text] = beginnings.get(text, 0) | 1 << bit
    yields = tuple((bit, names.index(row["yields_to"])) for bit, row in enumerate(rows) if row["yields_to"])
    return Categories(names, beginnings, yields, {name: tuple(int(row[name]) for row in rows) for name in weightings})


def present(diagnoses: Diagnoses, table: Categories, height: int) -> NDArray[np.uint64]:
    """Give a mask per row of the categories that count: the milder of two is left out beside the graver."""
    met = groups_met(diagnoses, table.beginnings, height)
    for milder, graver in table.yields:
        beside = (met >> np.uint64(graver)) & np.uint64(1)
        met &= ~(beside << np.uint64(milder))
    return met


def points(met: NDArray[np.uint64], weights: tuple[int, ...]) -> NDArray[np.int64]:
    """Give the sum of `weights` over the categories met."""
    total = np.zeros(met.size, dtype=np.int64)
    for bit, weight in enumerate(weights):
        if weight:
            total += ((met >> np.uint64(bit)) & np.uint64(1)).astype(np.int64) * weight
    return total


def names_met(name: str, met: NDArray[np.uint64], names: tuple[str, ...], known: NDArray[np.bool_]) -> pl.Series:
    """Give the categories met as a list column; null where the codes are missing."""
    rows = [np.flatnonzero(met & np.uint64(1 << bit)) for bit in range(len(names))]
    lists = text_lists(name, names, rows, met.size)
    return lists if known.all() else lists.set(pl.Series(~known), None)
