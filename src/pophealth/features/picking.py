"""Gives the small steps that choosers of deciding rows share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from pophealth.declare import Feature
from pophealth.features.moment import Moment

Chooser = Callable[[Feature, pl.DataFrame, Moment], pl.DataFrame]


def window_of(feature: Feature, moment: Moment) -> tuple[date, date]:
    """Give `(start, end)` of the feature's window as dates."""
    return feature.window.bounds(moment.index_date, moment.contract_year)


def inside(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the rows inside the feature's window."""
    start, end = window_of(feature, moment)
    return rows.filter(pl.col("date") > start, pl.col("date") <= end)


def one_each(rows: pl.DataFrame, *keys: str, keep: str = "last") -> pl.DataFrame:
    """Give the last (or first) row of each person and keys, in the order the rows stand in."""
    return rows.unique(["patient_id", *keys], keep="first" if keep == "first" else "last", maintain_order=True)


WHOLE = frozenset(
    {
        "followed_by",
        "not_followed_by",
        "preceded_by",
        "not_preceded_by",
        "co_issued",
        "issued_in_two_windows",
        "bed_days",
        "readmission_count",
        "next_due_date",
        "last_stay_days",
        "count_before_last_stay",
    }
)
"""Kinds whose chooser looks outside the window, or applies it to one of two codelists only."""
