"""Gives a run's diary: one line of JSON per event, appended, with times; never a row, never an error's own text."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pophealth.runs.clock import now

if TYPE_CHECKING:
    from pophealth.runs.engines.threads import Outcome


def journal_file(data_root: Path) -> Path:
    """Give where the diary lies."""
    return data_root / "journal" / "runs.jsonl"


class Journal:
    """Appends what happened; each line reaches the disk before the next thing is done."""

    def __init__(self, data_root: Path) -> None:
        self._path = journal_file(data_root)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def started(self, run_id: str, index_date: date, networks: list[str]) -> None:
        """Say that a run began, and on what."""
        self._append("started", run_id, index_date=index_date.isoformat(), networks=networks)

    def network(self, run_id: str, outcome: Outcome[Path]) -> None:
        """Say how one network ended: delivered, or failed with type and place."""
        if outcome.value is not None:
            self._append("delivered", run_id, network=outcome.network)
        else:
            self._append("failed", run_id, network=outcome.network, error=outcome.error_type, place=outcome.place)

    def finished(self, run_id: str) -> None:
        """Say that every network was tried."""
        self._append("finished", run_id)

    def _append(self, event: str, run_id: str, **facts: Any) -> None:
        line = json.dumps({"at": now(), "event": event, "run_id": run_id, **facts}, sort_keys=True)
        with self._path.open("a+b") as file:
            file.write(b"\n" * _ends_half_written(self._path) + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_half_written(path: Path) -> bool:
    """Give whether a power cut left the last line without its end: the next line must not be glued to it."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def read_journal(data_root: Path) -> list[dict[str, Any]]:
    """Give the diary's entries in order; a line that a power cut left half written is passed over."""
    path = journal_file(data_root)
    if not path.is_file():
        return []
    entries: list[dict[str, Any]] = []
    for line in path.read_text("utf-8", errors="replace").split("\n"):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(entry, dict) and {"at", "event", "run_id"} <= set(entry):
            entries.append(entry)
    return entries
