"""Gives who stands in two parts of an extract, so that nobody is counted twice, dead here and alive there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from pophealth.errors import DataContractError
from pophealth.extracts.layout import Layout
from pophealth.extracts.parts import PartTaker
from pophealth.extracts.people import ELSEWHERE
from pophealth.extracts.quarantine import Measures


def find_overlaps(layout: Layout, parts: Iterable[str], measures: Measures) -> dict[str, pl.DataFrame]:
    """Give, for each part that shares people with another, what the others know of them (columns of `ELSEWHERE`).

    The record with the latest regular registration wins, as within a part; then the part whose name comes first. Held in
    memory for the whole extract: 64 bits a person. Two people who share a hash by chance (of 60 million, about one
    chance in 10,000) would make one quarantined record, never a wrong one.
    """
    names = list(parts)
    hashes = [found["identity"].to_numpy() for part in names if (found := _people(layout, part, measures)) is not None]
    everyone = np.concatenate([np.empty(0, np.uint64), *hashes])
    del hashes
    everyone.sort()
    twice = np.unique(everyone[1:][everyone[1:] == everyone[:-1]])
    del everyone
    if not twice.size:
        return {}
    shared = pl.DataFrame({"identity": twice})
    frames = [
        found.join(shared, on="identity", how="semi").with_columns(part=pl.lit(part))
        for part in names
        if (found := _people(layout, part, measures)) is not None
    ]
    return _shared_out(pl.concat(frames))


def _people(layout: Layout, part: str, measures: Measures) -> pl.DataFrame | None:
    """Give the people of a part that could be counted; None where it cannot be read, which is reported in its turn."""
    try:
        census, _ = PartTaker(layout, part, measures).census()
    except DataContractError:
        return None
    people = census.people.filter(~pl.col("is_faulty") & ~pl.col("is_second"))
    return people.select("identity", "is_regular", "since", "objects", "death")


def _shared_out(people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    known = people.sort(
        "identity", "is_regular", "since", "part", descending=[False, True, True, False], nulls_last=True
    ).with_columns(
        is_lost=~pl.col("identity").is_first_distinct(),
        objects=pl.col("objects").any().over("identity"),
        death=pl.col("death").min().over("identity"),
    )
    return {
        str(part): mine.select(pl.col(name).cast(kind) for name, kind in ELSEWHERE.items())
        for (part,), mine in known.partition_by("part", as_dict=True).items()
    }
