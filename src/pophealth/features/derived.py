"""Gives features that are made of other features of the same person."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add, and_, or_

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import Feature
from pophealth.errors import DeclarationError
from pophealth.features.moment import Moment
from pophealth.terms import EARLIEST_DAY

WorkingDays = npt.NDArray[np.int32]
"""Working days so far, by day since 1900-01-01; -1 where it is not known."""

_BORN = "born on"  # with a blank: no feature has such a name


def derive(
    feature: Feature, columns: pl.DataFrame, people: pl.DataFrame, moment: Moment, working_days: WorkingDays | None
) -> pl.Series:
    """Give the column of a derived feature from the columns of the features it is made of."""
    if feature.kind == "age_at":
        return _age_at(feature, columns, people)
    if feature.kind == "all_of":
        return _all_of(feature, columns, people, moment)
    if feature.kind == "working_days_since":
        return _working_days(feature, columns, moment, working_days)
    return columns.select(_DERIVED[feature.kind](feature).alias(feature.name)).to_series()


def _days_between(feature: Feature) -> pl.Expr:
    first, last = (pl.col(feature.options[key]) for key in ("from_feature", "to_feature"))
    return (last - first).dt.total_days().cast(pl.Int32)


def _count_true(feature: Feature) -> pl.Expr:
    # added one by one, because a sum over columns would take an unknown for 0
    return reduce(add, (pl.col(name).cast(pl.Int32) for name in feature.inputs))


def _any_of(feature: Feature) -> pl.Expr:
    return reduce(or_, map(pl.col, feature.inputs))


def _number_in(feature: Feature) -> pl.Expr:
    number = pl.col(feature.options["feature"])
    bounds = {"at_least": number.__ge__, "under": number.__lt__}
    return reduce(
        and_, [is_inside(feature.options[key]) for key, is_inside in bounds.items() if key in feature.options]
    )


def _category_in(feature: Feature) -> pl.Expr:
    category = pl.col(feature.options["feature"]).cast(pl.String)
    return pl.when(category.is_not_null()).then(category.is_in(list(feature.options["values"])))


_DERIVED: dict[str, Callable[[Feature], pl.Expr]] = {
    "days_between": _days_between,
    "count_true": _count_true,
    "any_of": _any_of,
    "number_in": _number_in,
    "category_in": _category_in,
}


def _all_of(feature: Feature, columns: pl.DataFrame, people: pl.DataFrame, moment: Moment) -> pl.Series:
    """Give whether every condition holds, in three values: a false one decides, whatever is unknown."""
    conditions = [pl.col(name) for name in feature.options["features"]]
    conditions += [~pl.col(name) for name in feature.options.get("none_of", ())]
    rows = columns.select(feature.inputs)
    least, under = (feature.options.get(key) for key in ("age_at_least_years", "age_under_years"))
    if least is not None or under is not None:
        rows = rows.with_columns(people["birth_date"].alias(_BORN))
        age = _years(pl.lit(moment.index_date), pl.col(_BORN))
        conditions += [age >= least] if least is not None else []
        conditions += [age < under] if under is not None else []
    return rows.select(reduce(and_, conditions).alias(feature.name)).to_series()


def _age_at(feature: Feature, columns: pl.DataFrame, people: pl.DataFrame) -> pl.Series:
    both = pl.DataFrame({"day": columns[feature.options["date_feature"]], _BORN: people["birth_date"]})
    return both.select(_years(pl.col("day"), pl.col(_BORN)).alias(feature.name)).to_series()


def _years(day: pl.Expr, born: pl.Expr) -> pl.Expr:
    """Give whole years: someone born on 29 February is a year older on 1 March of a common year."""
    had = (day.dt.month() > born.dt.month()) | ((day.dt.month() == born.dt.month()) & (day.dt.day() >= born.dt.day()))
    return (day.dt.year() - born.dt.year() - (~had).cast(pl.Int32)).cast(pl.Int32)


def _working_days(
    feature: Feature, columns: pl.DataFrame, moment: Moment, working_days: WorkingDays | None
) -> pl.Series:
    """Give the working days after a date up to and with the index date: 0 for a later date, null where none is known."""
    if working_days is None:
        msg = f"feature {feature.name}: working days need the calendar, and evaluate was given none"
        raise DeclarationError(msg)
    days = (columns[feature.options["date_feature"]] - EARLIEST_DAY).dt.total_days()
    places = days.fill_null(0).clip(0, working_days.size - 1).to_numpy()
    so_far, now = working_days[places], int(working_days[moment.index])
    counted = pl.Series(feature.name, np.where(places > moment.index, 0, now - so_far), dtype=pl.Int32)
    known = days.is_not_null() & pl.Series(((so_far >= 0) & (now >= 0)) | (places > moment.index))
    return counted.zip_with(known, pl.Series(feature.name, [None], dtype=pl.Int32).new_from_index(0, len(counted)))
