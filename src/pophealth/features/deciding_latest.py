"""Gives the rows that decided features decided by their latest row, all such features of a table at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from pophealth.declare import CODED_TABLES, Feature
from pophealth.features.deciding_coded import Hits

EACH_ROLE = frozenset({"has_unresolved", "weighted_sum"})
"""Kinds decided by the latest row of each codelist: a diagnosis and what resolves it, or the parts of a sum."""

_LATEST = frozenset({"has", "issued", "latest_date", "days_since"})
_ROW_FILTERS = frozenset({"between", "settings", "comparators", "position", "method", "paired_with"})


def is_plain(feature: Feature) -> bool:
    """Whether every row in the window counts, and the latest (of each codelist) decides."""
    coded = bool(feature.codelists) and all(table in CODED_TABLES for table in feature.tables)
    return coded and feature.kind in _LATEST | EACH_ROLE and not _ROW_FILTERS & feature.options.keys()


def last_day(
    rows: pl.DataFrame, hits: Hits, days: pl.Series, each_role: set[int], shown: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """Give what was `shown` of the rows of the last day of each person and feature, with number and role.

    Parameters
    ----------
    each_role
        Features that keep the last day of each codelist.

    Rows are told apart by number before any is taken out whole: most are older than the one that decides.
    """
    people = rows["patient_id"].to_physical().gather(hits.row)
    of_role = np.isin(hits.number, sorted(each_role)) * (hits.role + 1)
    told = pl.DataFrame(
        {
            "row": hits.row,
            "number": pl.Series(hits.number, dtype=pl.UInt16),
            "role": pl.Series(hits.role, dtype=pl.Int16),
            "person": people,
            "of_role": pl.Series(of_role, dtype=pl.Int16),
            "day": days.gather(hits.row),
        }
    )
    kept = told.filter(pl.col("day") == pl.col("day").max().over("number", "person", "of_role"))
    return shown(rows[kept["row"]]).with_columns(kept["number"], kept["role"])


def latest_rows(rows: pl.DataFrame, each_role: set[int]) -> pl.DataFrame:
    """Give the latest row of each person and feature, of each codelist for those of `each_role`; ties by record id."""
    of_role = pl.when(pl.col("number").is_in(sorted(each_role))).then("role").otherwise(-1)
    return (
        rows.with_columns(_role=of_role)
        .sort("number", "patient_id", "date", "record_id", "position")
        .unique(["number", "patient_id", "_role"], keep="last", maintain_order=True)
        .drop("_role")
    )
