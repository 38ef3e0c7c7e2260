"""Gives the rows of a file in batches, every CSV field as text; what cannot be read is named, with what to do."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pophealth.errors import DataContractError

BATCH_ROWS = 131_072
"""Rows held at a time. Nothing depends on it but memory: about 30 MB for a batch of events and what is made of it."""

_CSV_BYTES = 1 << 24
FIELDS_RULE = "row|fields"
"""The rule that a line of CSV fails when it has more or fewer fields than the heading."""


@dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written."""

    separator: str = ","
    null_values: tuple[str, ...] = ("",)
    encoding: str = "utf-8"


class Reader:
    """Opens the files below one folder, and remembers how many rows each one had when it was read to its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows: dict[Path, int] = {}

    def name(self, path: Path) -> str:
        """Give a file's name as messages show it: below the extract's folder."""
        return path.relative_to(self._folder).as_posix()

    def columns(self, path: Path, form: CsvForm | None = None) -> list[str]:
        """Give the headings of a file.

        Raises
        ------
        DataContractError
            The file cannot be read, or a heading stands in it twice.
        """
        with self._named(path):
            is_parquet = path.suffix == ".parquet"
            names = list(pa.parquet.read_schema(path).names) if is_parquet else _headings(path, form or CsvForm())
        if len(set(names)) < len(names):
            msg = f"extract {self.name(path)}: {len(names) - len(set(names))} headings stand there twice"
            raise DataContractError(msg)
        return names

    def batches(
        self, path: Path, form: CsvForm | None = None, columns: Collection[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Give a file's rows in order, at most `BATCH_ROWS` at a time; at least one batch, which may be empty.

        Parameters
        ----------
        columns
            Read only these, as far as the file has them; None reads all.

        Yields
        ------
        DataFrame
            The file's columns and ``_row`` (its place in the file, from 0). Malformed lines of CSV come last, as rows of
            nulls with `FIELDS_RULE` in a column ``_fails``.

        Raises
        ------
        DataContractError
            The file is truncated, damaged or no file of its kind.
        """
        wanted = None if columns is None else [name for name in self.columns(path, form) if name in columns]
        place = 0
        with self._named(path):
            source = self._parquet(path, wanted) if path.suffix == ".parquet" else self._csv(path, form, wanted)
            for batch in source:
                yield batch.with_columns(_row=pl.int_range(place, place + batch.height, dtype=pl.UInt32))
                place += batch.height
        self.rows[path] = place

    @contextmanager
    def _named(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, pl.exceptions.PolarsError, csv.Error, OSError, ValueError, OverflowError) as error:
            kind = "Parquet" if path.suffix == ".parquet" else "CSV"
            msg = (
                f"extract {self.name(path)}: cannot be read as {kind} ({type(error).__name__}); it is truncated, damaged "
                "or something else. Have it sent again."
            )
            raise DataContractError(msg) from None  # the library's own text can show a value

    def _parquet(self, path: Path, wanted: list[str] | None) -> Iterator[pl.DataFrame]:
        with pa.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            rows = file.metadata.num_rows
            found = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False):
                found += batch.num_rows
                yield _frame(batch)
            if found != rows:
                msg = "the file holds fewer rows than it says"
                raise ValueError(msg)
            if not rows:
                yield _frame(file.schema_arrow.empty_table().select(wanted or file.schema_arrow.names))

    def _csv(self, path: Path, form: CsvForm | None, wanted: list[str] | None) -> Iterator[pl.DataFrame]:
        malformed: list[int] = []
        held: list[pl.DataFrame] = []
        stream = _open_csv(path, form or CsvForm(), wanted, malformed)
        schema = dict.fromkeys(stream.schema.names, pl.String())
        for batch in stream:
            held = [pl.concat([*held, _frame(batch)], rechunk=True)]
            while held[0].height > BATCH_ROWS:
                yield held[0].head(BATCH_ROWS)
                held = [held[0].slice(BATCH_ROWS)]
        yield held[0] if held else pl.DataFrame(schema=schema)
        if malformed:
            nothing = pl.DataFrame({name: [None] * len(malformed) for name in schema}, schema=schema)
            yield nothing.with_columns(_fails=pl.lit(FIELDS_RULE))


def _headings(path: Path, form: CsvForm) -> list[str]:
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    with path.open(encoding=encoding, newline="") as file:
        names = next(csv.reader(file, delimiter=form.separator), [])
    if not names:
        msg = "there is not even a heading"
        raise ValueError(msg)
    return names


def _open_csv(path: Path, form: CsvForm, wanted: list[str] | None, malformed: list[int]) -> Any:
    """Give a stream of batches; every field is text, and a line of another length is counted, not read."""

    def skip(_row: Any) -> str:
        malformed.append(1)
        return "skip"

    return pa.csv.open_csv(
        str(path),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=_CSV_BYTES, encoding=form.encoding),
        parse_options=pa.csv.ParseOptions(delimiter=form.separator, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(_headings(path, form), pa.string()),
            include_columns=wanted,
            strings_can_be_null=True,
            null_values=list(form.null_values),
        ),
    )


def _frame(batch: Any) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame
