"""Gives what ran when on what, from the diary and from what stands delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pophealth.runs.journal import read_journal
from pophealth.runs.lock import is_held
from pophealth.runs.resume import committed_networks


def list_runs(data_root: Path) -> list[dict[str, Any]]:
    """Give one entry per run, in the order they last began.

    Keys: run_id, index_date, committed (networks delivered), failed (networks of which the last try failed), started,
    finished (None while under way, or when it was cut off), state (``finished``, ``under way``, ``cut off``).
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
    states = _states(list(runs.values()), held=is_held(data_root))
    return [
        entry | {"committed": len(committed_networks(data_root, name)), "failed": len(failing[name]), "state": state}
        for (name, entry), state in zip(runs.items(), states, strict=True)
    ]


def _states(runs: list[dict[str, Any]], *, held: bool) -> list[str]:
    """Give how each run stands: only the one that began last can be under way, and only while the lock is held."""
    states = ["finished" if run["finished"] else "cut off" for run in runs]
    if states and states[-1] == "cut off" and held:
        states[-1] = "under way"
    return states
