"""Prints what the frozen plan costs: CPU seconds on the register's index, for one and twelve dates, against DuckDB.

    python benchmarks/core.py [PEOPLE=250000] [RECORDS=60|285] [PRACTICE=10000] [ROUNDS=5] [FOLDER=path] [THREADS=1] [JSON=path]

Both sides read files: the engine the mapped index, DuckDB Parquet (snappy). Outputs are compared before anything is printed.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

import frozen_peer as peer
import frozen_plan as frozen

from pophealth.config import Supplies
from pophealth.features import FeaturePlan, compile_plan, evaluate, evaluate_dates
from pophealth.register import Snapshot, open_snapshot, open_writer
from pophealth.terms import contract_year_of

TABLES = ("patients", "events", "medications", "measurements", "spells")


def make_data(root: Path, people: int, records: float, practice: int) -> Snapshot:
    """Give the register of made-up people, written with the raw Parquet beside it, unless it is there already."""
    if (root / "raw.done").is_file():
        return open_snapshot(root)
    known, writers = frozen.universe(), {}
    (root / "raw").mkdir(parents=True, exist_ok=True)
    with open_writer(root, order_hint=frozen.order_hint(known)) as writer:
        for number in range(-(-people // practice)):
            raw = frozen.raw_rows(number, min(practice, people - number * practice), records, known)
            for table, frame in raw.items():
                arrow = frame.to_arrow()
                if table not in writers:
                    writers[table] = pq.ParquetWriter(
                        root / "raw" / f"{table}.parquet", arrow.schema, compression="snappy"
                    )
                writers[table].write_table(arrow, row_group_size=1 << 19)
            for table, frame in frozen.canonical(number, raw).items():
                writer.spool(table, f"A{number:05d}", frame)
        for parquet in writers.values():
            parquet.close()
        snapshot = writer.finish({"extract_date": "2026-03-01"}, {})
    (root / "raw.done").touch()
    return snapshot


def plan_of(snapshot: Snapshot) -> FeaturePlan:
    """Give the frozen plan compiled for a register."""
    known, declared = frozen.universe(), frozen.features()
    systems = ("SYNTHETIC",)
    supplies = Supplies(events=systems, medications=systems, measurements=systems, spells=True, medicine_map=True)
    library, medicines = frozen.library(known), frozen.medicine_map(known)
    return compile_plan(list(declared), declared, library, supplies, snapshot.concepts, snapshot.units, medicines)


class Engine:
    """The engine over a register's buckets, opened once and mapped."""

    def __init__(self, snapshot: Snapshot, plan: FeaturePlan, threads: int) -> None:
        self.plan = plan
        self.buckets = [snapshot.bucket(practice) for practice in snapshot.practices]
        self.people = [bucket.people for bucket in self.buckets]
        self.threads = threads
        self.dates = frozen.twelve_dates()
        self.years = [contract_year_of(day) for day in self.dates]

    def one(self, place: int) -> pl.DataFrame:
        """Give one practice at the index date."""
        shards = self.buckets[place].shards_for(self.plan.reads)
        return evaluate(self.plan, shards, self.people[place], frozen.INDEX_DATE, frozen.CONTRACT_YEAR)

    def twelve(self, place: int) -> int:
        """Give the number of frames made at twelve dates, each let go before the next."""
        shards = self.buckets[place].shards_for(self.plan.reads)
        frames = evaluate_dates(self.plan, shards, self.people[place], self.dates, self.years)
        return sum(frame.height > 0 for frame in frames)

    def over(self, work: Callable[[int], Any]) -> list[Any]:
        """Give the results of all practices."""
        if self.threads == 1:
            return [work(place) for place in range(len(self.buckets))]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, range(len(self.buckets))))


def differences(engine: Engine, expected: pl.DataFrame) -> dict[str, int]:
    """Give how many values differ, by column; nothing is to be printed unless there are none."""
    ids = pl.concat([people.select(pid=pl.col("patient_id").str.slice(16).cast(pl.Int64)) for people in engine.people])
    given = pl.concat(engine.over(engine.one)).with_columns(ids["pid"]).sort("pid")
    expected = expected.sort("pid")
    found = {}
    for name in engine.plan.columns:
        ours = given[name].cast(pl.String) if isinstance(given[name].dtype, pl.Enum) else given[name]
        wrong = int((~ours.eq_missing(expected[name].cast(ours.dtype))).sum())
        if wrong:
            found[name] = wrong
    return found


def timed(work: Callable[[], Any]) -> float:
    """Give the CPU seconds of `work`."""
    gc.collect()
    began = time.process_time()
    kept = work()
    spent = time.process_time() - began
    del kept
    return spent


def main() -> None:
    options = dict(word.split("=", 1) for word in sys.argv[1:])
    people, records = int(options.get("PEOPLE", 250_000)), float(options.get("RECORDS", 60))
    practice, rounds = int(options.get("PRACTICE", 10_000)), int(options.get("ROUNDS", 5))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(options.get("FOLDER", folder))
        snapshot = make_data(root, people, records, practice)
        engine = Engine(snapshot, plan_of(snapshot), int(options.get("THREADS", 1)))
        connection = peer.connect(frozen.universe())
        query = peer.sql(
            frozen.features(), lambda table: f"read_parquet('{root}/raw/{table}.parquet')", frozen.INDEX_DATE
        )
        wrong = differences(engine, connection.sql(query).pl())
        if wrong:
            print(f"the two do not agree: {wrong}")
            sys.exit(1)
        jobs = {
            "engine": lambda: engine.over(engine.one),
            "engine 12 dates": lambda: engine.over(engine.twelve),
            "duckdb": lambda: connection.sql(query).to_arrow_table(),
        }
        engine.over(engine.twelve)
        spent: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(rounds):
            for name, work in jobs.items():
                spent[name].append(timed(work))
    medians = {name: statistics.median(times) for name, times in spent.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(spent["duckdb"], spent[name], strict=True)) for name in jobs
    }
    for name in jobs:
        print(f"{name:16s} CPU {medians[name]:8.3f} s  min {min(spent[name]):8.3f}  DuckDB / this {ratios[name]:6.1f}")
    print(f"twelve dates / one {medians['engine 12 dates'] / medians['engine']:.2f}; load {os.getloadavg()[0]:.1f}")
    if "JSON" in options:
        Path(options["JSON"]).write_text(json.dumps({"options": options, "cpu_seconds": spent}))


if __name__ == "__main__":
    main()
