"""Gives a plan's programs: what each kernel is to do, as plain arrays, and in which row of which block a result lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pophealth.features.moment import START_OF_TIME, Edge
from pophealth.kernels import features_days as days
from pophealth.kernels import features_medicines as medicines
from pophealth.kernels import features_near as near
from pophealth.kernels import features_stays as stays
from pophealth.kernels import features_values as values
from pophealth.kernels.features_pairs import Pairs
from pophealth.kernels.features_series import Series
from pophealth.kernels.features_substances import Substances
from pophealth.kernels.postings import frozen

Block = Literal["bits", "counts", "dates", "values", "labels"]
BLOCKS: tuple[Block, ...] = ("bits", "counts", "dates", "values", "labels")


class Place(NamedTuple):
    """Where a result lies: a row of a block."""

    block: Block
    row: int


@dataclass
class Table:
    """Rows of a program, one per feature, with the edges of its window."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    starts: list[Edge] = field(default_factory=list)
    ends: list[Edge] = field(default_factory=list)

    def add(self, start: Edge, end: Edge, *row: Any) -> None:
        """Put one more row to the program."""
        self.rows.append(row)
        self.starts.append(start)
        self.ends.append(end)


@dataclass
class Column:
    """A column of days: what it is made of, what is made of it, and the starts of the windows looked at through it."""

    list_: int
    end: Edge
    is_first: bool
    start: Edge
    """First days alone depend on where the window starts."""
    uses: list[tuple[int, int, int, Edge]] = field(default_factory=list)
    kept: bool = False
    starts: set[Edge] = field(default_factory=set)


@dataclass
class Sheet:
    """Everything the features of a plan ask of the kernels, collected row by row."""

    columns: dict[tuple[int, Edge, bool, Edge], int] = field(default_factory=dict)
    column_list: list[Column] = field(default_factory=list)
    unresolved: Table = field(default_factory=Table)
    categories: Table = field(default_factory=Table)
    counts: Table = field(default_factory=Table)
    repeats: Table = field(default_factory=Table)
    co_issued: Table = field(default_factory=Table)
    near: Table = field(default_factory=Table)
    choices: Table = field(default_factory=Table)
    series: Table = field(default_factory=Table)
    pairs: Table = field(default_factory=Table)
    stays: Table = field(default_factory=Table)
    substances: Table = field(default_factory=Table)
    current_substances: Table = field(default_factory=Table)
    substance_groups: list[Substances] = field(default_factory=list)
    current_groups: list[medicines.CurrentSubstances] = field(default_factory=list)
    sizes: dict[Block, int] = field(default_factory=lambda: dict.fromkeys(BLOCKS, 0))

    def row(self, block: Block) -> int:
        """Give the next free row of a block."""
        self.sizes[block] += 1
        return self.sizes[block] - 1

    def column(self, list_: int, end: Edge, start: Edge, *, is_first: bool = False, keep: bool = False) -> int:
        """Give the number of the column of the latest (or first) days of a list up to `end`."""
        key = (list_, end, is_first, start if is_first else START_OF_TIME)
        if key not in self.columns:
            self.columns[key] = len(self.column_list)
            self.column_list.append(Column(*key))
        column = self.column_list[self.columns[key]]
        column.kept |= keep
        column.starts.add(start)
        return self.columns[key]

    def use(
        self, list_: int, end: Edge, start: Edge, kind: int, out: int, weight: int = 0, *, is_first: bool = False
    ) -> None:
        """Ask for something that one column decides."""
        number = self.column(list_, end, start, is_first=is_first)
        threshold = START_OF_TIME if is_first else start
        self.column_list[number].uses.append((kind, out, weight, threshold))


@dataclass(frozen=True, eq=False)
class Programs:
    """The arrays of a `Sheet`. Edges stand as numbers of `edges`, columns as numbers; one plan serves any date.

    Attributes
    ----------
    edges
        Every end of a window that is looked at.
    sizes
        Rows of each block of results.
    columns
        Columns of days; their slots are chosen with the dates.
    is_kept
        Whether a column is needed after its own uses.
    column_end, use_start : int64
        Edge at which each column ends, and at which each use's window starts.
    column_starts
        Edges of all windows looked at through each column.
    tables
        int32 rows of the small programs, by name.
    starts, ends
        Edges of those rows' windows, by name.
    """

    edges: tuple[Edge, ...]
    sizes: dict[Block, int]
    columns: days.Columns
    is_kept: npt.NDArray[np.bool_]
    column_end: npt.NDArray[np.int64]
    use_start: npt.NDArray[np.int64]
    column_starts: tuple[npt.NDArray[np.int64], ...]
    tables: dict[str, npt.NDArray[np.int32]]
    starts: dict[str, npt.NDArray[np.int64]]
    ends: dict[str, npt.NDArray[np.int64]]
    slots_of_categories: tuple[tuple[int, ...], ...]
    near: near.Near
    choices: values.Choices
    series: Series
    pairs: Pairs
    stays: stays.StayCounts
    substances: tuple[Substances, ...]
    current_substances: tuple[medicines.CurrentSubstances, ...]


_WIDTH = {
    "unresolved": 4,
    "categories": 2,
    "counts": 2,
    "repeats": 2,
    "co_issued": 6,
    "substances": 2,
    "current_substances": 1,
}
"""Columns of the small programs' rows."""


def build(sheet: Sheet) -> Programs:
    """Give the arrays of everything that was asked for."""
    numbers: dict[Edge, int] = {}

    def numbered(edges: Iterable[Edge]) -> npt.NDArray[np.int64]:
        return np.array([numbers.setdefault(edge, len(numbers)) for edge in edges], np.int64)

    uses = [use for column in sheet.column_list for use in column.uses]
    small: dict[str, Table] = {name: getattr(sheet, name) for name in SMALL}
    column_end = numbered(column.end for column in sheet.column_list)
    use_start = numbered(use[3] for use in uses)
    column_starts = tuple(numbered(sorted(column.starts, key=str)) for column in sheet.column_list)
    starts = {name: numbered(table.starts) for name, table in small.items()}
    ends = {name: numbered(table.ends) for name, table in small.items()}
    return Programs(
        edges=tuple(numbers),
        sizes=dict(sheet.sizes),
        columns=days.Columns(
            list_=_int32(column.list_ for column in sheet.column_list),
            is_first=frozen(np.array([column.is_first for column in sheet.column_list], np.uint8)),
            slot=_int32([]),
            uses=_int32(np.cumsum([0, *(len(column.uses) for column in sheet.column_list)])),
            kind=_int32(use[0] for use in uses),
            out=_int32(use[1] for use in uses),
            weight=_int32(use[2] for use in uses),
        ),
        is_kept=np.array([column.kept for column in sheet.column_list], np.bool_),
        column_end=column_end,
        use_start=use_start,
        column_starts=column_starts,
        tables={name: _rows([row[:width] for row in small[name].rows], width) for name, width in _WIDTH.items()},
        starts=starts,
        ends=ends,
        slots_of_categories=tuple(row[2] for row in sheet.categories.rows),
        near=near.Near(*_columns(sheet.near, near.Near._fields)),
        choices=values.Choices(*_columns(sheet.choices, values.Choices._fields)),
        series=Series(*_columns(sheet.series, Series._fields)),
        pairs=Pairs(*_columns(sheet.pairs, Pairs._fields)),
        stays=stays.StayCounts(*_columns(sheet.stays, stays.StayCounts._fields)),
        substances=tuple(sheet.substance_groups),
        current_substances=tuple(sheet.current_groups),
    )


SMALL = (
    "unresolved",
    "categories",
    "counts",
    "repeats",
    "co_issued",
    "near",
    "choices",
    "series",
    "pairs",
    "stays",
    "substances",
    "current_substances",
)
"""Programs with one window a row."""
_FLOATS = frozenset({"lowest", "highest", "least_value", "other_least_value"})


def _int32(values_: Iterable[int]) -> npt.NDArray[np.int32]:
    return frozen(np.array(list(values_), np.int32))


def _rows(rows: list[tuple[Any, ...]], width: int) -> npt.NDArray[np.int32]:
    return frozen(np.array(rows, np.int32).reshape(len(rows), width))


def _columns(table: Table, names: tuple[str, ...]) -> list[npt.NDArray[Any]]:
    return [
        frozen(np.array([row[place] for row in table.rows], np.float64 if name in _FLOATS else np.int32))
        for place, name in enumerate(names)
    ]
