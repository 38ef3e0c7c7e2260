"""Kills whole runs of a small synthetic site before calls that change the disk, resumes them, and says what came of it.

``python -m test_support.kill_run FOLDER [KILLS]`` kills so many runs, spread evenly over the calls, with a rule of each
service: what is tried is the disk, not the rules. It prints one line of JSON, as `kill_loop` does, and ends with 1 when a
killed and resumed run differs in any byte from an unbroken one, or a second run finds anything to do.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

from pophealth.cohorts import load_rules
from pophealth.delivery.verify import verify_delivery
from pophealth.runs.status import list_runs
from test_support import deliveries, faults

DAY = date(2025, 1, 31)
RULES = sorted({rule.service: name for name, rule in load_rules().items()}.values())


def child(action: str, site: Path, at: str) -> None:
    """One process of the loop: make the site, or run it (killed at call `at`; 0 is never)."""
    from pophealth.config import load_config
    from pophealth.runs.intake import ingest
    from pophealth.runs.keys import initialise_keys
    from pophealth.runs.night import run

    if action == "make":
        from pophealth.synthetic import generate

        generate(site, networks=2, patients=2_000, seed=7, index_date=DAY)
        config = site / "config.toml"
        config.write_text(
            config.read_text("utf-8").replace("[runs]\n", f"[runs]\nrules = {json.dumps(RULES)}\n"), "utf-8"
        )
        initialise_keys(site / "keys")
        ingest(load_config(site / "config.toml"))
        return
    with faults.on(faults.Disk(int(at) or 10**9, faults.killed), removing_fails=True) as disk:
        report = run(load_config(site / "config.toml"), DAY)
    sys.stdout.write(json.dumps({"calls": len(disk.calls), "nothing_to_do": report.nothing_to_do}))
    raise SystemExit(bool(report.failed))


def process(action: str, site: Path, at: int = 0) -> tuple[int, dict[str, int]]:
    """Run a child in a process of its own; give how it ended and what it said."""
    words = [sys.executable, "-m", "test_support.kill_run", "child", action, str(site), str(at)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def main(root: Path, kills: int) -> None:
    """Walk through the calls of a run, `kills` of them."""
    site = root / "site"
    if process("make", site)[0]:
        raise SystemExit(1)
    process(
        "run", Path(shutil.copytree(site, root / "warm"))
    )  # compiles what is not compiled: those calls are not ours
    ended, said = process("run", Path(shutil.copytree(site, root / "unbroken")))
    if ended:
        raise SystemExit(1)
    whole = deliveries.bytes_of(root / "unbroken" / "data" / "deliveries")
    tried = range(1, said["calls"] + 1, max(1, said["calls"] // kills))
    wrong = []
    for at in tried:
        problem = _one(Path(shutil.copytree(site, root / "killed")), at, whole)
        shutil.rmtree(root / "killed")
        if problem:
            wrong.append({"call": at, "problem": problem})
    sys.stdout.write(json.dumps({"calls": said["calls"], "killed": len(tried), "wrong": wrong}) + "\n")
    raise SystemExit(bool(wrong))


def _one(site: Path, at: int, whole: dict[str, bytes]) -> str | None:
    data = site / "data"
    # with two threads a run may need fewer calls than the unbroken one did; then nothing was killed
    if process("run", site, at)[0] not in (-signal.SIGKILL, 0):
        return "ended otherwise than killed"
    for mark in (data / "deliveries").glob("*/U*/COMMITTED"):
        verify_delivery(mark.parent)
    if process("run", site)[0] != 0:
        return "could not be resumed"
    if deliveries.bytes_of(data / "deliveries") != whole:
        return "differs from an unbroken run"
    if not process("run", site)[1]["nothing_to_do"]:
        return "a second run found something to do"
    return None if not any(item["failed"] for item in list_runs(data)) else "status shows a failure"


if __name__ == "__main__":
    if sys.argv[1] == "child":
        child(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20)
