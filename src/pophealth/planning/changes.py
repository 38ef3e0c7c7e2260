"""Gives who came onto a list and who left it since the last run, and the cause of each."""

from __future__ import annotations

import polars as pl

from pophealth.terms import Status

CAUSES = ("record", "rule", "model", "capacity", "opt_out", "death", "moved", "registered")
"""Why a list changes: a new record or date, another rule or model, places, an objection, a death, a move in or out."""

CHANGES: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "rule_id": pl.String(),
    "change": pl.Enum(["entered", "left"]),
    "cause": pl.Enum(CAUSES),
}


def changes_between(
    earlier: pl.DataFrame,
    later: pl.DataFrame,
    *,
    registered: frozenset[str],
    was_registered: frozenset[str],
    gone: dict[str, frozenset[str]],
    changed_rules: frozenset[str],
) -> pl.DataFrame:
    """Give one row per person and rule listed in one of two runs only, with the cause.

    Parameters
    ----------
    earlier, later
        Member rows of the same network in the two runs.
    registered, was_registered
        Everybody counted in at the later and at the earlier run.
    gone
        People left out at the later delivery, by reason: ``opted_out``, ``died``, ``deducted``.
    changed_rules
        Rules whose declaration, codelists or year differ between the runs: their changes are put down to the rule.

    Returns
    -------
    DataFrame
        Columns of `CHANGES`, by rule, change and person.
    """
    before, after = (_listed(frame) for frame in (earlier, later))
    keys = ["patient_id", "rule_id"]
    entered = after.join(before, on=keys, how="anti").with_columns(change=pl.lit("entered"))
    left = before.join(after, on=keys, how="anti").with_columns(change=pl.lit("left"))
    who = pl.col("patient_id")
    cause = (
        pl.when(who.is_in(list(gone.get("opted_out", ()))))
        .then(pl.lit("opt_out"))
        .when(who.is_in(list(gone.get("died", ()))))
        .then(pl.lit("death"))
        .when(who.is_in(list(gone.get("deducted", ()))) | ~who.is_in(list(registered)))
        .then(pl.lit("moved"))
        .when((pl.col("change") == "entered") & ~who.is_in(list(was_registered)))
        .then(pl.lit("registered"))
        .when(pl.col("rule_id").is_in(list(changed_rules)))
        .then(pl.lit("rule"))
        .otherwise(pl.lit("record"))
        .alias("cause")
    )
    rows = pl.concat([entered, left]).with_columns(cause)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in CHANGES.items()).sort(
        "rule_id", "change", "patient_id"
    )


def _listed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("status").cast(pl.String) == Status.LISTED.value).select(
        pl.col("patient_id").cast(pl.String), pl.col("rule_id").cast(pl.String)
    )
