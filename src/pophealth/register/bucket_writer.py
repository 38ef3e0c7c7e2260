"""Gives one practice's bucket on disk: archive, index, and the identities kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pophealth.errors import DataContractError
from pophealth.register.index import coded_rows, postings_of, stays_of, write_arrays
from pophealth.register.layout import (
    CODED_TABLES,
    SCHEMAS,
    SHARD_PEOPLE,
    SORT_BY,
    STAY_TABLES,
    archive_file,
    index_file,
)


def write_bucket(
    made: Path, practice: str, tables: dict[str, pl.DataFrame], dictionaries: dict[str, pl.DataFrame], units: list[str]
) -> dict[str, Any]:
    """Give what the manifest says of a practice, after its files were written below `made`.

    Parameters
    ----------
    tables
        Spooled rows by table; a table without rows may be absent.
    dictionaries
        Concept numbers by coded table.

    Raises
    ------
    DataContractError
        A person stands in the practice twice, or rows belong to nobody in it.
    """
    tables = {name: frame.sort(SORT_BY[name], maintain_order=True) for name, frame in tables.items() if frame.height}
    people = tables.get("patients", pl.DataFrame(schema=SCHEMAS["patients"]))
    _refuse_strays(practice, people, tables)
    _write_people(made, practice, people)
    for name, frame in tables.items():
        if name != "patients":
            _write_parquet(frame, made / archive_file(practice, name))
    numbered = people.select("patient_id").with_row_index("person")
    shards = max(1, -(-people.height // SHARD_PEOPLE))
    for table in CODED_TABLES:
        if table in tables:
            rows = coded_rows(tables[table], numbered, dictionaries[table], units)
            for shard in range(shards):
                _write_parts(made, practice, table, shard, postings_of(rows, shard, dictionaries[table].height))
    for table in STAY_TABLES:
        if table in tables:
            for shard in range(shards):
                size = min(SHARD_PEOPLE, people.height - shard * SHARD_PEOPLE)
                _write_parts(made, practice, table, shard, stays_of(tables[table], numbered, shard, size))
    return {
        "people": people.height,
        "shards": shards,
        "rows": {name: frame.height for name, frame in sorted(tables.items())},
    }


def _refuse_strays(practice: str, people: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> None:
    twice = people.height - people["patient_id"].n_unique()
    strays = sum(
        frame.select("patient_id").join(people, on="patient_id", how="anti").height for frame in tables.values()
    )
    if twice or strays:
        msg = (
            f"register, practice {practice}: {twice} people stand twice and {strays} rows belong to nobody in it; "
            "every person has to be spooled once, with all their rows, under one practice"
        )
        raise DataContractError(msg)


def _write_people(made: Path, practice: str, people: pl.DataFrame) -> None:
    _write_parquet(people.drop("nhs_number"), made / archive_file(practice, "patients"))
    _write_parquet(people.select("patient_id", "nhs_number"), made / "identity" / f"{practice}.parquet")


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.rechunk().write_parquet(path, compression="lz4", row_group_size=262_144)


def _write_parts(made: Path, practice: str, table: str, shard: int, parts: dict[str, dict[str, Any]]) -> None:
    for part, columns in parts.items():
        write_arrays(made / index_file(practice, table, shard, part), columns)
