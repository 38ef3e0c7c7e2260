"""Gives an ingest: the extract conformed, gated against the last snapshot, and written as a new snapshot of the register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pophealth.errors import ConfigError, DataContractError
from pophealth.extracts import conform
from pophealth.register import open_snapshot, open_writer
from pophealth.runs.keys import read_key
from pophealth.runs.lock import exclusive

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.config import Config


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did: the snapshot, its rows by table, and the practices it had to withhold, with the reason."""

    snapshot: str
    path: Path
    rows: dict[str, dict[str, int]]
    withheld: dict[str, str]
    warnings: tuple[str, ...]
    persons: dict[str, Any]


def ingest(config: Config) -> IngestReport:
    """Conform the site's extract and write the register; the old snapshot stays until the new one is whole.

    Raises
    ------
    DataContractError
        The extract breaks its contract as a whole, or every practice had to be withheld.
    TryLaterError
        Another run or ingest of this site is under way.
    """
    with exclusive(config.site.data_root):
        key = read_key(config.site.key_file)
        previous = _previous_rows(config)
        with open_writer(config.site.data_root) as writer:
            conservation = conform(config, writer, key)
            withheld = dict(conservation.withheld) | _thin(config, writer.rows, previous)
            if writer.rows and not set(writer.rows) - set(withheld):
                msg = f"ingest: all {len(withheld)} practices were withheld; the register stays as it was"
                raise DataContractError(msg)
            for practice in withheld:
                writer.withhold(practice)
            facts = dict(conservation.facts) | {"withheld": withheld}
            snapshot = writer.finish(facts=facts, documents={"conservation.json": conservation.to_dict()})
    report = conservation.to_dict()
    return IngestReport(
        snapshot=snapshot.id,
        path=snapshot.path,
        rows=conservation.totals(),
        withheld=withheld,
        warnings=tuple(str(warning) for warning in report["warnings"]),
        persons=report["persons"],
    )


def _previous_rows(config: Config) -> dict[str, int]:
    try:
        snapshot = open_snapshot(config.site.data_root)
    except ConfigError:
        return {}  # the first ingest has nothing to be measured against
    return {practice: sum(snapshot.rows(practice).values()) for practice in snapshot.practices}


def _thin(config: Config, rows: dict[str, int], previous: dict[str, int]) -> dict[str, str]:
    """Give the practices that bring far fewer rows than last time: a half-loaded feed drops patients silently."""
    if config.extract.accept_fewer_rows:
        return {}
    share = config.extract.minimum_row_share
    return {
        practice: f"{rows.get(practice, 0)} rows, {before} in the last snapshot; at least {share:.0%} are expected "
        "(extract.minimum_row_share; extract.accept_fewer_rows = true lets it pass)"
        for practice, before in previous.items()
        if rows.get(practice, 0) < share * before
    }
