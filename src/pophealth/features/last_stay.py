"""Gives what a score about a discharge asks: the last stay in hospital, and what came in the days before it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from pophealth.declare import Feature
from pophealth.features.moment import Moment
from pophealth.tables import DATE_COLUMN

if TYPE_CHECKING:
    from pophealth.features.archived import Archive


def last_stays(spells: pl.DataFrame, who: str, window: tuple[date, date], method: str = "") -> pl.DataFrame:
    """Give the spell of each person (column `who`) discharged last inside ``(start, end]``; of one day the last admitted.

    Parameters
    ----------
    spells
        Visible spells: `who`, admission_date, discharge_date, method.
    method
        Beginning of the admission methods that count; a spell without a method has none.
    """
    start, end = window
    counted = spells.filter(
        pl.col("discharge_date") > start,
        pl.col("discharge_date") <= end,
        pl.col("method").cast(pl.String).fill_null("").str.starts_with(method),
    )
    # sorted by every column that is given, so that the order of the rows decides nothing
    ordered = counted.sort(who, "discharge_date", "admission_date", "method")
    return ordered.unique(who, keep="last", maintain_order=True)


def before(rows: pl.DataFrame, stays: pl.DataFrame, who: str, day: str, days: int) -> pl.DataFrame:
    """Give the rows dated (column `day`) 1 to `days` days before the admission of the person's last stay."""
    admitted = stays.select(who, pl.col("admission_date").alias("admitted"))
    gap = (pl.col("admitted") - pl.col(day)).dt.total_days()
    return rows.join(admitted, on=who, how="inner").filter(gap.is_between(1, days)).drop("admitted")


def counted_rows(rows: pl.DataFrame, feature: Feature) -> pl.DataFrame:
    """Give the rows of the table that is counted; of spells those whose method begins as declared."""
    method = str(feature.options.get("method", ""))
    if not method or feature.tables[0] != "spells":
        return rows
    return rows.filter(pl.col("method").cast(pl.String).fill_null("").str.starts_with(method))


def last_stay_days(feature: Feature, archive: Archive, moment: Moment) -> pl.DataFrame:
    """Give the length of the last stay and, beside it, the day of discharge; both null without one."""
    stays = _stays_of(feature, archive, moment, str(feature.options.get("method", "")))
    found = stays.select(
        "person",
        (pl.col("discharge_date") - pl.col("admission_date")).dt.total_days().cast(pl.Int32).alias(feature.name),
        pl.col("discharge_date").alias(f"{feature.name}_date"),
    )
    return archive.everyone(found)


def count_before_last_stay(feature: Feature, archive: Archive, moment: Moment) -> pl.DataFrame:
    """Give the number of rows in the days before the last stay: 0 where there are none, null without a stay."""
    table = feature.tables[0]
    stays = _stays_of(feature, archive, moment)
    rows = counted_rows(archive.seen(table, moment), feature)
    near = before(rows, stays, "person", DATE_COLUMN[table], int(feature.options["days"]))
    counts = near.group_by("person").agg(pl.len().cast(pl.Int32).alias(feature.name))
    found = stays.select("person").join(counts, on="person", how="left").with_columns(pl.col(feature.name).fill_null(0))
    return archive.everyone(found)


def _stays_of(feature: Feature, archive: Archive, moment: Moment, method: str = "") -> pl.DataFrame:
    window = feature.window.bounds(moment.index_date, moment.contract_year)
    return last_stays(archive.seen("spells", moment), "person", window, method)
