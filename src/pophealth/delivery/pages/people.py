"""Gives the people of a worklist and what each needs, in words: whole columns at a time, since there are thousands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.pages import words

if TYPE_CHECKING:
    from pophealth.delivery.parcel import Parcel

WAITING_SHOWN = 2_000
"""People who wait that a worklist shows: the next in line. Those behind them are counted, and stand in the tables."""

_WAITING = ("waiting", "held_out")


def next_in_line(worklist: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Give everybody with a place and the next in line of those who wait, in order, and how many more wait."""
    waits = pl.col("place").cast(pl.String).is_in(_WAITING)
    ordered = worklist.sort("order")
    shown = ordered.filter(~waits | (waits.cum_sum() <= WAITING_SHOWN))
    return shown, ordered.height - shown.height


def people_of(worklist: pl.DataFrame, *, knows_seen: bool) -> pl.DataFrame:
    """Give rows of a worklist with what a page says of the person.

    Parameters
    ----------
    worklist
        Columns of `planning.worklist.WORKLIST`; `nhs_number` is null where it may not stand.
    knows_seen
        Whether the source supplies appointments: else nobody's last contact is known.

    Returns
    -------
    DataFrame
        The rows and `called` (the number, else the beginning of the reference), `who`, `place_words`, `last_seen`,
        `result` (empty where none is dated), `action` (empty for none) and `role_key` (the roles, a blank between).
    """
    place, age = worklist["place"].cast(pl.String), worklist["age_years"]
    sex = said(worklist["sex"].cast(pl.String), lambda sex: ", " + words.SEXES.get(sex, sex) if sex else "")
    number = pl.col("nhs_number").cast(pl.String)
    three = pl.format("{} {} {}", number.str.slice(0, 3), number.str.slice(3, 3), number.str.slice(6))
    shown = pl.when(number.str.len_chars() == 10).then(three).otherwise(number)
    return worklist.with_columns(
        pl.coalesce(shown, pl.col("patient_id").str.slice(0, 8)).alias("called"),
        (said(age, lambda years: "age not known" if years is None else str(years)) + sex).alias("who"),
        said(place, lambda name: words.PLACES.get(name, "")).alias("place_words"),
        said(worklist["months_since_seen"], lambda months: _last_seen(months, knows_seen=knows_seen)).alias("last_seen"),
        said(worklist["days_since_result"], _age).alias("result"),
        said(worklist["action_status"].cast(pl.String), lambda name: words.ACTIONS.get(name, name) or "").alias("action"),
        pl.col("roles").list.join(" ").alias("role_key"),
    )  # fmt: skip


def said(values: pl.Series, say: Callable[[Any], str]) -> pl.Series:
    """Give values in words, which are worked out once for each different value; null is a value too."""
    different = values.unique()
    told = pl.Series([say(value) for value in different], dtype=pl.String)
    return values.replace_strict(different, told, return_dtype=pl.String).cast(
        pl.String
    )  # an empty one keeps its type else


def _age(days: int | None) -> str:
    return "" if days is None else f"Recorded {words.of(days, 'day')} ago"


def _last_seen(months: int | None, *, knows_seen: bool) -> str:
    if months is None:
        return "No contact found" if knows_seen else "Not supplied"
    return "Within a month" if months < 1 else f"{words.of(months, 'month')} ago"


def needs_of(people: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Give one row for each list that each of the people stands on.

    Returns
    -------
    DataFrame
        patient_id, rule_id and tier_label, by person in the order of `people`; first what puts the person first: an
        urgent tier, then what the contract owes, then as the worklist has them.
    """
    rows = people.select("patient_id", rule_id="rules", tier_label="tier_labels")
    rows = rows.with_row_index("_person").explode("rule_id", "tier_label")
    pairs = rows.select("rule_id", "tier_label").unique()
    first = [
        (rule_id, label, 2 * (not is_urgent(rules[rule_id], label)) + (not rules[rule_id].get("owed")))
        for rule_id, label in pairs.iter_rows()
    ]
    schema = {"rule_id": pl.String, "tier_label": pl.String, "_first": pl.Int8}
    joined = with_tiers(rows, pl.DataFrame(first, schema, orient="row"))
    return joined.sort("_person", "_first", maintain_order=True).select("patient_id", "rule_id", "tier_label")


def with_tiers(rows: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Give rows, in their order, with what is `told` of each list and tier; a list without tiers has none."""
    return rows.join(told, on=["rule_id", "tier_label"], how="left", nulls_equal=True, maintain_order="left")


def is_urgent(rule: dict[str, Any], label: str | None) -> bool:
    """Give whether the tier of that label is an urgent one of the rule."""
    return any(tier["urgent"] and tier["label"] == label for tier in rule.get("declared_tiers", ()))


def tier_words(label: str | None) -> str:
    """Give what a page says of a tier: nothing where there is only one."""
    return "" if label in (None, "all") else str(label)


def first_to_ring(parcel: Parcel, worklist: pl.DataFrame, number: int) -> list[dict[str, Any]]:
    """Give the first people with an urgent or owed place, each with the list that puts them there."""
    there = worklist.filter(pl.col("place").cast(pl.String).is_in(["urgent", "owed"])).sort("order").head(number)
    people = people_of(there, knows_seen=knows_seen(parcel))
    rules = parcel.summary["rules"]
    foremost = needs_of(people, rules).unique("patient_id", keep="first", maintain_order=True)
    made = []
    for person, (_, rule_id, label) in zip(people.iter_rows(named=True), foremost.iter_rows(), strict=True):
        rule = rules[rule_id]
        role = words.role(rule.get("role") or person["roles"][0])
        need = {"title": rule["title"], "tier": tier_words(label), "role": role, "others": len(person["rules"]) - 1}
        made.append(person | need)
    return made


def knows_seen(parcel: Parcel) -> bool:
    """Give whether anybody's last contact is known."""
    return parcel.worklist["months_since_seen"].null_count() < parcel.worklist.height
