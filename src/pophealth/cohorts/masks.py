"""Gives the criteria of a rule as columns and bits, the status they add up to, and the tier."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import polars as pl

from pophealth.cohorts.predicate import compile_predicate, split_order
from pophealth.errors import DeclarationError
from pophealth.terms import Status

if TYPE_CHECKING:
    from pophealth.declare import CohortRule, Part

NOT_CONSIDERED = "not considered"
"""What stands for a status where an include criterion is false: there is no row."""

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
}
"""Columns of `members` that a selection makes; the line adds network and NHS number."""

DECIDED_BY: dict[Part, Status] = {"exclude": Status.EXCLUDED, "met_when": Status.MET, "adjust": Status.ADJUSTED}
"""Parts that take a person off, in order of precedence, with the status each gives."""


def answers(rule: CohortRule, frame: pl.DataFrame, contract_year: str) -> pl.DataFrame:
    """Give one Boolean column per criterion, named by its id, one row per row of `frame`; null is unknown.

    Raises
    ------
    DeclarationError
        A predicate reads an undeclared column, is wrong SQL, compares different types, or is not a yes-or-no question.
    """
    columns = set(frame.columns)
    exprs = [
        compile_predicate(rule.bind(criterion.predicate, contract_year), columns).alias(criterion.id)
        for criterion in rule.criteria
    ]
    # with_columns, not select: a predicate without a column (true) must still give one answer per person
    made = _run(rule, frame, exprs).select(criterion.id for criterion in rule.criteria)
    wrong = [name for name, dtype in made.schema.items() if dtype not in (pl.Boolean, pl.Null)]
    if wrong:
        msg = f"rule {rule.id}: criteria {wrong} are not yes-or-no questions"
        raise DeclarationError(msg)
    return made.cast(pl.Boolean)


def mask(rule: CohortRule, *, unknown: bool) -> pl.Expr:
    """Give the uint64 mask over the columns of `answers`: bits of the true criteria, or of the unknown ones."""
    zero = pl.lit(0, dtype=pl.UInt64)
    bits = [
        pl.when(pl.col(criterion.id).is_null() if unknown else pl.col(criterion.id))
        .then(pl.lit(1 << criterion.bit, dtype=pl.UInt64))
        .otherwise(zero)
        for criterion in rule.criteria
    ]
    return reduce(lambda left, right: left | right, bits, zero)


def ids_of(rule: CohortRule, *parts: Part) -> list[str]:
    """Give the ids of the criteria in `parts`, in order of their bits."""
    return [criterion.id for criterion in rule.criteria if criterion.part in parts]


def status_of(rule: CohortRule) -> pl.Expr:
    """Give the status over the columns of `answers`. Precedence: excluded > met > adjusted > listed.

    Any include false: not considered. None false and one unknown: unknown. Unknown elsewhere removes nobody.
    """
    include = ids_of(rule, "include")
    said = pl.lit(Status.LISTED.value)
    for part, status in reversed(DECIDED_BY.items()):
        said = pl.when(any_true(ids_of(rule, part))).then(pl.lit(status.value)).otherwise(said)
    said = (
        pl.when(_any([pl.col(name).is_null() for name in include])).then(pl.lit(Status.UNKNOWN.value)).otherwise(said)
    )
    return pl.when(any_false(include)).then(pl.lit(NOT_CONSIDERED)).otherwise(said)


def tier_of(rule: CohortRule, frame: pl.DataFrame, contract_year: str) -> pl.DataFrame:
    """Give `tier` (Int8, first tier whose predicate is true; unknown is not that tier) and `tier_label` per row."""
    columns = set(frame.columns)
    number = pl.lit(None, dtype=pl.Int8)
    for tier in reversed(rule.tiers):
        when = compile_predicate(rule.bind(tier.when, contract_year), columns).fill_null(value=False)
        number = pl.when(when).then(pl.lit(tier.number, dtype=pl.Int8)).otherwise(number)
    made = _run(rule, frame, [number.alias("tier")]).select("tier")
    labels = {tier.number: tier.label for tier in rule.tiers}
    return made.with_columns(
        tier_label=pl.col("tier").cast(pl.Int64).replace_strict(labels, default=None, return_dtype=pl.String)
    )


def rank_of(rule: CohortRule, rows: pl.DataFrame, listed: pl.Series, contract_year: str) -> pl.Series:
    """Give the rank from 1 of each listed row (columns of the frame and `tier`): tier, `rank_by`, then patient_id.

    Nulls stand last in every term; rows not listed have no rank.
    """
    terms = [split_order(rule.bind(term, contract_year)) for term in rule.rank_by]
    keys = [compile_predicate(sql, set(rows.columns)).alias(f"_key_{place}") for place, (sql, _) in enumerate(terms)]
    names = [f"_key_{place}" for place in range(len(terms))]
    ordered = (
        _run(rule, rows, keys)
        .with_row_index("_row")
        .select("_row", "tier", "patient_id", *names, unlisted=~listed)
        .sort(
            "unlisted",
            "tier",
            *names,
            "patient_id",
            descending=[False, False, *(descending for _, descending in terms), False],
            nulls_last=True,
        )
        .with_row_index("rank", offset=1)
        .sort("_row")
    )
    return ordered.select(pl.when(~pl.col("unlisted")).then(pl.col("rank").cast(pl.Int32))).to_series()


def any_true(names: list[str]) -> pl.Expr:
    """Give whether any of the columns is true; unknown counts as not true."""
    return _any([pl.col(name).fill_null(value=False) for name in names])


def any_false(names: list[str]) -> pl.Expr:
    """Give whether any of the columns is false; unknown counts as not false."""
    return _any([~pl.col(name).fill_null(value=True) for name in names])


def _any(exprs: list[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(exprs) if exprs else pl.lit(value=False)


def _run(rule: CohortRule, frame: pl.DataFrame, exprs: list[pl.Expr]) -> pl.DataFrame:
    try:
        return frame.with_columns(exprs)
    except pl.exceptions.PolarsError as error:
        # the engine's own text can quote a value; only its kind is passed on
        msg = f"rule {rule.id}: a predicate cannot be computed ({type(error).__name__}); do its types agree?"
        raise DeclarationError(msg) from None
