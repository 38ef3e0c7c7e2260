"""Gives results as a typed frame; what the kernels wrote is taken over without a copy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.features.plan import FeaturePlan
from pophealth.features.shards import Results

_ARROW: dict[str, Any] = {
    "bool": pa.bool_(),
    "date": pa.date32(),
    "int": pa.int32(),
    "float": pa.float64(),
    "category": pa.uint8(),
}


_VALID: dict[str, str | None] = {
    "bits": None,
    "counts": None,
    "dates": "date_bits",
    "values": "value_bits",
    "labels": "label_bits",
}
"""Blocks that say which places of another block hold something."""


class _Rows:
    """The rows of a block as buffers that share its memory."""

    def __init__(self, block: npt.NDArray[Any]) -> None:
        self._stride = block.shape[1] * block.itemsize
        self._buffer = pa.py_buffer(block)

    def row(self, number: int) -> pa.Buffer:
        """Give one row."""
        return self._buffer.slice(number * self._stride, self._stride)


class Framer:
    """Makes frames of a plan's results; what does not change from shard to shard is worked out once."""

    def __init__(self, plan: FeaturePlan) -> None:
        kinds = {column: kind for feature in plan.features for column, kind in feature.outputs.items()}
        labels = {column: feature.labels(column) for feature in plan.features for column in feature.outputs}
        # in the order asked for, so that usually nothing is left to be put in order
        names = [name for name in plan.columns if name in plan.places]
        names += [name for name in plan.places if name not in plan.columns]
        self._columns = [
            (place.block, _VALID[place.block], place.row, _ARROW[kinds[name]])
            for name, place in ((name, plan.places[name]) for name in names)
        ]
        self._names = names
        self._labelled = [pl.col(name).cat.to(pl.Enum(labels[name])) for name in names if kinds[name] == "category"]

    def frame(self, results: Results, size: int) -> pl.DataFrame:
        """Give one row per person of the shard, a column per place of the plan."""
        if not self._names:
            return pl.DataFrame(height=size)
        rows = {name: _Rows(getattr(results, name)) for name in Results.__dataclass_fields__}
        arrays = [
            pa.Array.from_buffers(kind, size, [rows[valid].row(row) if valid else None, rows[block].row(row)])
            for block, valid, row, kind in self._columns
        ]
        frame = pl.DataFrame(pa.RecordBatch.from_arrays(arrays, names=self._names))
        return frame.with_columns(self._labelled) if self._labelled else frame


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
