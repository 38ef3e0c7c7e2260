"""Gives which practice belonged to which network when, from our own table or the published ODS history."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from pophealth.errors import DataContractError
from pophealth.reference.published import by_contract, only_good, read_published, require_columns, text_date
from pophealth.tables import Memberships, Networks
from pophealth.terms import EARLIEST_DAY, UNALLOCATED, network_code, practice_code

# Published column names of ODS `epcncorepartnerdetails` (reference pack README, NHS England ODS).
_ODS = {
    "Partner Organisation Code": "practice_code",
    "Partner Name": "practice_name",
    "PCN Code": "network_code",
    "Practice to PCN Relationship Start Date": "start_date",
    "Practice to PCN Relationship End Date": "end_date",
}
_WHAT = "memberships"
_FOREVER = date(9999, 12, 31)


def load_memberships(path: Path) -> tuple[pl.DataFrame, list[str]]:
    """Give the dated membership (`tables.Memberships`), half-open, by practice and date, and warnings with counts.

    ODS ends are inclusive: the day after is the first outside. On a day that two periods of one practice share, the one
    that began later is in force (of two begun on one day, the one that ends later). The code U stands for "in no
    network": such rows are no membership.

    Raises
    ------
    DataContractError
        A column is missing, or not one row is a membership.
    """
    frame = read_published(path, _WHAT)
    form = "%Y-%m-%d"
    published = set(_ODS) <= set(frame.columns)
    if published:
        frame, form = frame.select(*_ODS).rename(_ODS), "%Y%m%d"
    for name in sorted(Memberships.optional - set(frame.columns)):
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))
    require_columns(frame, _ODS.values(), path, _WHAT)
    unallocated = (frame["network_code"].cast(pl.String) == UNALLOCATED).fill_null(value=False)
    dated, undated = _dated(frame.filter(~unallocated), form, inclusive=published)
    good, failed = by_contract(dated, Memberships)
    if good.is_empty():
        msg = f"{_WHAT} {path.name}: none of {frame.height} rows is a membership; contract: {failed}"
        raise DataContractError(msg)
    cut, overlaps = _without_overlaps(good)
    counts = {
        "rows in no network (code U) left out": int(unallocated.sum()),
        "rows with a date that is none left out": undated,
        f"rows that break the contract left out {failed}": dated.height - good.height,
        "periods overlap a later one of the same practice; the later start wins": overlaps,
    }
    return cut, [f"{_WHAT} {path.name}: {count} {what}" for what, count in counts.items() if count]


def _dated(frame: pl.DataFrame, form: str, *, inclusive: bool) -> tuple[pl.DataFrame, int]:
    """Give the rows with dates as dates, and how many had text that is no date: an end lost would never end."""
    names = [name for name in ("start_date", "end_date") if frame.schema[name] != pl.Date]
    blank = [pl.col(name).cast(pl.String).str.strip_chars().replace("", None).alias(name) for name in names]
    dated = frame.with_columns(blank).with_columns(text_date(name, form).alias(f"_{name}") for name in names)
    lost = pl.any_horizontal(
        [pl.col(f"_{name}").is_null() & pl.col(name).is_not_null() for name in names] or pl.lit(False)
    )
    kept = dated.filter(~lost).with_columns(pl.col(f"_{name}").alias(name) for name in names)
    if inclusive:
        kept = kept.with_columns(pl.col("end_date").dt.offset_by("1d"))
    return kept.select(frame.columns), dated.height - kept.height


def _without_overlaps(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Give periods of which no two of one practice share a day, and how many had to give way."""
    in_force = rows.filter(pl.col("end_date").is_null() | (pl.col("end_date") > pl.col("start_date")))
    ends = pl.col("end_date").fill_null(_FOREVER)
    ordered = in_force.unique().sort("practice_code", "start_date", ends, "network_code", "practice_name")
    latest_end = ends.cum_max().shift(1).over("practice_code")
    practices = ordered.filter((latest_end > pl.col("start_date")).fill_null(value=False))["practice_code"].unique()
    shared = pl.col("practice_code").is_in(practices.to_list())
    mended: list[dict[str, Any]] = []
    overlaps = 0
    for _, group in ordered.filter(shared).group_by("practice_code", maintain_order=True):
        periods, gave_way = _day_by_day(group.to_dicts())
        mended += periods
        overlaps += gave_way
    whole = pl.concat([ordered.filter(~shared), pl.DataFrame(mended, schema=ordered.schema)])
    return whole.sort("practice_code", "start_date"), overlaps


def _day_by_day(periods: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Give one practice's periods cut so that the last begun is in force; between two borders nothing changes."""
    borders = sorted({day for period in periods for day in (period["start_date"], period["end_date"] or _FOREVER)})
    cut: list[dict[str, Any]] = []
    gave_way: set[int] = set()
    for begin, end in pairwise(borders):
        open_ones = [
            (place, period)
            for place, period in enumerate(periods)
            if period["start_date"] <= begin and (period["end_date"] or _FOREVER) >= end
        ]
        if not open_ones:
            continue
        winner = open_ones[-1][1]  # they come ordered by start, then end
        gave_way |= {place for place, _ in open_ones[:-1]}
        until = None if end == _FOREVER else end
        if cut and cut[-1]["network_code"] == winner["network_code"] and cut[-1]["end_date"] == begin:
            cut[-1] |= {"end_date": until}
        else:
            cut.append(winner | {"start_date": begin, "end_date": until})
    return cut, len(gave_way)


def members_on(memberships: pl.DataFrame, day: date) -> pl.DataFrame:
    """Give practice_code, network_code, practice_name of the memberships in force on `day`, by practice."""
    in_force = (pl.col("start_date") <= day) & (pl.col("end_date").is_null() | (pl.col("end_date") > day))
    return memberships.filter(in_force).select("practice_code", "network_code", "practice_name").sort("practice_code")


class Named(Protocol):
    """A practice and its network by code and name, as a configuration names them."""

    @property
    def practice_code(self) -> str: ...  # noqa: D102
    @property
    def practice_name(self) -> str: ...  # noqa: D102
    @property
    def network_code(self) -> str: ...  # noqa: D102


def one_practice_membership(attribution: Named) -> pl.DataFrame:
    """Give the membership of a source that knows no practice: everyone in the one the configuration names."""
    row = {
        "practice_code": practice_code(attribution.practice_code),
        "practice_name": attribution.practice_name,
        "network_code": network_code(attribution.network_code),
        "start_date": EARLIEST_DAY,
        "end_date": None,
    }
    return Memberships.cast(pl.DataFrame([row]))


def load_network_details(path: Path) -> pl.DataFrame:
    """Give networks (`tables.Networks`) with name and sub-ICB of the published ODS list (`ePCN`).

    Raises
    ------
    DataContractError
        A column is missing, or rows break the contract.
    """
    frame = read_published(path, "network details")
    named = {"PCN Code": "network_code", "PCN Name": "network_name", "Current Sub ICB Loc Code": "sub_icb_code"}
    require_columns(frame, named, path, "network details")
    nothing = pl.lit(None, dtype=pl.String)
    renamed = frame.select(*named).rename(named).with_columns(place_code=nothing, icb_code=nothing)
    return only_good(renamed, Networks, path, "network details")
