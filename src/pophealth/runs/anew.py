"""Gives one network described anew, as a run of tonight would see it: for questions about rules that no delivery answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from pophealth.errors import UsageError
from pophealth.line import Task, describe
from pophealth.plan import Plan, make_plan
from pophealth.runs.night import open_night
from pophealth.runs.objections import left_out

if TYPE_CHECKING:
    from datetime import date

    from pophealth.config import Config


@dataclass(frozen=True)
class Described:
    """Everybody of one network with the columns of a plan; whoever a delivery would leave out is left out."""

    plan: Plan
    frame: pl.DataFrame


def describe_anew(
    config: Config, network: str, index_date: date, *, contract_year: str | None = None, rule_id: str | None = None
) -> Described:
    """Give a network on an index date, with the rules of a contract year (the site's own when not given).

    Raises
    ------
    UsageError
        The network has no practice in the register, or the rule is not in force that year.
    """
    night = open_night(config, index_date)
    practices = night.networks.get(network)
    if practices is None:
        msg = f"no practice of network {network} is in the register on {index_date}"
        raise UsageError(msg)
    plan = night.plan if contract_year is None else make_plan(config, night.snapshot, contract_year, night.plan.models)
    if rule_id is not None:
        plan = only(plan, rule_id)
    task = Task(network, practices, index_date, config.site.legal_basis, night.areas, night.withheld)
    buckets = {code: night.snapshot.bucket(code) for code in practices if code in night.snapshot.practices}
    frame, _ = describe(task, plan, buckets)
    gone = left_out(list(buckets.values()), night.objections, night.extract_date)
    known = pl.concat(list(gone.values())).unique()
    return Described(plan, frame.filter(~pl.col("patient_id").is_in(known.implode())))


def only(plan: Plan, rule_id: str) -> Plan:
    """Give `plan` with one rule alone.

    Raises
    ------
    UsageError
        The rule is not among those of the plan.
    """
    rules = tuple(rule for rule in plan.rules if rule.id == rule_id)
    if not rules:
        msg = f"rule {rule_id!r} does not run in {plan.contract_year}; `pophealth rules list` names the rules"
        raise UsageError(msg)
    return replace(plan, rules=rules)
