"""Prints what the frozen plan costs on 250,000, 1 and 3 million distinct people, how cost grows, and England on paper.

    python benchmarks/scale.py [PEOPLE=3000000] [RECORDS=60] [PIECE=250000] [PRACTICE=10000] [THREADS=2] [ROUNDS=3]
                               [FOLDER=path] [JSON=path]

People are made up and written to registers in pieces (two at a time, in processes of their own); all pieces then lie on
the disk together, and each size is one pass over the first of them: every register opened anew, its plan compiled, every
file checked, every person answered. PEOPLE=10000000 adds a pass over ten million; its indexes take about 5 GB at 60 records.
What lies in FOLDER already is not made again.
The first piece is compared with DuckDB, value by value, before anything is printed.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import frozen_plan as frozen
from core import Engine, differences
from measured import options_of, watched, write
from pieces import Piece, connected, make_piece, peer_query, plan_of

SIZES = (250_000, 1_000_000, 3_000_000, 10_000_000)
ENGLAND_MILLIONS = 62


def made(root: Path, people: int, size: int, practice: int, records: float) -> list[Piece]:
    """Give the pieces of `people`, two made at a time, but those that are there; only the first keeps what DuckDB reads."""
    jobs = []
    for number, first in enumerate(range(0, people, size)):
        here = min(size, people - first)
        practices = {
            first // practice + place: min(practice, here - place * practice) for place in range(-(-here // practice))
        }
        jobs.append((root / f"piece-{number:03d}", practices, records, number == 0))
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=4) as pool:
        return pool.starmap(_piece, jobs, chunksize=1)


def _piece(root: Path, practices: dict[int, int], records: float, keep_raw: bool) -> Piece:  # noqa: FBT001
    """Give a piece, made anew unless it was made before with the same people and records."""
    said = {"practices": {str(number): people for number, people in practices.items()}, "records": records}
    note = root / "piece.json"
    if note.is_file() and (known := json.loads(note.read_text("utf-8")))["asked"] == said:
        return Piece(root, **known["piece"])
    shutil.rmtree(root, ignore_errors=True)
    piece = make_piece(root, practices, records, keep_raw=keep_raw)
    kept = {name: value for name, value in vars(piece).items() if name != "root"}
    note.write_text(json.dumps({"asked": said, "piece": kept}), "utf-8")
    return piece


def whole_pass(pieces: list[Piece], threads: int) -> int:
    """Give the number of people answered in one pass over pieces, nothing kept of one when the next is opened."""
    from pophealth.features import evaluate
    from pophealth.register import open_snapshot

    answered = 0
    with ThreadPoolExecutor(threads) as pool:
        for piece in pieces:
            snapshot = open_snapshot(piece.root)
            plan = plan_of(snapshot)

            def one(practice: str, snapshot: Any = snapshot, plan: Any = plan) -> int:
                bucket = snapshot.bucket(practice)
                shards = bucket.shards_for(plan.reads)
                frame = evaluate(plan, shards, bucket.people, frozen.INDEX_DATE, frozen.CONTRACT_YEAR)
                return frame.height

            answered += sum(pool.map(one, snapshot.practices))
    return answered


def differing(piece: Piece) -> dict[str, int]:
    """Give how many values of a piece differ from DuckDB's, by column."""
    from pophealth.register import open_snapshot

    snapshot = open_snapshot(piece.root)
    connection = connected()
    return differences(Engine(snapshot, plan_of(snapshot), 1), connection.sql(peer_query(piece.root)).pl())


def main() -> None:
    defaults = {"PEOPLE": "3000000", "RECORDS": "60", "PIECE": "250000", "PRACTICE": "10000", "THREADS": "2"}
    options = options_of(defaults | {"ROUNDS": "3", "FOLDER": ""})
    people, size, threads = int(options["PEOPLE"]), int(options["PIECE"]), int(options["THREADS"])
    with tempfile.TemporaryDirectory() as folder:
        began, root = time.perf_counter(), Path(options["FOLDER"] or folder)
        root.mkdir(parents=True, exist_ok=True)
        pieces = made(root, people, size, int(options["PRACTICE"]), float(options["RECORDS"]))
        making = time.perf_counter() - began
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # its memory is not this process's
            wrong = pool.apply(differing, (pieces[0],))
        if wrong:
            msg = f"the two do not agree: {wrong}"
            raise SystemExit(msg)
        whole_pass(pieces[:1], threads)
        passes = {asked: pieces[: asked // size] for asked in sorted({*SIZES, people}) if size <= asked <= people}
        rows = [measured(asked, of, threads, int(options["ROUNDS"])) for asked, of in passes.items()]
    figures = summary(pieces, rows) | {"making_wall_s": making, "rows": rows}
    show(options, figures)
    write(options, figures)


def measured(asked: int, pieces: list[Piece], threads: int, rounds: int) -> dict[str, Any]:
    """Give the cost of passes over so many people (the largest is made once), and the memory of one more."""
    cpu, wall = [], []
    for _ in range(rounds if asked < SIZES[-1] else 1):
        before, began = time.process_time(), time.perf_counter()
        answered = whole_pass(pieces, threads)
        cpu.append(time.process_time() - before)
        wall.append(time.perf_counter() - began)
        if answered != sum(piece.people for piece in pieces):
            msg = f"{answered} people were answered of {asked}"
            raise SystemExit(msg)
    with watched() as memory:
        whole_pass(pieces[: SIZES[2] // pieces[0].people], threads)
    return {
        "people": answered,
        "rows": sum(piece.rows for piece in pieces),
        "cpu_s": statistics.median(cpu),
        "all_cpu_s": cpu,
        "wall_s": statistics.median(wall),
        "anonymous_mib_above": memory.above,
        "unique_mib_peak": memory.unique_peak,
    }


def summary(pieces: list[Piece], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Give growth, cost per million, and 62 million on paper."""
    first, last = rows[0], rows[-1]
    growth = None
    if last["people"] > first["people"]:
        growth = math.log(last["cpu_s"] / first["cpu_s"]) / math.log(last["people"] / first["people"])
    millions = last["people"] / 1e6
    whole = sum(piece.people for piece in pieces) / 1e6
    ingest = sum(piece.ingest_cpu_s for piece in pieces) / whole
    return {
        "growth_exponent": growth,
        "pass_cpu_s_per_million": last["cpu_s"] / millions,
        "ingest_cpu_s_per_million": ingest,
        "index_gb_per_million": sum(piece.index_bytes for piece in pieces) / whole / 1e9,
        "archive_gb_per_million": sum(piece.archive_bytes for piece in pieces) / whole / 1e9,
    }


def show(options: dict[str, str], figures: dict[str, Any]) -> None:
    print(f"{options['RECORDS']} records a person, {options['THREADS']} threads; agrees with DuckDB on the first piece")
    print(
        f"{'people':>12} {'rows':>14} {'CPU s':>9} {'wall s':>9} {'us a person':>12} {'anonymous MiB':>14} {'unique MiB':>11}"
    )
    for row in figures["rows"]:
        print(
            f"{row['people']:>12,} {row['rows']:>14,} {row['cpu_s']:>9.2f} {row['wall_s']:>9.2f} "
            f"{row['cpu_s'] / row['people'] * 1e6:>12.2f} {row['anonymous_mib_above']:>+14.0f} {row['unique_mib_peak']:>11.0f}"
        )
    if figures["growth_exponent"] is not None:
        print(f"growth exponent {figures['growth_exponent']:.3f}")
    print(f"made and written in {figures['making_wall_s']:.0f} s of wall time")
    print(f"{'':24}{'a million':>12}{'62 million, on paper':>24}")
    for name, unit in (
        ("pass_cpu_s", "CPU s"),
        ("ingest_cpu_s", "CPU s"),
        ("index_gb", "GB"),
        ("archive_gb", "GB"),
    ):
        each = figures[f"{name}_per_million"]
        print(f"{name.split('_')[0]:<24}{each:>9.2f} {unit:<5}{each * ENGLAND_MILLIONS:>18,.0f} {unit}")


if __name__ == "__main__":
    main()
