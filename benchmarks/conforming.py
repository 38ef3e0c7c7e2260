"""Gives what conforming costs: an extract of a benchmark's rows, read, checked against every contract, and counted."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

TABLES = ("patients", "events", "medications", "measurements", "spells")


class Counting:
    """A register's writer that counts what it is given, and lets it go."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()

    def spool(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        del table
        self.rows[practice] += frame.height


def write_extract(source: Path, folder: Path) -> None:
    """Write the practices of `source` as an extract of one part each."""
    from pophealth.tables import EXTRACT_TABLES

    for practice in sorted(path for path in source.iterdir() if path.name != "raw"):
        for table in TABLES:
            frame = pl.read_ipc(practice / f"{table}.arrow")
            names = [name for name in EXTRACT_TABLES[table].create_empty().columns if name in frame.columns]
            (folder / table).mkdir(parents=True, exist_ok=True)
            frame.select(names).write_parquet(folder / table / f"{practice.name}.parquet", compression="snappy")
        stays = pl.read_ipc(practice / "patients.arrow").select(
            "patient_id",
            practice_code=pl.lit(f"A{practice.name}"),
            start_date=date(1990, 1, 1),
            end_date=pl.lit(None, dtype=pl.Date),
            registration_type=pl.lit("regular"),
        )
        (folder / "registrations").mkdir(exist_ok=True)
        stays.write_parquet(folder / "registrations" / f"{practice.name}.parquet", compression="snappy")


def config_of(folder: Path) -> Any:
    """Give the configuration of the extract in `folder`."""
    from pophealth.config import Config

    said = {
        "site": {"name": "made up", "purpose": "development", "synthetic": True, "data_root": str(folder / "data")},
        "extract": {
            "layout": "canonical",
            "path": str(folder),
            "extract_date": "2027-12-31",
            "supplies": {table: ["SYNTHETIC"] for table in TABLES[1:4]} | {"spells": True},
        },
    }
    return Config.model_validate_json(json.dumps(said))


def conform_seconds(config: Any, rows: int | None = None) -> float:
    """Give the CPU seconds of conforming the extract, all of whose rows have to be kept."""
    from pophealth.extracts import conform

    counting = Counting()
    began = time.process_time()
    account = conform(config, counting, b"thirty-two bytes that are made up")
    taken = time.process_time() - began
    kept = sum(tables.get(table, 0) for tables in account.kept_rows().values() for table in TABLES[1:])
    if account.withheld or (rows is not None and kept != rows):
        msg = f"conforming kept {kept:,} of {rows:,} rows and withheld {len(account.withheld)} practices"
        raise SystemExit(msg)
    return taken
