"""Gives rows in the types of their contract, with a mark where a value cannot be read as what its column holds."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from functools import cache

import polars as pl

from pophealth.errors import DataContractError
from pophealth.extracts.layout import Rows, flags
from pophealth.tables import EXTRACT_TABLES

UNREADABLE = "_unreadable_"
"""Prefix of the boolean columns that mark a value which is there and cannot be read."""

_KEYS = ("patient_id", "into_patient_id", "record_id", "home_id")
"""Text columns that may arrive as whole numbers: nothing is lost with a leading zero that was never there."""

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False, "yes": True, "no": False}
_TIME_OF_DAY = ("%H", "%I", "%T", "%R")


@cache
def column_types(table: str) -> dict[str, pl.DataType]:
    """Give the columns of a canonical table with their types."""
    return dict(EXTRACT_TABLES[table].create_empty().schema)


def required_columns(table: str) -> list[str]:
    """Give the columns that an extract may not leave out."""
    return [name for name in column_types(table) if name not in EXTRACT_TABLES[table].optional]


def check_headings(names: Collection[str], wanted: Collection[str], where: str, known: Collection[str]) -> list[str]:
    """Give the headings that nothing takes, after all that are wanted were found.

    Parameters
    ----------
    known
        Everything that is taken where it is present.

    Raises
    ------
    DataContractError
        Columns are missing; the message lists every difference and the nearest headings.
    """
    missing = [name for name in wanted if name not in names]
    extra = [name for name in names if name not in known]
    if not missing:
        return extra
    told = []
    for name in missing:
        near = difflib.get_close_matches(name, extra, n=1)
        told.append(f"{name} (is it {near[0]!r}?)" if near else name)
    msg = (
        f"extract {where}: {len(missing)} columns are missing: {', '.join(told)}; "
        f"{len(extra)} are not in the contract{': ' if extra else ''}{', '.join(extra[:20])}"
    )
    raise DataContractError(msg)


def typed(rows: Rows) -> pl.DataFrame:
    """Give the canonical columns that `rows` has, typed, with `FLAGS` and one `UNREADABLE` column per converted one.

    Raises
    ------
    DataContractError
        A column holds another kind of thing (a code as a number): the message lists name, type found and expected.
    """
    frame = rows.frame
    plans = {
        name: _conversion(name, frame.schema[name], kind, rows)
        for name, kind in column_types(rows.table).items()
        if name in frame.columns
    }
    wrong = [
        f"{name} is {frame.schema[name]}, expected {column_types(rows.table)[name]}"
        for name, plan in plans.items()
        if plan is None
    ]
    if wrong:
        msg = f"extract {rows.file or rows.source}: {len(wrong)} columns of {rows.table} hold another type: {'; '.join(wrong)}"
        raise DataContractError(msg)
    values = [plan.alias(name) for name, plan in plans.items() if plan is not None]
    marks = [
        (plan.is_null() & pl.col(name).is_not_null()).alias(f"{UNREADABLE}{name}")
        for name, plan in plans.items()
        if plan is not None and frame.schema[name] not in (column_types(rows.table)[name], pl.Null())
    ]
    return frame.select(*values, *marks, *flags(frame))


def completed(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Give `frame` with the optional columns it lacks, all null."""
    lacking = {name: kind for name, kind in column_types(table).items() if name not in frame.columns}
    return frame.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in lacking.items())


def _conversion(name: str, found: pl.DataType, wanted: pl.DataType, rows: Rows) -> pl.Expr | None:
    """Give the expression that makes a column what its contract says, or None when it cannot be meant."""
    column = pl.col(name)
    if found == wanted:
        return column
    if found == pl.Null:
        return column.cast(wanted)
    text = column.cast(pl.String) if isinstance(found, pl.Categorical | pl.Enum) else column
    is_text = isinstance(found, pl.String | pl.Categorical | pl.Enum)
    if wanted == pl.String:
        whole = found.is_integer() and name in _KEYS
        return text if is_text else column.cast(pl.String) if whole else None
    if wanted == pl.Date or wanted == pl.Time:
        return _moment(text, found, wanted, rows, is_text=is_text)
    if isinstance(wanted, pl.Enum):
        return text.cast(wanted, strict=False) if is_text else None
    if wanted == pl.Boolean:
        return _boolean(text, found, is_text=is_text)
    return _number(text, found, wanted, is_text=is_text)


def _moment(text: pl.Expr, found: pl.DataType, wanted: pl.DataType, rows: Rows, *, is_text: bool) -> pl.Expr | None:
    if isinstance(found, pl.Datetime):
        return text.dt.date() if wanted == pl.Date else text.dt.time()
    if not is_text:
        return None
    if wanted == pl.Date:
        return text.str.to_date(rows.date_format, strict=False)
    if "%d" in rows.time_format or "%j" in rows.time_format:  # the column holds the day too
        return text.str.to_datetime(rows.time_format, strict=False).dt.time()
    return text.str.to_time(rows.time_format, strict=False)


def _boolean(text: pl.Expr, found: pl.DataType, *, is_text: bool) -> pl.Expr | None:
    if is_text:
        return text.str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
    if found.is_integer():
        return pl.when(text.is_in([0, 1])).then(text == 1)
    return None


def _number(text: pl.Expr, found: pl.DataType, wanted: pl.DataType, *, is_text: bool) -> pl.Expr | None:
    if is_text or found.is_integer() or (wanted.is_float() and found.is_numeric()):
        return text.cast(wanted, strict=False)
    if found.is_float():
        return pl.when(text.floor() == text).then(text).cast(wanted, strict=False)
    return None


def holds_time_of_day(date_format: str) -> bool:
    """Give whether text written in `date_format` holds a time of day beside the day."""
    return any(directive in date_format for directive in _TIME_OF_DAY)
