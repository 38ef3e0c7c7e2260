"""Gives who came onto a list and who left it since the last run, and the cause of each; and the same of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pophealth.terms import Status

CAUSES = ("record", "rule", "model", "capacity", "opt_out", "death", "moved", "registered", "action")
"""Why a list changes: a new record or date, another rule or model, places, an objection, a death, a move in or out.

`action`, of the plan only: the team dealt with it, or it is due again."""

CHANGES: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "rule_id": pl.String(),
    "change": pl.Enum(["entered", "left"]),
    "cause": pl.Enum(CAUSES),
}

PLAN_CHANGES: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "role": pl.String(),
    "change": pl.Enum(["entered", "left"]),
    "cause": pl.Enum(CAUSES),
}


@dataclass(frozen=True)
class Since:
    """What is known of the time between two runs of a network.

    Attributes
    ----------
    registered, was_registered
        Everybody counted in at the later and at the earlier run.
    gone
        People left out at the later delivery, by reason: ``opted_out``, ``died``, ``deducted``.
    changed_rules
        Rules whose declaration, codelists or year differ between the runs: their changes are put down to the rule.
    model_rules
        Rules that read a model of which another version scored this time.
    model_changed
        Whether the model that orders the plan is another one.
    acted_on
        People of whom the team returned an action.
    """

    registered: Iterable[str]
    was_registered: Iterable[str]
    gone: Mapping[str, Iterable[str]] = field(default_factory=dict)
    changed_rules: frozenset[str] = frozenset()
    model_rules: frozenset[str] = frozenset()
    model_changed: bool = False
    acted_on: Iterable[str] = ()

    def person_cause(self) -> pl.Expr:
        """Give the cause that lies in the person rather than in any list, else null."""
        who = pl.col("patient_id")
        return (
            pl.when(who.is_in(_ids(self.gone.get("opted_out", ()))))
            .then(pl.lit("opt_out"))
            .when(who.is_in(_ids(self.gone.get("died", ()))))
            .then(pl.lit("death"))
            .when(who.is_in(_ids(self.gone.get("deducted", ()))) | ~who.is_in(_ids(self.registered)))
            .then(pl.lit("moved"))
            .when((pl.col("change") == "entered") & ~who.is_in(_ids(self.was_registered)))
            .then(pl.lit("registered"))
        )


def _ids(people: Iterable[str]) -> Any:
    series = people if isinstance(people, pl.Series) else pl.Series(sorted(people), dtype=pl.String)
    return series.cast(pl.String).implode()


def changes_between(earlier: pl.DataFrame, later: pl.DataFrame, since: Since) -> pl.DataFrame:
    """Give one row per person and rule listed in one of two runs only, with the cause.

    Parameters
    ----------
    earlier, later
        Member rows of the same network in the two runs; without a column status, the listed ones.

    Returns
    -------
    DataFrame
        Columns of `CHANGES`, by rule, change and person. What lies in the person comes before what lies in the rule.
    """
    rows = _differences(_listed(earlier), _listed(later), ["patient_id", "rule_id"])
    cause = pl.coalesce(
        since.person_cause(),
        pl.when(pl.col("rule_id").is_in(sorted(since.changed_rules))).then(pl.lit("rule")),
        pl.when(pl.col("rule_id").is_in(sorted(since.model_rules))).then(pl.lit("model")),
        pl.lit("record"),
    )
    return _typed(rows, cause, CHANGES).sort("rule_id", "change", "patient_id")


def plan_changes(earlier: pl.DataFrame, later: pl.DataFrame, lists: pl.DataFrame, since: Since) -> pl.DataFrame:
    """Give one row per person and role that has a place in one of two plans only, with the cause.

    Parameters
    ----------
    earlier, later
        Columns patient_id, role, place of the two plans.
    lists
        `changes_between` of the same runs. Who came onto a list or left one has the cause of that; of the others, who
        stand on the same lists as before, an action took away their offer or one that is due again brought it back, the
        model put them elsewhere where it changed, and else the places did.

    Returns
    -------
    DataFrame
        Columns of `PLAN_CHANGES`, by role, change and person.
    """
    rows = _differences(_placed(earlier), _placed(later), ["patient_id", "role"])
    offered = [
        _pairs(plan).with_columns(pl.lit(value=True).alias(name))
        for plan, name in ((earlier, "_then"), (later, "_now"))
    ]
    for plan in offered:
        rows = rows.join(plan, on=["patient_id", "role"], how="left", maintain_order="left")
    moved = lists.group_by("patient_id", pl.col("change").cast(pl.String)).agg(_list=pl.col("cause").min())
    rows = rows.join(moved, on=["patient_id", "change"], how="left", maintain_order="left")
    answered = pl.col("patient_id").is_in(_ids(since.acted_on)) & pl.any_horizontal(pl.col("_then", "_now").is_null())
    unmoved = pl.when(answered).then(pl.lit("action")).otherwise(pl.lit("model" if since.model_changed else "capacity"))
    cause = pl.coalesce(since.person_cause(), pl.col("_list").cast(pl.String), unmoved)
    return _typed(rows, cause, PLAN_CHANGES).sort("role", "change", "patient_id")


def counted(changes: pl.DataFrame, by: str) -> dict[str, dict[str, dict[str, int]]]:
    """Give the number of people by `by` (rule_id or role), change and cause: ``{"r": {"entered": {"record": 3}}}``."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    grouped = changes.group_by(by, "change", "cause").len().sort(by, "change", "cause")
    for name, change, cause, people in grouped.iter_rows():
        entry = counts.setdefault(name, {"entered": {}, "left": {}})
        entry[change][cause] = people
    return counts


def _differences(before: pl.DataFrame, after: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    entered = after.join(before, on=keys, how="anti").with_columns(change=pl.lit("entered"))
    left = before.join(after, on=keys, how="anti").with_columns(change=pl.lit("left"))
    return pl.concat([entered, left])


def _typed(rows: pl.DataFrame, cause: pl.Expr, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    made = rows.with_columns(cause=cause)
    return made.select(pl.col(name).cast(dtype) for name, dtype in columns.items())


def _listed(frame: pl.DataFrame) -> pl.DataFrame:
    listed = (
        frame.filter(pl.col("status").cast(pl.String) == Status.LISTED.value) if "status" in frame.columns else frame
    )
    return listed.select(pl.col("patient_id").cast(pl.String), pl.col("rule_id").cast(pl.String))


def _pairs(plan: pl.DataFrame) -> pl.DataFrame:
    return plan.select(pl.col("patient_id", "role").cast(pl.String)).unique()


def _placed(plan: pl.DataFrame) -> pl.DataFrame:
    """Give who has a place, whatever the reason."""
    return plan.filter(pl.col("place").cast(pl.String).is_in(["urgent", "owed", "planned"])).select(
        pl.col("patient_id").cast(pl.String), pl.col("role").cast(pl.String)
    )
