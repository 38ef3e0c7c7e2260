"""Prints what it costs to write the register: CPU seconds a step, bytes a row, memory, beside DuckDB on the frozen plan.

    python benchmarks/ingest.py [PEOPLE=250000] [RECORDS=60|285] [PRACTICE=10000] [THREADS=1] [ROUNDS=3] [PEER=yes|no]
                                [FOLDER=path] [JSON=path]

The rows are those of the frozen plan, people under random pseudonyms. They are made up in a process of its own, conform
to their contracts, and are in memory when the writer takes them: none of that is counted. Each round writes the register
anew; DuckDB answers the frozen plan from the same rows as Parquet (snappy), once a round, after one run that is not counted.
DuckDB is given whole numbers for people and codes, the register 32 characters a person and codes as text.

Conforming is timed apart: an extract of the same rows (Parquet, one part a practice) is read, checked against every contract
and counted, and what is kept goes to a writer that only counts it. Every row has to be kept, else nothing is printed.
"""

from __future__ import annotations

import functools
import hashlib
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

import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

import frozen_plan as frozen
from conforming import config_of, conform_seconds, write_extract

CODED = ("events", "medications", "measurements")
TABLES = ("patients", *CODED, "spells")


def made_up(number: int, people: int, per_person: float, folder: Path) -> None:
    """Write the rows of one practice: raw for DuckDB, canonical for the register."""
    from pophealth.register.layout import SCHEMAS

    raw = frozen.raw_rows(number, people, per_person, frozen.universe())
    for table, frame in raw.items():
        (folder / "raw" / table).mkdir(parents=True, exist_ok=True)
        frame.write_parquet(folder / "raw" / table / f"{number:05d}.parquet", compression="snappy")
    (folder / f"{number:05d}").mkdir()
    tables = frozen.canonical(number, raw)
    plain = tables["patients"]["patient_id"].cast(pl.String)
    names = pl.Series([hashlib.blake2b(name.encode(), digest_size=16).hexdigest() for name in plain], dtype=pl.String)
    for table in TABLES:
        frame = tables[table].with_columns(pl.col("patient_id").replace_strict(plain, names))
        typed = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMAS[table].items())
        typed.write_ipc(folder / f"{number:05d}" / f"{table}.arrow", compression="lz4")


def anonymous_mib() -> float:
    """Give this process's memory that is not a mapped file."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) / 1024


class Steps:
    """CPU seconds by step, and anonymous memory before and at most."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.before_mib = self.peak_mib = anonymous_mib()
        self._stop = threading.Event()

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give `function`, its thread's CPU time added to a step."""

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

    called = {
        "gather_rows": "order",
        "coded_rows": "index",
        "postings_of": "index",
        "diagnoses_of": "index",
        "stays_of": "index",
    }
    for name, step in called.items():
        setattr(bucket_writer, name, steps.timed(step, getattr(bucket_writer, name)))
    bucket_writer.Made.arrays = steps.timed("index: write and hash", made.Made.arrays)
    groups = bucket_writer.archive_groups

    def timed_groups(*args: Any) -> Any:
        following = steps.timed("archive: columns", functools.partial(next, groups(*args), None))
        while (group := following()) is not None:
            yield group

    bucket_writer.archive_groups = timed_groups
    made.pq.ParquetWriter.write_table = steps.timed("archive: Parquet", made.pq.ParquetWriter.write_table)
    made._Hashing.write = steps.timed("(hash and write, in Parquet)", made._Hashing.write)


def ingest(root: Path, source: Path, threads: int, steps: Steps) -> dict[str, Any]:
    """Write the register of the rows in `source` below `root`."""
    from pophealth.register import open_writer

    rows = 0
    with open_writer(root, order_hint=frozen.order_hint(frozen.universe())) as writer:
        for folder in sorted(path for path in source.iterdir() if path.name != "raw"):
            for table in TABLES:
                frame = pl.read_ipc(folder / f"{table}.arrow")
                rows += frame.height if table != "patients" else 0
                steps.timed("spool", writer.spool)(table, f"A{folder.name}", frame)
                del frame
        steps.timed("spool", writer._spool.flush)()
        began = time.process_time()
        snapshot = writer.finish(facts={}, documents={}, threads=threads)
        steps.seconds["finish, all"] = time.process_time() - began
    steps.seconds["spool and finish"] = steps.seconds["spool"] + steps.seconds["finish, all"]
    files = snapshot.manifest["files"]
    size = {
        part: sum(said["bytes"] for name, said in files.items() if f"/{part}/" in name) for part in ("archive", "index")
    }
    return {
        "rows": rows,
        "snapshot": snapshot.id,
        "bytes_per_row": {part: total / rows for part, total in size.items()},
        "seconds": dict(steps.seconds),
    }


def peer_of(source: Path) -> Callable[[], float]:
    """Give a run of the frozen plan by DuckDB, which gives its CPU seconds."""
    import frozen_peer as peer

    connection = peer.connect(frozen.universe())
    query = peer.sql(
        frozen.features(), lambda table: f"read_parquet('{source}/raw/{table}/*.parquet')", frozen.INDEX_DATE
    )

    def run() -> float:
        began = time.process_time()
        connection.sql(query).to_arrow_table()
        return time.process_time() - began

    return run


def main() -> None:
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    people, practice = int(options.get("PEOPLE", 250_000)), int(options.get("PRACTICE", 10_000))
    records, threads = float(options.get("RECORDS", 60)), int(options.get("THREADS", 1))
    with tempfile.TemporaryDirectory(dir=options.get("FOLDER")) as name:
        folder = Path(name)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(made_up, (0, 20, 60, folder / "small"))
            for number in range(max(1, people // practice)):
                pool.apply(made_up, (number, practice, records, folder / "rows"))
            pool.apply(write_extract, (folder / "rows", folder / "extract"))
            pool.apply(write_extract, (folder / "small", folder / "extract of few"))
        ingest(folder / "first", folder / "small", 1, Steps())  # kernels are loaded before anything is counted
        steps = Steps()
        instrument(steps)
        config = config_of(folder / "extract")
        conform_seconds(config_of(folder / "extract of few"))  # contracts are compiled before anything is counted
        rounds: list[dict[str, Any]] = []
        peer = peer_of(folder / "rows") if options.get("PEER", "yes") == "yes" else None
        for number in range(int(options.get("ROUNDS", 3))):
            watcher = threading.Thread(target=steps.watch, daemon=True)
            if number == 0:  # before DuckDB has run: its memory is not the writer's
                watcher.start()
            steps.seconds.clear()
            rounds.append(ingest(folder / "register", folder / "rows", threads, steps))
            shutil.rmtree(folder / "register")
            steps.stop()
            rounds[-1]["conform"] = conform_seconds(config, rounds[-1]["rows"])
            if peer is not None:
                if number == 0:
                    peer()
                rounds[-1]["duckdb"] = peer()
    print_rounds(rounds, steps, f"{people:,} people in practices of {practice:,}, {threads} threads")
    if "JSON" in options:
        said = {
            "options": options,
            "rounds": rounds,
            "anonymous_mib": [steps.before_mib, steps.peak_mib],
            "load": os.getloadavg(),
        }
        Path(options["JSON"]).write_text(json.dumps(said, indent=1) + "\n")


def middle(numbers: list[float]) -> float:
    return sorted(numbers)[len(numbers) // 2]


def print_rounds(rounds: list[dict[str, Any]], steps: Steps, what: str) -> None:
    rows = rounds[0]["rows"]
    print(f"{what}, {rows:,} rows; medians (lowest) of {len(rounds)} rounds, load {os.getloadavg()[0]:.1f}")
    for step in rounds[0]["seconds"]:
        taken = [made["seconds"][step] for made in rounds]
        print(f"  {step:30s} {middle(taken):8.2f} ({min(taken):6.2f}) CPU s {middle(taken) * 1e9 / rows:8.1f} ns a row")
    size = rounds[0]["bytes_per_row"]
    print(
        f"  archive {size['archive']:.1f}, index {size['index']:.1f} bytes a row; anonymous memory {steps.before_mib:.0f} MiB "
        f"before, {steps.peak_mib:.0f} at most; snapshot {rounds[0]['snapshot']}"
    )
    if "duckdb" in rounds[0]:
        to_index = [made["seconds"] for made in rounds]
        parts = ("spool", "order", "index", "index: write and hash")
        index = middle(
            [sum(taken[part] for part in parts) / made["duckdb"] for taken, made in zip(to_index, rounds, strict=True)]
        )
        whole = middle([made["seconds"]["spool and finish"] / made["duckdb"] for made in rounds])
        print(f"  DuckDB, frozen plan {middle([made['duckdb'] for made in rounds]):.2f} CPU s")
        print(f"  to the index (without archive) / DuckDB {index:.2f}; everything / DuckDB {whole:.2f} (pair by pair)")
        apart = middle([made["conform"] / made["duckdb"] for made in rounds])
        print(
            f"  apart: conform and contracts {middle([made['conform'] for made in rounds]):.2f} CPU s; / DuckDB {apart:.2f}"
        )


if __name__ == "__main__":
    main()
