"""Gives a network's plan in a run: whom the team can see this month, who came and went since the last run, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pophealth.errors import ConfigError
from pophealth.planning.actions import closed_rows, in_force, progress, standing
from pophealth.planning.changes import Since, changes_between, counted, plan_changes
from pophealth.planning.counts import plan_counts
from pophealth.planning.offers import PERSON, in_words, listed_rows, offers_of
from pophealth.planning.place import place_offers
from pophealth.planning.results import months_since, results_of
from pophealth.planning.worklist import Known, worklist_of
from pophealth.runs.earlier import Earlier, read_earlier
from pophealth.runs.plan_facts import capacity_of, floors_of, holdout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pophealth.line import NetworkResult
    from pophealth.register import Bucket
    from pophealth.runs.night import Night

CLOSED = "closed"
"""Place of a listed row that needs no offer now: done, declined or not appropriate, and not due again."""


@dataclass(frozen=True)
class Planned:
    """A network's plan.

    Attributes
    ----------
    members : DataFrame
        The member rows with ``place``, ``is_new`` and ``days_since_result``.
    offers, worklist, changes : DataFrame
        As delivered; NHS numbers are not in them.
    counts : dict
        Keys of the summary: ``plan``, ``changes``, ``progress``, ``disagreements``.
    """

    members: pl.DataFrame
    offers: pl.DataFrame
    worklist: pl.DataFrame
    changes: pl.DataFrame
    counts: dict[str, Any]


def plan_network(
    night: Night, network: str, result: NetworkResult, gone: Mapping[str, pl.Series], buckets: Sequence[Bucket]
) -> Planned:
    """Give the plan of a network whose result holds nobody any more who may not be shown.

    Parameters
    ----------
    gone
        Who was left out at delivery, by reason: their rows are gone, they are counted.

    Raises
    ------
    ConfigError
        The configuration names a column for the risk or a floor that this run does not make.
    """
    planning, facts = night.config.planning, night.plan_facts
    people = result.frame["patient_id"]
    earlier = (
        read_earlier(night.config.site.data_root, facts.earlier[network], network) if network in facts.earlier else None
    )
    listed = listed_rows(result.members, night.plan.rules, people)
    results = results_of(listed, result.evidence, facts.tier_features, facts.include_criteria, night.index_date)
    done = in_force(
        standing(facts.actions, network, night.index_date),
        night.index_date,
        planning.due_again_months,
        planning.due_again,
    )
    closed = closed_rows(listed, done, results)
    still_open = _without(listed, closed)
    placed = _placed(night, network, result.frame, still_open, earlier)
    known = Known(
        patients=result.frame,
        results=results,
        seen=_seen(night, buckets),
        actions=done,
        listed_before=None if earlier is None else earlier.listed["patient_id"],
    )
    worklist = worklist_of(still_open, placed, known)
    lists, plans = _changes(earlier, result.members, placed, _since(night, earlier, result, gone))
    counts = _counts(night, network, placed, earlier) | {"progress": progress(done, people)}
    counts["disagreements"] = _disagreements(counts["progress"])
    counts["changes"] |= {"by_rule": counted(lists, "rule_id"), "by_role": counted(plans, "role")}
    members = _with_places(result.members, listed, still_open["row"], placed, results, lists)
    return Planned(members, in_words(placed), worklist, _changes_of(night, result.frame, lists, plans), counts)


def _without(listed: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    if closed.is_empty():
        return listed
    rule = closed.with_columns(pl.col("rule_id").cast(listed.schema["rule_id"]))
    return listed.join(rule, on=["patient_id", "rule_id"], how="anti", maintain_order="left")


def _placed(
    night: Night, network: str, frame: pl.DataFrame, listed: pl.DataFrame, earlier: Earlier | None
) -> pl.DataFrame:
    """Give the offers with their place."""
    planning, floors = night.config.planning, floors_of(night.config)
    wanted = {"planning.risk": planning.risk} | {f"planning.floors ({floor.column})": floor.column for floor in floors}
    for key, column in wanted.items():
        if column is not None and column not in frame.columns:
            msg = f"config {key}: no column {column!r} is made in this run; name a feature, a score or a model in use"
            raise ConfigError(msg)
    offers = offers_of(listed, frame, risk=planning.risk, also=tuple(dict.fromkeys(floor.column for floor in floors)))
    before = None if earlier is None else earlier.plan.filter(pl.col("place").cast(pl.String) == "planned")
    placed = place_offers(
        offers,
        capacity_of(night.config, network),
        floor=floors,
        holdout=holdout_of(night.config),
        before=before,
        band=planning.band,
    )
    return placed.drop(floor.column for floor in floors if floor.column != "imd_quintile")


def _seen(night: Night, buckets: Sequence[Bucket]) -> pl.DataFrame | None:
    """Give the whole months since the last attended appointment of everybody who had one; none if none are supplied."""
    if not night.config.extract.supplies.appointments:
        return None
    rows = pl.concat([bucket.archive("appointments").select("patient_id", "date", "status") for bucket in buckets])
    last = (
        rows.filter(pl.col("status") == "attended", pl.col("date") <= night.index_date)
        .group_by("patient_id")
        .agg(pl.col("date").max())
        .collect()
    )
    return last.select(
        pl.col("patient_id").cast(pl.String), months_since_seen=months_since(pl.col("date"), night.index_date)
    )


def _since(night: Night, earlier: Earlier | None, result: NetworkResult, gone: Mapping[str, pl.Series]) -> Since:
    if earlier is None:
        return Since(registered=(), was_registered=())
    digests, risk = night.plan_facts.rule_digests, night.config.planning.risk
    changed = [model for model in night.plan.models if earlier.models.get(model.spec.id) != model.identity]
    made = {column for model in changed for column in model.makes}
    return Since(
        registered=result.frame["patient_id"],
        was_registered=earlier.people,
        gone=gone,
        changed_rules=frozenset(
            rule_id
            for rule_id in {*digests, *earlier.rule_digests}
            if digests.get(rule_id) != earlier.rule_digests.get(rule_id)
        ),
        model_rules=frozenset(
            rule.id for rule in night.plan.rules if made & set().union(*night.plan.columns_of_rule(rule).values())
        ),
        model_changed=risk in made,
        acted_on=night.plan_facts.actions["patient_id"].unique(),
    )


def _changes(
    earlier: Earlier | None, members: pl.DataFrame, placed: pl.DataFrame, since: Since
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give entrants and leavers of lists and of the plan; without an earlier run there are none."""
    if earlier is None:
        lists = changes_between(members.clear(), members.clear(), since)
        return lists, plan_changes(placed.clear(), placed.clear(), lists, since)
    lists = changes_between(earlier.listed, members, since)
    return lists, plan_changes(earlier.plan, placed, lists, since)


def _changes_of(night: Night, frame: pl.DataFrame, lists: pl.DataFrame, plans: pl.DataFrame) -> pl.DataFrame:
    """Give the changes as they leave: rows of those who are still here; the others are only counted."""
    services = pl.DataFrame(
        [(rule.id, rule.service) for rule in night.plan.rules],
        {"rule_id": pl.String, "service": pl.String},
        orient="row",
    )
    nothing = pl.lit(None, dtype=pl.String)
    rows = pl.concat(
        [
            lists.with_columns(role=nothing),
            plans.with_columns(rule_id=nothing).select(*lists.columns, "role"),
        ]
    )
    return rows.join(
        frame.select("patient_id", "practice_code"), on="patient_id", how="inner", maintain_order="left"
    ).join(services, on="rule_id", how="left", maintain_order="left")


def _counts(night: Night, network: str, placed: pl.DataFrame, earlier: Earlier | None) -> dict[str, Any]:
    config = night.config
    return {
        "plan": plan_counts(placed, capacity_of(config, network), floors_of(config), holdout_of(config)),
        "changes": {
            "previous_run": None if earlier is None else earlier.run_id,
            "previous_index_date": None if earlier is None else earlier.index_date.isoformat(),
        },
    }


def _with_places(
    members: pl.DataFrame,
    listed: pl.DataFrame,
    still_open: pl.Series,
    placed: pl.DataFrame,
    results: pl.DataFrame,
    lists: pl.DataFrame,
) -> pl.DataFrame:
    """Give the member rows with where each listed row stands, whether it is new, and how old its result is.

    A row that was closed stands nowhere, also where the person has another offer of that role.
    """
    keys = ["patient_id", "rule_id"]
    words = listed.select("row", PERSON, "role", *keys).join(
        placed.select(PERSON, "role", "place"), on=[PERSON, "role"], how="left", maintain_order="left"
    )
    entered = lists.filter(pl.col("change") == "entered").select(*keys, is_new=pl.lit(value=True))
    aged = results.select(*keys, "days_since_result")
    few = pl.concat([entered.select(keys), aged.select(keys)])["patient_id"].unique()
    marked = words.filter(pl.col("patient_id").is_in(few.implode())).with_columns(pl.col("rule_id").cast(pl.String))
    for frame in (entered, aged):
        marked = marked.join(frame, on=keys, how="left", maintain_order="left")
    is_open = np.zeros(members.height, np.bool_)
    is_open[still_open.to_numpy()] = True
    rows, height = words["row"], members.height
    here = pl.Series(is_open[rows.to_numpy()])
    words = words.with_columns(place=pl.when(here).then(pl.col("place").cast(pl.String)).otherwise(pl.lit(CLOSED)))
    return members.with_columns(
        _scattered("place", rows, words["place"], height),
        _scattered("is_new", marked["row"], marked["is_new"], height).fill_null(value=False),
        _scattered("days_since_result", marked["row"], marked["days_since_result"], height),
    )


def _scattered(name: str, rows: pl.Series, values: pl.Series, height: int) -> pl.Series:
    """Give a column of `height` rows that is null but for `values` at `rows`."""
    places = np.full(height, len(values), np.int64)
    places[rows.to_numpy()] = np.arange(len(values))
    return pl.concat([values, pl.Series([None], dtype=values.dtype)]).gather(places).alias(name)


def _disagreements(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Give, for each rule of which a team said "not appropriate", how often, and of how many answers."""
    return {
        rule_id: {"not_appropriate": by_status["not_appropriate"], "answers": sum(by_status.values())}
        for rule_id, by_status in counts.items()
        if by_status.get("not_appropriate")
    }
