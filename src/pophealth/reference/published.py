"""Gives a reference file as a table of text, so that no code loses a zero and no damage passes unseen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pophealth.errors import DataContractError

if TYPE_CHECKING:
    from pophealth.tables import Table


def read_published(path: Path, what: str) -> pl.DataFrame:
    """Give the table in a CSV or Parquet file; every column of a CSV is text, an empty cell is null.

    Raises
    ------
    DataContractError
        The file is absent, damaged, or no table; the message never shows a row.
    """
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        msg = f"{what} {path.name}: cannot be read as {path.suffix.lstrip('.') or 'csv'} ({type(error).__name__})"
        raise DataContractError(msg) from None


def require_columns(frame: pl.DataFrame, wanted: Iterable[str], path: Path, what: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    DataContractError
        The columns that are missing, and those found, by name.
    """
    missing = sorted(set(wanted) - set(frame.columns))
    if missing:
        msg = f"{what} {path.name}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}"
        raise DataContractError(msg)


def only_good(frame: pl.DataFrame, contract: type[Table], path: Path, what: str) -> pl.DataFrame:
    """Give the table in the contract's columns and types, every row of it.

    Raises
    ------
    DataContractError
        Rows break the contract, or there is none; how many, and which rule.
    """
    good, failed = by_contract(frame, contract)
    if failed or good.is_empty():
        msg = f"{what} {path.name}: {sum(failed.values())} breaches in {frame.height} rows of the contract: {failed}"
        raise DataContractError(msg)
    return good


def by_contract(frame: pl.DataFrame, contract: type[Table]) -> tuple[pl.DataFrame, dict[str, int]]:
    """Give the rows that keep the contract, in its columns and types, and how often each rule was broken."""
    good, failure = contract.filter(frame.select(contract.create_empty().columns), cast=True)
    return good, dict(failure.counts())


def text_date(name: str, form: str) -> pl.Expr:
    """Give a column of text as dates, null where it is no date of that form."""
    return pl.col(name).cast(pl.String).str.strip_chars().str.to_date(form, strict=False)
