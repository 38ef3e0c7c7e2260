"""Gives the index of a shard: runs of ``day << 16 | person`` per concept, and stays person by person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.errors import DataContractError
from pophealth.kernels.ingest_order import entries_and_lags, late_rows, order_by_concept
from pophealth.kernels.postings import frozen
from pophealth.register.concepts import ICD_10
from pophealth.register.layout import FROM_1970, LATEST_DAY
from pophealth.register.rows import Rows
from pophealth.register.texts import TextNumbers
from pophealth.tables import DIAGNOSES

Array = npt.NDArray[Any]
Parts = dict[str, dict[str, Array]]
MOST_SUPPLY = 511
"""Longest supply the index tells apart; the contract allows 366 days."""


@dataclass(frozen=True)
class Coded:
    """Coded rows of a shard in order of the archive, as numbers; `extra` holds the columns of further parts."""

    concept: Array
    day: Array
    recorded: Array
    person: Array
    archive_row: Array
    extra: Parts


def coded_rows(table: str, rows: Rows, of_number: Array, first_row: int) -> Coded:
    """Give the rows of a coded table as the index wants them.

    Parameters
    ----------
    of_number
        Concept of each number of the spool.
    first_row
        Rows of the archive before this shard.
    """
    day = rows.day
    recorded = rows.ordered("recorded_date").astype(np.int32) + np.int32(FROM_1970)
    if rows.columns["recorded_date"].null_count:
        missing = _missing(rows, "recorded_date")
        recorded[missing] = day[missing]
    extra: Parts = {}
    if table == "medications":
        supply = np.clip(rows.ordered("days_supply"), 0, MOST_SUPPLY).astype(np.uint16)
        extra = {"supply": {"supply": supply, "repeat": rows.ordered("is_repeat", 2).astype(np.uint8)}}
    elif table == "measurements":
        extra = {
            "value": {"value": rows.ordered("value"), "unit": rows.ordered("unit").astype(np.uint8)},
            "context": {name: _after_none(rows.columns[name]).take(rows.order) for name in ("setting", "comparator")},
            "time": {"micros": _micros(rows.columns["time"]).take(rows.order)},
        }
    return Coded(
        concept=of_number.take(rows.ordered("concept")),
        day=day,
        recorded=recorded,
        person=rows.person,
        archive_row=np.arange(first_row, first_row + len(rows), dtype=np.uint32),
        extra=extra,
    )


def _after_none(column: pa.Array) -> Array:
    """Give numbers from 1 on, 0 where there is none."""
    numbers = np.asarray(column.fill_null(255).to_numpy(zero_copy_only=False)).astype(np.uint8)
    return numbers + np.uint8(1)


def _micros(column: pa.Array) -> Array:
    nanoseconds = np.asarray(column.fill_null(-1_000).to_numpy(zero_copy_only=False))
    return nanoseconds // 1_000 + 1


def postings_of(rows: Coded, n_concepts: int) -> Parts:
    """Give the arrays of one shard of a coded table, grouped into files of equal length."""
    offsets = np.zeros(n_concepts + 1, np.uint32)
    order = order_by_concept(frozen(rows.concept), frozen(rows.day), offsets)
    entries, lag = np.empty(order.size, np.uint32), np.empty(order.size, np.uint8)
    seen = frozen(order), frozen(rows.recorded)
    count = entries_and_lags(seen[0], frozen(rows.person), frozen(rows.day), seen[1], entries, lag)
    late_row, late_day = np.empty(count, np.uint32), np.empty(count, np.uint16)
    late_rows(*seen, frozen(lag), late_row, late_day)
    places = order.astype(np.intp)
    return {
        "offsets": {"offsets": offsets},
        "rows": {"entries": entries, "lag": lag},
        "late": {"late_row": late_row, "late_day": late_day},
        "archive": {"archive_row": rows.archive_row.take(places)},
    } | {part: {name: column.take(places) for name, column in columns.items()} for part, columns in rows.extra.items()}


def stays_of(rows: Rows, n_people: int, first_row: int) -> Parts:
    """Give the arrays of one shard of spells or attendances.

    Parameters
    ----------
    first_row
        Rows of the archive before this shard.
    """
    last = rows.day
    if "discharge_date" in rows.columns:
        ended = rows.ordered("discharge_date").astype(np.int64) + FROM_1970
        last = np.where(_missing(rows, "discharge_date"), 0, np.clip(ended, 1, LATEST_DAY)).astype(np.uint16)
    counts = np.bincount(rows.person, minlength=n_people)
    return {
        "offsets": {"offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)},
        "rows": {"first": rows.day, "last": last, "method": methods_of(rows)},
        "archive": {"archive_row": np.arange(first_row, first_row + len(rows), dtype=np.uint32)},
    }


def _missing(rows: Rows, name: str) -> Array:
    """Give which rows of the archive have no value in a column."""
    return np.asarray(rows.columns[name].is_null().to_numpy(zero_copy_only=False)).take(rows.order)


def methods_of(rows: Rows) -> Array:
    """Give admission methods as `Stays` stores them, two hexadecimal digits; 0 in a table that has none.

    Raises
    ------
    DataContractError
        A method is not a digit and a digit or one of the letters A to F.
    """
    if "method" not in rows.columns:
        return np.zeros(len(rows), np.uint8)
    text = pl.Series(pl.from_arrow(rows.columns["method"]))
    if unfit := int((~text.str.contains(r"^[0-9][0-9A-F]$")).sum()):
        msg = (
            f"register: {unfit} of {text.len()} spells have an admission method that is not a digit followed by a digit "
            "or one of A to F"
        )
        raise DataContractError(msg)
    numbers = text.str.to_integer(base=16, dtype=pl.Int64).to_numpy()
    return np.asarray(numbers.astype(np.uint8)).take(rows.order)


def diagnoses_of(rows: Rows, codes: TextNumbers, of_number: Array, first_row: int) -> Coded:
    """Give one coded row per diagnosis of a shard's spells, spell by spell, the primary one first.

    Parameters
    ----------
    codes
        Numbers of every diagnosis of the snapshot: none is new here, so that threads can share them.
    of_number
        Concept of each of them.
    first_row
        Rows of the archive of spells before this shard.
    """
    none = np.uint32(len(of_number))
    table = np.full((len(rows), len(DIAGNOSES)), none, np.uint32)
    for place, name in enumerate(DIAGNOSES):
        if rows.columns[name].null_count == len(rows):
            continue
        text = pl.Series(pl.from_arrow(rows.columns[name]))
        given = text.fill_null("") != ""
        chosen = text.filter(given)
        column = np.full(len(rows), none, np.uint32)
        column[given.to_numpy()] = codes.number(chosen, np.full(chosen.len(), ICD_10, np.uint8))
        table[:, place] = column.take(rows.order)
    spell, position = np.nonzero(table != none)
    day = rows.day[spell]
    extra = {"position": (position + 1).astype(np.uint8), "method": methods_of(rows)[spell]}
    return Coded(
        concept=of_number[table[spell, position]],
        day=day,
        recorded=day.astype(np.int32),
        person=rows.person[spell],
        archive_row=(spell + first_row).astype(np.uint32),
        extra={"place": extra},
    )
