"""Gives a site's map from a product to its chemical substance and BNF code."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pophealth.errors import DataContractError
from pophealth.tables import MedicineMap


def load_medicine_map(path: Path) -> pl.DataFrame:
    """Give the medicine map (`tables.MedicineMap`) of a CSV or Parquet file, each product and substance once.

    Raises
    ------
    DataContractError
        A column is missing, or rows break the contract.
    """
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
    missing = sorted(set(MedicineMap.create_empty().columns) - set(frame.columns) - MedicineMap.optional)
    if missing:
        msg = f"medicine map {path.name}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}"
        raise DataContractError(msg)
    if "bnf_code" not in frame.columns:
        frame = frame.with_columns(bnf_code=pl.lit(None, dtype=pl.String))
    good, failure = MedicineMap.filter(frame.select(MedicineMap.create_empty().columns), cast=True)
    if len(failure):
        msg = f"medicine map {path.name}: {len(failure)} of {frame.height} rows break the contract: {failure.counts()}"
        raise DataContractError(msg)
    return good.unique(["code_system", "code", "substance"], maintain_order=True)
