"""Kills whole runs of a small synthetic site before calls that change the disk, resumes them, and says what came of it.

``python -m test_support.kill_run FOLDER [EVERY]`` prints one line of JSON, as `kill_loop` does, and ends with 1 when a
killed and resumed run differs in any byte from an unbroken one, or a second run finds anything to do.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from datetime import date
from pathlib import Path

from pophealth.config import load_config
from pophealth.delivery.verify import verify_delivery
from pophealth.runs.intake import ingest
from pophealth.runs.keys import initialise_keys
from pophealth.runs.night import run
from pophealth.runs.status import list_runs
from pophealth.synthetic import generate
from test_support import deliveries, faults
from test_support.kill_loop import in_child

DAY = date(2025, 1, 31)


def main(root: Path, every: int) -> None:
    """Walk through the calls of a run, `every` n-th of them."""
    site, counted = root / "site", root / "calls"

    def made() -> None:
        generate(site, networks=2, patients=2_000, seed=7, index_date=DAY)
        initialise_keys(site / "keys")
        ingest(load_config(site / "config.toml"))

    def unbroken() -> None:
        with faults.on(faults.Disk(10**9, faults.killed), removing_fails=True) as disk:
            run(load_config(shutil.copytree(site, root / "unbroken") / "config.toml"), DAY)
        counted.write_text(str(len(disk.calls)))

    if in_child(made) or in_child(unbroken):
        raise SystemExit(1)
    whole = deliveries.bytes_of(root / "unbroken" / "data" / "deliveries")
    calls = int(counted.read_text())
    wrong = []
    for at in range(1, calls + 1, every):
        problem = _one(Path(shutil.copytree(site, root / "killed")), at, whole)
        shutil.rmtree(root / "killed")
        if problem:
            wrong.append({"call": at, "problem": problem})
    sys.stdout.write(json.dumps({"calls": calls, "killed": len(range(1, calls + 1, every)), "wrong": wrong}) + "\n")
    raise SystemExit(bool(wrong))


def _one(site: Path, at: int, whole: dict[str, bytes]) -> str | None:
    data = site / "data"

    def broken() -> None:
        with faults.on(faults.Disk(at, faults.killed), removing_fails=True):
            run(load_config(site / "config.toml"), DAY)

    def resumed() -> None:
        run(load_config(site / "config.toml"), DAY)

    def nothing_left() -> None:
        if not run(load_config(site / "config.toml"), DAY).nothing_to_do:
            raise SystemExit(1)

    # with two threads a run may need fewer calls than the unbroken one did; then nothing was killed
    if in_child(broken) not in (-signal.SIGKILL, 0):
        return "ended otherwise than killed"
    for folder in (data / "deliveries").glob("*/U*"):
        if (folder / "COMMITTED").is_file():
            verify_delivery(folder)
    if in_child(resumed) != 0:
        return "could not be resumed"
    if deliveries.bytes_of(data / "deliveries") != whole:
        return "differs from an unbroken run"
    if in_child(nothing_left) != 0:
        return "a second run found something to do"
    return None if all(item["failed"] == 0 for item in list_runs(data)) else "status shows a failure"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
