"""Gives offers: what one person can be offered by one role in one go, from all the lists the person stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pophealth.terms import SERVICES, Status

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

PERSON = "person"
"""Row of a person among the network's people: joins and groups compare numbers, a sort by it is a sort by pseudonym."""

LISTED = (
    "row",
    PERSON,
    "patient_id",
    "rule_id",
    "service",
    "role",
    "minutes",
    "tier",
    "tier_label",
    "rank",
    "is_urgent",
    "is_owed",
)
"""Columns of the listed rows with what planning must know of their rule and tier; `row` is the place in the members.

`rule_id`, `service`, `role` and `tier_label` are enumerations, `rule_id` in the order of the ids.
"""

_NO_TIER = 0


def listed_rows(members: pl.DataFrame, rules: Sequence[CohortRule], people: pl.Series) -> pl.DataFrame:
    """Give the listed member rows in the columns of `LISTED`: who can do the work, how long it takes, what is urgent.

    Parameters
    ----------
    people
        Pseudonyms of the network's people in order; members are among them.
    """
    ordered = sorted(rules, key=lambda rule: rule.id)
    labels = sorted({tier.label for rule in ordered for tier in rule.tiers})
    rows = members.with_row_index("row").filter(pl.col("status").cast(pl.String) == Status.LISTED.value)
    rows = rows.select("row", "patient_id", "rule_id", "tier", "rank").with_columns(
        pl.col("rule_id").cast(pl.String).cast(pl.Enum([rule.id for rule in ordered])),
        pl.col("patient_id").cast(pl.Enum(people)).to_physical().cast(pl.UInt32).alias(PERSON),
    )
    which = rows["rule_id"].to_physical().to_numpy().astype(np.int64)
    tiers = which * 128 + rows["tier"].fill_null(_NO_TIER).to_numpy()
    label: list[str | None] = [None] * (128 * len(ordered))
    urgent = np.zeros(128 * len(ordered), np.bool_)
    for place, rule in enumerate(ordered):
        for tier in rule.tiers:
            label[place * 128 + tier.number], urgent[place * 128 + tier.number] = tier.label, tier.urgent
    words = pl.Series(label, dtype=pl.Enum(labels))
    roles = sorted({rule.role for rule in ordered})
    return rows.with_columns(
        pl.Series("service", [rule.service for rule in ordered], dtype=pl.Enum(list(SERVICES))).gather(which),
        pl.Series("role", [rule.role for rule in ordered], dtype=pl.Enum(roles)).gather(which),
        pl.Series("minutes", [rule.minutes for rule in ordered], dtype=pl.Int32).gather(which),
        pl.Series("is_owed", [rule.owed for rule in ordered], dtype=pl.Boolean).gather(which),
        words.gather(tiers).alias("tier_label"),
        pl.Series("is_urgent", urgent).gather(tiers),
    ).select(LISTED)


def offers_of(
    listed: pl.DataFrame, patients: pl.DataFrame, *, risk: str | None = None, also: Sequence[str] = ()
) -> pl.DataFrame:
    """Give one offer per person and role: work that one role can do is done together.

    Parameters
    ----------
    listed
        Columns of `LISTED`: what there is to do, rows that were closed left out.
    patients
        The network's people in order: patient_id, practice_code, imd_quintile and, when named, the column of predicted
        risk (0 to 1).
    risk
        Column of `patients` that orders people beside tier and gaps; none leaves it null.
    also
        Further columns of `patients` that an offer shows, because a floor looks at them.

    Returns
    -------
    DataFrame
        Columns of `OFFERS`, `person` and `also`, by person and role; `role` and `rules` are the enumerations of
        `listed` (`in_words` writes them out). `minutes` adds the rules up; `tier` and `rank` are
        the best of them; `open_gaps` counts the rules the person is listed by, whatever the role.
    """
    rows = listed.select(PERSON, "role", "rule_id", "tier", "minutes", "is_urgent", "is_owed", "rank").sort(
        PERSON, "role", "tier", "rule_id", nulls_last=True
    )
    made = rows.group_by(PERSON, "role", maintain_order=True).agg(
        pl.col("rule_id").alias("rules"),
        pl.col("minutes").sum(),
        pl.col("is_urgent", "is_owed").any(),
        pl.col("tier", "rank").min(),
    )
    gaps = np.bincount(rows[PERSON].to_numpy(), minlength=patients.height).astype(np.int32)
    who = made[PERSON]
    named = patients["patient_id", "practice_code", "imd_quintile"]
    further = [name for name in also if name not in OFFERS]
    made = made.hstack(
        [
            *(named[name].gather(who) for name in named.columns),
            *(patients[name].gather(who) for name in further),
            pl.Series("open_gaps", gaps).gather(who),
            patients[risk].cast(pl.Float64).gather(who).alias("risk")
            if risk
            else pl.Series("risk", [None], dtype=pl.Float64).new_from_index(0, made.height),
        ]
    )
    typed = (pl.col(name).cast(dtype) for name, dtype in OFFERS.items() if name not in ("role", "rules"))
    return made.with_columns(typed).select(*OFFERS, PERSON, *further)


def in_words(offers: pl.DataFrame) -> pl.DataFrame:
    """Give offers as they leave planning: text where enumerations were, and people by pseudonym alone."""
    return offers.drop(PERSON).with_columns(pl.col(name).cast(OFFERS[name]) for name in ("role", "rules"))
