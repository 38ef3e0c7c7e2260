"""Gives one row per person with the planned columns: shards in, a typed frame out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import DERIVED_KINDS, Feature
from pophealth.features.moment import Moment
from pophealth.features.plan import FeaturePlan
from pophealth.features.records import ShardReader, compute
from pophealth.kernels.postings import Shard
from pophealth.terms import EARLIEST_DAY

_RAW: dict[str, Any] = {
    "bool": np.uint8,
    "date": np.uint16,
    "int": np.int32,
    "float": np.float64,
    "category": np.uint16,
}
_EMPTY = {"float": np.nan}
_FROM_1970 = (date(1970, 1, 1) - EARLIEST_DAY).days
"""Polars counts days from 1970-01-01, the register from 1900-01-01."""


def evaluate(
    plan: FeaturePlan, shards: Sequence[Shard], people: pl.DataFrame, index_date: date, contract_year: str
) -> pl.DataFrame:
    """Give the plan's columns for everyone of a bucket, in the order of `people`.

    Parameters
    ----------
    plan
        From `compile_plan`, with the snapshot's own concept numbers.
    shards
        The bucket's shards; person i of a shard is person ``first_person + i`` of the bucket.
    people
        One row per person of the bucket.
    index_date, contract_year
        What windows are counted from. A row counts when dated inside its window and recorded by the index date.

    Returns
    -------
    DataFrame
        One row per person, columns as in ``plan.columns``: Boolean, Date, Int32, Float64 or Enum. Columns that cannot
        be computed are null. The result does not depend on how people are spread over shards.
    """
    size = people.height
    moment = Moment(index_date, contract_year)
    read = [feature for feature in plan.features if feature.kind not in DERIVED_KINDS]
    raw: dict[str, npt.NDArray[Any]] = {
        column: np.full(size, _EMPTY.get(kind, 0), dtype=_RAW[kind])
        for feature in read
        for column, kind in feature.outputs.items()
    }
    for shard in shards:
        reader = ShardReader(shard, plan, moment)
        part = slice(shard.first_person, shard.first_person + shard.n_people)
        for feature in read:
            compute(feature, reader, {column: raw[column][part] for column in feature.outputs})
    return _typed(plan, read, raw, size)


def _typed(plan: FeaturePlan, read: list[Feature], raw: dict[str, npt.NDArray[Any]], size: int) -> pl.DataFrame:
    if not raw:
        return _with_nulls(plan, pl.DataFrame(), size)
    typed = pl.DataFrame(raw).select(
        _column(column, kind, feature.labels(column)) for feature in read for column, kind in feature.outputs.items()
    )
    for feature in plan.features:
        if feature.kind in DERIVED_KINDS:
            typed = typed.with_columns(_derived(feature))
    return _with_nulls(plan, typed, size)


def _column(name: str, kind: str, labels: tuple[str, ...]) -> pl.Expr:
    column = pl.col(name)
    if kind == "bool":
        return column.cast(pl.Boolean)
    if kind == "date":
        return pl.when(column != 0).then((column.cast(pl.Int32) - _FROM_1970).cast(pl.Date)).alias(name)
    if kind == "float":
        return column.fill_nan(None)
    if kind == "category":
        places = dict(enumerate(labels, start=1))
        return column.replace_strict(places, default=None, return_dtype=pl.Enum(labels))
    return column


def _derived(feature: Feature) -> pl.Expr:
    if feature.kind == "days_between":
        first, last = (pl.col(name) for name in feature.inputs)
        return (last - first).dt.total_days().cast(pl.Int32).alias(feature.name)
    # added one by one, because a sum over columns would take an unknown for 0
    return reduce(add, (pl.col(name).cast(pl.Int32) for name in feature.inputs)).alias(feature.name)


def _with_nulls(plan: FeaturePlan, typed: pl.DataFrame, size: int) -> pl.DataFrame:
    columns = [
        typed[name]
        if name in typed.columns
        else pl.Series(name, [None], dtype=_dtype(kind, labels)).new_from_index(0, size)
        for name, (kind, labels) in plan.columns.items()
    ]
    return pl.DataFrame(columns)


def _dtype(kind: str, labels: tuple[str, ...]) -> Any:
    plain = {"bool": pl.Boolean, "date": pl.Date, "int": pl.Int32, "float": pl.Float64}
    return pl.Enum(labels) if kind == "category" else plain[kind]
