"""Gives what was done about people on lists: what stands of it on a day, and what it takes off the plan until due again.

A network returns what its people did; nothing of it is ever written back to a record. The last word counts: of several
actions for one person and rule the one of the latest day, of one day the one that came in last.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

STATUSES = ("reviewed", "booked", "done", "declined", "not_appropriate")
"""What can have become of an offer."""

CLOSING = ("done", "declined", "not_appropriate")
"""After these nobody is offered the same again until it is due; the disagreement is counted."""

ACTIONS: dict[str, pl.DataType] = {
    "network_code": pl.String(),
    "patient_id": pl.String(),
    "rule_id": pl.String(),
    "status": pl.Enum(STATUSES),
    "when": pl.Date(),
    "who": pl.String(),
    "note_code": pl.String(),
}
"""Columns of an action; in the history they stand in the order in which they came in."""


def settled(actions: pl.DataFrame) -> pl.DataFrame:
    """Give one row per person, rule and day: of several in one file the one furthest down."""
    keys = ["network_code", "patient_id", "rule_id", "when"]
    return actions.unique(keys, keep="last", maintain_order=True).sort(*keys)


def standing(history: pl.DataFrame, network: str, index_date: date) -> pl.DataFrame:
    """Give what stands on the index date: one row per person and rule of a network.

    Parameters
    ----------
    history
        Columns of `ACTIONS`, in the order in which they came in. What was done after the index date is not known yet.
    """
    known = history.filter(pl.col("network_code") == network, pl.col("when") <= index_date)
    return (
        known.with_row_index("_row")
        .sort("when", "_row")
        .unique(["patient_id", "rule_id"], keep="last", maintain_order=True)
        .sort("rule_id", "patient_id")
        .drop("_row")
    )


def in_force(actions: pl.DataFrame, index_date: date, months: int, by_rule: Mapping[str, int]) -> pl.DataFrame:
    """Give the standing actions that are not due again on the index date.

    Parameters
    ----------
    months, by_rule
        After how many months the same is due again, and by rule where that differs.
    """
    named = pl.DataFrame(
        {"rule_id": list(by_rule), "_months": list(by_rule.values())}, {"rule_id": pl.String, "_months": pl.Int64}
    )
    joined = actions.join(named, on="rule_id", how="left", maintain_order="left")
    due = pl.col("when").dt.offset_by(pl.format("{}mo", pl.col("_months").fill_null(months)))
    return joined.filter(due > index_date).drop("_months")


def closed_rows(listed: pl.DataFrame, actions: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """Give the person-and-rule pairs that need no offer now, with the status that closed them.

    Parameters
    ----------
    listed
        patient_id, rule_id and is_urgent of the listed rows.
    actions
        What stands and is not due again (`in_force`).
    results
        patient_id, rule_id, result_date: the record behind an urgent tier. A result newer than the action opens the
        offer again, and an urgent one without a dated record is never closed: nobody can tell whether it was seen.

    Returns
    -------
    DataFrame
        patient_id, rule_id, status.
    """
    keys = ["patient_id", "rule_id"]
    closing = actions.filter(pl.col("status").cast(pl.String).is_in(list(CLOSING)))
    people = closing["patient_id"].unique()  # few have an action: the others need no comparing
    rows = (
        listed.filter(pl.col("patient_id").is_in(people.implode()))
        .select("patient_id", pl.col("rule_id").cast(pl.String), "is_urgent")
        .join(closing.select(*keys, "status", "when"), on=keys)
        .join(results.select(*keys, "result_date"), on=keys, how="left")
    )
    seen = (pl.col("result_date") <= pl.col("when")).fill_null(value=False)
    return rows.filter(~pl.col("is_urgent") | seen).select(*keys, "status").sort(*keys)


def progress(actions: pl.DataFrame, people: pl.Series) -> dict[str, dict[str, int]]:
    """Give the standing actions of `people` by rule and status: ``{"rule": {"done": 3}}``."""
    here = actions.filter(pl.col("patient_id").is_in(people.implode()))
    counts: dict[str, dict[str, int]] = {}
    for rule_id, status, count in here.group_by("rule_id", "status").len().sort("rule_id", "status").iter_rows():
        counts.setdefault(rule_id, {})[status] = count
    return counts
