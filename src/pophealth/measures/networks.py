"""Gives whether a commissioner's networks cover its practices and people on a day, and what changed between two days.

The checks are those a registration engine should run (service-specs.md, section 2, N1 to N12, checks a to g).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

# N3: list of 30,000 or more and not tending to exceed 50,000; a commissioner may agree to others, so a warning, never a
# refusal.
SIZE_BAND = (30_000, 50_000)

Outcome = Literal["ok", "warning", "problem", "not checked"]

LISTS = {"practice_code": pl.String(), "list_size": pl.Int64()}
"""Registered people by practice of the commissioner on the day."""
ARRANGEMENTS = {
    "network_code": pl.String(),
    "payee_code": pl.String(),
    "clinical_director": pl.String(),
    "size_reason": pl.String(),
}
"""What was agreed for each network (N3, N4, N8, N9)."""
RESIDENTS = {"practice_code": pl.String(), "lsoa_code": pl.String(), "people": pl.Int64()}
"""Registered people by practice and small area; a null area is one nobody recorded."""
AREAS = {"network_code": pl.String(), "lsoa_code": pl.String()}
"""Small areas of the agreed area of each network (N4, N7). An area may be in several."""
CHANGES = {
    "practice_code": pl.String(),
    "practice_name": pl.String(),
    "change": pl.String(),
    "from_network": pl.String(),
    "to_network": pl.String(),
}
"""Columns of `diff_networks`; change is ``joined``, ``left`` or ``moved``."""


@dataclass(frozen=True)
class Finding:
    """What one check says of one network or practice, or of the whole commissioner (`subject` empty)."""

    check: Literal["a", "b", "c", "d", "e", "f", "g"]
    outcome: Outcome
    subject: str
    count: int
    said: str


def check_networks(
    memberships: pl.DataFrame,
    lists: pl.DataFrame,
    day: date,
    *,
    warnings: Sequence[str] = (),
    arrangements: pl.DataFrame | None = None,
    residents: pl.DataFrame | None = None,
    areas: pl.DataFrame | None = None,
) -> tuple[Finding, ...]:
    """Give what the checks find, by check and subject; each check says something, also when all is well.

    Parameters
    ----------
    memberships
        practice_code, network_code, start_date, end_date: half-open periods.
    lists
        Columns of `LISTS`: every practice of the commissioner, also one without patients.
    warnings
        What loading the memberships warned of: overlaps it has mended already.
    arrangements, residents, areas
        Columns of `ARRANGEMENTS`, `RESIDENTS`, `AREAS`; checks that need one that is None say ``not checked``.
    """
    current = memberships.filter(_in_force(day)).select("practice_code", "network_code")
    placed = lists.filter(pl.col("list_size") > 0).join(current, on="practice_code", how="left")
    networks = _networks(placed)
    return (
        *_one_membership_each(placed),
        _covers_everyone(placed),
        *_no_overlap(memberships, warnings),
        *_size(networks, arrangements),
        *_arranged(networks, arrangements),
        *_closed(memberships, current, lists, day),
        *_residence(placed, residents, areas),
    )


def _in_force(day: date) -> pl.Expr:
    return (pl.col("start_date") <= day) & (pl.col("end_date").is_null() | (pl.col("end_date") > day))


def _networks(placed: pl.DataFrame) -> pl.DataFrame:
    """Give network_code and list_size of every network with patients, by code."""
    known = placed.filter(pl.col("network_code").is_not_null())
    return known.group_by("network_code").agg(pl.col("list_size").sum()).sort("network_code")


def _one_membership_each(placed: pl.DataFrame) -> list[Finding]:
    """Check a: every practice with patients has exactly one core membership on the day (N1, N6)."""
    per_practice = placed.group_by("practice_code").agg(
        networks=pl.col("network_code").drop_nulls().n_unique(), list_size=pl.col("list_size").first()
    )
    wrong = per_practice.filter(pl.col("networks") != 1).sort("practice_code")
    if wrong.is_empty():
        return [Finding("a", "ok", "", per_practice.height, "practices with patients are in exactly one network each")]
    return [
        Finding("a", "problem", practice, size, f"registered people of a practice that is in {networks} networks")
        for practice, networks, size in wrong.iter_rows()
    ]


def _covers_everyone(placed: pl.DataFrame) -> Finding:
    """Check b: lists of networks add up to the commissioner's registered population (N5)."""
    people = _people(placed)
    covered = _people(placed.filter(pl.col("network_code").is_not_null()))
    share = 100 * covered / people if people else 100.0
    said = f"of {people:,} registered people are outside every network; {share:.2f} % are in one"
    return Finding("b", "ok" if covered == people else "problem", "", people - covered, said)


def _people(placed: pl.DataFrame) -> int:
    """Give the registered people of practices, each practice once."""
    return int(placed.unique("practice_code")["list_size"].sum())


def _no_overlap(memberships: pl.DataFrame, warnings: Sequence[str]) -> list[Finding]:
    """Check c: no practice is in two networks at once, ever (N2, N6)."""
    ordered = memberships.sort("practice_code", "start_date")
    latest_end = pl.col("end_date").fill_null(date.max).cum_max().shift(1).over("practice_code")
    shared = ordered.filter((latest_end > pl.col("start_date")).fill_null(value=False))
    found = [
        Finding("c", "problem", practice, count, "periods begin before an earlier one of the practice has ended")
        for practice, count in shared["practice_code"].value_counts().sort("practice_code").iter_rows()
    ]
    found += [Finding("c", "warning", "", 1, warning) for warning in warnings if "overlap" in warning]
    return found or [Finding("c", "ok", "", 0, "periods overlap")]


def _size(networks: pl.DataFrame, arrangements: pl.DataFrame | None) -> list[Finding]:
    """Check d: list size within the band, or a reason agreed (N3)."""
    lowest, highest = SIZE_BAND
    reasons = dict(arrangements.select("network_code", "size_reason").iter_rows()) if arrangements is not None else {}
    found: list[Finding] = []
    for network, size in networks.filter(~pl.col("list_size").is_between(lowest, highest)).iter_rows():
        side = f"registered people, {'under' if size < lowest else 'over'} {lowest if size < lowest else highest:,}"
        reason = (reasons.get(network) or "").strip()
        said = f"{side}; agreed: {reason}" if reason else f"{side}; no reason is recorded"
        found.append(Finding("d", "ok" if reason else "warning", network, size, said))
    return found or [Finding("d", "ok", "", networks.height, f"networks have {lowest:,} to {highest:,} people")]


def _arranged(networks: pl.DataFrame, arrangements: pl.DataFrame | None) -> list[Finding]:
    """Check e: a nominated payee and a Clinical Director (N4, N8, N9)."""
    if arrangements is None:
        said = "networks, of which payee and Clinical Director are not supplied"
        return [Finding("e", "not checked", "", networks.height, said)]
    rows = networks.join(arrangements, on="network_code", how="left")
    found: list[Finding] = []
    for column, what in (("payee_code", "nominated payee"), ("clinical_director", "Clinical Director")):
        blank = pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")
        missing = rows.filter(blank)["network_code"].unique().sort()
        found += [Finding("e", "problem", network, 1, f"no {what} is recorded") for network in missing]
    return found or [Finding("e", "ok", "", networks.height, "networks have a payee and a Clinical Director")]


def _closed(memberships: pl.DataFrame, current: pl.DataFrame, lists: pl.DataFrame, day: date) -> list[Finding]:
    """Check f: a closed practice has an end date, and its patients are registered elsewhere."""
    here = lists.filter(pl.col("list_size") > 0)
    of_ours = current.join(here.select("practice_code"), on="practice_code", how="anti")
    of_ours = of_ours.join(lists.select("practice_code"), on="practice_code", how="semi")
    found = [
        Finding(
            "f", "warning", practice, 0, "registered people in a practice whose membership has no end; is it closed?"
        )
        for practice in of_ours["practice_code"].unique().sort()
    ]
    ended = memberships.filter(pl.col("end_date") <= day).join(current, on="practice_code", how="anti")
    left = here.join(ended.unique("practice_code").select("practice_code"), on="practice_code", how="semi")
    said = "registered people of a practice whose membership has ended; they have not reappeared elsewhere"
    rows = left.sort("practice_code").select("practice_code", "list_size").iter_rows()
    found += [Finding("f", "problem", practice, size, said) for practice, size in rows]
    return found or [
        Finding("f", "ok", "", here.height, "practices with patients have an open membership, or never had one")
    ]


def _residence(placed: pl.DataFrame, residents: pl.DataFrame | None, areas: pl.DataFrame | None) -> list[Finding]:
    """Check g: people who live outside the area of their network are counted, not dropped (N7)."""
    if residents is None:
        return [Finding("g", "not checked", "", 0, "people whose small area is supplied")]
    known = placed.filter(pl.col("network_code").is_not_null()).select("practice_code", "network_code")
    rows = residents.join(known, on="practice_code", how="inner")
    lost = _people(placed) - int(residents["people"].sum())
    found = (
        [Finding("g", "problem", "", lost, "registered people are in no small area, not even an unknown one")]
        if lost
        else []
    )
    if areas is None:
        unknown = int(rows.filter(pl.col("lsoa_code").is_null())["people"].sum())
        return [
            *found,
            Finding("g", "not checked", "", unknown, "people have no small area; no network's area is supplied"),
        ]
    inside = rows.join(areas.unique(), on=["network_code", "lsoa_code"], how="semi")
    per_network = (
        rows.group_by("network_code")
        .agg(pl.col("people").sum())
        .join(inside.group_by("network_code").agg(inside=pl.col("people").sum()), on="network_code", how="left")
        .sort("network_code")
    )
    for network, people, within in per_network.iter_rows():
        outside = people - (within or 0)
        said = f"of {people:,} registered people live outside the network's area ({100 * outside / people:.1f} %)"
        found.append(Finding("g", "ok", network, outside, said))
    return found


def diff_networks(memberships: pl.DataFrame, first: date, second: date) -> pl.DataFrame:
    """Give every practice that is in another network on `second` than on `first` (columns of `CHANGES`), by practice."""
    sides = [
        memberships.filter(_in_force(day)).select("practice_code", "practice_name", "network_code")
        for day in (first, second)
    ]
    both = sides[0].join(sides[1], on="practice_code", how="full", coalesce=True, suffix="_then")
    changed = both.filter(pl.col("network_code").ne_missing(pl.col("network_code_then")))
    return changed.select(
        "practice_code",
        practice_name=pl.coalesce("practice_name_then", "practice_name"),
        change=pl.when(pl.col("network_code").is_null())
        .then(pl.lit("joined"))
        .when(pl.col("network_code_then").is_null())
        .then(pl.lit("left"))
        .otherwise(pl.lit("moved")),
        from_network="network_code",
        to_network="network_code_then",
    ).sort("practice_code")
