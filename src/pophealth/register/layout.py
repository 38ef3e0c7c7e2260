"""Gives the names of a snapshot's files and the shape of its tables.

``<data_root>/register/<snapshot>/`` holds ``MANIFEST.json``, ``dictionary/<table>.parquet``, documents of the ingest,
``identity/<practice>.parquet`` (NHS numbers, kept apart) and, per practice, ``archive/<table>.parquet`` and
``index/<table>/<shard>-<part>.arrow``. ``<data_root>/register/CURRENT`` names the newest snapshot.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from pophealth.tables import DATE_COLUMN, RECORD_TABLES, OptOuts, Patients, Registrations
from pophealth.terms import EARLIEST_DAY

MANIFEST = "MANIFEST.json"
MANIFEST_SCHEMA = 1
SHARD_PEOPLE = 65_536
"""People a shard can hold: the index writes a person as 16 bits."""

CODED_TABLES = ("events", "medications", "measurements")
STAY_TABLES = ("spells", "attendances")

FROM_1970 = (date(1970, 1, 1) - EARLIEST_DAY).days
"""Polars counts days from 1970-01-01, the register from 1900-01-01."""

PATIENTS = Patients.create_empty().schema | {"death_date": pl.Date()}
"""Columns of spooled `patients`: the contract's and the date of death."""

SCHEMAS: dict[str, pl.Schema] = {
    "patients": pl.Schema(PATIENTS),
    "registrations": Registrations.create_empty().schema,
    "opt_outs": OptOuts.create_empty().schema,
} | {name: contract.create_empty().schema for name, contract in RECORD_TABLES.items()}
"""Columns and types of every table a practice's archive can hold."""

SORT_BY: dict[str, tuple[str, ...]] = {
    name: ("patient_id", DATE_COLUMN.get(name, "start_date"), "record_id" if "record_id" in schema else "patient_id")
    for name, schema in SCHEMAS.items()
} | {"patients": ("patient_id",)}
"""Order of an archive's rows: by person, then date, then record id."""


def register_folder(data_root: Path) -> Path:
    """Give where the snapshots of a site lie."""
    return data_root / "register"


def archive_file(practice: str, table: str) -> str:
    """Give the name of a practice's archive of one table, relative to the snapshot."""
    return f"{practice}/archive/{table}.parquet"


def index_file(practice: str, table: str, shard: int, part: str) -> str:
    """Give the name of one part of one shard's index, relative to the snapshot."""
    return f"{practice}/index/{table}/{shard}-{part}.arrow"


def day_numbers(column: pl.Expr) -> pl.Expr:
    """Give days since 1900-01-01 as int64."""
    return column.to_physical().cast(pl.Int64) + FROM_1970
