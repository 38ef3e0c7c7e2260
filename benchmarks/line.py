"""The line as its operators run it: wall time and peak memory of the demo, of ingest and of a second run.

    python benchmarks/line.py [PEOPLE=40000] [NETWORKS=3] [JSON=path]

Every command is a new process, as a scheduler starts it. The run that is timed is the second on another index date (the
kernels are then on the disk); it is given once for one network with every rule, and once with the fifteen starter rules.
Memory is the largest resident set of the process, mapped pages of the register included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STARTER = [
    "severe_frailty_no_review",
    "ten_or_more_repeat_medicines",
    "anticoagulant_with_nsaid",
    "resident_no_medication_review",
    "resident_no_care_plan",
    "uncoded_frailty_efi",
    "fall_no_risk_assessment",
    "social_prescribing_offer",
    "social_prescribing_unmet_need",
    "cervical_screening_overdue",
    "lower_gi_referral_without_fit",
    "raised_blood_pressure_no_diagnosis",
    "recorded_risk_10_no_statin",
    "severe_mental_illness_checks_missing",
    "ethnicity_not_recorded",
]


def measured(name: str, *words: object) -> dict[str, Any]:
    """Run a command and give its wall time, CPU time and peak memory, as the system counted them."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pophealth.cli", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        msg = f"{name} failed:\n{errors.decode()}"
        raise SystemExit(msg)
    return {
        "what": name,
        "wall_s": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    people, networks = given.get("PEOPLE", "40000"), given.get("NETWORKS", "3")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "demo"
        rows = [
            measured(
                f"demo, {networks} x {people}", "demo", "--out", folder, "--networks", networks, "--patients", people
            )
        ]
        config = folder / "config.toml"
        starter = folder / "starter.toml"
        starter.write_text(config.read_text().replace("[runs]\n", f"[runs]\nrules = {json.dumps(STARTER)}\n"))
        network = min(path.name for path in folder.glob("data/deliveries/*/U*"))
        one = ("--network", network)
        rows.append(measured("ingest again", "ingest", config))
        rows.append(measured("run, all networks, every rule", "run", config, "--index-date", "2025-01-30"))
        rows.append(measured("run, one network, every rule", "run", config, "--index-date", "2025-01-29", *one))
        rows.append(measured("run, one network, starter rules", "run", starter, "--index-date", "2025-01-29", *one))
        rows.append(measured("run again: nothing to do", "run", starter, "--index-date", "2025-01-29", *one))
    print(f"{'what':34} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}")
    for row in rows:
        print(f"{row['what']:34} {row['wall_s']:8.1f} {row['cpu_s']:8.1f} {row['peak_mib']:9.0f}")
    if "JSON" in given:
        Path(given["JSON"]).write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
        print(f"wrote {given['JSON']}")


if __name__ == "__main__":
    main()
