"""Gives results as a typed frame; what the kernels wrote is taken over without a copy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pophealth.features.plan import FeaturePlan
from pophealth.features.programs import Block
from pophealth.features.shards import Results

_ARROW: dict[str, Any] = {
    "bool": pa.bool_(),
    "date": pa.date32(),
    "int": pa.int32(),
    "float": pa.float64(),
}


_VALID: dict[Block, str | None] = {
    "bits": None,
    "counts": None,
    "dates": "date_bits",
    "values": "value_bits",
    "labels": "label_bits",
}
"""Blocks that say which places of another block hold something."""


class Framer:
    """Makes frames of a plan's results; what does not change from shard to shard is worked out once.

    A column is a slice of its block. Nearly two hundred of them are sliced, named and put together by Polars' own handles,
    and no query is run: through its public face, or Arrow's, that takes four times as long, a tenth of all the time that
    features take.
    """

    def __init__(self, plan: FeaturePlan) -> None:
        kinds = {column: kind for feature in plan.features for column, kind in feature.outputs.items()}
        labels = {column: feature.labels(column) for feature in plan.features for column in feature.outputs}
        # in the order asked for, so that usually nothing is left to be put in order
        names = [name for name in plan.columns if name in plan.places]
        names += [name for name in plan.places if name not in plan.columns]
        texts = {plan.places[name].row: labels[name] for name in names if plan.places[name].block == "labels"}
        stretches = list(_stretches(texts))
        of_row = {row: place for place, one in enumerate(stretches) for row in range(one.first, one.stop)}
        self._sources: list[_Numbers | _Labels] = [*stretches]
        numbers: dict[tuple[str, Block], int] = {}
        self._columns: list[tuple[str, int, int]] = []
        for name in names:
            block, row = plan.places[name]
            if block == "labels":
                place = of_row[row]
                self._columns.append((name, place, row - stretches[place].first))
                continue
            if (kinds[name], block) not in numbers:
                numbers[kinds[name], block] = len(self._sources)
                self._sources.append(_Numbers(kinds[name], block))
            self._columns.append((name, numbers[kinds[name], block], row))

    def frame(self, results: Results, size: int) -> pl.DataFrame:
        """Give one row per person of the shard, a column per place of the plan."""
        if not self._columns:
            return pl.DataFrame(height=size)
        stride = 8 * results.bits.shape[1]
        whole = [source.column(results) for source in self._sources]
        made = []
        for name, place, row in self._columns:
            column = whole[place].slice(row * stride, size)
            column.rename(name)
            made.append(column)
        return pl.DataFrame._from_pydf(_FRAME(made))


class _Numbers:
    """A block of anything but labels, as columns of one type."""

    def __init__(self, kind: str, block: Block) -> None:
        self._kind, self._block, self._valid = _ARROW[kind], block, _VALID[block]
        self._by_place = 8 if kind == "bool" else 1

    def column(self, results: Results) -> Any:
        """Give all rows, one after the other, as one column that shares their memory."""
        block = getattr(results, self._block)
        valid = None if self._valid is None else pa.py_buffer(getattr(results, self._valid))
        array = pa.Array.from_buffers(self._kind, block.size * self._by_place, [valid, pa.py_buffer(block)])
        return _SERIES.from_arrow("", array)


class _Labels:
    """Adjacent rows of labels with the same texts."""

    def __init__(self, texts: tuple[str, ...], first: int, stop: int) -> None:
        self.first, self.stop = first, stop
        kind = pl.Enum(texts)
        self._texts = pl.Series("", texts, dtype=kind)._s
        self._none = pl.Series("", [None], dtype=kind)._s

    def column(self, results: Results) -> Any:
        """Give the rows, one after the other, as one column; a place without a label holds 0.

        Places are taken and then masked: a missing place would be taken one at a time.
        """
        rows = slice(self.first, self.stop)
        block, valid = results.labels[rows].astype(np.uint32), results.label_bits[rows]
        places = pa.Array.from_buffers(pa.uint32(), block.size, [None, pa.py_buffer(block)])
        has_label = pa.Array.from_buffers(pa.bool_(), block.size, [None, pa.py_buffer(valid)])
        taken = self._texts.gather_with_series(_SERIES.from_arrow("", places))
        return taken.zip_with(_SERIES.from_arrow("", has_label), self._none)


def _stretches(labels: dict[int, tuple[str, ...]]) -> Iterator[_Labels]:
    """Give rows of labels in stretches with the same texts."""
    for texts, rows in groupby(sorted(labels), key=lambda row: labels[row]):
        members = list(rows)
        yield _Labels(texts, members[0], members[-1] + 1)


_SERIES: Any = type(pl.Series()._s)
_FRAME: Any = type(pl.DataFrame()._df)


@lru_cache(maxsize=8)
def framer_of(plan: FeaturePlan) -> Framer:
    """Give the framer of a plan, kept."""
    return Framer(plan)


def null_column(name: str, kind: str, labels: tuple[str, ...], size: int) -> pl.Series:
    """Give a column of nulls of the right type: the source cannot give it."""
    return pl.Series(name, [None], dtype=dtype_of(kind, labels)).new_from_index(0, size)


def dtype_of(kind: str, labels: tuple[str, ...]) -> Any:
    """Give the Polars type of an output."""
    plain: dict[str, Any] = {
        "bool": pl.Boolean(),
        "date": pl.Date(),
        "int": pl.Int32(),
        "float": pl.Float64(),
        "text_list": pl.List(pl.String()),
    }
    return pl.Enum(labels) if kind == "category" else plain[kind]
