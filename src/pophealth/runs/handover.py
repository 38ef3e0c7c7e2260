"""Gives what a network is handed beside Arrow tables: the parcel, and the pages, workbook and files made of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.identify import identify_members, practice_frames
from pophealth.delivery.parcel import Parcel
from pophealth.runs.give_back import give_back
from pophealth.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pophealth.config import Config
    from pophealth.line import NetworkResult
    from pophealth.runs.night import Night
    from pophealth.runs.plan_network import Planned


def parcel_of(
    night: Night,
    result: NetworkResult,
    planned: Planned,
    identity: pl.DataFrame,
    summary: dict[str, Any],
    facts: Mapping[str, Any],
) -> Parcel:
    """Give everything a network is handed; NHS numbers stand in it where purpose and agreement allow them.

    Parameters
    ----------
    identity
        patient_id and nhs_number of the network.
    summary, facts
        What summary and manifest say; the summary is given the plan's counts, and each rule its digest.
    """
    site, network = night.config.site, str(facts["network_code"])
    members = planned.members.with_columns(pl.lit(network).alias("network_code"))
    shown = identify_members(members, identity, purpose=site.purpose, agreement=site.network_sharing_agreement)
    digests = night.plan_facts.rule_digests
    rules = {rule_id: said | {"digest": digests[rule_id]} for rule_id, said in summary["rules"].items()}
    return Parcel(
        facts=_named(facts, night.plan_facts.network_name(network), night.memberships),
        summary=summary | planned.counts | {"rules": rules},
        members=shown,
        patients=result.frame.drop("person", "birth_date", "lsoa_code", strict=False),
        evidence=result.evidence,
        offers=planned.offers,
        worklist=with_numbers(planned.worklist, shown),
        changes=planned.changes,
        contributions=result.contributions,
        practices=practice_frames(members, identity) if site.purpose is Purpose.CASE_FINDING else None,
    )


def further_tables(parcel: Parcel) -> dict[str, pl.DataFrame]:
    """Give the tables that leave beside members, patients and evidence; contributions where models were used."""
    tables = {"plan": parcel.offers, "worklist": parcel.worklist, "changes": parcel.changes}
    return tables | ({"contributions": parcel.contributions} if parcel.contributions.height else {})


def with_numbers(worklist: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Give the worklist with the NHS numbers that `members` may show."""
    numbers = members.select("patient_id", "nhs_number").filter(pl.col("nhs_number").is_not_null()).unique("patient_id")
    columns = worklist.columns
    return worklist.drop("nhs_number").join(numbers, on="patient_id", how="left", maintain_order="left").select(columns)


def renderer(config: Config, parcel: Parcel, births: pl.DataFrame) -> Callable[[Path], None]:
    """Give what writes pages, workbook and files for GP systems into a delivery's folder, as the configuration asks.

    Parameters
    ----------
    births
        patient_id and birth_date of the network, for the files that need it.
    """
    delivery = config.delivery

    def lists(made: Path) -> None:
        if delivery.workbook:
            _workbooks(made, parcel)
        if delivery.gp_presets and parcel.practices is not None:
            from pophealth.delivery.gp_files import write_gp_files

            write_gp_files(
                made / "practices", parcel.practices, births, delivery.gp_presets, parcel.facts["index_date"]
            )

    def pages(made: Path) -> None:
        if delivery.pages:
            from pophealth.delivery.pages import render_site

            changed = parcel.changes.filter(pl.col("rule_id").is_not_null())
            render_site(replace(parcel, changes=changed), made)

    def render(made: Path) -> None:
        give_back()  # of the tables just written
        with ThreadPoolExecutor(1) as pool:  # beside this one
            listing = pool.submit(lists, made)
            pages(made)
        listing.result()

    return render


def _workbooks(made: Path, parcel: Parcel) -> None:
    """Write the network's workbook and, where it may show no NHS number, one for each practice that does."""
    from pophealth.delivery.workbook import practice_parcel, write_workbook

    write_workbook(parcel, made / "lists.xlsx")
    if parcel.practices is None or parcel.facts.get("network_sharing_agreement"):
        return
    for practice in parcel.practices:
        write_workbook(practice_parcel(parcel, practice), made / "practices" / practice / "lists.xlsx")


def _named(facts: Mapping[str, Any], network_name: str, memberships: pl.DataFrame) -> dict[str, Any]:
    """Give the manifest's facts with the names that pages call network and practices by."""
    names: dict[str, str] = {}
    if "practice_name" in memberships.columns:
        named = memberships.filter(
            pl.col("practice_code").is_in(facts["practices"]), pl.col("practice_name").is_not_null()
        ).sort("practice_code", "start_date")
        names = dict(named.select("practice_code", "practice_name").iter_rows())
    return {**facts, "network_name": network_name, "practice_names": names}
