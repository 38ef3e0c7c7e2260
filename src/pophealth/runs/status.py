"""Gives what ran when on what, from the diary and from what stands delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pophealth.runs.journal import read_journal
from pophealth.runs.resume import committed_networks


def list_runs(data_root: Path) -> list[dict[str, Any]]:
    """Give one entry per run, in the order they last began.

    Keys: run_id, index_date, committed (networks delivered), failed (networks of which the last try failed), started,
    finished (None while under way, or when it was cut off).
    """
    runs: dict[str, dict[str, Any]] = {}
    failing: dict[str, set[str]] = {}
    for entry in read_journal(data_root):
        name = entry["run_id"]
        failed = failing.setdefault(name, set())
        if entry["event"] == "started":
            runs.pop(name, None)
            runs[name] = {"run_id": name, "index_date": entry["index_date"], "started": entry["at"], "finished": None}
        elif entry["event"] == "finished" and name in runs:
            runs[name]["finished"] = entry["at"]
        elif entry["event"] == "failed":
            failed.add(entry["network"])
        elif entry["event"] == "delivered":
            failed.discard(entry["network"])
    return [
        entry | {"committed": len(committed_networks(data_root, name)), "failed": len(failing[name])}
        for name, entry in runs.items()
    ]
