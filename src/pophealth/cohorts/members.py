"""Gives the member rows of a rule, the attrition beside them, and the counts of those who got no row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pophealth.cohorts.masks import (
    DECIDED_BY,
    MEMBERS,
    NOT_CONSIDERED,
    answers,
    any_false,
    any_true,
    ids_of,
    mask,
    rank_of,
    status_of,
    tier_of,
)
from pophealth.terms import Status

if TYPE_CHECKING:
    from pophealth.declare import CohortRule

ATTRITION: dict[str, pl.DataType] = {
    "step": pl.String(),
    "criterion": pl.String(),
    "people": pl.Int64(),
    "unknown": pl.Int64(),
}
STATUS = "_status"
"""Column that `judge` adds to the answers; no criterion can be called so (ids are TOML keys of a rule we check)."""


def judge(rule: CohortRule, frame: pl.DataFrame, contract_year: str) -> pl.DataFrame:
    """Give the answers to every criterion with the status they add up to, one row per row of `frame`."""
    return answers(rule, frame, contract_year).with_columns(status_of(rule).alias(STATUS))


def members_of(
    rule: CohortRule, frame: pl.DataFrame, judged: pl.DataFrame, contract_year: str, carried_from: str | None
) -> pl.DataFrame:
    """Give one row per person listed, met, adjusted or excluded, in the order of `frame`."""
    has_row = ~judged[STATUS].is_in([NOT_CONSIDERED, Status.UNKNOWN.value])
    rows, said = frame.filter(has_row), judged.filter(has_row)
    tiers = tier_of(rule, rows, contract_year)
    ranks = rank_of(rule, rows.with_columns(tiers["tier"]), said[STATUS] == Status.LISTED.value, contract_year)
    known = said.select(
        status=STATUS,
        criteria_true=mask(rule, unknown=False),
        criteria_unknown=mask(rule, unknown=True),
        reasons=_reasons(rule),
    )
    made = pl.concat([rows.select("practice_code", "patient_id"), tiers, known], how="horizontal").with_columns(
        pl.lit(rule.service).alias("service"),
        pl.lit(rule.id).alias("rule_id"),
        pl.lit(rule.catalogue_id).alias("catalogue_id"),
        pl.lit(contract_year).alias("contract_year"),
        pl.lit(carried_from, dtype=pl.String).alias("carried_from"),
        ranks.alias("rank"),
    )
    return made.select(pl.col(name).cast(dtype) for name, dtype in MEMBERS.items())


def attrition_of(rule: CohortRule, judged: pl.DataFrame) -> pl.DataFrame:
    """Give the way from everybody registered to the listed, step by step."""
    steps: list[tuple[str, str | None, int, int]] = [("registered", None, judged.height, 0)]
    left = judged
    for name in ids_of(rule, "include"):
        left = left.filter(pl.col(name).fill_null(value=True))
        steps.append(("include", name, left.height, left[name].null_count()))
    counts = dict(judged[STATUS].value_counts().iter_rows())
    ends = (*DECIDED_BY.values(), Status.UNKNOWN, Status.LISTED)
    steps += [(status.value, None, counts.get(status.value, 0), 0) for status in ends]
    return pl.DataFrame(steps, schema=ATTRITION, orient="row")


def near_misses_of(rule: CohortRule, judged: pl.DataFrame) -> int:
    """Give how many have exactly one include criterion false, the others true, and nothing else against them."""
    include = ids_of(rule, "include")
    false = pl.sum_horizontal((~pl.col(name)).fill_null(value=False).cast(pl.Int32) for name in include)
    unknown = pl.any_horizontal(pl.col(name).is_null() for name in include)
    against = any_true(ids_of(rule, *DECIDED_BY))
    return judged.filter(any_false(include), false == 1, ~unknown, ~against).height


def unknown_of(judged: pl.DataFrame) -> int:
    """Give how many are neither listed nor left out because something that must be known is not."""
    return judged.filter(pl.col(STATUS) == Status.UNKNOWN.value).height


def no_members() -> pl.DataFrame:
    """Give member rows of a rule that lists nobody: the columns, no row."""
    return pl.DataFrame(schema=MEMBERS)


def no_attrition() -> pl.DataFrame:
    """Give the attrition of a rule that could not be computed: the columns, no row."""
    return pl.DataFrame(schema=ATTRITION)


def _reasons(rule: CohortRule) -> pl.Expr:
    """Give the ids of the true include criteria, then those that decided the status, by bit."""
    said = [pl.when(pl.col(name)).then(pl.lit(name)) for name in ids_of(rule, "include")]
    for part, status in DECIDED_BY.items():
        decided = pl.col(STATUS) == status.value
        said += [pl.when(pl.col(name) & decided).then(pl.lit(name)) for name in ids_of(rule, part)]
    return pl.concat_list(said).list.drop_nulls()
