"""Gives a site's networks checked against its register, and what changed in them between two days."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.errors import ConfigError, DataContractError, UsageError
from pophealth.measures.networks import AREAS, ARRANGEMENTS, RESIDENTS, check_networks, diff_networks
from pophealth.population import registered
from pophealth.reference import load_memberships
from pophealth.register import open_snapshot
from pophealth.terms import LegalBasis

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.config import Config
    from pophealth.register import Snapshot


def check_site(
    config: Config, day: date | None, *, arrangements: Path | None = None, areas: Path | None = None
) -> list[dict[str, Any]]:
    """Give the findings of the network checks, as plain values; list sizes are those of the register on `day`.

    Parameters
    ----------
    day
        None: the last day the extract knows about.
    arrangements
        CSV of network_code, payee_code, clinical_director, size_reason.
    areas
        CSV of network_code and lsoa_code: the agreed area of each network.

    Raises
    ------
    ConfigError
        The configuration names no memberships, or nothing was ingested yet.
    UsageError
        No day is given and the extract says none.
    DataContractError
        A file is damaged.
    """
    memberships, warnings = load_memberships(_membership_file(config))
    snapshot = open_snapshot(config.site.register_place)
    told = snapshot.facts.get("extract_date")
    if day is None and told is None:
        msg = "networks check: the extract says no last day; give --index-date"
        raise UsageError(msg)
    on = day or date.fromisoformat(str(told))
    residents = _residents(snapshot, on)
    sizes = residents.group_by("practice_code").agg(list_size=pl.col("people").sum())
    everyone = pl.DataFrame({"practice_code": list(snapshot.practices)}, {"practice_code": pl.String})
    lists = everyone.join(sizes, on="practice_code", how="left").with_columns(pl.col("list_size").fill_null(0))
    findings = check_networks(
        memberships,
        lists,
        on,
        warnings=warnings,
        arrangements=_table(arrangements, ARRANGEMENTS, "arrangements"),
        residents=residents,
        areas=_table(areas, AREAS, "areas"),
    )
    return [asdict(finding) for finding in findings]


def diff_site(config: Config, first: date, second: date) -> list[dict[str, Any]]:
    """Give every practice that joined, left or changed its network between two days, as plain values."""
    memberships, _ = load_memberships(_membership_file(config))
    return diff_networks(memberships, first, second).to_dicts()


def _membership_file(config: Config) -> Path:
    if config.reference.memberships is None:
        msg = "config reference.memberships: missing; networks are checked against the dated membership of practices"
        raise ConfigError(msg)
    return config.reference.memberships


def _residents(snapshot: Snapshot, day: date) -> pl.DataFrame:
    """Give registered people by practice and small area on `day`. Objections leave nobody out of a list size."""
    counted = [pl.DataFrame(schema=RESIDENTS)]
    for practice in snapshot.practices:
        bucket = snapshot.bucket(practice)
        people, _ = registered(
            bucket.people,
            bucket.registrations,
            bucket.opt_outs,
            index_date=day,
            practice=practice,
            legal_basis=LegalBasis.DIRECT_CARE,
            areas=None,
        )
        grouped = people.group_by("practice_code", "lsoa_code").agg(people=pl.len().cast(pl.Int64))
        counted.append(grouped.select(*RESIDENTS))
    return pl.concat(counted)


def _table(path: Path | None, columns: dict[str, Any], what: str) -> pl.DataFrame | None:
    if path is None:
        return None
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        msg = f"{what} {path.name}: cannot be read as CSV ({type(error).__name__})"
        raise DataContractError(msg) from None
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        msg = f"{what} {path.name}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}"
        raise DataContractError(msg)
    return frame.select(*columns)
