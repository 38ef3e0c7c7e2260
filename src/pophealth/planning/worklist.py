"""Gives the worklist: one row per person with something left to do, the first to ring on top."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pophealth.planning.offers import PERSON
from pophealth.planning.place import PLACES

WORKLIST: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "practice_code": pl.String(),
    "nhs_number": pl.String(),
    "age_years": pl.Int16(),
    "sex": pl.String(),
    "imd_quintile": pl.Int8(),
    "place": pl.Enum(PLACES),
    "order": pl.Int32(),
    "roles": pl.List(pl.String()),
    "minutes": pl.Int32(),
    "services": pl.List(pl.String()),
    "rules": pl.List(pl.String()),
    "tier_labels": pl.List(pl.String()),
    "is_urgent": pl.Boolean(),
    "days_since_result": pl.Int32(),
    "months_since_seen": pl.Int32(),
    "risk": pl.Float64(),
    "is_new": pl.Boolean(),
    "action_status": pl.String(),
}
"""Columns of the worklist."""


@dataclass(frozen=True)
class Known:
    """What a worklist shows beside the plan.

    Attributes
    ----------
    patients : DataFrame
        The network's people in order: patient_id, practice_code, age_years, sex, imd_quintile.
    results : DataFrame
        patient_id, rule_id, days_since_result of urgent rows.
    seen : DataFrame or None
        patient_id and months_since_seen; none where the source supplies no appointments.
    actions : DataFrame
        patient_id, rule_id, status of what stands and is not due again.
    listed_before : Series or None
        Everybody listed by any rule at the previous run; none when there was none: then nobody is new.
    """

    patients: pl.DataFrame
    results: pl.DataFrame
    seen: pl.DataFrame | None
    actions: pl.DataFrame
    listed_before: pl.Series | None


def worklist_of(listed: pl.DataFrame, placed: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Give one row per person with an offer.

    Parameters
    ----------
    listed
        Columns of `offers.LISTED`, what was closed left out.
    placed
        The offers with their place (`place_offers`), and `person`.

    Returns
    -------
    DataFrame
        Columns of `WORKLIST` by `order`; `nhs_number` is null until the delivery fills it.
    """
    rows = _people(placed).join(_lists(listed), on=PERSON, how="left", maintain_order="left")
    who = rows[PERSON]
    rows = rows.hstack([known.patients[name].gather(who) for name in _FROM_PATIENTS])
    for frame in (
        known.results.group_by("patient_id").agg(pl.col("days_since_result").max()),
        _empty_seen() if known.seen is None else known.seen,
        _latest_status(listed, known.actions),
    ):
        rows = rows.join(frame, on="patient_id", how="left", maintain_order="left")
    before = known.listed_before
    is_new = pl.lit(value=False) if before is None else ~pl.col("patient_id").is_in(before.cast(pl.String).implode())
    made = rows.with_columns(
        is_new.alias("is_new"), pl.lit(None, dtype=pl.String).alias("nhs_number"), order=pl.int_range(1, pl.len() + 1)
    )
    return made.select(pl.col(name).cast(dtype) for name, dtype in WORKLIST.items())


_FROM_PATIENTS = ("patient_id", "practice_code", "age_years", "sex", "imd_quintile")


def _people(placed: pl.DataFrame) -> pl.DataFrame:
    """Give one row per person in the order in which to ring them."""
    rows = placed.select(
        PERSON, "role", "place", "order", "minutes", "is_urgent", "tier", "open_gaps", "risk", "rank"
    ).sort(PERSON, "place", "order", "role")
    merged = rows.group_by(PERSON, maintain_order=True).agg(
        pl.col("place", "open_gaps", "risk").first(),
        pl.col("role").alias("roles"),
        pl.col("minutes").sum(),
        pl.col("is_urgent").any(),
    )
    # tier and rank of the offers that stand in this place: an offer that waits puts nobody forward
    foremost = rows.filter(pl.col("place").to_physical() == pl.col("place").to_physical().min().over(PERSON))
    best = foremost.group_by(PERSON).agg(pl.col("tier", "rank").min())
    return merged.join(best, on=PERSON, how="left").sort(
        "place",
        "tier",
        "open_gaps",
        "risk",
        "rank",
        PERSON,
        descending=[False, False, True, True, False, False],
        nulls_last=True,
    )


def _lists(listed: pl.DataFrame) -> pl.DataFrame:
    """Give each person's rules, the most severe tier first, with their labels, and the services."""
    rows = listed.select(PERSON, "rule_id", "service", "tier", "tier_label", "is_urgent").sort(
        PERSON, ~pl.col("is_urgent"), "tier", "rule_id", nulls_last=True
    )
    lists = rows.group_by(PERSON, maintain_order=True).agg(
        pl.col("rule_id").alias("rules"), pl.col("tier_label").alias("tier_labels")
    )
    services = rows.select(PERSON, "service").unique(keep="first", maintain_order=True)
    named = services.group_by(PERSON, maintain_order=True).agg(pl.col("service").alias("services"))
    return lists.join(named, on=PERSON, how="left", maintain_order="left")


def _empty_seen() -> pl.DataFrame:
    return pl.DataFrame(schema={"patient_id": pl.String, "months_since_seen": pl.Int32})


def _latest_status(listed: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Give each person's latest action on a list that is still open: reviewed or booked, or closed and open again."""
    people = actions["patient_id"].unique()
    still_open = listed.filter(pl.col("patient_id").is_in(people.implode()))
    return (
        actions.join(
            still_open.select("patient_id", pl.col("rule_id").cast(pl.String)),
            on=["patient_id", "rule_id"],
            how="semi",
        )
        .sort("when", "status", "rule_id")
        .group_by("patient_id", maintain_order=True)
        .agg(pl.col("status").last().cast(pl.String).alias("action_status"))
    )
