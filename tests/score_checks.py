"""What every score's tests share: plausible frames made from its declaration."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from pophealth.declare import Input, Score

# Of every score over diagnoses a few codes, some without meaning to any, written as hospitals write them.
CODES = (
    "I21",
    "I50.0",
    "E11.2",
    "e119",
    "I64X",
    "G30.9",
    "F00.1†",
    "J44-",
    "C78.7",
    "C509",
    "N18.3",
    "W19X",
    "R29.6",
    "Z73",
)
NUMBERS = (0.5, 100.0)
"""A range for numbers of which the declaration does not say one."""


def column_of(entry: Input, height: int, rng: np.random.Generator, *, missing: float) -> pl.Series:
    """Give a column of values that the declaration of an input admits, a share of them missing."""
    low, high = entry.allowed if entry.dtype in ("int", "float") and entry.allowed else NUMBERS
    if entry.dtype == "bool":
        values = pl.Series(rng.random(height) < 0.3)
    elif entry.dtype == "int":
        values = pl.Series(rng.integers(int(low), int(high) + 1, height))
    elif entry.dtype == "float":
        values = pl.Series(rng.uniform(low, high, height).round(2))
    elif entry.dtype == "category":
        values = pl.Series(rng.choice(np.array(entry.allowed, dtype=object), height).tolist(), dtype=pl.String)
    elif entry.dtype == "date":
        values = pl.Series(
            [date(2024, 1, 1) + timedelta(days=int(n)) for n in rng.integers(0, 365, height)], dtype=pl.Date
        )
    elif entry.dtype == "codes":
        values = pl.Series(
            [rng.choice(CODES, rng.integers(0, 6)).tolist() for _ in range(height)], dtype=pl.List(pl.String)
        )
    else:
        values = pl.Series(rng.choice(np.array(["A1", "B2"], dtype=object), height).tolist(), dtype=pl.String)
    return values.set(pl.Series(rng.random(height) < missing), None).alias(entry.name)


def frame_of(score: Score, height: int, *, seed: int = 0, missing: float = 0.03) -> pl.DataFrame:
    """Give a frame of the inputs of `score`, and two columns that only pass through."""
    rng = np.random.default_rng(seed)
    columns = [column_of(entry, height, rng, missing=missing) for entry in score.inputs]
    return pl.DataFrame(
        [pl.Series("nhs_row", [f"{n:010d}" for n in range(height)], dtype=pl.String), *columns]
    ).with_columns(note=pl.lit(None, dtype=pl.String))


def flags_of(frame: pl.DataFrame, score_id: str) -> list[list[str]]:
    """Give the flags of each row."""
    return frame[f"{score_id}_flags"].to_list()
