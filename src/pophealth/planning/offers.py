"""Gives offers: what one person can be offered by one role in one go, from all the lists the person stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pophealth.terms import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pophealth.declare import CohortRule

OFFERS: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "practice_code": pl.String(),
    "role": pl.String(),
    "rules": pl.List(pl.String()),
    "minutes": pl.Int32(),
    "is_urgent": pl.Boolean(),
    "is_owed": pl.Boolean(),
    "tier": pl.Int8(),
    "open_gaps": pl.Int32(),
    "risk": pl.Float64(),
    "rank": pl.Int32(),
    "imd_quintile": pl.Int8(),
}
"""Columns of the offers of a network: one row per person and role."""


def offers_of(
    members: pl.DataFrame, patients: pl.DataFrame, rules: Sequence[CohortRule], *, risk: str | None = None
) -> pl.DataFrame:
    """Give one offer per person and role: work that one role can do is done together.

    Parameters
    ----------
    members
        Member rows of a network; only the listed count.
    patients
        patient_id, imd_quintile and, when named, the column of predicted risk (0 to 1).
    rules
        The rules of the members: who can do the work, how long it takes, what is owed, which tiers are urgent.
    risk
        Column of `patients` that orders people beside tier and gaps; none leaves it null.

    Returns
    -------
    DataFrame
        Columns of `OFFERS`. `minutes` adds the rules up; `tier` and `rank` are the best of them; `open_gaps` counts the
        rules the person is listed by, whatever the role. No particular order.
    """
    listed = members.filter(pl.col("status").cast(pl.String) == Status.LISTED.value)
    facts = pl.DataFrame(
        [(rule.id, rule.role, rule.minutes, rule.owed) for rule in rules],
        schema={"rule_id": pl.String, "role": pl.String, "minutes": pl.Int32, "is_owed": pl.Boolean},
        orient="row",
    )
    urgent = pl.DataFrame(
        [(rule.id, tier.number) for rule in rules for tier in rule.tiers if tier.urgent],
        schema={"rule_id": pl.String, "tier": pl.Int8},
        orient="row",
    ).with_columns(is_urgent=pl.lit(value=True))
    known = patients.select(
        "patient_id",
        imd_quintile=pl.col("imd_quintile").cast(pl.Int8),
        risk=pl.col(risk).cast(pl.Float64) if risk else pl.lit(None, dtype=pl.Float64),
    )
    rows = (
        listed.select("patient_id", "practice_code", pl.col("rule_id").cast(pl.String), "tier", "rank")
        .with_columns(open_gaps=pl.len().over("patient_id").cast(pl.Int32))
        .join(facts, on="rule_id", how="inner")
        .join(urgent, on=["rule_id", "tier"], how="left")
        .join(known, on="patient_id", how="left")
    )
    merged = rows.group_by("patient_id", "role").agg(
        pl.col("practice_code").first(),
        pl.col("rule_id").sort_by("tier", "rule_id", nulls_last=True).alias("rules"),
        pl.col("minutes").sum(),
        pl.col("is_urgent").fill_null(value=False).any(),
        pl.col("is_owed").any(),
        pl.col("tier").min(),
        pl.col("open_gaps").first(),
        pl.col("risk").first(),
        pl.col("rank").min(),
        pl.col("imd_quintile").first(),
    )
    return merged.select(pl.col(name).cast(dtype) for name, dtype in OFFERS.items())
