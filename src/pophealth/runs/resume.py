"""Gives what was delivered before: a committed network is never touched again, an unfinished one leaves nothing."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from pophealth.delivery.verify import COMMITTED
from pophealth.runs.journal import read_journal


def deliveries_folder(data_root: Path) -> Path:
    """Give where the deliveries of a site lie: a folder a run, in it a folder a network."""
    return data_root / "deliveries"


def is_committed(run_folder: Path, network: str) -> bool:
    """Give whether a network's delivery of this run is whole."""
    return (run_folder / network / COMMITTED).is_file()


def committed_networks(data_root: Path, run_id: str) -> list[str]:
    """Give the networks of a run that are delivered, by code."""
    return sorted(path.parent.name for path in (deliveries_folder(data_root) / run_id).glob(f"U*/{COMMITTED}"))


def latest_committed_before(data_root: Path, index_date: date) -> str:
    """Give the id of the latest run with something delivered on an earlier index date; empty when there is none.

    Of several on that date it is the one begun last. Entrants and leavers are counted against it. A run whose delivery
    was pruned since still counts: removing old deliveries must not turn a committed run into another one.
    """
    entries = read_journal(data_root)
    delivered = {entry["run_id"] for entry in entries if entry["event"] == "delivered"}
    found = ("", "")
    for entry in entries:
        earlier = entry["event"] == "started" and found[0] <= entry["index_date"] < index_date.isoformat()
        if earlier and (entry["run_id"] in delivered or committed_networks(data_root, entry["run_id"])):
            found = (entry["index_date"], entry["run_id"])
    return found[1]


def remove_unfinished(data_root: Path) -> int:
    """Remove what killed processes left beside deliveries, and give how many folders that were.

    The caller holds the site's lock: nobody else is writing. What is committed or in its place is not touched.
    """
    root = deliveries_folder(data_root)
    left = [path for path in (*root.glob("*/.U*"), *root.glob(".pruned-*")) if path.is_dir() and not path.is_symlink()]
    for folder in left:
        shutil.rmtree(folder)
    return len(left)


def remove_run(data_root: Path, run_id: str) -> Path:
    """Remove a run's deliveries in one step, and give where they were: whole or absent also on the way out."""
    folder = deliveries_folder(data_root) / run_id
    going = folder.with_name(f".pruned-{run_id}")
    folder.rename(going)
    shutil.rmtree(going)
    return folder
