"""Gives the archive of a practice: its rows as they came, in order, for evidence, for `explain` and for the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.kernels.ingest_order import compacted
from pophealth.kernels.postings import frozen
from pophealth.register.concepts import SYSTEMS, Concepts
from pophealth.register.layout import CODED_RECORDS, DATED, FROM_1970, SCHEMAS
from pophealth.register.rows import Rows

Array = npt.NDArray[Any]
GROUP_ROWS = 262_144
"""Rows of a Parquet row group: what a reader of few people has to decode at most."""


def archive_groups(
    table: str, rows: Rows, names: pa.LargeStringArray, concepts: Concepts | None, units: list[str]
) -> Iterator[pa.Table]:
    """Give the row groups of a shard's rows of a dated table, in the contract's columns.

    Parameters
    ----------
    names
        patient_id of the shard's people, in order.
    concepts
        Of a coded table.
    units
        Units in order of their numbers; number 0 is none.
    """
    code = _codes(rows, concepts) if concepts is not None and table in CODED_RECORDS else {}
    for start in range(0, len(rows), GROUP_ROWS):
        end = min(start + GROUP_ROWS, len(rows))
        columns: dict[str, Any] = {}
        for name, kind in SCHEMAS[table].items():
            if name == "patient_id":
                columns[name] = _people(rows.person[start:end], names)
            elif name == DATED[table]:
                columns[name] = _dates(rows.day[start:end])
            elif name in code:
                columns[name] = code[name].slice(start, end - start)
            elif name == "unit":
                columns[name] = _chosen(rows.between(name, start, end), units)
            else:
                columns[name] = _restored(rows.between(name, start, end), kind)
        yield pa.table(columns)


def frame_groups(frame: pl.DataFrame) -> Iterator[pa.Table]:
    """Give the row groups of a frame; one without rows where it has none."""
    table = pa.table({name: _restored(_plain(frame[name]), kind) for name, kind in frame.schema.items()})
    for start in range(0, max(frame.height, 1), GROUP_ROWS):
        yield table.slice(start, GROUP_ROWS)


def _plain(series: pl.Series) -> pa.Array:
    return series.to_physical().to_arrow(compat_level=pl.CompatLevel.oldest())


def _people(person: Array, names: pa.LargeStringArray) -> pa.DictionaryArray:
    """Give patient ids as a dictionary of the people in these rows only, who stand together."""
    first, last = int(person[0]), int(person[-1])
    places = (person - np.uint32(first)).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(places), names.slice(first, last - first + 1), safe=False)


def _dates(day: Array) -> pa.Array:
    return pa.array(day.astype(np.int32) - np.int32(FROM_1970)).view(pa.date32())


def _codes(rows: Rows, concepts: Concepts) -> dict[str, pa.DictionaryArray]:
    """Give code and code system of all rows, as dictionaries of what the shard uses, in order of the text."""
    numbers = rows.ordered("concept")
    places, used = compacted(frozen(concepts.text_of_number.take(numbers)), len(concepts.texts))
    systems = concepts.system_of_number.take(numbers)
    return {
        "code": pa.DictionaryArray.from_arrays(pa.array(places), concepts.texts.take(pa.array(used)), safe=False),
        "code_system": _dictionary(pa.array(systems), SYSTEMS),
    }


def _chosen(numbers: pa.Array, texts: list[str]) -> pa.Array:
    """Give texts by number, null for number 0."""
    chosen = numbers.to_numpy()
    places = pa.array(chosen.astype(np.int16) - np.int16(1), mask=chosen == 0)
    return _dictionary(places, texts[1:])


def _dictionary(places: pa.Array, texts: Any) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(places, pa.array(list(texts), pa.large_string()), safe=False)


def _restored(column: pa.Array, kind: pl.DataType) -> pa.Array:
    """Give a column of physical values in the contract's type."""
    if isinstance(kind, pl.Enum):
        return _dictionary(column, kind.categories)
    if kind == pl.Date:
        return column.view(pa.date32())
    if kind == pl.Time:
        return column.view(pa.time64("ns"))
    return column
