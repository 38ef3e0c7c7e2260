"""Prints what a run costs on Spark over bucket paths beside the same run in threads: CPU seconds of every process.

    python benchmarks/spark.py [NETWORKS=25] [PEOPLE=40000] [RULES=starter|all] [WORKERS=2] [ROUNDS=2] [FOLDER=path]
                               [JSON=path]

25 networks of 40,000 are a million people. The site is made up and ingested once; each engine delivers it whole on one
index date that is not counted (kernels and workers are then warm, one Spark session stays) and on ROUNDS more. Spark's
CPU is that of this process, of Java and of every Python worker. Every delivered file of the two must be the same before
anything is printed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))

from line import STARTER
from measured import options_of, write

from pophealth.config import Config, load_config
from pophealth.runs.engines.spark import session
from pophealth.runs.intake import ingest
from pophealth.runs.keys import initialise_keys
from pophealth.runs.night import run
from pophealth.synthetic import generate
from pophealth.terms import Engine

INDEX_DATE = date(2025, 1, 31)


class CpuOfAll:
    """Counts the CPU seconds of this process and of every process below it while the block runs.

    Each process is looked at ten times a second and its last figure kept: Spark's idle workers end between two laps, and
    whoever asked only those that are left would find that CPU time had shrunk.
    """

    def __enter__(self) -> CpuOfAll:
        self._seen: dict[tuple[int, float], float] = {}
        self._look()
        self._began = sum(self._seen.values())
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_on, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()
        self._look()
        self.seconds = sum(self._seen.values()) - self._began

    def _look_on(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        me = psutil.Process()
        for process in [me, *me.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                taken = process.cpu_times()
                self._seen[process.pid, process.create_time()] = taken.user + taken.system


def site_at(folder: Path, options: dict[str, str]) -> Path:
    """Give a site of made-up networks, ingested, with the rules and workers asked for."""
    networks, people = int(options["NETWORKS"]), int(options["PEOPLE"])
    generate(folder, networks=networks, patients=people, seed=1, index_date=INDEX_DATE)
    initialise_keys(folder / "keys")
    config = folder / "config.toml"
    rules = f"rules = {json.dumps(STARTER)}\n" if options["RULES"] == "starter" else ""
    threads = f"[runs]\nthreads = {options['WORKERS']}\n"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("threads")]
    text = "\n".join(kept)
    config.write_text(text.replace("[runs]\n", threads + rules) if "[runs]" in text else f"{text}\n{threads}{rules}")
    ingest(load_config(config))
    return folder


def delivered(site: Path) -> dict[str, str]:
    """Give the hash of every delivered file."""
    root = site / "data" / "deliveries"
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def lap(config: Config, day: date, engine: Engine) -> dict[str, float]:
    """Give CPU and wall seconds of one run of every network."""
    began = time.perf_counter()
    with CpuOfAll() as cpu:
        report = run(config, day, engine=engine)
    if report.failed or not report.delivered:
        msg = f"{engine}: {len(report.failed)} networks failed: {report.failed}"
        raise SystemExit(msg)
    return {"cpu_s": cpu.seconds, "wall_s": time.perf_counter() - began}


def main() -> None:
    defaults = {"NETWORKS": "25", "PEOPLE": "40000", "RULES": "starter", "WORKERS": "2", "ROUNDS": "2"}
    options = options_of(defaults | {"FOLDER": tempfile.gettempdir()})
    with tempfile.TemporaryDirectory(dir=options["FOLDER"]) as folder:
        sites = {Engine.THREADS: site_at(Path(folder) / "threads", options)}
        sites[Engine.SPARK] = Path(
            shutil.copytree(sites[Engine.THREADS], Path(folder) / "spark", copy_function=os.link)
        )
        laps: dict[Engine, list[dict[str, float]]] = {engine: [] for engine in sites}
        began = time.perf_counter()
        with contextlib.ExitStack() as stack:
            with CpuOfAll() as cpu:
                stack.enter_context(session(int(options["WORKERS"])))
            start = {"cpu_s": cpu.seconds, "wall_s": time.perf_counter() - began}
            for number in range(int(options["ROUNDS"]) + 1):
                for engine, site in sites.items():
                    config = load_config(site / "config.toml")
                    laps[engine].append(lap(config, INDEX_DATE - timedelta(days=number), engine))
        same = delivered(sites[Engine.THREADS]) == delivered(sites[Engine.SPARK])
        files = len(delivered(sites[Engine.SPARK]))
    if not same:
        print("the two did not deliver the same files")
        sys.exit(1)
    people = int(options["NETWORKS"]) * int(options["PEOPLE"])
    print(f"{options['NETWORKS']} networks, {people:,} people, {options['WORKERS']} workers, rules: {options['RULES']}")
    print(f"{files:,} delivered files are the same")
    print(f"{'engine':10} {'first CPU s':>12} {'warm CPU s':>11} {'warm wall s':>12}")
    for engine, taken in laps.items():
        warm = {key: statistics.median(lap[key] for lap in taken[1:]) for key in ("cpu_s", "wall_s")}
        print(f"{engine.value:10} {taken[0]['cpu_s']:>12.1f} {warm['cpu_s']:>11.1f} {warm['wall_s']:>12.1f}")
    ratio = statistics.median(
        one["cpu_s"] / other["cpu_s"]
        for one, other in zip(laps[Engine.SPARK][1:], laps[Engine.THREADS][1:], strict=True)
    )
    print(f"Spark / threads, warm CPU {ratio:.2f}; starting Spark {start['cpu_s']:.1f} CPU s, {start['wall_s']:.1f} s")
    write(options, {"laps": {engine.value: taken for engine, taken in laps.items()}, "start": start, "ratio": ratio})


if __name__ == "__main__":
    main()
