"""Gives the columns a model counts with, made from declared features the same way when it learns and when it is used.

What was learnt of a feature (its type, levels, the value that stands in for a missing one, mean and spread) is stored
with the model, so that nothing is ever estimated from the people who are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.errors import DataContractError
from pophealth.prediction.calibration import KNOTS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CATEGORY = "category"
"""The type of text columns, whether Polars holds them as String, Categorical or Enum."""


@dataclass(frozen=True)
class Column:
    """One number that comes of a feature.

    Attributes
    ----------
    kind
        ``value`` (the number, or 1 for true), ``level`` (1 where the person has this level), ``missing`` (1 where the
        value was not known), ``curve`` (a term of a restricted cubic spline of the number, for linear estimators).
    mean, scale
        Of the training rows, missing values filled: linear estimators see ``(number - mean) / scale``.
    knots
        Of a curve: the first knot, the term's own, the last but one and the last.
    """

    name: str
    kind: Literal["value", "level", "missing", "curve"]
    level: str | None
    mean: float
    scale: float
    knots: tuple[float, ...] = ()


@dataclass(frozen=True)
class Input:
    """One predictor as it was when the model was made.

    Attributes
    ----------
    dtype
        Polars type, ``category`` for text of any kind. Scoring asks for the same.
    levels
        Known values of a category, in order; None for numbers and truth values.
    fill_value
        What stands in for a missing value: the median, or the most frequent value.
    missing_share
        Share of training rows without a value; where it is above 0 the model has a column that says so.
    """

    name: str
    dtype: str
    levels: tuple[str, ...] | None
    fill_value: float | bool | str
    missing_share: float
    columns: tuple[Column, ...]

    @property
    def values(self) -> tuple[Column, ...]:
        """The plain columns: estimators that know missing values, and find curves by themselves, take these."""
        return tuple(column for column in self.columns if column.kind not in ("missing", "curve"))


@dataclass(frozen=True)
class Matrices:
    """The columns of some people, in the two shapes estimators take.

    Attributes
    ----------
    filled : float64 array of shape (n_people, n_columns)
        Missing values filled and marked, columns standardised.
    native : float64 array of shape (n_people, n_value_columns)
        Numbers as they are, NaN where missing.
    """

    inputs: tuple[Input, ...]
    frame: pl.DataFrame

    @cached_property
    def filled(self) -> Floats:
        """Columns for linear estimators."""
        out = np.empty((self.frame.height, sum(len(item.columns) for item in self.inputs)))
        place = 0
        for item in self.inputs:
            numbers, missing = numbers_of(item, self.frame[item.name])
            for column in item.columns:
                values = missing if column.kind == "missing" else numbers[_source(item, column)]
                if column.kind != "missing" and missing.any():
                    values = np.where(missing, _filled(item, column), values)
                if column.kind == "curve":
                    values = curve_term(np.asarray(values, np.float64), *column.knots)
                np.subtract(values, column.mean, out=out[:, place])
                out[:, place] /= column.scale
                place += 1
        return out

    @cached_property
    def native(self) -> Floats:
        """Columns for trees, each in one piece: scikit-learn walks them four times as fast as rows."""
        out = np.empty((self.frame.height, sum(len(item.values) for item in self.inputs)), order="F")
        place = 0
        for item in self.inputs:
            numbers, missing = numbers_of(item, self.frame[item.name])
            for column in item.values:
                out[:, place] = np.where(missing, np.nan, numbers[column.name])
                place += 1
        return out

    def of(self, *, native: bool) -> Floats:
        """Give the shape an estimator takes."""
        return self.native if native else self.filled


def owners(inputs: Sequence[Input], *, native: bool) -> npt.NDArray[np.int64]:
    """Give, for each column of a shape, the place of the feature it comes of."""
    counts = [len(item.values if native else item.columns) for item in inputs]
    return np.repeat(np.arange(len(inputs), dtype=np.int64), counts)


def column_names(inputs: Sequence[Input], *, native: bool = False) -> tuple[str, ...]:
    """Give the names of the columns of a shape, in order."""
    return tuple(column.name for item in inputs for column in (item.values if native else item.columns))


def learn_inputs(
    frame: pl.DataFrame, predictors: Sequence[str], *, allow_constant: bool = False, curved: Sequence[str] = ()
) -> tuple[Input, ...]:
    """Give what is to be stored of each predictor; `curved` are numbers whose effect on a linear score may bend.

    Raises
    ------
    DataContractError
        A predictor is absent, of a type no model takes, infinite, wholly missing, curved and no number, or (unless
        `allow_constant`) has one value for everybody: all of them are named.
    """
    absent = [name for name in predictors if name not in frame.columns]
    if absent:
        msg = f"training frame: {len(absent)} of {len(predictors)} predictors are not in it: {', '.join(absent)}"
        raise DataContractError(msg)
    missing = [name for name in predictors if _known(frame[name]).is_null().all()]
    constant = [name for name in predictors if name not in missing and _is_constant(frame[name])]
    for names, what in ((missing, "have no value at all"), (constant, "have one value for everybody")):
        if names and not (allow_constant and names is constant):
            msg = (
                f"training frame: {len(names)} of {len(predictors)} predictors {what} in {frame.height:,} rows: "
                f"{', '.join(names)}. HINT: leave them out of the model, or check that the source supplies them"
            )
            raise DataContractError(msg)
    other = [name for name in curved if not frame[name].dtype.is_numeric()]
    if other:
        msg = f"training frame: {len(other)} of {len(curved)} curved predictors are no numbers: {', '.join(other)}"
        raise DataContractError(msg)
    return tuple(_learn(frame[name], curved=name in curved) for name in predictors)


def dtype_of(series: pl.Series) -> str:
    """Give the type of a predictor as it is stored and compared.

    Raises
    ------
    DataContractError
        No model takes the type (a date, a list).
    """
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return str(series.dtype)
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        return CATEGORY
    msg = f"predictor {series.name}: a model takes numbers, truth values and categories, found {series.dtype}"
    raise DataContractError(msg)


def numbers_of(item: Input, series: pl.Series) -> tuple[dict[str, Floats], Bools]:
    """Give the numbers of each value column, and whether each person's value is missing or a level nobody had."""
    known = _known(series)
    if item.levels is None:
        numbers = known.cast(pl.Float64)
        return {item.columns[0].name: numbers.fill_null(0.0).to_numpy()}, numbers.is_null().to_numpy()
    codes = known.cast(pl.Enum(item.levels), strict=False).to_physical()
    missing = codes.is_null().to_numpy()
    places = codes.cast(pl.Int64).fill_null(-1).to_numpy()
    levels = {level: place for place, level in enumerate(item.levels)}
    return {
        column.name: (places == levels[str(column.level)]).astype(np.float64)
        for column in item.columns
        if column.kind == "level"
    }, missing


def _known(series: pl.Series) -> pl.Series:
    """Give the series with one kind of missing value."""
    kind = dtype_of(series)
    if kind == CATEGORY:
        return series.cast(pl.String)
    if not series.dtype.is_float():
        return series
    if series.is_infinite().any():
        msg = f"predictor {series.name}: {int(series.is_infinite().sum()):,} of {series.len():,} values are infinite"
        raise DataContractError(msg)
    return series.fill_nan(None)


def _is_constant(series: pl.Series) -> bool:
    known = _known(series)
    return known.null_count() == 0 and known.n_unique() == 1


def _learn(series: pl.Series, *, curved: bool = False) -> Input:
    known, kind = _known(series), dtype_of(series)
    name, share = series.name, known.null_count() / known.len()
    fill: float | bool | str
    levels: tuple[str, ...] | None = None
    if kind == CATEGORY:
        counts = known.drop_nulls().value_counts(name="rows").sort("rows", name, descending=[True, False])
        fill, levels = str(counts[name][0]), tuple(sorted(counts[name].to_list()))
        shells = [Column(f"{name}={level}", "level", level, 0.0, 1.0) for level in levels if level != fill]
    else:
        fill = bool(known.mean() >= 0.5) if kind == "Boolean" else float(known.median())  # type: ignore[arg-type, operator]
        shells = [Column(name, "value", None, 0.0, 1.0), *(_curves(name, known) if curved else ())]
    if share:
        shells.append(Column(f"{name} missing", "missing", None, 0.0, 1.0))
    shell = Input(name, kind, levels, fill, share, tuple(shells))
    raw = Matrices((shell,), series.to_frame()).filled
    means, spreads = raw.mean(axis=0), raw.std(axis=0)
    columns = [
        replace(column, mean=float(mean), scale=float(spread) if spread > 0 else 1.0)
        for column, mean, spread in zip(shells, means, spreads, strict=True)
    ]
    return Input(name, kind, levels, fill, share, tuple(columns))


def _filled(item: Input, column: Column) -> float:
    """Give the number that stands in for a missing one: nobody without a value has a level but the most frequent."""
    return 0.0 if column.kind == "level" else float(item.fill_value)


def _source(item: Input, column: Column) -> str:
    """Give the column that a column's numbers come of: a curve bends the plain number."""
    return item.columns[0].name if column.kind == "curve" else column.name


def _curves(name: str, known: pl.Series) -> list[Column]:
    """Give the terms of a restricted cubic spline with knots at the quantiles `KNOTS`; none for fewer than three knots."""
    knots = np.unique(np.quantile(known.drop_nulls().cast(pl.Float64).to_numpy(), KNOTS)).tolist()
    return [
        Column(f"{name} curve {place}", "curve", None, 0.0, 1.0, (knots[0], knot, knots[-2], knots[-1]))
        for place, knot in enumerate(knots[:-2], start=1)
    ]


def curve_term(value: Floats, first: float, knot: float, before: float, last: float) -> Floats:
    """Give a term of a restricted cubic spline: 0 below its knot, straight beyond the last (Harrell, section 2.4.5)."""
    above, beyond, end = (np.clip(value - place, 0, None) ** 3 for place in (knot, before, last))
    bent = above - beyond * (last - knot) / (last - before) + end * (before - knot) / (last - before)
    return np.asarray(bent / (last - first) ** 2)
