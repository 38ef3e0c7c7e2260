"""Gives a site's map from a product to its chemical substance and BNF code."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pophealth.reference.published import only_good, read_published, require_columns
from pophealth.tables import MedicineMap


def load_medicine_map(path: Path) -> pl.DataFrame:
    """Give the medicine map (`tables.MedicineMap`) of a CSV or Parquet file, each product and substance once.

    Raises
    ------
    DataContractError
        A column is missing, or rows break the contract.
    """
    frame = read_published(path, "medicine map")
    require_columns(frame, set(MedicineMap.create_empty().columns) - MedicineMap.optional, path, "medicine map")
    if "bnf_code" not in frame.columns:
        frame = frame.with_columns(bnf_code=pl.lit(None, dtype=pl.String))
    good = only_good(frame, MedicineMap, path, "medicine map")
    return good.unique(["code_system", "code", "substance"], maintain_order=True)
