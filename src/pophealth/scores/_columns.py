"""Gives the columns of a prepared frame as numpy arrays, and arrays back as columns with nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def numbers(inputs: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """Give an int or float input as float64, NaN where missing. Read-only: copy before writing."""
    column = inputs[name].cast(pl.Float64)
    return (column.fill_null(float("nan")) if column.null_count() else column).to_numpy()


def truths(inputs: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    """Give a bool input, false where missing. Ask `absent` whether it was missing."""
    column = inputs[name]
    return (column.fill_null(value=False) if column.null_count() else column).to_numpy()


def absent(inputs: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    """Give where an input is missing."""
    column = inputs[name]
    return column.is_null().to_numpy() if column.null_count() else np.zeros(column.len(), dtype=np.bool_)


def places(inputs: pl.DataFrame, name: str) -> NDArray[np.int64]:
    """Give, for a category input, the place of its label in `allowed`, -1 where missing."""
    column = inputs[name].to_physical().cast(pl.Int64)
    return (column.fill_null(-1) if column.null_count() else column).to_numpy()


def many_truths(
    inputs: pl.DataFrame, names: Sequence[str]
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.bool_]]]:
    """Give many bool inputs at once, as `truths` and `absent` would one by one."""
    true = inputs.select(pl.col(names).fill_null(value=False))
    missing = inputs.select(pl.col(names).is_null())
    return {name: true[name].to_numpy() for name in names}, {name: missing[name].to_numpy() for name in names}


def within(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    """Give where `values` lie in the closed range; false for NaN and the infinite."""
    return (values >= low) & (values <= high)


def floats(name: str, values: NDArray[np.float64]) -> pl.Series:
    """Give a float column, null where `values` is NaN."""
    return pl.Series(name, values, dtype=pl.Float64, nan_to_null=True)


def wholes(name: str, values: NDArray[np.integer], known: NDArray[np.bool_]) -> pl.Series:
    """Give an integer column, null where not `known`."""
    return pl.Series(name, values).cast(pl.Int64).set(pl.Series(~known), None)


def labels(name: str, values: NDArray[np.integer], words: tuple[str, ...]) -> pl.Series:
    """Give a category column from places in `words`; null where the place is negative."""
    spoken = pl.Series(values).cast(pl.Int64)
    return (
        spoken.set(spoken < 0, None)
        .replace_strict(list(range(len(words))), list(words), return_dtype=pl.Enum(words))
        .alias(name)
    )
