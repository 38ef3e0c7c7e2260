"""The claim about the generator, measured: one million people with 60 records each in under 3 minutes of wall time on 2 cores.

Run with ``python benchmarks/generator.py`` (``--networks``, ``--patients``, ``--records`` for other sizes). Each size runs in a
process of its own, so that its peak memory is its own. Wall time depends on what else the machine does; CPU seconds (user and
system) hardly do, and half of them is the wall time that two free cores would need.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CLAIM_WALL_SECONDS, CLAIM_PEOPLE, CLAIM_RECORDS, CORES = 180, 1_000_000, 60, 2
DEMO = (3, 40_000, 60)

CHILD = """
import json, resource, sys, time
from datetime import date
from pathlib import Path
from pophealth.synthetic import generate
networks, patients, records = map(int, sys.argv[2:])
begun = time.perf_counter()
facts = generate(Path(sys.argv[1]), networks=networks, patients=patients, seed=1, index_date=date(2025, 1, 31),
                 records_per_person=records)
wall = time.perf_counter() - begun
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss,
                  "people": facts.people, "registered": facts.registered, "rows": sum(facts.rows.values()),
                  "reachable": facts.reachable}))
"""


def measure(networks: int, patients: int, records: int) -> dict[str, float]:
    """Give wall and CPU seconds, peak memory, people and rows of one size, made once."""
    folder = Path(tempfile.mkdtemp(prefix="generator-"))
    try:
        words = [sys.executable, "-c", CHILD, str(folder / "out"), str(networks), str(patients), str(records)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return json.loads(done.stdout) | {"bytes": written}
    finally:
        shutil.rmtree(folder)


def show(networks: int, patients: int, records: int) -> dict[str, float]:
    """Print one line of the table and give its figures."""
    found = measure(networks, patients, records)
    print(
        f"{networks:>8} {patients:>9,} {records:>8} {found['people']:>11,} {found['rows']:>12,} {found['wall']:>7.1f} "
        f"{found['cpu']:>7.1f} {found['cpu'] / found['rows'] * 1e6:>9.2f} {found['peak'] / 1024:>9,.0f} "
        f"{found['bytes'] / 1e6:>8,.0f}"
    )
    return found


def main() -> None:
    """Print a table of sizes, and whether the claim holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=int, default=CLAIM_PEOPLE // 40_000)
    parser.add_argument("--patients", type=int, default=40_000)
    parser.add_argument("--records", type=int, default=CLAIM_RECORDS)
    chosen = parser.parse_args()
    asked = (chosen.networks, chosen.patients, chosen.records)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; networks are made {CORES} at a time")
    print("networks  patients  records      people         rows  wall s   CPU s  us a row  peak MiB  written MB")
    for size in (DEMO, asked):
        found = show(*size)
    print(f"reachable AUROC of the last line: {found['reachable']}")
    if found["registered"] >= CLAIM_PEOPLE * 0.999 and chosen.records == CLAIM_RECORDS:
        verdict = "holds" if found["wall"] < CLAIM_WALL_SECONDS else "does not hold here and now"
        print(
            f"claim: {CLAIM_PEOPLE:,} people x {CLAIM_RECORDS} records in under {CLAIM_WALL_SECONDS} s of wall time on "
            f"{CORES} cores: {verdict} ({found['wall']:.0f} s; {found['cpu'] / CORES:.0f} s if both cores were free)"
        )


if __name__ == "__main__":
    main()
