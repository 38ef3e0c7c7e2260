"""Gives a run: every network of the register on one index date, delivered or said why not; a second run does nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth import __version__
from pophealth.config import OnePractice
from pophealth.delivery.identify import identify_members, practice_frames
from pophealth.delivery.sign import load_signing_key
from pophealth.delivery.write import write_delivery
from pophealth.errors import ConfigError, UsageError
from pophealth.line import NetworkResult, Task, walk
from pophealth.plan import Plan, declarations_digest, make_plan
from pophealth.reference import load_areas, load_memberships, members_on, one_practice_membership
from pophealth.register import Snapshot, open_snapshot
from pophealth.runs.clock import today
from pophealth.runs.engines.threads import Outcome, run_networks
from pophealth.runs.identity import run_id as identify_run
from pophealth.runs.journal import Journal
from pophealth.runs.keys import read_key
from pophealth.runs.lock import exclusive
from pophealth.runs.objections import Objections, left_out, read_objections
from pophealth.runs.resume import is_committed, latest_committed_before, remove_unfinished
from pophealth.runs.summary import summarise
from pophealth.terms import Purpose, contract_year_of, network_code

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
        No register, no membership file, or no usable opt-out list.
    """
    snapshot = open_snapshot(config.site.data_root)
    year = config.site.contract_year or contract_year_of(index_date)
    plan = make_plan(config, snapshot, year)
    memberships = _memberships(config)
    areas = None
    if config.reference.areas_2011 or config.reference.areas_2021:
        areas = load_areas(config.reference.areas_2011, config.reference.areas_2021)
    objections = read_objections(config, read_key(config.site.key_file), today())
    parts = {
        "register": snapshot.digest,
        "memberships": frame_digest(memberships),
        "areas": frame_digest(areas),
        "medicine_map": frame_digest(plan.medicine_map),
        "codelists": plan.library.digest,
        "declarations": declarations_digest(plan),
        "opt_outs": objections.digest,
        "models": {},
        "actions": "",
        "config": config.digest(),
        "contract_year": year,
        "index_date": index_date.isoformat(),
        "version": __version__,
        "previous_run": latest_committed_before(config.site.data_root, index_date),
    }
    return Night(config, snapshot, plan, memberships, areas, objections, index_date, identify_run(parts))


def _memberships(config: Config) -> pl.DataFrame:
    """Give the dated membership: of the site's file, or the one practice and network that the configuration names."""
    if config.reference.memberships is not None:
        return load_memberships(config.reference.memberships)[0]
    if isinstance(config.extract.attribution, OnePractice):
        return one_practice_membership(config.extract.attribution)
    msg = "config reference.memberships: missing; a run needs the dated membership of practices in networks"
    raise ConfigError(msg)


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
) -> RunReport:
    """Run every network (or those named) on `index_date` and deliver it.

    Parameters
    ----------
    on_network
        Called with a network's code and ``delivered`` or ``failed`` as each one ends.

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
        outcomes = _carry_out(night, known, pending, on_network)
    delivered = {outcome.network: outcome.value for outcome in outcomes if outcome.value is not None}
    failed = {
        outcome.network: f"{outcome.error_type} at {outcome.place}" for outcome in outcomes if outcome.value is None
    }
    return RunReport(night.run_id, night.folder, delivered, already, failed, orphans)


def _carry_out(
    night: Night,
    known: dict[str, tuple[str, ...]],
    pending: list[str],
    on_network: Callable[[str, str], None],
) -> list[Outcome[Path]]:
    signing_key = load_signing_key(
        night.config.site.signing_key_file or night.config.site.key_file.with_name("signing.key")
    )
    remove_unfinished(night.config.site.data_root)
    journal = Journal(night.config.site.data_root)
    journal.started(night.run_id, night.index_date, pending)

    def work(network: str) -> Path:
        return deliver_network(night, network, known[network], signing_key)

    def ended(outcome: Outcome[Path]) -> None:
        journal.network(night.run_id, outcome)
        on_network(outcome.network, "delivered" if outcome.value is not None else "failed")

    outcomes = run_networks(pending, work, night.config.runs.threads, ended)
    journal.finished(night.run_id)
    return outcomes


def deliver_network(night: Night, network: str, practices: tuple[str, ...], signing_key: Any) -> Path:
    """Give the folder of one network's delivery, committed."""
    site = night.config.site
    task = Task(network, practices, night.index_date, site.legal_basis, night.areas, night.withheld)
    result = walk(task, night.plan, night.snapshot)
    buckets = [night.snapshot.bucket(code) for code in practices if code in night.snapshot.practices]
    gone = left_out(buckets, night.objections, night.extract_date)
    here = result.frame["patient_id"].implode()
    counts = {reason: int(ids.is_in(here).sum()) for reason, ids in gone.items()}  # who was counted in, and goes now
    result = without(result, pl.concat(list(gone.values())).unique())
    members = result.members.with_columns(pl.lit(network).alias("network_code"))
    identity = pl.concat([bucket.identity() for bucket in buckets])
    summary = summarise(task, night.plan, result, members, counts)
    allowed = site.purpose is Purpose.CASE_FINDING
    return write_delivery(
        night.folder / network,
        members=identify_members(members, identity, purpose=site.purpose, agreement=site.network_sharing_agreement),
        patients=result.frame.drop("person", "birth_date", "lsoa_code", strict=False),
        evidence=result.evidence,
        summary=summary,
        practices=practice_frames(members, identity) if allowed else None,
        facts=_manifest_facts(night, network, practices),
        signing_key=signing_key,
    )


def without(result: NetworkResult, gone: pl.Series) -> NetworkResult:
    """Give `result` with no row of anyone in `gone`; ranks close up so that they run from 1 without a gap."""
    keep = ~pl.col("patient_id").is_in(gone.implode())
    members = result.members.filter(keep).with_columns(
        pl.col("rank").rank("ordinal").over("rule_id").cast(pl.Int32).alias("rank")
    )
    return NetworkResult(
        result.frame.filter(keep), result.selections, members, result.evidence.filter(keep), result.facts
    )


def _manifest_facts(night: Night, network: str, practices: tuple[str, ...]) -> dict[str, Any]:
    site = night.config.site
    return {
        "run_id": night.run_id,
        "network_code": network,
        "practices": sorted(practices),
        "index_date": night.index_date.isoformat(),
        "contract_year": night.plan.contract_year,
        "purpose": site.purpose.value,
        "legal_basis": site.legal_basis.value,
        "approval_reference": site.approval_reference,
        "network_sharing_agreement": site.network_sharing_agreement,
        "synthetic": site.synthetic,
        "register_snapshot": night.snapshot.id,
        "opt_out_digest": night.objections.digest,
        "codelists_digest": night.plan.library.digest,
        "version": __version__,
    }
