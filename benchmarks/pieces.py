"""Gives registers of made-up people, piece by piece, so that tens of millions fit a disk; and the frozen plan over them.

A piece is a register of its own. What the plan reads of it is kept: the index and the people. The archive of a piece and
its raw rows are removed where nobody asks for them. No two pieces hold the same person: rows follow from the number of the
practice, and each number is used once.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

import frozen_peer as peer
import frozen_plan as frozen

Rows = dict[str, pl.DataFrame]
Change = Callable[[int, Rows], Rows]
"""Practice and its raw rows in, other raw rows out."""


@dataclass(frozen=True)
class Piece:
    """A register of some practices, what writing it cost, and how large it is."""

    root: Path
    people: int
    rows: int
    ingest_cpu_s: float
    index_bytes: int
    archive_bytes: int


def make_piece(
    root: Path,
    practices: dict[int, int],
    records: float,
    *,
    keep_raw: bool = False,
    change: Change | None = None,
    known: frozen.Universe | None = None,
) -> Piece:
    """Give a register of practices (number to people), written anew below `root`.

    Parameters
    ----------
    keep_raw
        Write the same rows as Parquet (snappy) for DuckDB, and keep the archive.
    change
        Makes the rows other than usual, for both.
    """
    from pophealth.register import open_writer

    known = known or frozen.universe()
    spent, rows = 0.0, 0
    with open_writer(root, order_hint=frozen.order_hint(known)) as writer:
        for number, people in practices.items():
            raw = frozen.raw_rows(number, people, records, known)
            raw = change(number, raw) if change else raw
            if keep_raw:
                for table, frame in raw.items():
                    (root / "raw" / table).mkdir(parents=True, exist_ok=True)
                    frame.write_parquet(root / "raw" / table / f"{number:05d}.parquet", compression="snappy")
            tables = frozen.canonical(number, raw)
            rows += sum(frame.height for name, frame in raw.items() if name != "patients")
            del raw
            began = time.process_time()
            for table, frame in tables.items():
                writer.spool(table, f"A{number:05d}", frame)
            spent += time.process_time() - began
        began = time.process_time()
        snapshot = writer.finish({"extract_date": "2026-03-01"}, {})
        spent += time.process_time() - began
    files = snapshot.manifest["files"]
    size = {
        part: sum(said["bytes"] for name, said in files.items() if f"/{part}/" in name) for part in ("index", "archive")
    }
    if not keep_raw:
        for practice in snapshot.practices:
            for path in (snapshot.path / practice / "archive").glob("*.parquet"):
                if path.stem != "patients":
                    path.unlink()
    return Piece(root, sum(practices.values()), rows, spent, size["index"], size["archive"])


def plan_of(snapshot: Any, known: frozen.Universe | None = None) -> Any:
    """Give the frozen plan compiled for a register, with the lists of `known`."""
    return compiled(snapshot.concepts, snapshot.units, known)


def compiled(
    concepts: Callable[[str], pl.DataFrame], units: tuple[str, ...], known: frozen.Universe | None = None
) -> Any:
    """Give the frozen plan compiled with dictionaries, with the lists of `known`."""
    from pophealth.config import Supplies
    from pophealth.features import compile_plan

    known, declared = known or frozen.universe(), frozen.features()
    systems = ("SYNTHETIC",)
    supplies = Supplies(events=systems, medications=systems, measurements=systems, spells=True, medicine_map=True)
    library, medicines = frozen.library(known), frozen.medicine_map(known)
    return compile_plan(list(declared), declared, library, supplies, concepts, units, medicines)


def connected(known: frozen.Universe | None = None) -> Any:
    """Give DuckDB with the lists of `known`."""
    return peer.connect(known or frozen.universe())


def peer_query(root: Path) -> str:
    """Give the frozen plan as DuckDB's SQL over the raw Parquet of a piece."""
    return peer.sql(frozen.features(), lambda table: f"read_parquet('{root}/raw/{table}/*.parquet')", frozen.INDEX_DATE)


def remove(piece: Piece) -> None:
    """Remove a piece from the disk."""
    shutil.rmtree(piece.root)
