"""Gives a run: every network of the register on one index date, delivered or said why not; a second run does nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pophealth import __version__
from pophealth.errors import UsageError
from pophealth.plan import Plan, declarations_digest, make_plan
from pophealth.reference import load_areas, members_on
from pophealth.register import Snapshot, open_snapshot
from pophealth.runs.actions import actions_digest, known_on, read_history
from pophealth.runs.clock import today
from pophealth.runs.delivering import deliverer
from pophealth.runs.engines.threads import Outcome, run_networks
from pophealth.runs.engines.worker import handed
from pophealth.runs.identity import run_id as identify_run
from pophealth.runs.in_use import models_in_use
from pophealth.runs.journal import Journal
from pophealth.runs.keys import read_key
from pophealth.runs.lock import exclusive
from pophealth.runs.memberships import memberships_of
from pophealth.runs.objections import Objections, read_objections
from pophealth.runs.plan_facts import PlanFacts, network_names, plan_facts
from pophealth.runs.resume import is_committed, latest_committed_before, remove_unfinished
from pophealth.terms import Engine, contract_year_of, network_code

if TYPE_CHECKING:
    from pophealth.config import Config


@dataclass(frozen=True)
class RunReport:
    """What a run did: its id, the folder of each delivery, and the networks that failed with type and place."""

    run_id: str
    folder: Path
    delivered: dict[str, Path]
    already: tuple[str, ...]
    failed: dict[str, str]
    practices_without_network: int

    @property
    def nothing_to_do(self) -> bool:
        """True when every network asked for had been committed before."""
        return not self.delivered and not self.failed


@dataclass(frozen=True)
class Night:
    """Everything one run holds: made once, read by every network."""

    config: Config
    snapshot: Snapshot
    plan: Plan
    memberships: pl.DataFrame
    areas: pl.DataFrame | None
    objections: Objections
    index_date: date
    run_id: str
    plan_facts: PlanFacts

    @property
    def folder(self) -> Path:
        """Where the deliveries of this run lie."""
        return self.config.site.data_root / "deliveries" / self.run_id

    @property
    def networks(self) -> dict[str, tuple[str, ...]]:
        """Network to its practices on the index date, for networks with a practice in the register or withheld."""
        here = set(self.snapshot.practices) | set(self.withheld)
        rows = members_on(self.memberships, self.index_date).sort("network_code", "practice_code")
        grouped = {
            str(code): tuple(group["practice_code"].to_list())
            for (code,), group in rows.group_by("network_code", maintain_order=True)
        }
        return {code: practices for code, practices in grouped.items() if here & set(practices)}

    @property
    def extract_date(self) -> date | None:
        """Last day the extract knows about."""
        told = self.snapshot.facts.get("extract_date")
        return date.fromisoformat(told) if told else None

    @property
    def withheld(self) -> dict[str, str]:
        """Practices withheld at ingest, with the reason."""
        return dict(self.snapshot.facts.get("withheld", {}))


def open_night(config: Config, index_date: date) -> Night:
    """Give the state of a run before any network is touched; reads, writes nothing.

    Raises
    ------
    ConfigError
        No register, no membership file, no usable opt-out list, or no version of a model in use.
    IntegrityError
        A model in use is damaged, or was trained on other declarations or codelists.
    TryLaterError
        The registry of models cannot be reached.
    """
    snapshot = open_snapshot(config.site.register_place)
    year = config.site.contract_year or contract_year_of(index_date)
    plan = make_plan(config, snapshot, year, models_in_use(config))
    memberships = memberships_of(config)
    areas = None
    if config.reference.areas_2011 or config.reference.areas_2021:
        areas = load_areas(config.reference.areas_2011, config.reference.areas_2021)
    objections = read_objections(config, read_key(config.site.key_file), today())
    actions = known_on(read_history(config.site.data_root), index_date)
    parts = {
        "register": snapshot.digest,
        "memberships": frame_digest(memberships),
        "areas": frame_digest(areas),
        "medicine_map": frame_digest(plan.medicine_map),
        "codelists": plan.library.digest,
        "declarations": declarations_digest(plan),
        "opt_outs": objections.digest,
        "models": {model.spec.id: model.identity for model in plan.models},
        "actions": actions_digest(actions),
        "network_names": frame_digest(network_names(config)),
        "config": config.digest(),
        "contract_year": year,
        "index_date": index_date.isoformat(),
        "version": __version__,
        "previous_run": latest_committed_before(config.site.data_root, index_date),
    }
    planning = plan_facts(config, plan, actions, index_date)
    return Night(config, snapshot, plan, memberships, areas, objections, index_date, identify_run(parts), planning)


def frame_digest(frame: pl.DataFrame | None) -> str:
    """Give the SHA-256 of a small reference table's rows, as hex; the order of rows does not matter."""
    if frame is None:
        return ""
    text = frame.select(pl.all().cast(pl.String)).sort(pl.all()).write_csv()
    return hashlib.sha256(text.encode()).hexdigest()


def run(
    config: Config,
    index_date: date,
    networks: tuple[str, ...] = (),
    on_network: Callable[[str, str], None] = lambda _network, _outcome: None,
    engine: Engine = Engine.THREADS,
) -> RunReport:
    """Run every network (or those named) on `index_date` and deliver it.

    Parameters
    ----------
    on_network
        Called with a network's code and ``delivered`` or ``failed`` as each one ends.
    engine
        Where networks are worked through; it changes no byte of what is delivered.

    Raises
    ------
    UsageError
        A named network has no practice in the register.
    TryLaterError
        Another run of this site is under way.
    """
    with exclusive(config.site.data_root):
        night = open_night(config, index_date)
        known = night.networks
        wanted: tuple[str, ...] = tuple(network_code(code) for code in networks) or tuple(known)
        absent = sorted(set(wanted) - set(known))
        if absent or not wanted:
            msg = f"no practice of network {', '.join(absent) or '(any)'} is in the register on {index_date}"
            raise UsageError(msg)
        already = tuple(code for code in wanted if is_committed(night.folder, code))
        pending = [code for code in wanted if code not in already]
        in_networks = {practice for practices in known.values() for practice in practices}
        orphans = len(set(night.snapshot.practices) - in_networks)
        if not pending:
            return RunReport(night.run_id, night.folder, {}, already, {}, orphans)
        outcomes = _carry_out(night, {code: known[code] for code in pending}, on_network, engine)
    delivered = {outcome.network: outcome.value for outcome in outcomes if outcome.value is not None}
    failed = {
        outcome.network: f"{outcome.error_type} at {outcome.place}" for outcome in outcomes if outcome.value is None
    }
    return RunReport(night.run_id, night.folder, delivered, already, failed, orphans)


def _carry_out(
    night: Night,
    pending: dict[str, tuple[str, ...]],
    on_network: Callable[[str, str], None],
    engine: Engine,
) -> list[Outcome[Path]]:
    threads = night.config.runs.threads
    at_once = min(night.config.runs.networks_at_once, len(pending))
    work = deliverer(night, max(1, threads // at_once))
    remove_unfinished(night.config.site.data_root)
    journal = Journal(night.config.site.data_root)
    journal.started(night.run_id, night.index_date, list(pending))

    def ended(outcome: Outcome[Path]) -> None:
        journal.network(night.run_id, outcome)
        on_network(outcome.network, "delivered" if outcome.value is not None else "failed")

    if engine is Engine.SPARK:
        from pophealth.runs.engines.spark import run_networks as run_on_spark

        outcomes = run_on_spark(pending, handed(night), threads, ended)
    else:
        outcomes = run_networks(list(pending), lambda network: work(network, pending[network]), at_once, ended)
    journal.finished(night.run_id)
    return outcomes
