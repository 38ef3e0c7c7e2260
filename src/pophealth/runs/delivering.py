"""Gives what one network is handed: its result without those who object, its plan, its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth import __version__
from pophealth.delivery.sign import load_signing_key
from pophealth.delivery.write import write_delivery
from pophealth.line import NetworkResult, Task, walk
from pophealth.runs.give_back import give_back
from pophealth.runs.handover import further_tables, parcel_of, renderer
from pophealth.runs.objections import left_out
from pophealth.runs.plan_network import plan_network
from pophealth.runs.summary import summarise
from pophealth.runs.watch import with_outcomes

if TYPE_CHECKING:
    from pophealth.runs.engines.worker import Work
    from pophealth.runs.night import Night


def deliverer(night: Night, threads: int = 1) -> Work:
    """Give what delivers one network, in so many threads; the signing key is read once."""
    site = night.config.site
    signing_key = load_signing_key(site.signing_key_file or site.key_file.with_name("signing.key"))

    def work(network: str, practices: tuple[str, ...]) -> Path:
        basis = site.legal_basis
        task = Task(network, practices, night.index_date, basis, night.areas, night.withheld, threads)
        # the result has no other name here: what is left out at delivery is then held once, not twice
        folder = deliver_network(night, task, walk(task, night.plan, night.snapshot), signing_key)
        give_back()
        return folder

    return work


def deliver_network(night: Night, task: Task, result: NetworkResult, signing_key: Any) -> Path:
    """Give the folder of one network's delivery, committed."""
    network, practices = task.network, task.practices
    buckets = [night.snapshot.bucket(code) for code in practices if code in night.snapshot.practices]
    gone = left_out(buckets, night.objections, night.extract_date)
    here = result.frame["patient_id"].implode()
    counts = {reason: int(ids.is_in(here).sum()) for reason, ids in gone.items()}  # who was counted in, and goes now
    result = without(result, pl.concat(list(gone.values())).unique())
    result.facts["monitoring"] = with_outcomes(night, task, result.facts["monitoring"])
    planned = plan_network(night, network, result, gone, buckets)
    identity = pl.concat([bucket.identity() for bucket in buckets])
    facts = _manifest_facts(night, network, practices)
    summary = summarise(task, night.plan, result, planned.members, counts)
    parcel = parcel_of(night, result, planned, identity, summary, facts)
    return write_delivery(
        night.folder / network,
        members=parcel.members,
        patients=parcel.patients,
        evidence=parcel.evidence,
        summary=parcel.summary,
        practices=parcel.practices,
        facts=facts,
        signing_key=signing_key,
        further=further_tables(parcel),
        render=renderer(night.config, parcel, result.frame),
    )


def without(result: NetworkResult, gone: pl.Series) -> NetworkResult:
    """Give `result` with no row of anyone in `gone`; ranks close up so that they run from 1 without a gap."""
    keep = ~pl.col("patient_id").is_in(gone.implode())
    members = result.members.filter(keep).with_columns(
        pl.col("rank").rank("ordinal").over("rule_id").cast(pl.Int32).alias("rank")
    )
    evidence, contributions = result.evidence.filter(keep), result.contributions.filter(keep)
    return NetworkResult(result.frame.filter(keep), result.selections, members, evidence, contributions, result.facts)


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
        "models": {model.spec.id: model.identity for model in night.plan.models},
        "version": __version__,
    }
