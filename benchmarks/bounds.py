"""Prints what bounds a run: bare reading of the same bytes, streaming, features, delivery, ingest; each in CPU seconds.

    python benchmarks/bounds.py [PEOPLE=250000] [RECORDS=60|285] [PRACTICE=10000] [ROUNDS=5] [FOLDER=path] [JSON=path]

*Touch* adds up every word of the index files that the frozen plan maps; *columns* decodes the same rows from Parquet, one
thread; *stream* adds up an array larger than the caches. Delivery writes the frames of all practices, one file each, as the
product does (Arrow IPC, lz4, synced) and uncompressed. Ingest is what writing the register cost, once, made-up rows in memory.
Rounds are interleaved; outputs are compared with DuckDB before anything is printed.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from core import Engine, differences, timed
from measured import options_of, write
from pieces import Piece, connected, make_piece, peer_query, plan_of

from pophealth.delivery.columns import write_arrow
from pophealth.register import Snapshot, open_snapshot

STREAM_WORDS = 1 << 25
"""256 MiB: far beyond the last cache."""


def mapped(snapshot: Snapshot, plan: Any) -> list[np.ndarray]:
    """Give the words of every index file that the plan reads, mapped."""
    words = []
    for name in snapshot.manifest["files"]:
        _, _, below = name.partition("/index/")
        table, _, file = below.partition("/")
        part = file.removesuffix(".arrow").rpartition("-")[2]
        if table in plan.reads and part in {"offsets", "rows", "late", *plan.reads[table]}:
            content = np.frombuffer(snapshot.content(name), np.uint8)
            words.append(content[: content.size // 8 * 8].view(np.uint64))
    return words


def jobs_of(piece: Piece, snapshot: Snapshot, engine: Engine, out: Path) -> dict[str, Callable[[], Any]]:
    """Give what is timed, by name."""
    words, stream = mapped(snapshot, engine.plan), np.ones(STREAM_WORDS, np.uint64)
    columns = {
        "events": ["pid", "code", "date", "recorded"],
        "medications": ["pid", "code", "date", "recorded", "days"],
        "measurements": ["pid", "code", "date", "recorded", "value"],
        "spells": ["pid", "admitted", "discharged", "method"],
    }
    raw = [(path, wanted) for table, wanted in columns.items() for path in (piece.root / "raw" / table).iterdir()]
    frames = engine.over(engine.one)

    def delivered() -> None:
        for number, frame in enumerate(frames):
            write_arrow(frame, out / f"{number}.arrow", {})

    def uncompressed() -> None:
        for number, frame in enumerate(frames):
            table = frame.to_arrow()
            with pa.OSFile(str(out / f"{number}.plain"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)

    def parquet() -> None:
        for number, frame in enumerate(frames):
            frame.write_parquet(out / f"{number}.parquet", compression="zstd")

    connection, query = connected(), peer_query(piece.root)
    return {
        "stream": lambda: int(stream.sum()),
        "touch": lambda: sum(int(part.sum()) for part in words),
        "columns": lambda: [pq.read_table(path, columns=names, use_threads=False) for path, names in raw],
        "features": lambda: engine.over(engine.one),
        "delivery, lz4": delivered,
        "delivery, uncompressed": uncompressed,
        "delivery, Parquet zstd": parquet,
        "duckdb": lambda: connection.sql(query).to_arrow_table(),
    }


def main() -> None:
    defaults = {"PEOPLE": "250000", "RECORDS": "60", "PRACTICE": "10000", "ROUNDS": "5"}
    options = options_of(defaults | {"FOLDER": tempfile.gettempdir()})
    people, practice = int(options["PEOPLE"]), int(options["PRACTICE"])
    sizes = {place: min(practice, people - place * practice) for place in range(-(-people // practice))}
    with tempfile.TemporaryDirectory(dir=options["FOLDER"]) as folder:
        root = Path(folder)
        make_piece(root / "first", {0: 20}, 60)  # kernels are loaded before anything is counted
        shutil.rmtree(root / "first")
        piece = make_piece(root, sizes, float(options["RECORDS"]), keep_raw=True)
        snapshot = open_snapshot(root)
        engine = Engine(snapshot, plan_of(snapshot), 1)
        wrong = differences(engine, connected().sql(peer_query(root)).pl())
        if wrong:
            msg = f"the two do not agree: {wrong}"
            raise SystemExit(msg)
        (root / "out").mkdir()
        jobs = jobs_of(piece, snapshot, engine, root / "out")
        for job in jobs.values():
            job()
        spent: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(int(options["ROUNDS"])):
            for name, job in jobs.items():
                spent[name].append(timed(job))
        written = {
            kind: sum(path.stat().st_size for path in (root / "out").glob(f"*.{kind}"))
            for kind in ("arrow", "plain", "parquet")
        }
        touched = sum(part.nbytes for part in mapped(snapshot, engine.plan))
    show(options, piece, spent, written, touched)


def show(
    options: dict[str, str], piece: Piece, spent: dict[str, list[float]], written: dict[str, int], touched: int
) -> None:
    bytes_of = {
        "stream": STREAM_WORDS * 8,
        "touch": touched,
        "delivery, lz4": written["arrow"],
        "delivery, uncompressed": written["plain"],
        "delivery, Parquet zstd": written["parquet"],
    }
    print(f"{piece.people:,} people, {piece.rows:,} rows; agrees with DuckDB; medians of {options['ROUNDS']} rounds")
    print(f"{'what':24} {'CPU s':>9} {'/ features':>11} {'MB':>9} {'GB a CPU s':>11}")
    ratios = {
        name: statistics.median(a / b for a, b in zip(taken, spent["features"], strict=True))
        for name, taken in spent.items()
    }
    for name, taken in spent.items():
        middle, size = statistics.median(taken), bytes_of.get(name)
        said = f"{size / 1e6:>9,.0f} {size / 1e9 / max(middle, 1e-9):>11.2f}" if size else ""
        print(f"{name:24} {middle:>9.3f} {ratios[name]:>11.2f} {said}")
    duckdb = statistics.median(spent["duckdb"])
    print(
        f"{'ingest, everything, once':24} {piece.ingest_cpu_s:>9.3f} {piece.ingest_cpu_s / duckdb:.2f} of a DuckDB run; "
        f"index {piece.index_bytes / piece.rows:.1f}, archive {piece.archive_bytes / piece.rows:.1f} bytes a row"
    )
    write(options, {"cpu_s": spent, "ratio_to_features": ratios, "bytes": bytes_of, "piece": vars(piece)})


if __name__ == "__main__":
    main()
