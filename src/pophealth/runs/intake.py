"""Gives an ingest: the extract conformed, gated against the last snapshot, and written as a new snapshot of the register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.declare import CODED_TABLES
from pophealth.errors import ConfigError, DataContractError
from pophealth.extracts import conform
from pophealth.pseudonyms import purpose_key
from pophealth.reference import load_library, load_medicine_map, order_hint
from pophealth.register import open_snapshot, open_writer
from pophealth.runs.clock import today
from pophealth.runs.keys import read_key
from pophealth.runs.lock import exclusive
from pophealth.runs.objections import type_1_objections

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.config import Config


GATED_ROWS = 100
"""Rows a practice had of one table from which that table is gated for itself."""


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
    ConfigError
        The configuration reads its register from an object store.
    DataContractError
        The extract breaks its contract as a whole, or every practice had to be withheld.
    TryLaterError
        Another run or ingest of this site is under way.
    """
    if config.site.register_url is not None:
        msg = (
            "ingest: config site.register_url is set, and a register is written under site.data_root only. Ingest with "
            "a configuration without it, then copy data_root/register there, CURRENT last (docs/spark.md)."
        )
        raise ConfigError(msg)
    with exclusive(config.site.data_root):
        site_key = read_key(config.site.key_file)
        key = purpose_key(site_key, config.site.purpose)
        objecting = type_1_objections(config, site_key, today())
        previous = _previous_rows(config)
        with open_writer(config.site.data_root, order_hint=_order(config)) as writer:
            conservation = conform(config, writer, key, today=today(), objecting=objecting)
            for practice, reason in _thin(config, conservation.kept_rows(), previous).items():
                conservation.withhold(practice, reason)
            withheld = dict(sorted(conservation.withheld.items()))
            _refuse_nothing(set(writer.rows) - set(withheld), withheld)
            for practice in withheld:
                writer.withhold(practice)
            expected = {practice: previous[practice] for practice in withheld if practice in previous}
            facts = dict(conservation.facts) | {"withheld": withheld, "expected_rows": expected}
            documents = {"conservation.json": conservation.to_dict()} | conservation.documents
            snapshot = writer.finish(facts=facts, documents=documents)
    report = conservation.to_dict()
    return IngestReport(
        snapshot=snapshot.id,
        path=snapshot.path,
        rows=conservation.totals(),
        withheld=withheld,
        warnings=tuple(str(warning) for warning in report["warnings"]),
        persons=report["persons"],
    )


def _order(config: Config) -> pl.DataFrame:
    """Give how the register lays concepts side by side: by the site's medicine map and codelists of today."""
    medicines = config.reference.medicine_map
    hint = order_hint(load_library(*config.reference.codelists), load_medicine_map(medicines) if medicines else None)
    return hint.join(pl.DataFrame({"table": CODED_TABLES}), how="cross")


def _refuse_nothing(left: set[str], withheld: dict[str, str]) -> None:
    """Refuse to replace the register by one that holds nobody."""
    if left:
        return
    first = f", first {min(withheld)}: {withheld[min(withheld)]}" if withheld else ""
    msg = f"ingest: no practice is left, {len(withheld)} were withheld{first}. The register stays as it was."
    raise DataContractError(msg)


def _previous_rows(config: Config) -> dict[str, dict[str, int]]:
    """Give the rows of each practice by table, of the last snapshot that had it."""
    try:
        snapshot = open_snapshot(config.site.data_root)
    except ConfigError:
        return {}  # the first ingest has nothing to be measured against
    # a practice withheld last time is still held against what it last brought: a feed stays thin until it is whole
    expected: dict[str, dict[str, int]] = dict(snapshot.facts.get("expected_rows", {}))
    return expected | {practice: snapshot.rows(practice) for practice in snapshot.practices}


def _thin(config: Config, rows: dict[str, dict[str, int]], previous: dict[str, dict[str, int]]) -> dict[str, str]:
    """Give the practices that bring far fewer rows than last time, in all or of one table.

    A half-loaded feed drops patients silently. Of a small table a share says little: `GATED_ROWS`.
    """
    if config.extract.accept_fewer_rows:
        return {}
    share = config.extract.minimum_row_share
    found: dict[str, str] = {}
    for practice, before in previous.items():
        now = rows.get(practice, {})
        counts = {"": (sum(now.values()), sum(before.values()))}
        counts |= {f" of {name}": (now.get(name, 0), count) for name, count in before.items() if count >= GATED_ROWS}
        thin = [(what, *count) for what, count in counts.items() if count[0] < share * count[1]]
        if thin:
            what, here, there = thin[0]
            found[practice] = (
                f"{here} rows{what}, {there} in the last snapshot; at least {share:.0%} are expected "
                "(extract.minimum_row_share; extract.accept_fewer_rows = true lets it pass)"
            )
    return found
