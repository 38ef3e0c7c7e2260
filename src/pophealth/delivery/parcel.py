"""Gives what a network is handed, in one place: the tables, the counts and the facts that pages and workbook are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Parcel:
    """Everything a network is handed: what the renderers read, nothing else.

    Attributes
    ----------
    facts : dict
        The manifest's facts and ``network_name``, ``practice_names`` (code to name).
    summary : dict
        The network's summary with ``plan``, ``changes``, ``progress`` and ``monitoring``.
    members, patients, evidence : DataFrame
        As delivered; members with ``place`` and ``is_new``, NHS numbers null unless the network may see them.
    offers, worklist, changes, contributions : DataFrame
        The plan's offers, one row per listed person, entrants and leavers, and what moved a model's prediction.
    practices : dict or None
        Each practice's members with NHS numbers; none unless the purpose is case finding.
    """

    facts: dict[str, Any]
    summary: dict[str, Any]
    members: pl.DataFrame
    patients: pl.DataFrame
    evidence: pl.DataFrame
    offers: pl.DataFrame
    worklist: pl.DataFrame
    changes: pl.DataFrame
    contributions: pl.DataFrame
    practices: dict[str, pl.DataFrame] | None
