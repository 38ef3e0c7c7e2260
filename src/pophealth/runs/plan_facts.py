"""Gives what the plans of a run rest on beside a network's own rows: made once a run, read by every network."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.cohorts import columns_of
from pophealth.errors import ConfigError
from pophealth.features.deciding import leaves_of
from pophealth.planning.counts import ROLE_TITLES
from pophealth.planning.floor import Floor
from pophealth.planning.place import Capacity, Holdout
from pophealth.reference import load_network_details
from pophealth.runs.earlier import runs_before

if TYPE_CHECKING:
    from datetime import date

    from pophealth.config import Config
    from pophealth.declare import CohortRule
    from pophealth.plan import Plan


@dataclass(frozen=True)
class PlanFacts:
    """What planning reads beside rows.

    Attributes
    ----------
    actions : DataFrame
        The history of actions up to the index date (`planning.actions.ACTIONS`).
    earlier : dict
        Network to the run it was last delivered in, on an earlier index date.
    rule_digests : dict
        What each rule lists by, as one hash: declaration, year, features, codelists, what cannot be computed.
    tier_features, include_criteria : DataFrame
        What the result behind an urgent tier is found by (`planning.results`).
    names : DataFrame
        network_code, network_name.
    """

    actions: pl.DataFrame
    earlier: dict[str, str]
    rule_digests: dict[str, str]
    tier_features: pl.DataFrame
    include_criteria: pl.DataFrame
    names: pl.DataFrame

    def network_name(self, network: str) -> str:
        """Give the name of a network, its code where none is known."""
        found = self.names.filter(pl.col("network_code") == network)["network_name"].drop_nulls()
        return str(found[0]) if len(found) else network


def plan_facts(config: Config, plan: Plan, actions: pl.DataFrame, index_date: date) -> PlanFacts:
    """Give the facts of a run's plans.

    Raises
    ------
    ConfigError
        The configuration names a role nobody can have work for, or a rule that does not run.
    """
    _refuse_unknown(config, plan)
    return PlanFacts(
        actions,
        runs_before(config.site.data_root, index_date),
        rule_digests(plan),
        tier_features_of(plan),
        include_criteria_of(plan),
        network_names(config),
    )


def network_names(config: Config) -> pl.DataFrame:
    """Give network_code and network_name of every network that the site's details name."""
    if config.reference.network_details is None:
        return pl.DataFrame(schema={"network_code": pl.String, "network_name": pl.String})
    details = load_network_details(config.reference.network_details)
    return details.select("network_code", "network_name").unique("network_code", keep="first", maintain_order=True)


def capacity_of(config: Config, network: str) -> Capacity:
    """Give what the team of a network can do."""
    planning = config.planning
    return Capacity(planning.slots_of(network), planning.weeks, planning.slot_minutes)


def floors_of(config: Config) -> tuple[Floor, ...]:
    """Give the floors, the one for the most deprived fifth first."""
    planning = config.planning
    further = (Floor(floor.share, floor.column, floor.values, floor.approval_reference) for floor in planning.floors)
    return (Floor(planning.deprived_share), *further) if planning.deprived_share else tuple(further)


def holdout_of(config: Config) -> Holdout:
    """Give the measuring holdout."""
    holdout = config.planning.holdout
    return Holdout(holdout.share, holdout.approval_reference, holdout.seed)


def _refuse_unknown(config: Config, plan: Plan) -> None:
    planning = config.planning
    roles = set(ROLE_TITLES) | {rule.role for rule in plan.rules}
    named = {role for slots in (planning.slots_per_week, *planning.networks.values()) for role in slots}
    _refuse(named, roles, "config planning: slots of a role that nobody has")
    _refuse(set(planning.due_again), {rule.id for rule in plan.rules}, "config planning.due_again: a rule not in force")


def _refuse(named: Iterable[str], known: set[str], what: str) -> None:
    for name in sorted(set(named) - known):
        nearest = difflib.get_close_matches(name, sorted(known), n=1)
        msg = f"{what}: {name!r}" + (f"; did you mean {nearest[0]!r}?" if nearest else "")
        raise ConfigError(msg)


def rule_digests(plan: Plan) -> dict[str, str]:
    """Give, for each rule, the SHA-256 over everything that decides whom it lists, records aside."""
    features = {name: repr(feature) for name, feature in plan.features.items()}
    scored = {column: f"{score.id} {score.version}" for score in plan.scores for column in _made_by(score)}
    return {rule.id: _digest(rule, plan, features, scored) for rule in plan.rules}


def _made_by(score: Any) -> tuple[str, ...]:
    return tuple(output.name for output in score.outputs)


def _digest(rule: CohortRule, plan: Plan, features: dict[str, str], scored: dict[str, str]) -> str:
    year = plan.contract_year
    columns = sorted(set().union(*plan.columns_of_rule(rule).values()))
    read = _with_inputs(columns, plan)
    lists = sorted({name for column in read if column in plan.features for name in plan.features[column].codelists})
    moves = any("contract_year_start" in features.get(column, "") for column in read)
    parts = (
        [(criterion.id, criterion.part, rule.bind(criterion.predicate, year)) for criterion in rule.criteria],
        [(column, features.get(column), scored.get(column), plan.not_computable.get(column)) for column in read],
        [(name, plan.library.get(name).digest) for name in lists],
        year if moves else "",
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _with_inputs(columns: Iterable[str], plan: Plan) -> list[str]:
    found: set[str] = set()
    waiting = list(columns)
    while waiting:
        column = waiting.pop()
        if column not in found:
            found.add(column)
            feature = plan.features.get(column)
            waiting += feature.inputs if feature is not None else ()
    return sorted(found)


def tier_features_of(plan: Plan) -> pl.DataFrame:
    """Give rule_id, tier and feature: what the words of urgent tiers are read from."""
    rows = [
        (rule.id, tier.number, leaf.name)
        for rule in plan.rules
        for tier in rule.tiers
        if tier.urgent
        for leaf in leaves_of(sorted(columns_of(rule.bind(tier.when, plan.contract_year))), plan.features)
    ]
    return pl.DataFrame(rows, {"rule_id": pl.String, "tier": pl.Int8, "feature": pl.String}, orient="row")


def include_criteria_of(plan: Plan) -> pl.DataFrame:
    """Give rule_id and criterion of the criteria that bring somebody onto a list."""
    rows = [(rule.id, c.id) for rule in plan.rules for c in rule.criteria if c.part == "include"]
    return pl.DataFrame(rows, {"rule_id": pl.String, "criterion": pl.String}, orient="row")
