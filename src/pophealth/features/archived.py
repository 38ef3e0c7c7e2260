"""Gives the values of kinds that few features use, from the archive's rows: plain and exact, no kernel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pophealth.declare import Feature
from pophealth.errors import DeclarationError
from pophealth.features.last_stay import count_before_last_stay, last_stay_days
from pophealth.features.lists import as_text
from pophealth.features.moment import Moment
from pophealth.kernels.features_medicines import MISSING_SUPPLY
from pophealth.tables import DATE_COLUMN, DIAGNOSES

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

ARCHIVED_KINDS = frozenset(
    {
        "contact_count",
        "count_before_last_stay",
        "current_categories",
        "current_daily_dose",
        "last_stay_days",
        "next_due_date",
        "spell_codes",
    }
)
"""Kinds always read from the archive; an attendance count is where it looks at a column of its own (``where``)."""


def is_archived(feature: Feature) -> bool:
    """Whether the feature is read from the archive."""
    return feature.kind in ARCHIVED_KINDS or (feature.kind == "attendance_count" and "where" in feature.options)


class Archive:
    """The archive's tables, each read once, its rows numbered by person; of medications the products of `features`."""

    def __init__(
        self,
        archive: Callable[[str], pl.LazyFrame] | None,
        people: pl.DataFrame,
        library: CodelistLibrary,
        features: tuple[Feature, ...],
    ) -> None:
        self._archive = archive
        self._everyone, self._features = people, features
        self._tables: dict[str, pl.DataFrame] = {}
        self.size = people.height
        self.library = library

    @cached_property
    def _products(self) -> pl.Series:
        """Codes of the products that the features read."""
        read = {item.codelist for item in self._features if item.codelist and item.tables == ("medications",)}
        codes = [self.library.get(name).codes["code"].cast(pl.String) for name in sorted(read)]
        return pl.concat(codes).unique() if codes else pl.Series("code", [], dtype=pl.String)

    @cached_property
    def _people(self) -> pl.DataFrame:
        return self._everyone.select(pl.col("patient_id").cast(pl.String)).with_row_index("person")

    def rows(self, table: str) -> pl.DataFrame:
        """Give the rows of a table with ``person``, the place among the people asked about.

        Raises
        ------
        DeclarationError
            The plan needs rows of the archive and none was given.
        """
        if table not in self._tables:
            if self._archive is None:
                msg = f"features: the plan reads {table} from the archive, and evaluate was given no archive"
                raise DeclarationError(msg)
            rows = (
                self._archive(table).drop("record_id", strict=False).with_columns(pl.col("patient_id").cast(pl.String))
            )
            # many features, each of a few products: the rest is left out once, for all of them
            if table == "medications":
                rows = rows.filter(pl.col("code").cast(pl.String).is_in(self._products.implode()))
            self._tables[table] = rows.collect().join(self._people, on="patient_id", how="inner").drop("patient_id")
        return self._tables[table]

    def seen(self, table: str, moment: Moment) -> pl.DataFrame:
        """Give the rows of a table that are visible, however old."""
        rows = self.rows(table)
        return rows.filter(visible(table, rows.columns, moment.index_date))

    def everyone(self, found: pl.DataFrame) -> pl.DataFrame:
        """Give the columns of `found`, one row a ``person``, for everyone in order; null for whoever is not in it."""
        people = pl.DataFrame({"person": np.arange(self.size, dtype=np.uint32)})
        mine = found.with_columns(pl.col("person").cast(pl.UInt32))
        return people.join(mine, on="person", how="left", maintain_order="left").drop("person")

    def inside(self, table: str, feature: Feature, moment: Moment, *more: pl.Expr) -> pl.DataFrame:
        """Give the rows of a table that count: visible, inside the window, allowed by ``where`` and by `more`."""
        start, end = feature.window.bounds(moment.index_date, moment.contract_year)
        return self.rows(table).filter(
            *more,
            visible(table, self.rows(table).columns, moment.index_date),
            within(table, start, end),
            *where(feature),
        )


def visible(table: str, columns: list[str], index_date: date) -> pl.Expr:
    """Give whether a row is dated and recorded on or before the index date."""
    seen = pl.col(DATE_COLUMN[table]) <= index_date
    if "recorded_date" in columns:
        seen &= pl.col("recorded_date").is_null() | (pl.col("recorded_date") <= index_date)
    return seen


def within(table: str, start: date, end: date) -> pl.Expr:
    """Give whether a row lies inside ``(start, end]``."""
    return (pl.col(DATE_COLUMN[table]) > start) & (pl.col(DATE_COLUMN[table]) <= end)


def where(feature: Feature) -> list[pl.Expr]:
    """Give the feature's conditions on columns: a column holds one of the values; an empty one never does."""
    conditions = []
    for column, allowed in feature.options.get("where", {}).items():
        values = allowed if isinstance(allowed, list | tuple) else [allowed]
        if all(isinstance(value, bool) for value in values):
            conditions.append(pl.col(column).is_in(list(values)).fill_null(value=False))
        else:
            conditions.append(
                pl.col(column).cast(pl.String).is_in([str(value) for value in values]).fill_null(value=False)
            )
    return conditions


def answer(feature: Feature, archive: Archive, moment: Moment) -> pl.DataFrame:
    """Give the feature's columns, a row per person."""
    made = _ANSWERS.get(feature.kind, _count)(feature, archive, moment)
    return made.to_frame() if isinstance(made, pl.Series) else made


def _per_person(name: str, found: pl.DataFrame, archive: Archive, dtype: Any, *, missing: object = None) -> pl.Series:
    """Give one value per person from `found` (person, and a column of that name)."""
    column = archive.everyone(found.select("person", name))[name].cast(dtype)
    return column if missing is None else column.fill_null(missing)


def _count(feature: Feature, archive: Archive, moment: Moment) -> pl.Series:
    parts = [archive.inside(table, feature, moment).select("person") for table in feature.tables]
    found = pl.concat(parts).group_by("person").agg(pl.len().alias(feature.name))
    return _per_person(feature.name, found, archive, pl.Int32, missing=0)


def _next_due(feature: Feature, archive: Archive, moment: Moment) -> pl.Series:  # noqa: ARG001 - one face for all
    rows = archive.rows("next_tests").filter(pl.col("programme").cast(pl.String) == feature.options["programme"])
    found = rows.group_by("person").agg(pl.col("due_date").max().alias(feature.name))
    return _per_person(feature.name, found, archive, pl.Date)


def _spell_codes(feature: Feature, archive: Archive, moment: Moment) -> pl.Series:
    spells = archive.inside("spells", feature, moment)
    spells = spells.filter(pl.col("method").str.starts_with(str(feature.options.get("method", ""))))
    given = [name for name in DIAGNOSES if name in spells.columns]
    codes = pl.concat(
        [pl.DataFrame(schema={"person": pl.UInt32, "code": pl.String})]
        + [spells.select("person", code=pl.col(name).cast(pl.String)) for name in given]
    )
    found = (
        codes.filter(pl.col("code") != "")
        .unique()
        .sort("person", "code")
        .group_by("person", maintain_order=True)
        .agg(pl.col("code").alias(feature.name))
    )
    return _per_person(feature.name, found, archive, pl.List(pl.String))


def _current_categories(feature: Feature, archive: Archive, moment: Moment) -> pl.Series:
    """Give, in small letters and in order, the categories of which the latest issue reaches the index date."""
    named = archive.library.get(feature.codelist or "").codes.select(
        *as_text("code", "code_system"), category=pl.col("category").cast(pl.String).str.to_lowercase()
    )
    supply = pl.col("days_supply").replace(0, None).fill_null(MISSING_SUPPLY)
    both = ["person", "category"]
    issues = (
        archive.inside("medications", feature, moment, pl.col("is_repeat").fill_null(value=True))
        .with_columns(*as_text("code", "code_system"))
        .join(named.drop_nulls("category").unique(), on=["code", "code_system"], how="inner")
        .filter(pl.col("date") == pl.col("date").max().over(both))
        .group_by(both)
        .agg(pl.col("date").first(), supply=supply.max())
        .filter((pl.lit(moment.index_date) - pl.col("date")).dt.total_days() <= pl.col("supply"))
    )
    found = issues.sort(both).group_by("person", maintain_order=True).agg(pl.col("category").alias(feature.name))
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return archive.everyone(found).select(pl.col(feature.name).fill_null(nothing)).to_series()


_ANSWERS: dict[str, Callable[[Feature, Archive, Moment], pl.Series | pl.DataFrame]] = {
    "count_before_last_stay": count_before_last_stay,
    "current_categories": _current_categories,
    "last_stay_days": last_stay_days,
    "spell_codes": _spell_codes,
    "next_due_date": _next_due,
}
