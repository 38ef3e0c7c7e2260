"""Gives nothing, or an error: what is looked at once more before anything of a delivery is written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pophealth.delivery.verify import COMMITTED
from pophealth.errors import DataContractError, IntegrityError, TryLaterError
from pophealth.terms import Purpose, Status, network_code

_SPARE_BYTES = 1 << 20


def refuse_wrong_place(folder: Path, facts: Mapping[str, Any]) -> None:
    """Refuse a folder that is not ``deliveries/<run_id>/<network>``, is reached over a link, or is committed already.

    Raises
    ------
    UsageError
        Its name is no network code.
    IntegrityError
        It is not where `facts` say, or stands there whole: a committed delivery is never written again.
    """
    code = network_code(folder.name)
    if code != facts["network_code"] or folder.parent.name != facts["run_id"] or ".." in folder.parts:
        msg = f"delivery of {code}: its folder is of another network or run than its manifest would say"
        raise IntegrityError(msg)
    if re.fullmatch(r"[0-9a-f]{64}", folder.parent.name) is None:
        msg = f"delivery of {code}: the folder above it is not named by a run id"
        raise IntegrityError(msg)
    links = [place.name for place in (folder, folder.parent, folder.parent.parent) if place.is_symlink()]
    if links:
        msg = f"delivery of {code}: {links[0]} is a link; nothing is written over a link. HINT: mount the disk there."
        raise IntegrityError(msg)
    if (folder / COMMITTED).exists():
        msg = f"delivery of {code}: it is committed; a committed delivery is never written again"
        raise IntegrityError(msg)


def refuse_strangers(
    tables: Mapping[str, pl.DataFrame], practices: Mapping[str, pl.DataFrame], facts: Mapping[str, Any]
) -> None:
    """Refuse rows of another network, people without a row in patients, and NHS numbers where none may stand.

    Raises
    ------
    DataContractError
        How many, in which table.
    """
    allowed = list(facts["practices"])
    counts = {
        f"rows of {name} are of practices outside it": frame.filter(~pl.col("practice_code").is_in(allowed)).height
        for name, frame in tables.items()
        if "practice_code" in frame.columns
    }
    counts["rows of members are of another network"] = _other(tables["members"], "network_code", facts["network_code"])
    counts["rows stand twice for one person"] = tables["patients"].height - tables["patients"]["patient_id"].n_unique()
    for name, frame in tables.items():
        strangers = frame.join(tables["patients"], on="patient_id", how="anti")
        counts[f"rows of {name} are of people who are not in patients"] = strangers.height
    counts |= _practice_counts(practices, allowed) | _number_counts(tables, practices, facts)
    for what, count in counts.items():
        if count:
            msg = f"delivery of {facts['network_code']}: {count} {what}; nothing was written"
            raise DataContractError(msg)


def _other(frame: pl.DataFrame, column: str, value: str) -> int:
    return frame.filter(pl.col(column).ne_missing(pl.lit(value))).height


def _practice_counts(practices: Mapping[str, pl.DataFrame], allowed: list[str]) -> dict[str, int]:
    return {
        "practices with a file are outside it": len(set(practices) - set(allowed)),
        "rows stand in the file of another practice": sum(
            _other(frame, "practice_code", code) for code, frame in practices.items()
        ),
    }


def _number_counts(
    tables: Mapping[str, pl.DataFrame], practices: Mapping[str, pl.DataFrame], facts: Mapping[str, Any]
) -> dict[str, int]:
    """Give how many NHS numbers stand where purpose, agreement or status leave no room for one."""
    members = tables["members"]
    numbered = pl.col("nhs_number").is_not_null()
    not_listed = numbered & (pl.col("status").cast(pl.String) != Status.LISTED.value)
    shared = facts["purpose"] == Purpose.CASE_FINDING and facts.get("network_sharing_agreement")
    at_practice = facts["purpose"] == Purpose.CASE_FINDING
    return {
        "NHS numbers at network level without an agreement": sum(
            0 if shared or "nhs_number" not in frame.columns else frame.filter(numbered).height
            for frame in tables.values()
        ),
        "NHS numbers in practice files of a purpose that has none": sum(
            0 if at_practice else frame.filter(numbered).height for frame in practices.values()
        ),
        "NHS numbers of people who are not listed": sum(
            frame.filter(not_listed).height for frame in (members, *practices.values())
        ),
    }


def require_space(folder: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Refuse to begin where the disk cannot hold what is to be written, by its size in memory.

    Raises
    ------
    TryLaterError
        How much there is and how much is needed.
    """
    above = next(place for place in folder.parents if place.exists())
    free = shutil.disk_usage(above).free
    needed = int(sum(frame.estimated_size() for frame in frames)) + _SPARE_BYTES
    if free < needed:
        msg = (
            f"delivery of {folder.name}: the disk has {free >> 20} MiB free, about {needed >> 20} MiB are needed. "
            "Nothing was written. Free space (`pophealth prune`) and run again."
        )
        raise TryLaterError(msg)
