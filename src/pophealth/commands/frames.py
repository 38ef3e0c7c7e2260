"""Gives frames from CSV or Parquet files and files from frames, by extension, for `pophealth scores compute`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pophealth.errors import DataContractError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

FORMS = (".csv", ".parquet")


def check_form(path: Path) -> None:
    """Refuse a file name that says neither CSV nor Parquet.

    Raises
    ------
    UsageError
        The extension is another one.
    """
    if path.suffix.lower() not in FORMS:
        msg = f"{path.name}: expected a file name ending in {' or '.join(FORMS)}"
        raise UsageError(msg)


def read_frame(path: Path) -> pl.DataFrame:
    """Give the rows of a file. All columns of a CSV are text, so that what is only carried through stays as it was.

    An empty field is null; ``""`` is an empty text.

    Raises
    ------
    UsageError
        The file is not there, or is neither CSV nor Parquet by name.
    DataContractError
        It cannot be read as what its name says, or two columns bear one name.
    """
    check_form(path)
    if not path.is_file():
        msg = f"input {path}: there is no such file"
        raise UsageError(msg)
    try:
        if path.suffix.lower() == ".csv":
            _refuse_doubles(path)
            return pl.read_csv(path, infer_schema=False)
        return pl.read_parquet(path)
    except pl.exceptions.NoDataError:
        msg = f"input {path.name}: empty; expected a head line with column names"
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        msg = f"input {path.name}: cannot be read as {path.suffix.lower()[1:]} ({type(error).__name__})"
    raise DataContractError(msg)


def _refuse_doubles(path: Path) -> None:
    """Polars would rename the second of two columns, and a score would read the first without a word."""
    names = pl.read_csv(path, infer_schema=False, has_header=False, n_rows=1).row(0)
    twice = sorted({name for name in names if name is not None and names.count(name) > 1})
    if twice:
        msg = f"input {path.name}: {len(twice)} column names stand twice in the head line: {', '.join(twice)}"
        raise DataContractError(msg)


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` complete or not at all. In CSV a list is joined by ``;``.

    Raises
    ------
    UsageError
        The folder is not there, or the name says neither CSV nor Parquet.
    DataContractError
        A column of nested records is to go into a CSV.
    """
    check_form(path)
    if not path.parent.is_dir():
        msg = f"output {path}: there is no folder {path.parent}"
        raise UsageError(msg)
    beside = path.with_name(f".{path.name}.partial")
    try:
        if path.suffix.lower() == ".csv":
            _flat(frame).write_csv(beside)
        else:
            frame.write_parquet(beside, compression="zstd")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested() and name not in lists]
    if nested:
        msg = f"a CSV cannot hold the nested columns {', '.join(nested)}; write Parquet instead"
        raise DataContractError(msg)
    return frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(";") for name in lists)
