"""Columns in the types of their contract: what can be read is read, what cannot is marked, another kind is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl
import pytest

from pophealth.errors import DataContractError
from pophealth.extracts.columns import UNREADABLE, completed, holds_time_of_day, typed
from pophealth.extracts.layout import Rows


def read(table: str, column: str, values: pl.Series, **formats: str) -> tuple[list[Any], list[bool]]:
    """Give the values of a column as typed, and whether each was marked as unreadable."""
    frame = typed(Rows("source", table, pl.DataFrame({column: values}), **formats))
    marks = (
        frame[f"{UNREADABLE}{column}"].to_list() if f"{UNREADABLE}{column}" in frame.columns else [False] * len(values)
    )
    return frame[column].to_list(), marks


DAY = date(2020, 5, 1)


@pytest.mark.parametrize(
    ("table", "column", "given", "expected", "marks"),
    [
        ("events", "date", ["2020-05-01", "2020-13-01", None], [DAY, None, None], [False, True, False]),
        ("events", "date", [datetime(2020, 5, 1, 23, 59, tzinfo=UTC)], [DAY], [False]),
        ("events", "date", [DAY], [DAY], [False]),
        ("measurements", "time", ["09:30:00", "930"], [time(9, 30), None], [False, True]),
        ("measurements", "time", [datetime(2020, 5, 1, 9, 30, tzinfo=UTC)], [time(9, 30)], [False]),
        ("measurements", "value", ["1.5", "1,5", "1e2"], [1.5, None, 100.0], [False, True, False]),
        ("measurements", "value", [3, 4], [3.0, 4.0], [False, False]),
        ("medications", "days_supply", ["28", "28.5", "99999"], [28, None, None], [False, True, True]),
        ("medications", "days_supply", [28.0, 28.5], [28, None], [False, True]),
        ("medications", "days_supply", [28, 40_000], [28, None], [False, True]),
        ("medications", "is_repeat", ["TRUE", "0", "maybe"], [True, False, None], [False, False, True]),
        ("medications", "is_repeat", [1, 0, 2], [True, False, None], [False, False, True]),
        ("medications", "is_repeat", [True, None], [True, None], [False, False]),
        ("patients", "sex", ["female", "F", None], ["female", None, None], [False, True, False]),
        ("patients", "patient_id", [7, 8], ["7", "8"], [False, False]),
        ("patients", "lsoa_code", [None, None], [None, None], [False, False]),
    ],
)
def test_what_can_be_read_is_read_and_the_rest_is_marked(
    table: str, column: str, given: list[Any], expected: list[Any], marks: list[bool]
) -> None:
    assert read(table, column, pl.Series(given)) == (expected, marks)


def test_a_dictionary_of_texts_is_text() -> None:
    codes = pl.Series(["38341003", "03"]).cast(pl.Categorical)
    assert read("events", "code", codes) == (["38341003", "03"], [False, False])


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("patients", "nhs_number", [9434765919]),
        ("patients", "patient_id", [1.0]),
        ("events", "code", [38341003]),
        ("events", "code", [3.8341003e7]),
        ("events", "date", [20200501]),
        ("patients", "sex", [777]),
        ("medications", "is_repeat", [0.5]),
        ("measurements", "value", [True]),
        ("measurements", "time", [930]),
    ],
)
def test_another_kind_of_thing_is_refused_by_name_and_type(table: str, column: str, values: list[Any]) -> None:
    with pytest.raises(DataContractError, match=rf"1 columns of {table} hold another type: {column} is") as caught:
        read(table, column, pl.Series(values))
    assert str(values[0]) not in str(caught.value)


def test_dates_are_read_in_the_format_their_source_states() -> None:
    written = pl.Series(["01/02/2020 09:30"])
    assert read("events", "date", written, date_format="%d/%m/%Y %H:%M") == ([date(2020, 2, 1)], [False])
    assert read("measurements", "time", written, time_format="%d/%m/%Y %H:%M") == ([time(9, 30)], [False])
    assert holds_time_of_day("%d/%m/%Y %H:%M")
    assert not holds_time_of_day("%d/%m/%Y")


def test_columns_of_nobody_are_dropped_and_missing_ones_are_null() -> None:
    frame = typed(Rows("source", "events", pl.DataFrame({"code": ["x"], "remark": ["y"], "_scope": [None]})))
    assert frame.columns == ["code", "_scope"]
    assert set(completed(frame, "events").columns) >= {"patient_id", "date", "recorded_date", "record_id"}
