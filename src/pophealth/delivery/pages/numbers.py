"""Gives the counts of people that pages show: by service, rule, practice and place in the plan, each person once."""

from __future__ import annotations

from typing import Any

import polars as pl

from pophealth.delivery.pages import words

_PLACES = pl.Enum(tuple(words.PLACES))
WITH_A_PLACE = ("urgent", "owed", "planned")


def listed_rows(members: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Give the listed member rows, each with its own place; without one where the row was closed by an action.

    An offer brings several lists together, and stands where the most urgent of them puts it. Here a row is urgent by its
    own tier and owed by its own rule; any other row of such an offer is planned, since it is done in the same go.
    """
    urgent = pl.struct("rule_id", "tier_label").is_in(_urgent_tiers(rules))
    owed = pl.col("rule_id").is_in([rule_id for rule_id, rule in rules.items() if rule.get("owed")])
    own = (
        pl.when(~pl.col("place").is_in(list(words.PLACES)).fill_null(value=False))
        .then(None)
        .when(urgent)
        .then(pl.lit("urgent"))
        .when(owed)
        .then(pl.lit("owed"))
        .when(pl.col("place").is_in(["urgent", "owed"]))
        .then(pl.lit("planned"))
        .otherwise("place")
    )
    rows = members.filter(pl.col("status").cast(pl.String) == "listed").select(
        "patient_id",
        pl.col("practice_code", "service", "rule_id", "tier_label", "place").cast(pl.String),
        pl.col("is_new").fill_null(value=False),
    )
    return rows.with_columns(own.cast(_PLACES).alias("place"))


def _urgent_tiers(rules: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {"rule_id": rule_id, "tier_label": tier["label"]}
        for rule_id, rule in rules.items()
        for tier in rule.get("declared_tiers", ())
        if tier["urgent"]
    ]


def places_by(listed: pl.DataFrame, by: str) -> dict[str, dict[str, int]]:
    """Give, for each value of a column, how many people there are, in which place, and how many are new.

    A person stands in the most urgent place that any of their rows has; `place_none` counts people whose rows are all
    closed.
    """
    people = listed.group_by(by, "patient_id").agg(pl.col("place").min(), pl.col("is_new").any())
    where = [(pl.col("place") == place).fill_null(value=False).sum().alias(place) for place in words.PLACES]
    counts = people.group_by(by).agg(
        pl.len().alias("people"), *where, pl.col("place").is_null().sum().alias("place_none"), pl.col("is_new").sum()
    )
    return {row.pop(by): row for row in counts.sort(by).iter_rows(named=True)}


def placed_people(worklist: pl.DataFrame) -> dict[str, int]:
    """Give how many people of the worklist stand in each place, every place named."""
    counts = dict(worklist["place"].cast(pl.String).value_counts().iter_rows())
    return {place: counts.get(place, 0) for place in words.PLACES}


def change_counts(changes: dict[str, dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Give how many entries came and went by cause, the most frequent cause first.

    Parameters
    ----------
    changes
        The summary's counts by rule or by role (``{"rule": {"entered": {"record": 3}, "left": {}}}``). They count those
        too who died, moved away or opted out, of whom no row is left.
    """
    made: dict[str, dict[str, int]] = {}
    for change in ("entered", "left"):
        counts: dict[str, int] = {}
        for told in changes.values():
            for cause, number in told.get(change, {}).items():
                counts[cause] = counts.get(cause, 0) + number
        made[change] = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return made
