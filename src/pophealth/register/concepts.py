"""Gives the dictionary of a coded table: each code of the snapshot once, numbered so that neighbours are used together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.register.layout import SCHEMAS
from pophealth.register.texts import TextNumbers
from pophealth.terms import CodeSystem

Array = npt.NDArray[Any]
SYSTEMS: tuple[str, ...] = tuple(SCHEMAS["events"]["code_system"].categories)  # type: ignore[attr-defined]
ICD_10 = SYSTEMS.index(CodeSystem.ICD10.value)


@dataclass(frozen=True)
class Concepts:
    """A dictionary, and how to get to it from the numbers the spool gave to codes as they came.

    Attributes
    ----------
    frame
        Columns concept (uint32, ascending), code_system, code.
    of_number
        Concept of each spooled number, uint32.
    system_of_number
        Place in `SYSTEMS` of each spooled number's code system, uint8.
    text_of_number
        Place in `texts` of each spooled number's code, uint32.
    texts
        Different codes as text, in their order: where two systems share a code it stands once.
    """

    frame: pl.DataFrame
    of_number: Array
    system_of_number: Array
    text_of_number: Array
    texts: pa.LargeStringArray

    def __len__(self) -> int:
        return self.frame.height


def concepts_of(numbers: TextNumbers, order_hint: pl.DataFrame | None = None) -> Concepts:
    """Give the dictionary of everything numbered so far.

    Parameters
    ----------
    numbers
        Codes, salted by the place of their system in `SYSTEMS`.
    order_hint
        Columns code_system, code, place (a whole number): codes come by their lowest place, those without one last, then
        by system and code. It makes codes that are read together lie together; it has no other meaning.
    """
    texts, salts = numbers.texts(), numbers.salts()
    known = pl.DataFrame(
        {
            "number": np.arange(len(numbers), dtype=np.uint32),
            "code_system": pl.Series([SYSTEMS[salt] for salt in salts.tolist()], dtype=pl.String),
            "code": pl.Series(pl.from_arrow(texts), dtype=pl.String),
        }
    )
    if order_hint is None:
        placed = known.with_columns(place=pl.lit(0, dtype=pl.Int64))
    else:
        hint = order_hint.group_by(pl.col("code_system").cast(pl.String), "code").agg(
            pl.col("place").min().cast(pl.Int64)
        )
        placed = known.join(hint, on=["code_system", "code"], how="left")
    ordered = placed.sort("place", "code_system", "code", nulls_last=True)
    of_number = np.empty(len(numbers), np.uint32)
    of_number[ordered["number"].to_numpy()] = np.arange(len(numbers), dtype=np.uint32)
    different = known["code"].unique().sort()
    found = known.join(different.to_frame().with_row_index("text"), on="code", how="left", maintain_order="left")
    return Concepts(
        frame=ordered.select(
            pl.row_index("concept"), pl.col("code_system").cast(SCHEMAS["events"]["code_system"]), "code"
        ),
        of_number=of_number,
        system_of_number=salts,
        text_of_number=found["text"].to_numpy().astype(np.uint32),
        texts=different.to_arrow(compat_level=pl.CompatLevel.oldest()),
    )
