"""Gives how old the result behind an urgent tier is: the date of the record that put somebody there."""

from __future__ import annotations

from datetime import date

import polars as pl

RESULTS: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "rule_id": pl.String(),
    "result_date": pl.Date(),
    "days_since_result": pl.Int32(),
}


def results_of(
    listed: pl.DataFrame,
    evidence: pl.DataFrame,
    tier_features: pl.DataFrame,
    include_criteria: pl.DataFrame,
    index_date: date,
) -> pl.DataFrame:
    """Give the date of the result behind each listed row of an urgent tier that has a dated one.

    Parameters
    ----------
    listed
        Columns of `offers.LISTED`.
    evidence
        patient_id, rule_id, criterion, feature, date of the records that decided.
    tier_features
        rule_id, tier, feature: what the words of an urgent tier are read from. The latest such record is the result.
    include_criteria
        rule_id, criterion of the criteria that bring somebody onto the list. Where a tier reads no record of its own (an
        age), the latest record behind these is the result.

    Returns
    -------
    DataFrame
        Columns of `RESULTS`, by rule and person.
    """
    keys = ["patient_id", "rule_id"]
    urgent = listed.filter("is_urgent").select("patient_id", pl.col("rule_id").cast(pl.String), "tier")
    rules = urgent["rule_id"].unique().sort()
    rows = (
        evidence.lazy()
        .filter(pl.col("rule_id").cast(pl.String).is_in(rules.implode()), pl.col("date") <= index_date)
        .select(pl.col(*keys, "criterion", "feature").cast(pl.String), "date")
        .collect()
        .join(urgent, on=keys, how="inner")
    )
    own = rows.join(tier_features, on=["rule_id", "tier", "feature"], how="semi")
    any_of_rule = rows.join(include_criteria, on=["rule_id", "criterion"], how="semi")
    latest = [frame.group_by(keys).agg(pl.col("date").max()) for frame in (own, any_of_rule)]
    found = pl.concat([latest[0], latest[1].join(latest[0], on=keys, how="anti")]).with_columns(
        result_date=pl.col("date"), days_since_result=(pl.lit(index_date) - pl.col("date")).dt.total_days()
    )
    return found.select(pl.col(name).cast(dtype) for name, dtype in RESULTS.items()).sort("rule_id", "patient_id")


def months_since(day: pl.Expr, index_date: date) -> pl.Expr:
    """Give the whole months from a day to the index date."""
    months = (index_date.year - day.dt.year()) * 12 + index_date.month - day.dt.month().cast(pl.Int32)
    return (months - (day.dt.day() > index_date.day).cast(pl.Int32)).cast(pl.Int32)
