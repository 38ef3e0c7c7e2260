"""The diary outlives a power cut: what was written stays readable, and what comes after is not lost with the torn line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.runs.engines.threads import Outcome
from pophealth.runs.journal import Journal, journal_file, read_journal

DAY = date(2025, 1, 31)


def told(root: Path) -> Journal:
    journal = Journal(root)
    journal.started("r1", DAY, ["U11111", "U22222"])
    journal.network("r1", Outcome("U11111", root))
    journal.network("r1", Outcome("U22222", None, "DataContractError", "line.py:5"))
    journal.finished("r1")
    return journal


def test_what_happened_in_order(tmp_path: Path) -> None:
    told(tmp_path)
    entries = read_journal(tmp_path)
    assert [entry["event"] for entry in entries] == ["started", "delivered", "failed", "finished"]
    assert entries[0]["index_date"] == "2025-01-31"
    assert entries[2] | {"at": ""} == {
        "at": "", "event": "failed", "run_id": "r1", "network": "U22222", "error": "DataContractError", "place": "line.py:5",
    }  # fmt: skip
    assert all(entry["at"].endswith("+00:00") for entry in entries), "times carry their zone"


def test_before_the_first_run_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None)
@given(cut=st.integers(1, 400))
def test_a_last_line_torn_anywhere_costs_that_line_only(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    root = tmp_path_factory.mktemp("site")
    journal = told(root)
    whole = journal_file(root).read_bytes()
    left = whole[: max(0, len(whole) - cut)]
    journal_file(root).write_bytes(left)
    complete = [json.loads(line) for line in whole.splitlines()][: left.count(b"\n")]
    torn = left.rpartition(b"\n")[2]
    if torn and left + b"\n" in whole:  # only the newline is missing: the line itself is whole
        complete.append(json.loads(torn))
    assert read_journal(root) == complete
    journal.started("r2", DAY, [])
    entries = read_journal(root)
    assert entries[:-1] == complete
    assert entries[-1]["run_id"] == "r2", "the next line is not glued to the torn one"


def test_bytes_that_are_no_text_or_no_entry_are_passed_over(tmp_path: Path) -> None:
    told(tmp_path)
    with journal_file(tmp_path).open("ab") as file:
        file.write(b'\xff\xfe\n[]\n"text"\n{"event": "odd"}\n\n')
    Journal(tmp_path).finished("r1")
    assert [entry["event"] for entry in read_journal(tmp_path)] == [
        "started", "delivered", "failed", "finished", "finished",
    ]  # fmt: skip


def test_only_the_owner_reads_the_folder(tmp_path: Path) -> None:
    told(tmp_path)
    assert journal_file(tmp_path).parent.stat().st_mode & 0o077 == 0
