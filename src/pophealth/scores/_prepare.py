"""Gives the inputs of a score as its declaration promises them: every column there, typed, categories known."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import polars as pl

from pophealth.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pophealth.declare import Input, Score


def prepare(score: Score, frame: pl.DataFrame) -> pl.DataFrame:
    """Give exactly the inputs of `score`, in their order; a missing value is null, never NaN.

    Text is read as a CSV writes it: a flag as 0, 1, true or false (1.0 and 0.0 as programs write a flag with gaps), codes
    joined by ``;``, an empty text as missing, and NaN where a number belongs too.

    Raises
    ------
    DataContractError
        A column that may not be absent is absent, or holds what its type, or the list of its categories, does not admit.
    """
    lacking = [entry.name for entry in score.inputs if not entry.optional and entry.name not in frame.columns]
    if lacking:
        msg = (
            f"score {score.id}: {len(lacking)} of {len(score.inputs)} input columns are absent: {', '.join(lacking)}. "
            f"HINT: `pophealth scores describe {score.id}` says what each holds; where nothing is known of anybody, "
            "give the column with missing values."
        )
        raise DataContractError(msg)
    return pl.DataFrame([_column(score.id, entry, frame) for entry in score.inputs])


def _column(score_id: str, entry: Input, frame: pl.DataFrame) -> pl.Series:
    given = frame[entry.name] if entry.name in frame.columns else None
    # of fifty opioids a network knows a few: what nobody has needs no reading, whatever its type
    if given is None or given.null_count() == frame.height:
        return pl.Series(entry.name, [None], dtype=_dtype(entry)).new_from_index(0, frame.height)
    typed = _READERS[entry.dtype](entry, given)
    if typed is None:
        msg = f"score {score_id}: column {entry.name} is {given.dtype}; expected {_expected(entry)}"
        raise DataContractError(msg)
    lost = typed.null_count() > given.null_count()
    bad = typed.null_count() - _missing(entry, given) if lost else 0
    if bad > 0:
        msg = (
            f"score {score_id}: column {entry.name} holds {bad:,} of {given.len():,} values that are not "
            f"{_expected(entry)}. HINT: a value that is not known is left empty."
        )
        raise DataContractError(msg)
    return typed.alias(entry.name)


def _missing(entry: Input, given: pl.Series) -> int:
    if given.dtype.is_float():
        return given.null_count() + int(given.is_nan().sum())
    if given.dtype in (pl.String, pl.Categorical, pl.Enum):
        words = given.cast(pl.String).str.strip_chars().str.to_lowercase()
        return given.null_count() + int(words.is_in(["", *_UNSAID.get(entry.name, _UNSAID.get(entry.dtype, ()))]).sum())
    return given.null_count()


def _dtype(entry: Input) -> pl.DataType:
    if entry.dtype == "category":
        return pl.Enum(_words(entry))
    return _DTYPES[entry.dtype]


def _words(entry: Input) -> list[str]:
    return [str(word) for word in entry.allowed or ()]


def _expected(entry: Input) -> str:
    if entry.dtype == "category":
        return f"one of {', '.join(_words(entry))}"
    return _SPOKEN[entry.dtype]


def _read_bool(_: Input, given: pl.Series) -> pl.Series | None:
    if given.dtype == pl.Boolean:
        return given
    if given.dtype.is_numeric():
        numbers = given.cast(pl.Float64)
        return (numbers == 1).set(~numbers.is_in([0.0, 1.0]), None)
    if given.dtype == pl.String:
        words = given.str.strip_chars().str.to_lowercase()
        return words.is_in(_YES).set(~words.is_in(_YES + _NO), None)
    return None


def _read_float(_: Input, given: pl.Series) -> pl.Series | None:
    if given.dtype.is_numeric():
        numbers = given.cast(pl.Float64)
        # a sum is ten times as quick as filling, and it is NaN where there is one to fill
        return numbers.fill_nan(None) if isnan(numbers.sum()) else numbers
    if given.dtype == pl.String:
        return given.str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)
    return None


def _read_int(entry: Input, given: pl.Series) -> pl.Series | None:
    if given.dtype.is_integer():
        return given.cast(pl.Int64, strict=False)
    numbers = _read_float(entry, given)
    # a fraction is refused, not rounded: age is completed years, and only the caller knows which rounding was meant
    return None if numbers is None else numbers.cast(pl.Int64, strict=False).set(numbers != numbers.floor(), None)


def _read_category(entry: Input, given: pl.Series) -> pl.Series | None:
    if given.dtype == pl.String or given.dtype in (pl.Categorical, pl.Enum):
        words = given.cast(pl.String) if given.dtype != pl.String else given
        return words.cast(pl.Enum(_words(entry)), strict=False)
    return None


def _read_date(_: Input, given: pl.Series) -> pl.Series | None:
    if given.dtype == pl.Date:
        return given
    if given.dtype == pl.String:
        return given.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return None


def _read_text(_: Input, given: pl.Series) -> pl.Series | None:
    return given.set(given.str.strip_chars() == "", None) if given.dtype == pl.String else None


def _read_codes(_: Input, given: pl.Series) -> pl.Series | None:
    if given.dtype == pl.List(pl.Null):
        return given.cast(pl.List(pl.String))
    if given.dtype in (pl.List(pl.String), pl.List(pl.Categorical)):
        return given.cast(pl.List(pl.String))
    return given.str.split(";") if given.dtype == pl.String else None


_READERS: dict[str, Callable[[Input, pl.Series], pl.Series | None]] = {
    "bool": _read_bool,
    "int": _read_int,
    "float": _read_float,
    "category": _read_category,
    "date": _read_date,
    "text": _read_text,
    "codes": _read_codes,
}
_DTYPES: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "date": pl.Date(),
    "text": pl.String(),
    "codes": pl.List(pl.String),
}
_YES, _NO = ["1", "true", "1.0"], ["0", "false", "0.0"]
_UNSAID: dict[str, tuple[str, ...]] = {
    # as the patients table has them: no formula here has a figure for another sex (plan.py does the same in the line)
    "sex": ("indeterminate", "not_known"),
    # what Python and Polars write for a float that is not there
    "float": ("nan",),
    "int": ("nan",),
}
"""Words that stand for a missing value, by the name of the input, or else by its type."""
_SPOKEN = {
    "bool": "a flag (true, false, 1, 0)",
    "int": "a whole number",
    "float": "a number",
    "date": "a date (YYYY-MM-DD)",
    "text": "text",
    "codes": "a list of codes, or text joined by ;",
}
