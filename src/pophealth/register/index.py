"""Gives the concept-major index of a practice: runs of ``day << 16 | person`` per concept, built from its archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.kernels.postings import Postings, Stays
from pophealth.register.layout import SHARD_PEOPLE, day_numbers

Array = npt.NDArray[Any]
LATE = 255
"""Lag from which the recorded day stands in the table of late rows."""

POSTING_COLUMNS = {"events": (), "medications": ("supply", "repeat"), "measurements": ("value", "unit")}
"""What a table's rows carry beside entry and lag."""


def coded_rows(archive: pl.DataFrame, people: pl.DataFrame, dictionary: pl.DataFrame, units: list[str]) -> pl.DataFrame:
    """Give one row per archive row as the index wants it, ordered by concept, day, person, then place in the archive.

    Parameters
    ----------
    archive
        Canonical rows of one coded table of one practice.
    people
        Columns patient_id and person (uint32), one row per person of the bucket.
    dictionary
        Columns code_system, code, concept (uint32).
    units
        Units of the snapshot; number 0 is the empty text.

    Returns
    -------
    DataFrame
        person, concept, day, lag (int64, not capped), archive_row, and the columns of `POSTING_COLUMNS`.
    """
    day = day_numbers(pl.col("date"))
    recorded = day_numbers(pl.col("recorded_date")).fill_null(day)
    given: dict[str, pl.Expr] = {}
    if "days_supply" in archive.columns:
        given["supply"] = pl.col("days_supply").fill_null(0).clip(0, 255).cast(pl.UInt8)
        given["repeat"] = pl.col("is_repeat").cast(pl.UInt8).fill_null(2)
    if "value" in archive.columns:
        numbers = pl.lit(pl.Series("number", range(len(units)), dtype=pl.UInt8))
        given["value"] = pl.col("value")
        given["unit"] = pl.col("unit").fill_null("").replace_strict(pl.lit(pl.Series(units)), numbers)
    return (
        archive.with_row_index("archive_row")
        .join(people, on="patient_id", how="inner", maintain_order="left")
        .join(dictionary, on=["code_system", "code"], how="inner", maintain_order="left")
        .select("person", "concept", "archive_row", day=day, lag=(recorded - day).clip(lower_bound=0), **given)
        .sort("concept", "day", "person", "archive_row")
    )


def postings_of(rows: pl.DataFrame, shard: int, n_concepts: int) -> dict[str, dict[str, Array]]:
    """Give the arrays of one shard, grouped into files of equal length: offsets, rows, late, archive."""
    first = shard * SHARD_PEOPLE
    mine = rows.filter(pl.col("person").is_between(first, first + SHARD_PEOPLE - 1))
    person = mine["person"].to_numpy().astype(np.uint32) - np.uint32(first)
    day = mine["day"].to_numpy().astype(np.uint32)
    lag = mine["lag"].to_numpy()
    late = np.flatnonzero(lag >= LATE)
    counts = np.bincount(mine["concept"].to_numpy(), minlength=n_concepts)
    columns = {"entries": (day << np.uint32(16)) | person, "lag": np.minimum(lag, LATE).astype(np.uint8)}
    columns |= {name: mine[name].to_numpy() for name in ("supply", "repeat", "value", "unit") if name in mine.columns}
    return {
        "offsets": {"offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)},
        "rows": columns,
        "late": {
            "late_row": late.astype(np.uint32),
            "late_day": np.minimum(day[late].astype(np.int64) + lag[late], 65_535).astype(np.uint16),
        },
        "archive": {"archive_row": mine["archive_row"].to_numpy().astype(np.uint32)},
    }


def stays_of(archive: pl.DataFrame, people: pl.DataFrame, shard: int, n_people: int) -> dict[str, dict[str, Array]]:
    """Give the arrays of one shard of spells or attendances, person-major."""
    first = shard * SHARD_PEOPLE
    began = pl.col("admission_date" if "admission_date" in archive.columns else "date")
    ended = pl.col("discharge_date") if "discharge_date" in archive.columns else began
    rows = (
        archive.with_row_index("archive_row")
        .join(people, on="patient_id", how="inner", maintain_order="left")
        .filter(pl.col("person").is_between(first, first + SHARD_PEOPLE - 1))
        .select(
            "archive_row",
            person=pl.col("person") - first,
            first=day_numbers(began),
            last=day_numbers(ended).fill_null(0),
            method=_method() if "method" in archive.columns else pl.lit(0, dtype=pl.UInt8),
        )
        .sort("person", "first", "archive_row")
    )
    counts = np.bincount(rows["person"].to_numpy(), minlength=n_people)
    return {
        "offsets": {"offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)},
        "rows": {
            "first": rows["first"].to_numpy().astype(np.uint16),
            "last": rows["last"].to_numpy().astype(np.uint16),
            "method": rows["method"].to_numpy().astype(np.uint8),
        },
        "archive": {"archive_row": rows["archive_row"].to_numpy().astype(np.uint32)},
    }


def _method() -> pl.Expr:
    """Give an admission method as ``Stays`` stores it: 16 times the digit plus the second character."""
    text = pl.col("method")
    second = text.str.slice(1, 1).str.to_integer(base=36, dtype=pl.Int64).clip(upper_bound=15)
    return (text.str.slice(0, 1).cast(pl.Int64) * 16 + second).cast(pl.UInt8)


def write_arrays(path: Path, columns: dict[str, Array]) -> None:
    """Write arrays of one length as one uncompressed Arrow IPC batch, to be mapped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    batch = pa.record_batch({name: pa.array(column) for name, column in columns.items()})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def read_arrays(path: Path) -> dict[str, Array]:
    """Give the arrays of a file as read-only views of the mapped bytes."""
    batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    return {name: batch.column(name).to_numpy() for name in batch.schema.names}


def read_postings(parts: dict[str, dict[str, Array]]) -> Postings:
    """Give the postings of a coded table from its mapped parts; columns a table does not carry are empty."""
    rows, late = parts["rows"], parts["late"]
    empty = {"supply": np.uint8, "repeat": np.uint8, "value": np.float64, "unit": np.uint8}
    extra = {name: rows.get(name, np.empty(0, kind)) for name, kind in empty.items()}
    return Postings(
        parts["offsets"]["offsets"], rows["entries"], rows["lag"], late["late_row"], late["late_day"], **extra
    )


def read_stays(parts: dict[str, dict[str, Array]]) -> Stays:
    """Give the stays of a person-major table from its mapped parts."""
    rows = parts["rows"]
    return Stays(parts["offsets"]["offsets"], rows["first"], rows["last"], rows["method"])
