"""Prints what it costs to write the register: CPU seconds a step, bytes a row, peak memory.

    python benchmarks/ingest.py [PEOPLE=250000] [RECORDS=60|285] [PRACTICE=10000] [THREADS=1] [ROUNDS=3] [JSON=path]

Made-up rows (30 events, 20 issues and 8 measurements a person, times 4.75 for 285 records) are spooled practice by
practice and written as archive and index. Making them up happens in a process of its own and is not counted.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SHARES = {"events": 30, "medications": 20, "measurements": 8}
YEARS = {"events": 10, "medications": 3, "measurements": 5}
CODES = {"events": 100_000, "medications": 10_000, "measurements": 200}
SYSTEM = {"events": "SYNTHETIC", "medications": "SYNTHETIC", "measurements": "SYNTHETIC"}
INDEX_DAY = 20_454  # 2026-01-01 in days since 1970


def made_up(number: int, people: int, per_person: float, folder: Path) -> None:
    """Write the canonical rows of one practice as Arrow files."""
    random = np.random.default_rng(5_000 + number)
    from pophealth.register.layout import SCHEMAS

    ids = np.array([random.bytes(16).hex() for _ in range(people)])
    frailty = random.gamma(2, 0.5, people)
    pl.DataFrame({"patient_id": ids}).with_columns(
        nhs_number=pl.lit(None, dtype=pl.String), birth_date=pl.date(1950, 1, 1), sex=pl.lit("female"),
        lsoa_code=pl.lit(None, dtype=pl.String), lsoa_vintage=pl.lit(None, dtype=pl.Int16),
        death_date=pl.lit(None, dtype=pl.Date),
    ).cast(dict(SCHEMAS["patients"])).write_ipc(folder / "patients.arrow", compression="uncompressed")  # fmt: skip
    for table, share in SHARES.items():
        counts = random.poisson(share * per_person / 58 * frailty / frailty.mean())
        rows = int(counts.sum())
        person = np.repeat(np.arange(people), counts)
        day = random.integers(INDEX_DAY - 365 * YEARS[table], INDEX_DAY + 60, rows)
        order = np.lexsort((day, person))
        lag = np.where(random.random(rows) < 0.85, 0, np.minimum(random.exponential(12, rows), 400)).astype(np.int64)
        weights = np.cumsum(np.arange(1, CODES[table] + 1) ** -1.05)
        code = np.searchsorted(weights / weights[-1], random.random(rows)).astype(np.int64)
        names = np.array([f"SYN:{n * 7_919 % 999_983 + 10**8}" for n in range(CODES[table])])
        frame = pl.DataFrame({"patient_id": ids[person], "date": day[order], "recorded_date": (day + lag)[order]})
        frame = frame.with_columns(
            pl.col("date", "recorded_date").cast(pl.Int32).cast(pl.Date),
            code=pl.Series(names[np.minimum(code, CODES[table] - 1)]),
            code_system=pl.lit(SYSTEM[table]),
            record_id=pl.format("{}{}", pl.lit(table[0]), pl.int_range(rows) + number * 10**7),
        )
        if table == "medications":
            supply = random.choice([28, 56, 84, 7, 0], rows, p=[0.6, 0.15, 0.05, 0.1, 0.1]).astype(np.int16)
            frame = frame.with_columns(
                quantity=pl.Series(supply * 2.0), days_supply=pl.Series(supply), is_repeat=pl.Series(supply >= 28)
            )
        if table == "measurements":
            value = np.round(np.maximum(random.normal(80, 20, rows), 0.5), 1)
            frame = frame.with_columns(
                value=pl.Series(value), unit=pl.lit("mmol/L"), comparator=pl.lit(None, dtype=pl.String),
                setting=pl.lit(None, dtype=pl.String), time=pl.lit(None, dtype=pl.Time),
            )  # fmt: skip
        frame.select(pl.col(name).cast(kind) for name, kind in SCHEMAS[table].items()).write_ipc(
            folder / f"{table}.arrow", compression="uncompressed"
        )


def anonymous_mib() -> float:
    """Give this process's memory that is not a mapped file."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) / 1024


class Steps:
    """CPU seconds by step, and the peak of anonymous memory."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.before_mib = self.peak_mib = anonymous_mib()
        self._stop = threading.Event()

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give `function`, its CPU time added to a step; for a generator, the time between its items too."""

        @functools.wraps(function)
        def run(*args: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*args, **named)
            finally:
                self.seconds[step] += time.thread_time() - began

        return run

    def watch(self) -> None:
        while not self._stop.wait(0.02):
            self.peak_mib = max(self.peak_mib, anonymous_mib())

    def stop(self) -> None:
        self._stop.set()


def instrument(steps: Steps) -> None:
    """Time the steps of the writer where it calls them."""
    from pophealth.register import bucket_writer, made

    for name, step in (
        ("gather_rows", "order"), ("coded_rows", "index"), ("postings_of", "index"),
    ):  # fmt: skip
        setattr(bucket_writer, name, steps.timed(step, getattr(bucket_writer, name)))
    bucket_writer.Made.arrays = steps.timed("index: write and hash", made.Made.arrays)
    groups = bucket_writer.archive_groups

    def timed_groups(*args: Any) -> Any:
        made_groups = groups(*args)
        following = steps.timed("archive: columns", lambda: next(made_groups, None))
        while (group := following()) is not None:
            yield group

    bucket_writer.archive_groups = timed_groups
    writing = made.pq.ParquetWriter
    writing.write_table = steps.timed("archive: Parquet", writing.write_table)
    hashing = made._Hashing
    hashing.write = steps.timed("archive: hash, in Parquet", hashing.write)


def ingest(root: Path, people: int, records: int, practice: int, threads: int, steps: Steps) -> dict[str, Any]:
    """Write a register of made-up rows below `root`."""
    from pophealth.register import open_writer

    per_person = 58 * (1 if records == 60 else 4.75)
    practices = max(1, people // practice)
    root.mkdir()
    rows = 0
    with multiprocessing.get_context("spawn").Pool(1) as pool, open_writer(root) as writer:
        for number in range(practices):
            folder = root / "made-up"
            folder.mkdir()
            pool.apply(made_up, (number, practice, per_person, folder))
            for table in ("patients", *SHARES):
                frame = pl.read_ipc(folder / f"{table}.arrow")
                rows += frame.height if table in SHARES else 0
                steps.timed("spool", writer.spool)(table, f"A{number:05d}", frame)
                del frame
            shutil.rmtree(folder)
        steps.timed("spool", writer._spool.flush)()
        finishing = time.process_time()
        snapshot = writer.finish(facts={}, documents={}, threads=threads)
        steps.seconds["finish, all"] = time.process_time() - finishing
        steps.seconds["spool and finish"] = steps.seconds["spool"] + steps.seconds["finish, all"]
    files = snapshot.manifest["files"]
    size = {
        part: sum(said["bytes"] for name, said in files.items() if f"/{part}/" in name) for part in ("archive", "index")
    }
    return {
        "people": practices * practice,
        "rows": rows,
        "snapshot": snapshot.id,
        "archive_bytes_per_row": size["archive"] / rows,
        "index_bytes_per_row": size["index"] / rows,
    }


def main() -> None:
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    people, practice = int(options.get("PEOPLE", 250_000)), int(options.get("PRACTICE", 10_000))
    records, threads = int(options.get("RECORDS", 60)), int(options.get("THREADS", 1))
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.get("FOLDER")) as folder:
        ingest(Path(folder) / "first", 20, 60, 10, 1, Steps())  # kernels are loaded before anything is counted
        steps = Steps()
        instrument(steps)
        threading.Thread(target=steps.watch, daemon=True).start()
        for number in range(int(options.get("ROUNDS", 3))):
            steps.seconds.clear()
            root = Path(folder) / str(number)
            rounds.append(ingest(root, people, records, practice, threads, steps) | {"seconds": dict(steps.seconds)})
            shutil.rmtree(root)
        steps.stop()
    print_rounds(rounds, steps, practice, threads)
    if "JSON" in options:
        said = {
            "rounds": rounds,
            "anonymous_mib": [steps.before_mib, steps.peak_mib],
            "threads": threads,
            "load": os.getloadavg(),
        }
        Path(options["JSON"]).write_text(json.dumps(said, indent=1) + "\n")


def print_rounds(rounds: list[dict[str, Any]], steps: Steps, practice: int, threads: int) -> None:
    """Print medians over the rounds; what a machine does for the first time, it does more slowly."""
    facts = rounds[0]
    print(
        f"{facts['people']:,} people, {facts['rows']:,} rows, practices of {practice:,}, {threads} threads, "
        f"medians (lowest) of {len(rounds)} rounds"
    )
    for step in facts["seconds"]:
        taken = sorted(made["seconds"][step] for made in rounds)
        median = taken[len(taken) // 2]
        print(f"  {step:28s} {median:8.2f} ({taken[0]:.2f}) CPU s {median * 1e9 / facts['rows']:8.1f} ns a row")
    print(
        f"  archive {facts['archive_bytes_per_row']:.1f}, index {facts['index_bytes_per_row']:.1f} bytes a row; "
        f"anonymous memory {steps.before_mib:.0f} MiB before, {steps.peak_mib:.0f} at most; snapshot {facts['snapshot']}"
    )


if __name__ == "__main__":
    main()
