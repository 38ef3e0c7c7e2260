"""Gives the member rows of rules: one per person listed, met, adjusted or excluded, with tier, rank and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.cohorts.masks import DECIDED_BY, FIRST_ROW, STATUSES, Judgement, Masks, part_bits, tier_of
from pophealth.terms import Status, evidence_words

if TYPE_CHECKING:
    from pophealth.cohorts.order import Orders
    from pophealth.cohorts.questions import Questions
    from pophealth.declare import CohortRule

MEMBERS: dict[str, pl.DataType] = {
    "practice_code": pl.String(),
    "patient_id": pl.String(),
    "service": pl.String(),
    "rule_id": pl.String(),
    "catalogue_id": pl.String(),
    "contract_year": pl.String(),
    "carried_from": pl.String(),
    "status": pl.String(),
    "tier": pl.Int8(),
    "tier_label": pl.String(),
    "rank": pl.Int32(),
    "criteria_true": pl.UInt64(),
    "criteria_unknown": pl.UInt64(),
    "reasons": pl.List(pl.String()),
    "evidence": pl.String(),
}
"""Columns of `members` that a selection makes; the line adds network and NHS number. `evidence`: how well it is founded."""


@dataclass(frozen=True)
class Rows:
    """Member rows of one rule as numbers: who (row of the frame), status, tier (0 none), rank (0 none), masks."""

    person: npt.NDArray[np.uint32]
    status: npt.NDArray[np.uint8]
    tier: npt.NDArray[np.int8]
    rank: npt.NDArray[np.int32]
    criteria_true: Masks
    criteria_unknown: Masks


def rows_of(rule: CohortRule, questions: Questions, orders: Orders, judged: Judgement, contract_year: str) -> Rows:
    """Give the rows of one rule, in the order of the frame."""
    person = np.flatnonzero(judged.status >= FIRST_ROW)
    status, tier = judged.status[person], tier_of(rule, questions, contract_year, person)
    listed = np.flatnonzero(status == STATUSES.index(Status.LISTED.value))
    rank = np.zeros(person.size, np.int32)
    rank[listed[orders.of(rule, person[listed], tier[listed])]] = np.arange(1, listed.size + 1)
    return Rows(
        person.astype(np.uint32), status, tier, rank, judged.criteria_true[person], judged.criteria_unknown[person]
    )


def members_frame(
    frame: pl.DataFrame, found: list[tuple[CohortRule, str | None, Rows]], contract_year: str
) -> pl.DataFrame:
    """Give the member rows of several rules as one frame, rule by rule.

    Parameters
    ----------
    frame
        One row per registered person: what `Rows.person` counts.
    found
        Each rule with the year it is carried from (None where it is declared) and its rows.
    """
    if not found:
        return pl.DataFrame(schema=MEMBERS)
    rules = [rule for rule, _, _ in found]
    sizes = [rows.person.size for _, _, rows in found]
    which = pl.Series(np.repeat(np.arange(len(rules), dtype=np.uint32), sizes))
    who = pl.Series(np.concatenate([rows.person for *_, rows in found]))
    said = pl.Series(STATUSES, dtype=pl.String)
    labels = [(place, tier.number, tier.label) for place, rule in enumerate(rules) for tier in rule.tiers]
    rank, tier = (np.concatenate([getattr(rows, name) for *_, rows in found]) for name in ("rank", "tier"))

    def constant(*values: str | None) -> pl.Series:
        return pl.Series(values, dtype=pl.String).gather(which)

    made = pl.DataFrame(
        {
            "practice_code": frame["practice_code"].gather(who),
            "patient_id": frame["patient_id"].gather(who),
            "service": constant(*(rule.service for rule in rules)),
            "rule_id": constant(*(rule.id for rule in rules)),
            "catalogue_id": constant(*(rule.catalogue_id for rule in rules)),
            "contract_year": constant(*(contract_year for _ in rules)),
            "carried_from": constant(*(carried for _, carried, _ in found)),
            "status": said.gather(np.concatenate([rows.status for *_, rows in found])),
            "tier": pl.Series(tier),
            "tier_label": _labels(which, tier, labels),
            "rank": pl.Series(rank),
            "criteria_true": pl.Series(np.concatenate([rows.criteria_true for *_, rows in found])),
            "criteria_unknown": pl.Series(np.concatenate([rows.criteria_unknown for *_, rows in found])),
            "reasons": _reasons([(rule, rows) for rule, _, rows in found]),
            "evidence": constant(*(evidence_words(rule.evidence) for rule in rules)),
        }
    )
    none = [pl.when(pl.col(name) != 0).then(name).alias(name) for name in ("tier", "rank")]
    return made.with_columns(none).select(pl.col(name).cast(dtype) for name, dtype in MEMBERS.items())


def _labels(which: pl.Series, tier: npt.NDArray[np.int8], labels: list[tuple[int, int, str]]) -> pl.Series:
    """Give the words of each row's tier; row i of rule r with tier t reads place ``r * 128 + t`` of a small table."""
    words: list[str | None] = [None] * (128 * (1 + max((rule for rule, _, _ in labels), default=0)))
    for rule, number, label in labels:
        words[128 * rule + number] = label
    places = which.to_numpy().astype(np.int64) * 128 + tier
    return pl.Series(words, dtype=pl.String).gather(places)


def _reasons(found: list[tuple[CohortRule, Rows]]) -> pl.Series:
    """Give the ids of the true include criteria, then those that decided the status, by bit."""
    named: list[list[str]] = []
    places = []
    for rule, rows in found:
        shown = np.full(len(STATUSES), part_bits(rule, "include"), rows.criteria_true.dtype)
        for part, status in DECIDED_BY.items():
            shown[STATUSES.index(status.value)] |= part_bits(rule, part)
        masks, place = np.unique(rows.criteria_true & shown[rows.status], return_inverse=True)
        order = sorted(rule.criteria, key=lambda criterion: (criterion.part != "include", criterion.bit))
        places.append(place + len(named))
        named += [[c.id for c in order if int(mask) >> c.bit & 1] for mask in masks]
    return pl.Series(named, dtype=pl.List(pl.String)).gather(np.concatenate(places))
