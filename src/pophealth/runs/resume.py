"""Gives what was delivered before: a committed network is never touched again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pophealth.delivery.verify import COMMITTED
from pophealth.runs.journal import read_journal


def is_committed(run_folder: Path, network: str) -> bool:
    """Give whether a network's delivery of this run is whole."""
    return (run_folder / network / COMMITTED).is_file()


def committed_networks(data_root: Path, run_id: str) -> list[str]:
    """Give the networks of a run that are delivered, by code."""
    return sorted(path.parent.name for path in (data_root / "deliveries" / run_id).glob(f"U*/{COMMITTED}"))


def latest_committed_before(data_root: Path, index_date: date) -> str:
    """Give the id of the latest run with something delivered on an earlier index date; empty when there is none.

    Of several on that date it is the one begun last. Entrants and leavers are counted against it.
    """
    found = ("", "")
    for entry in read_journal(data_root):
        if entry["event"] == "started" and found[0] <= entry["index_date"] < index_date.isoformat():
            if committed_networks(data_root, entry["run_id"]):
                found = (entry["index_date"], entry["run_id"])
    return found[1]
