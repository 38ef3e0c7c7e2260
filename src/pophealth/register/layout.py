r"""Gives the names of a snapshot's files and the shape of its tables.

``<data_root>/register/<snapshot>/`` holds ``MANIFEST.json``, ``dictionary/<table>.parquet``, documents of the ingest,
``identity/<practice>.parquet`` (NHS numbers, kept apart) and, per practice, ``archive/<table>.parquet`` and
``index/<table>/<shard>-<part>.arrow``. ``<data_root>/register/CURRENT`` names the newest snapshot.

The archive of a record table is sorted by person, date, record id, then by every other column. Its Parquet row groups
do not cross shards. The parts of an index are one uncompressed Arrow IPC batch each, without nulls:

========================================= =========== ==================================================================
table                                     part        columns
========================================= =========== ==================================================================
events, medications, measurements,        ``offsets`` offsets uint32 [concepts + 1]
diagnoses                                 ``rows``    entries uint32 (day << 16 | person, ascending inside a concept,
                                                      equal ones as in the archive), lag uint8 (days to the recording; 255 = late)
                                          ``late``    late_row uint32 (places in rows), late_day uint16 (at most 65,535)
                                          ``archive`` archive_row uint32 (for diagnoses the row of spells)
medications                               ``supply``  supply uint16 (0 none, at most 511), repeat uint8 (2 = not said)
measurements                              ``value``   value float64, unit uint8 (0 none)
\                                          ``context`` setting, comparator uint8 (0 none, then in the contract's order)
\                                          ``time``    micros int64 (since midnight, plus 1; 0 none)
diagnoses                                 ``place``   position uint8 (1 to 20), method uint8 (as spells)
spells, attendances                       ``offsets`` offsets uint32 [people + 1]
\                                          ``rows``    first, last uint16 (0 = still in), method uint8; in order of the archive
\                                          ``archive`` archive_row uint32
========================================= =========== ==================================================================
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from pophealth.tables import DATE_COLUMN, RECORD_TABLES, OptOuts, Patients, Registrations
from pophealth.terms import EARLIEST_DAY

MANIFEST = "MANIFEST.json"
MANIFEST_SCHEMA = 3
SHARD_PEOPLE = 65_536
"""People a shard can hold: the index writes a person as 16 bits."""

LATEST_DAY = 65_535
"""The last day the index can write as 16 bits, in 2079."""

CODED_RECORDS = ("events", "medications", "measurements")
"""Record tables of which every row has a code."""

CODED_TABLES = (*CODED_RECORDS, "diagnoses")
"""Tables of the index by concept; `diagnoses` are those of the spells, one row each."""

STAY_TABLES = ("spells", "attendances")

PARTS: dict[str, tuple[str, ...]] = {
    "events": (),
    "medications": ("supply",),
    "measurements": ("value", "context", "time"),
    "diagnoses": ("place",),
}
"""Parts of a coded table beside offsets, rows, late and archive; only plans that ask for one open it."""

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

DATED: dict[str, str] = {name: DATE_COLUMN[name] for name, schema in SCHEMAS.items() if "record_id" in schema}
"""Tables of named records, with the column that dates them; the others are few rows a person."""

REQUIRED: dict[str, tuple[str, ...]] = {
    name: tuple(
        column
        for column in schema
        if column in {"patient_id", "record_id", DATED.get(name)}
        or (name in CODED_RECORDS and column in {"code", "code_system", "value"})
        or (name == "spells" and column == "method")
    )
    for name, schema in SCHEMAS.items()
}
"""Columns without which a row cannot be placed."""


def register_folder(data_root: Path) -> Path:
    """Give where the snapshots of a site lie."""
    return data_root / "register"


def archive_file(practice: str, table: str) -> str:
    """Give the name of a practice's archive of one table, relative to the snapshot."""
    return f"{practice}/archive/{table}.parquet"


def index_file(practice: str, table: str, shard: int, part: str) -> str:
    """Give the name of one part of one shard's index, relative to the snapshot."""
    return f"{practice}/index/{table}/{shard}-{part}.arrow"


def identity_file(practice: str) -> str:
    """Give the name of the file that holds a practice's NHS numbers, relative to the snapshot."""
    return f"identity/{practice}.parquet"


def dictionary_file(table: str) -> str:
    """Give the name of the dictionary of a coded table, relative to the snapshot."""
    return f"dictionary/{table}.parquet"
