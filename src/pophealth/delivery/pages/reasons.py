"""Gives why somebody stands on a list, in lines of plain text: which criteria hold, and the records behind them."""

from __future__ import annotations

from typing import Any

import polars as pl

from pophealth.delivery.pages import words

SHOWN = 3
"""Records shown for a criterion, the latest first; the others are counted."""

KEYS = ["patient_id", "rule_id"]
REASONS: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "rule_id": pl.String(),
    "days_since_result": pl.Int32(),
    "holds": pl.List(pl.String()),
    "lines": pl.List(pl.String()),
    "open_questions": pl.String(),
}
"""Age of the result behind an urgent tier, criteria that hold without a record behind them, a line for each criterion with
records or with their absence, and what could not be known."""

_NAMES = {
    "appointments": "appointment",
    "attendances": "emergency department attendance",
    "spells": "hospital admission",
    "outpatients": "outpatient appointment",
    "medications": "issue",
    "referrals": "referral",
}


def reasons_of(members: pl.DataFrame, evidence: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Give the reasons of every listed row.

    Parameters
    ----------
    members
        Member rows; only the listed count.
    evidence
        Records that decided, and rows without record where absence did.
    rules
        The summary's rules: their criteria say which part of the rule each belongs to.

    Returns
    -------
    DataFrame
        Columns of `REASONS`, one row per person and rule.
    """
    none = pl.lit(None, dtype=pl.Int32).alias("days_since_result")
    days = pl.col("days_since_result") if "days_since_result" in members.columns else none
    listed = members.filter(pl.col("status").cast(pl.String) == "listed").select(
        "patient_id", pl.col("rule_id").cast(pl.String), "reasons", "criteria_unknown", days
    )
    parts = _parts(rules)
    lines = pl.concat([_found(evidence, parts), _not_found(evidence, parts)])
    grouped = lines.sort(*KEYS, "bit").group_by(KEYS, maintain_order=True).agg(pl.col("line").alias("lines"))
    told = lines.group_by(KEYS).agg(pl.col("criterion").alias("told"))
    said = {criterion: words.spelled(criterion) for criterion in parts["criterion"]}
    untold = pl.col("reasons").list.set_difference(pl.col("told").fill_null([]))
    made = (
        listed.join(grouped, on=KEYS, how="left", maintain_order="left")
        .join(told, on=KEYS, how="left", maintain_order="left")
        .join(_open_questions(listed, rules), on=["rule_id", "criteria_unknown"], how="left", maintain_order="left")
        .with_columns(
            untold.list.eval(pl.element().replace(said)).list.sort().alias("holds"), pl.col("lines").fill_null([])
        )
    )
    return made.select(pl.col(name).cast(dtype) for name, dtype in REASONS.items())


def _parts(rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    rows = [
        (rule_id, c["id"], c["part"], c["bit"], words.first_upper(words.spelled(c["id"])))
        for rule_id, rule in rules.items()
        for c in rule["criteria"]
    ]
    schema = {"rule_id": pl.String, "criterion": pl.String, "part": pl.String, "bit": pl.Int64, "said": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _found(evidence: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Give one line for each criterion with records: what was recorded when, the latest first."""
    table = pl.col("table").cast(pl.String).replace(_NAMES)
    value = pl.col("value").round(2).cast(pl.String).str.replace(r"\.0$", "")
    what = pl.concat_str(
        pl.coalesce(pl.col("term").cast(pl.String), pl.col("code"), table),
        pl.concat_str(pl.lit(" "), value, ignore_nulls=False).fill_null(""),
        pl.concat_str(pl.lit(" "), pl.col("unit").cast(pl.String)).fill_null(""),
        pl.concat_str(pl.lit(", "), pl.col("date").dt.strftime("%-d %B %Y")).fill_null(""),
    )
    rows = evidence.filter(pl.col("record_id").is_not_null()).select(
        "patient_id", pl.col("rule_id", "criterion").cast(pl.String), "date", "record_id", what=what
    )
    keys = [*KEYS, "criterion"]
    once = rows.unique([*keys, "what"], keep="first", maintain_order=True)
    grouped = (
        once.sort("date", "record_id", descending=[True, False], nulls_last=True)
        .group_by(keys, maintain_order=True)
        .agg(pl.col("what").head(SHOWN), more=pl.len().cast(pl.Int32) - SHOWN)
    )
    more = pl.when(pl.col("more") > 0).then(pl.format(" (and {} earlier)", "more")).otherwise(pl.lit(""))
    return grouped.join(parts, on=["rule_id", "criterion"], how="inner").select(
        *keys, "bit", line=pl.format("{}: {}{}", "said", pl.col("what").list.join("; "), more)
    )


def _not_found(evidence: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Give one line for each criterion that nothing was found for, where that is the point: what would meet the need.

    Absence behind what leaves somebody out or takes somebody off says nothing that the rule's own page does not say.
    """
    keys = [*KEYS, "criterion"]
    rows = evidence.select(*(pl.col(name).cast(pl.String) for name in keys), "record_id", _feature(evidence))
    asked = parts.filter(pl.col("part").is_in(["include", "met_when"]))
    absent = rows.join(asked, on=["rule_id", "criterion"], how="inner")
    found = absent.filter(pl.col("record_id").is_not_null()).select(keys).unique()
    names = sorted(absent["feature"].drop_nulls().unique())
    said = pl.col("feature").replace_strict({name: words.feature(name) for name in names}, default="")
    grouped = (
        absent.join(found, on=keys, how="anti")
        .unique([*keys, "feature"], keep="first", maintain_order=True)
        .group_by([*keys, "bit", "said"], maintain_order=True)
        .agg(said.head(2).alias("what"), more=pl.len().cast(pl.Int32) - 2)
    )
    more = pl.when(pl.col("more") > 0).then(pl.lit(" or the like")).otherwise(pl.lit(""))
    what = pl.col("what").list.join(" or ")
    return grouped.select(*keys, "bit", line=pl.format("{}: nothing recorded of {}{}", "said", what, more))


def _feature(evidence: pl.DataFrame) -> pl.Expr:
    known = "feature" in evidence.columns
    return pl.col("feature" if known else "criterion").cast(pl.String).alias("feature")


def _open_questions(listed: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Give, for each rule and mask of unknown criteria, their names in words."""
    masks = listed.select("rule_id", "criteria_unknown").unique().filter(pl.col("criteria_unknown") != 0)
    rows = [
        (rule_id, mask, ", ".join(words.spelled(c["id"]) for c in rules[rule_id]["criteria"] if mask >> c["bit"] & 1))
        for rule_id, mask in masks.iter_rows()
    ]
    schema = {"rule_id": pl.String, "criteria_unknown": pl.UInt64, "open_questions": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
