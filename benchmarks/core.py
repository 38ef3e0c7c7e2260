"""Prints what the frozen plan costs: the engine from four kinds of input, for one and twelve dates, beside its peers.

    python benchmarks/core.py [PEOPLE=250000] [RECORDS=60|285] [PRACTICE=10000] [ROUNDS=5] [FOLDER=path] [THREADS=1]
                              [PEERS=duckdb,native,polars,pandas] [TWELVE=yes|no] [JSON=path]

*mapped* is the register's index as it lies on the disk, *lz4* the same as compressed Arrow IPC, *raw* the Parquet (snappy)
that DuckDB, Polars and pandas read, decoded, numbered and sorted at every pass. DuckDB answers with its fastest form of SQL
(the map pivot), from that Parquet and from tables of its own in memory. Everyone's answers are compared first, at twelve
dates with TWELVE=yes as well (twelve runs of DuckDB, once): nothing is printed unless every value agrees. Each was warmed by
that; rounds are interleaved, ratios are pair by pair. Peers run on one thread. JSON=an existing folder names the file by the day.
"""

from __future__ import annotations

import gc
import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before Polars is there: a peer's idle threads would count as CPU

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

import core_jobs as jobs_
import frozen_plan as frozen
from core_jobs import Engine, plain
from measured import options_of, watched, write
from pieces import plan_of

from pophealth.register import Snapshot, open_snapshot, open_writer

PEERS = "duckdb,native,polars,pandas"
TARGETS = {  # DuckDB / this, except where a name says otherwise; at 60 and at 285 records
    "mapped": ("duckdb", 35, 45),
    "lz4": ("duckdb", 25, 25),
    "raw": ("duckdb", 6, 2),
    "mapped, of native": ("native", 35, 40),
    "mapped, of pandas": ("pandas", 80, 80),
}


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


def differences(engine: Engine, expected: pl.DataFrame) -> dict[str, int]:
    """Give how many values of the mapped index differ, by column; nothing is to be printed unless there are none."""
    return jobs_.differences(plain(_whole(engine, engine.over(engine.one))), plain(expected))


def _whole(engine: Engine, frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames).with_columns(engine.ids)


def timed(work: Callable[[], Any]) -> float:
    """Give the CPU seconds of `work`."""
    return both_times(work)[0]


def both_times(work: Callable[[], Any]) -> tuple[float, float]:
    """Give the CPU seconds and the wall time of `work`."""
    gc.collect()
    began, wall = time.process_time(), time.perf_counter()
    kept = work()
    spent = time.process_time() - began, time.perf_counter() - wall
    del kept
    return spent


def peers_of(names: list[str], raw: Path, duckdb: jobs_.DuckDB) -> dict[str, Callable[[], Any]]:
    """Give the peers asked for; DuckDB on Parquet is always one."""
    made: dict[str, Callable[[], Any]] = {"duckdb": duckdb.on_parquet}
    if "native" in names:
        duckdb.load()
        made["native"] = duckdb.on_tables
    if "polars" in names:
        made["polars"] = jobs_.polars_job(raw)
    if "pandas" in names:
        made["pandas"] = jobs_.pandas_job(raw)
    return made


def refuse(name: str, wrong: dict[str, int]) -> None:
    """End the program where values differ."""
    if wrong:
        msg = f"{name} does not agree with DuckDB on Parquet: {wrong}"
        raise SystemExit(msg)


def compared(engine: Engine, ours: dict[str, Callable[[], Any]], peers: dict[str, Callable[[], Any]]) -> None:
    """Run everything once and compare each value with DuckDB's."""
    expected = plain(pl.DataFrame(peers["duckdb"]()))
    for name in ("mapped", "lz4"):
        refuse(name, jobs_.differences(plain(_whole(engine, ours[name]())), expected))
    people = pl.Series("pid", pq.read_table(Path(str(ours["folder"]())) / "patients.parquet")["pid"].to_numpy())
    refuse("raw", jobs_.differences(plain(ours["raw"]().with_columns(people)), expected))
    for name, job in peers.items():
        made = job()
        if not isinstance(made, pl.DataFrame):
            is_arrow = hasattr(made, "column_names")
            made = pl.DataFrame(made if is_arrow else {column: made[column].to_numpy() for column in made.columns})
        refuse(name, jobs_.differences(plain(made), expected))


def twelve_runs(engine: Engine, duckdb: jobs_.DuckDB) -> float:
    """Give the CPU seconds of twelve runs of DuckDB, one a date, after comparing each with the engine's frames."""
    spent = 0.0
    walks = [engine.dated(place) for place in range(len(engine.buckets))]
    for day in engine.dates:
        began = time.process_time()
        table = duckdb.on_parquet(day)
        spent += time.process_time() - began
        frames = [next(walk) for walk in walks]
        refuse(f"mapped at {day}", jobs_.differences(plain(_whole(engine, frames)), plain(pl.DataFrame(table))))
    return spent


def main() -> None:
    defaults = {"PEOPLE": "250000", "RECORDS": "60", "PRACTICE": "10000", "ROUNDS": "5", "THREADS": "1"}
    options = options_of(defaults | {"PEERS": PEERS, "TWELVE": "yes", "FOLDER": ""})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(options["FOLDER"] or folder)
        snapshot = make_data(root, int(options["PEOPLE"]), float(options["RECORDS"]), int(options["PRACTICE"]))
        engine = Engine(snapshot, plan_of(snapshot), int(options["THREADS"]))
        packed, raw = jobs_.Packed(snapshot, engine, root / "lz4"), jobs_.Unwritten(root / "raw")
        ours: dict[str, Callable[[], Any]] = {
            "mapped": lambda: engine.over(engine.one),
            "mapped, 12 dates": lambda: engine.over(engine.twelve),
            "lz4": lambda: engine.over(packed.one),
            "raw": raw.everyone,
        }
        duckdb = jobs_.DuckDB(root / "raw")
        peers = peers_of(options["PEERS"].split(","), root / "raw", duckdb)
        compared(engine, ours | {"folder": lambda: root / "raw"}, peers)
        twelve = twelve_runs(engine, duckdb) if options["TWELVE"] == "yes" else 0.0
        ours["mapped, 12 dates"]()
        cpu: dict[str, list[float]] = {name: [] for name in ours | peers}
        wall: dict[str, list[float]] = {name: [] for name in ours | peers}
        for _ in range(int(options["ROUNDS"])):
            for name, work in (ours | peers).items():
                one = both_times(work)
                cpu[name].append(one[0])
                wall[name].append(one[1])
        with watched() as memory:
            engine.over(engine.one)
        show(options, cpu, wall, twelve, memory.above)


def show(
    options: dict[str, str], cpu: dict[str, list[float]], wall: dict[str, list[float]], twelve: float, above_mib: float
) -> None:
    """Print the table and write the file."""

    def ratio(slow: str, quick: str) -> float:
        return statistics.median(a / b for a, b in zip(cpu[slow], cpu[quick], strict=True))

    print(
        f"{int(options['PEOPLE']):,} people, {options['RECORDS']} records, practices of {int(options['PRACTICE']):,}; "
        f"every value agrees; medians of {options['ROUNDS']} interleaved rounds; load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'what':18} {'CPU s':>9} {'lowest':>9} {'wall s':>9} {'DuckDB / this':>14} {'this / mapped':>14}")
    for name, spent in cpu.items():
        print(
            f"{name:18} {statistics.median(spent):>9.3f} {min(spent):>9.3f} {statistics.median(wall[name]):>9.3f} "
            f"{ratio('duckdb', name):>14.1f} {ratio(name, 'mapped'):>14.1f}"
        )
    place = 1 if float(options["RECORDS"]) < 200 else 2
    said = {
        name: {"seen": ratio(of[0], name.partition(",")[0]), "asked": of[place]}
        for name, of in TARGETS.items()
        if of[0] in cpu
    }
    said["twelve dates / one"] = {"seen": ratio("mapped, 12 dates", "mapped"), "asked": (6, 5)[place - 1]}
    if twelve:
        said["twelve DuckDB runs / twelve dates"] = {
            "seen": twelve / statistics.median(cpu["mapped, 12 dates"]),
            "asked": 60,
        }
    for name, figure in said.items():
        print(f"{name:36} {figure['seen']:7.2f}   asked {figure['asked']}")
    print(f"anonymous memory of a pass, above what was held: {above_mib:.0f} MiB")
    write(
        options, {"cpu_s": cpu, "wall_s": wall, "twelve_duckdb_cpu_s": twelve, "figures": said, "above_mib": above_mib}
    )


if __name__ == "__main__":
    main()
