"""Gives the delivered tables their columns and Arrow types: a contract; more may be added behind them, none renamed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc

from pophealth.files import open_synced

LABEL = pa.dictionary(pa.int32(), pa.string())
"""Text of which few different ones occur. The index is signed: pandas cannot read an unsigned one."""

MEMBERS: dict[str, pa.DataType] = {
    "network_code": LABEL,
    "practice_code": LABEL,
    "patient_id": pa.string(),
    "service": LABEL,
    "rule_id": LABEL,
    "catalogue_id": LABEL,
    "contract_year": LABEL,
    "carried_from": LABEL,
    "status": LABEL,
    "tier": pa.int8(),
    "tier_label": LABEL,
    "rank": pa.int32(),
    "criteria_true": pa.uint64(),
    "criteria_unknown": pa.uint64(),
    "reasons": pa.list_(pa.string()),
    "nhs_number": pa.string(),
}
"""One row per person and rule that considered them."""

PATIENTS: dict[str, pa.DataType] = {
    "patient_id": pa.string(),
    "age_years": pa.int16(),
    "sex": LABEL,
    "practice_code": LABEL,
    "imd_quintile": pa.int8(),
}
"""One row per person; features and scores stand behind these, in order of their names as the plan gives them."""

EVIDENCE: dict[str, pa.DataType] = {
    "patient_id": pa.string(),
    "rule_id": LABEL,
    "criterion": LABEL,
    "table": LABEL,
    "record_id": pa.string(),
    "date": pa.date32(),
    "code": pa.string(),
    "code_system": LABEL,
    "term": LABEL,
    "value": pa.float64(),
    "unit": LABEL,
    "window_from": pa.date32(),
    "window_to": pa.date32(),
}
"""One row per record that decided, or one with a null record_id where absence did."""

PLAN: dict[str, pa.DataType] = {
    "patient_id": pa.string(),
    "practice_code": LABEL,
    "role": LABEL,
    "rules": pa.list_(pa.string()),
    "minutes": pa.int32(),
    "is_urgent": pa.bool_(),
    "is_owed": pa.bool_(),
    "tier": pa.int8(),
    "open_gaps": pa.int32(),
    "risk": pa.float64(),
    "rank": pa.int32(),
    "imd_quintile": pa.int8(),
    "place": LABEL,
    "order": pa.int32(),
    "slots": pa.int32(),
    "slots_until_here": pa.int32(),
    "order_without_floor": pa.int32(),
    "by_floor": pa.bool_(),
    "is_drawn": pa.bool_(),
    "has_place_undrawn": pa.bool_(),
}
"""One row per offer: a person and a role."""

WORKLIST: dict[str, pa.DataType] = {
    "patient_id": pa.string(),
    "practice_code": LABEL,
    "nhs_number": pa.string(),
    "age_years": pa.int16(),
    "sex": LABEL,
    "imd_quintile": pa.int8(),
    "place": LABEL,
    "order": pa.int32(),
    "roles": pa.list_(pa.string()),
    "minutes": pa.int32(),
    "services": pa.list_(pa.string()),
    "rules": pa.list_(pa.string()),
    "tier_labels": pa.list_(pa.string()),
    "is_urgent": pa.bool_(),
    "days_since_result": pa.int32(),
    "months_since_seen": pa.int32(),
    "risk": pa.float64(),
    "is_new": pa.bool_(),
    "action_status": LABEL,
}
"""One row per person with something left to do, the first to ring on top."""

CHANGES: dict[str, pa.DataType] = {
    "patient_id": pa.string(),
    "rule_id": LABEL,
    "change": LABEL,
    "cause": LABEL,
    "practice_code": LABEL,
    "service": LABEL,
    "role": LABEL,
}
"""One row per entrant or leaver who is still here: of a list (rule_id and service) or of the plan (role)."""

CONTRIBUTIONS: dict[str, pa.DataType] = {
    "patient_id": pa.string(),
    "model_id": LABEL,
    "feature": LABEL,
    "label": LABEL,
    "value_text": LABEL,
    "contribution": pa.float64(),
    "direction": LABEL,
}
"""One row per person, model and what moved its prediction up or down."""

TABLES: dict[str, dict[str, pa.DataType]] = {
    "members": MEMBERS,
    "patients": PATIENTS,
    "evidence": EVIDENCE,
    "plan": PLAN,
    "worklist": WORKLIST,
    "changes": CHANGES,
    "contributions": CONTRIBUTIONS,
}


def write_arrow(frame: pl.DataFrame, path: Path, types: Mapping[str, pa.DataType]) -> None:
    """Write a table as an Arrow IPC file (lz4, one batch): the same rows give the same bytes."""
    table = arrow_table(frame, types)
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with open_synced(path) as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_table(table)


def arrow_table(frame: pl.DataFrame, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Give `frame` as an Arrow table: the columns of `types` first, in their order and type, then the others.

    Text in other columns is a label (a category, a flag), never free text, and becomes a dictionary.
    """
    names = [*types, *(name for name in frame.columns if name not in types)]
    # one column at a time: a whole table of text beside its labels would be the largest thing a run ever holds
    return pa.table([_arrow(frame.get_column(name), types.get(name)) for name in names], names=names)


def _arrow(column: pl.Series, wanted: pa.DataType | None) -> pa.Array:
    if column.dtype in _TEXT if wanted is None else pa.types.is_dictionary(wanted):
        return _label(column)
    if column.dtype in _TEXT:
        return _text(column.cast(pl.String))
    array = column.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    if wanted is None and pa.types.is_large_list(array.type):
        wanted = pa.list_(pa.string() if pa.types.is_large_string(array.type.value_type) else array.type.value_type)
    typed = array if wanted is None else array.cast(wanted)
    if pa.types.is_nested(typed.type):
        every = pa.Array.from_buffers(pa.int64(), len(typed), [None, pa.py_buffer(np.arange(len(typed)))])
        return typed.take(every)  # copies what is there, and nothing under a null; pa.array would import pandas
    return _emptied(typed)


_TEXT = (pl.String, pl.Categorical, pl.Enum)


def _text(column: pl.Series) -> pa.Array:
    """Give text with nothing under its nulls."""
    given = column.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
    if not column.null_count():
        return given
    # packed anew: what stands behind the last bit of a bitmap is not defined, and equal tables must give equal bytes
    valid = pa.py_buffer(np.packbits(column.is_not_null().to_numpy(), bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(given), [valid, *given.buffers()[1:]], column.null_count())


def _label(column: pl.Series) -> pa.DictionaryArray:
    """Give text as a dictionary of what occurs, in the order it first occurs in."""
    if column.dtype == pl.Null:
        column = column.cast(pl.String)
    given = column.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    if not pa.types.is_dictionary(given.type):
        found = given.dictionary_encode()
        words = found.dictionary
    else:  # numbered anew by Arrow: asking Polars for the same wakes its threads up for every column
        found = given.indices.dictionary_encode()
        words = given.dictionary.take(found.dictionary)
    return pa.DictionaryArray.from_arrays(_emptied(found.indices), words.cast(pa.string()))


def _emptied(array: pa.Array) -> pa.Array:
    """Give an array of fixed width with nothing under its nulls.

    A value that was masked stays in the buffer otherwise: an NHS number that may not be shown would leave with the file,
    and equal tables would differ in their bytes.
    """
    if not array.null_count or pa.types.is_null(array.type):
        return array
    # a zero out of bytes: pa.scalar would import pandas first
    zero = pa.Array.from_buffers(array.type, 1, [None, pa.py_buffer(bytes(16))])[0]
    filled = array.fill_null(zero)
    valid = array.is_valid()
    return pa.Array.from_buffers(array.type, len(array), [valid.buffers()[1], filled.buffers()[1]], array.null_count)


def values_of(path: Path, column: str) -> set[str]:
    """Give the different values of one text column of a written file, nulls left out; no other column is read.

    A file without the column has no values of it.
    """
    with pa.memory_map(str(path)) as source:
        place = pa.ipc.open_file(source).schema.get_field_index(column)
        if place < 0:
            return set()
        options = pa.ipc.IpcReadOptions(included_fields=[place], use_threads=False)
        values = pa.ipc.open_file(source, options=options).read_all().column(0).unique()
    return {value for value in values.to_pylist() if value is not None}
