"""Gives what a score says of a few rows written by hand; an input that is left out of a row is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pophealth.scores import compute, load_score

DTYPES: dict[str, Any] = {
    "bool": pl.Boolean,
    "int": pl.Int64,
    "float": pl.Float64,
    "category": pl.String,
    "date": pl.Date,
    "text": pl.String,
    "codes": pl.List(pl.String),
}


def frame_of(score_id: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Give the input frame of `rows`, every declared column there and typed."""
    inputs = load_score(score_id).inputs
    strange = {name for row in rows for name in row} - {entry.name for entry in inputs}
    assert not strange, f"{score_id} reads no {strange}"
    return pl.DataFrame(
        {entry.name: [row.get(entry.name) for row in rows] for entry in inputs},
        schema={entry.name: DTYPES[entry.dtype] for entry in inputs},
        strict=False,
    )


def rows_of(
    score_id: str, rows: Sequence[Mapping[str, Any]], options: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Give the computed columns of `rows`, row by row."""
    return compute(score_id, frame_of(score_id, rows), options).to_dicts()


def one(score_id: str, row: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Give the computed columns of one row."""
    return rows_of(score_id, [row], options)[0]


def all_false(score_id: str, **known: Any) -> dict[str, Any]:
    """Give a row of which every flag that bears on the value is false, but for what is `known`."""
    flags = {entry.name: False for entry in load_score(score_id).inputs if entry.dtype == "bool" and not entry.optional}
    return flags | known
