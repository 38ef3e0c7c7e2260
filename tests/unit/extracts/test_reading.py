"""Files in batches: every field text, every row once, nothing held but a batch."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import DataContractError
from pophealth.extracts import reading
from pophealth.extracts.reading import CsvForm, Reader

CELL = st.text(alphabet='ab01 ,;"\n\u00e9', max_size=4)


def read(path: Path, form: CsvForm | None = None) -> list[pl.DataFrame]:
    return list(Reader(path.parent).batches(path, form))


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=12), st.integers(1, 4), st.sampled_from(",;|\t"))
@settings(max_examples=60, deadline=None)
def test_csv_comes_back_as_it_was_written(tmp_path_factory, rows, size: int, separator: str) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("x", "y", "z"), pl.String), orient="row")
    frame.write_csv(path, separator=separator, quote_style="always")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BATCH_ROWS", size)
        batches = read(path, CsvForm(separator=separator))
    assert all(batch.height <= size for batch in batches)
    whole = pl.concat(batches)
    assert whole.drop("_row").equals(frame.with_columns(pl.all().replace("", None)))
    assert whole["_row"].to_list() == list(range(frame.height))


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_parquet_comes_back_as_it_was_written(tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame(
        {"x": [str(place) for place in range(rows)], "y": range(rows)}, schema={"x": pl.String, "y": pl.Int64}
    )
    frame.write_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(reading, "BATCH_ROWS", 2)
    reader = Reader(tmp_path)
    batches = list(reader.batches(tmp_path / "t.parquet"))
    assert pl.concat(batches).drop("_row").equals(frame)
    assert reader.rows == {tmp_path / "t.parquet": rows}
    assert next(reader.batches(tmp_path / "t.parquet", columns=("y", "z"))).columns == ["y", "_row"]


def test_a_byte_order_mark_is_no_part_of_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\ufeffx,y\n1,2\n", encoding="utf-8")
    assert Reader(tmp_path).columns(path) == ["x", "y"]
    assert read(path)[0].columns == ["x", "y", "_row"]


def test_numbers_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n007\n1.0\n12345678901234567890\n")
    assert read(path)[0]["x"].to_list() == ["007", "1.0", "12345678901234567890"]


def test_a_heading_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,x\n1,2\n")
    with pytest.raises(DataContractError, match="1 headings stand there twice"):
        Reader(tmp_path).columns(path)


def test_lines_of_another_length_come_last_and_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1\n2,3\n4,5,6\n")
    batches = read(path)
    assert batches[0]["x"].to_list() == ["2"]
    assert batches[1]["_fails"].to_list() == [reading.FIELDS_RULE] * 2
    assert batches[1]["x"].null_count() == 2
