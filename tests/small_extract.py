"""Small extracts for tests: tables as text, written as Parquet or CSV, conformed into a writer that only remembers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from pophealth.config import Config
from pophealth.extracts import Conservation, conform
from pophealth.register import layout as register_layout
from pophealth.tables import EXTRACT_TABLES

KEY = b"a key of thirty-two bytes, made up"
EXTRACT_DATE = "2024-12-31"
PRACTICE = "A81001"
OTHER = "B82002"

NUMBERS = ("9434765919", "9434765870", "4010232137", "6639829444", "9000000009")
"""Ten digits whose check digit is right (worked out in test_nhs_number, by hand arithmetic)."""


def table(text: str) -> pl.DataFrame:
    """Give a frame of text columns from lines of ``a | b``; an empty cell is null."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    head, *rows = lines
    return pl.DataFrame(
        {name: [row[place] or None for row in rows] for place, name in enumerate(head)},
        schema=dict.fromkeys(head, pl.String),
    )


PATIENTS = """
patient_id | nhs_number | birth_date | sex
a          |            | 1950-03-04 | female
b          |            | 1980-01-01 | male
"""
REGISTRATIONS = """
patient_id | practice_code | start_date | end_date | registration_type
a          | A81001        | 2000-01-01 |          | regular
b          | A81001        | 2001-01-01 |          | regular
"""
EVENTS = """
patient_id | date       | recorded_date | code     | code_system | record_id
a          | 2020-05-01 | 2020-05-02    | 38341003 | SNOMED      | 1
b          | 2021-06-01 |               | 38341003 | SNOMED      | 2
"""


class Remembering:
    """A register's writer that keeps what it is given, by table."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.taken: dict[str, list[pl.DataFrame]] = {}

    def spool(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        typed = frame.select(pl.col(name).cast(kind) for name, kind in register_layout.SCHEMAS[table].items())
        self.rows[practice] += typed.height
        self.taken.setdefault(table, []).append(typed.with_columns(_practice=pl.lit(practice)))

    def of(self, table: str) -> pl.DataFrame:
        """Give every row taken of a table, in an order of its own, with its practice."""
        schema = dict(register_layout.SCHEMAS[table]) | {"_practice": pl.String()}
        whole = pl.concat([pl.DataFrame(schema=schema), *self.taken.get(table, [])])
        return whole.sort([pl.col(name).cast(pl.String) for name in whole.columns])


def default_tables(**tables: str | pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Give patients, registrations and events of two people, with tables replaced or added."""
    texts: dict[str, Any] = {"patients": PATIENTS, "registrations": REGISTRATIONS, "events": EVENTS} | tables
    return {name: table(value) if isinstance(value, str) else value for name, value in texts.items()}


def write_csv(folder: Path, tables: dict[str, pl.DataFrame]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.write_csv(folder / f"{name}.csv")
    return folder


def write_parts(folder: Path, parts: dict[str, dict[str, pl.DataFrame]]) -> Path:
    """Write self-contained parts: every table a folder, every part a Parquet file of its name."""
    names = {name for tables in parts.values() for name in tables}
    for part, tables in parts.items():
        for name in names:
            columns = list(EXTRACT_TABLES[name].create_empty().columns)
            frame = tables.get(name, pl.DataFrame(schema=dict.fromkeys(columns, pl.String)))
            (folder / name).mkdir(parents=True, exist_ok=True)
            frame.write_parquet(folder / name / f"{part}.parquet")
    return folder


def config_of(folder: Path, **changes: Any) -> Config:
    """Give a configuration of an extract; `changes` are sections, merged into the defaults."""
    sections: dict[str, dict[str, Any]] = {
        "site": {"name": "test", "purpose": "development", "data_root": folder / "data"},
        "extract": {"layout": "canonical", "path": folder, "extract_date": EXTRACT_DATE, "supplies": {}},
    }
    for name, section in changes.items():
        sections[name] = sections.get(name, {}) | section
    return Config.model_validate_json(json.dumps(sections, default=str))


def conformed(folder: Path, **changes: Any) -> tuple[Conservation, Remembering]:
    """Conform an extract and give its account and what a register would have been given."""
    writer = Remembering()
    return conform(config_of(folder, **changes), writer, KEY), writer


def counts(account: Conservation, source: str) -> dict[str, Any]:
    """Give the total of a source without its practices."""
    found = dict(account.to_dict()["sources"][source])
    found.pop("practices")
    return found


def rules(account: Conservation, source: str) -> dict[str, int]:
    """Give how often each rule was broken in a source."""
    found: dict[str, int] = counts(account, source)["rules"]
    return found
