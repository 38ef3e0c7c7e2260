"""Prints what the engine's lead over DuckDB becomes on data unlike the frozen plan's, value by value the same.

    python benchmarks/unlike.py [PEOPLE=100000] [RECORDS=60] [PRACTICE=10000] [ROUNDS=3] [NETWORKS=yes|no] [FOLDER=path]
                                [JSON=path]

Dense: every list of findings three times as long. Uneven: one practice of 100,000 people and one of 1,500. Dirty: rows
twice, dates ahead of the index date, recorded before they happened or years after, codes in no list, negative and huge
values. Heavy: one person with 200,000 records and one with none. Networks: 8,000 and 270,000 people, their memory beside it.
Each case is compared with DuckDB before its line is printed; the peer sees the same rows and lists.
"""

from __future__ import annotations

import gc
import multiprocessing
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

import frozen_plan as frozen
from core import Engine, differences, timed
from measured import options_of, watched, write
from pieces import Change, Rows, connected, make_piece, peer_query, plan_of

from pophealth.register import open_snapshot

HEAVY = 200_000


def dirty(number: int, raw: Rows) -> Rows:
    """Give rows as bad extracts hold them, within what the register takes."""
    random = np.random.default_rng(900 + number)
    found = dict(raw)
    for table in ("events", "medications", "measurements"):
        frame = raw[table]
        twice = frame.filter(pl.Series(random.random(frame.height) < 0.05))
        frame = pl.concat([frame, twice]).sort("pid", "date", maintain_order=True)
        draw, days = pl.Series(random.random(frame.height)), pl.Series(random.integers(1, 2_000, frame.height))
        apart = pl.duration(days=days)
        frame = frame.with_columns(
            date=pl.when(draw < 0.03).then(frozen.INDEX_DATE + apart).otherwise("date"),
            code=pl.when(draw.is_between(0.9, 0.92)).then(7).otherwise("code"),
        ).with_columns(
            recorded=pl.when(draw < 0.03).then("date")
            .when(draw < 0.06).then(pl.col("date") - apart)
            .when(draw < 0.10).then(pl.col("date") + apart)
            .otherwise("recorded")
        )  # fmt: skip
        if table == "measurements":
            wild = pl.when(draw > 0.99).then(-1e12).when(draw > 0.98).then(1e12).otherwise("value")
            frame = frame.with_columns(value=wild)
        found[table] = frame.sort("pid", "date", maintain_order=True)
    return found


def heavy(number: int, raw: Rows) -> Rows:
    """Give rows in which the first person of the first practice has 200,000 records and the second has none."""
    if number:
        return raw
    first, second = raw["patients"]["pid"][:2]
    found = dict(raw)
    for table, share in (("events", 0.6), ("medications", 0.3), ("measurements", 0.1)):
        frame = raw[table].filter(pl.col("pid") != second)
        more = frame.sample(int(HEAVY * share), with_replacement=True, seed=1).with_columns(pid=pl.lit(first))
        found[table] = pl.concat([frame, more]).sort("pid", "date", maintain_order=True)
    found["spells"] = raw["spells"].filter(pl.col("pid") != second)
    return found


def case(
    root: Path,
    practices: dict[int, int],
    options: dict[str, str],
    change: Change | None = None,
    known: frozen.Universe | None = None,
) -> dict[str, Any]:
    """Give CPU seconds of engine and DuckDB, round by round, on one kind of data, and the engine's memory."""
    known = known or frozen.universe()
    piece = make_piece(root, practices, float(options["RECORDS"]), keep_raw=True, change=change, known=known)
    snapshot = open_snapshot(root)
    engine = Engine(snapshot, plan_of(snapshot, known), 1)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        above = pool.apply(memory_of, (root, known, root.with_name("first")))
    connection, query = connected(known), peer_query(root)
    wrong = differences(engine, connection.sql(query).pl())
    if wrong:
        msg = f"the two do not agree: {wrong}"
        raise SystemExit(msg)
    jobs = {"engine": lambda: engine.over(engine.one), "duckdb": lambda: connection.sql(query).to_arrow_table()}
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(int(options["ROUNDS"])):
        for name, job in jobs.items():
            spent[name].append(timed(job))
    connection.close()
    shutil.rmtree(root)
    return {"people": piece.people, "rows": piece.rows, "cpu_s": spent, "anonymous_mib_above": above}


def memory_of(root: Path, known: frozen.Universe, first: Path) -> float:
    """Give the anonymous memory, above what a process that has run before holds, of answering practice after practice."""
    Engine(open_snapshot(first), plan_of(open_snapshot(first)), 1).one(0)
    snapshot = open_snapshot(root)
    engine = Engine(snapshot, plan_of(snapshot, known), 1)
    gc.collect()
    with watched(0.005) as memory:
        for place in range(len(engine.buckets)):
            engine.one(place)
    return memory.above


def main() -> None:
    defaults = {"PEOPLE": "100000", "RECORDS": "60", "PRACTICE": "10000", "ROUNDS": "3", "NETWORKS": "yes"}
    options = options_of(defaults | {"FOLDER": tempfile.gettempdir()})
    people, practice = int(options["PEOPLE"]), int(options["PRACTICE"])
    usual = {place: min(practice, people - place * practice) for place in range(-(-people // practice))}
    scale = people / 100_000
    uneven = {
        0: int(100_000 * scale),
        2: int(1_500 * scale),
    }  # numbers of 100,000 people reach into those of practice 1
    cases: dict[str, tuple[Any, ...]] = {
        "frozen plan": (usual,),
        "lists three times as dense": (usual, None, frozen.universe(30, 2_850)),
        "practices of 100,000 and 1,500": (uneven,),
        "dirty data": (usual, dirty),
        "one of 200,000 records, one of 0": (usual, heavy),
    }
    if options["NETWORKS"] == "yes":
        cases["network of 8,000"] = ({0: int(8_000 * scale)},)
        cases["network of 270,000, 27 practices"] = (dict.fromkeys(range(27), int(10_000 * scale)),)
    figures = {}
    print(
        f"{'data':34} {'people':>9} {'rows':>12} {'engine s':>9} {'DuckDB s':>9} {'DuckDB / engine':>16} {'MiB above':>10}"
    )
    with tempfile.TemporaryDirectory(dir=options["FOLDER"]) as folder:
        make_piece(Path(folder) / "first", {0: 20}, 60)  # kernels are loaded before anything is counted
        for name, (practices, *more) in cases.items():
            found = figures[name] = case(Path(folder) / "case", practices, options, *more)
            ours, theirs = found["cpu_s"]["engine"], found["cpu_s"]["duckdb"]
            found["ratio"] = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
            print(
                f"{name:34} {found['people']:>9,} {found['rows']:>12,} {statistics.median(ours):>9.3f} "
                f"{statistics.median(theirs):>9.2f} {found['ratio']:>16.1f} {found['anonymous_mib_above']:>+10.0f}",
                flush=True,
            )
    print(f"every value of every case agrees with DuckDB; {options['RECORDS']} records a person, 1 thread")
    write(options, figures)


if __name__ == "__main__":
    main()
