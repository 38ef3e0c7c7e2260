"""Gives the rows of a sheet as the XML of the format, thousands at a time: cell by cell a large list takes a minute.

A cell is a text, a number, or a date as a number: never a formula, never a link. A text stands once in the workbook,
however many cells say it, and a cell names it by its place among the texts: as spreadsheet programs themselves do, and in
a third of the space.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl

from pophealth.delivery.workbook_layout import Column

_LONGEST_TEXT = 32_767
"""Characters a cell holds (ECMA-376, and the programs that read it)."""

_MOST_ROWS = 1_048_576
_ROWS_AT_ONCE = 8_192
_FIRST_DAY = date(1899, 12, 30)
"""Day 0 of dates in a workbook, for every day after February 1900."""

_SHARED = "xl/sharedStrings.xml"
"""Entry of a workbook that holds its texts."""

_LEVEL = 1
"""Of compression: level 3 takes a fifth longer for a tenth of the space."""

Rows = Callable[[], pl.DataFrame]
"""Gives the rows of a sheet when they are wanted."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {
    chr(code): f"_x{code:04X}_" for code in range(32) if code not in (9, 10)
}
"""What XML cannot hold is written as the format asks: a code of four digits between ``_x`` and ``_``."""


def with_rows(book: BytesIO, sheets: Mapping[str, tuple[Rows, Sequence[Column]]], path: Path) -> None:
    """Write `book` at `path` with rows below the heads of its sheets.

    Parameters
    ----------
    book
        A workbook whose sheets hold their head line, with a style a column.
    sheets
        Entry of a sheet (``xl/worksheets/sheet2.xml``) to what gives its rows, asked for when the sheet is written and
        forgotten behind it: the lists of all services at once are the most that a run would hold.
    """
    with zipfile.ZipFile(book) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as file:
        shared = made.read(_SHARED).decode()
        texts = Texts(shared.count("<si>"))
        for name in [*(name for name in made.namelist() if name != _SHARED), _SHARED]:
            with file.open(name, "w") as entry:  # by its name it carries no time of its own
                if name in sheets:
                    rows, columns = sheets[name]
                    entry.writelines(_sheet(made.read(name).decode(), texts.numbered(rows(), columns), columns))
                elif name == _SHARED:
                    entry.writelines(_texts(shared, texts.every()))
                else:
                    entry.write(made.read(name))


class Texts:
    """The texts of a workbook, each once, in the order in which they were first said; `first` is the first's number."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._known = pl.DataFrame(schema={"text": pl.String, "place": pl.UInt32})

    def numbered(self, rows: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
        """Give the columns that are written, with numbers for their texts; what was not said before is added."""
        rows = rows.select(column.name for column in columns if column.name in rows.columns)
        said = {
            column.name: _text(rows[column.name]).drop_nulls().unique(maintain_order=True)
            for column in columns
            if column.kind == "text" and column.name in rows.columns
        }
        here = pl.concat([pl.Series("text", [], pl.String), *said.values()]).unique(maintain_order=True).to_frame()
        new = here.join(self._known, on="text", how="anti", maintain_order="left")
        behind = self._first + self._known.height
        self._known = pl.concat([self._known, new.with_row_index("place", behind).select("text", "place")])
        for name, words in said.items():
            numbers = words.to_frame().join(self._known, on="text", how="left", maintain_order="left")["place"]
            values = _text(rows[name]).replace_strict(words, numbers, default=None, return_dtype=pl.UInt32)
            rows = rows.with_columns(values.alias(name))
        return rows

    def every(self) -> pl.Series:
        """Give every text said so far, in the order of its number."""
        return self._known["text"]


def _text(values: pl.Series) -> pl.Series:
    return values.cast(pl.String).str.slice(0, _LONGEST_TEXT).alias("text")


def _texts(shared: str, texts: pl.Series) -> Iterator[bytes]:
    """Give the entry of texts, those of the rows behind those that the workbook holds already."""
    head, _, tail = shared.rpartition("</sst>")
    yield re.sub(r' count="[^"]*" uniqueCount="[^"]*"', "", head, count=1).encode()
    escaped = pl.col("text").str.replace_all("(_x[0-9A-Fa-f]{4}_)", "_x005F${1}")
    escaped = escaped.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    item = pl.format('<si><t xml:space="preserve">{}</t></si>', escaped)
    for part in texts.to_frame("text").iter_slices(_ROWS_AT_ONCE):
        yield part.select(item.str.join("")).item().encode()
    yield b"</sst>" + tail.encode()


def _sheet(sheet: str, rows: pl.DataFrame, columns: Sequence[Column]) -> Iterator[bytes]:
    """Give the entry of a sheet with rows below its head line."""
    head, _, tail = sheet.partition("</sheetData>")
    last = f"{column_letters(len(columns) - 1)}{rows.height + 1}"
    styles = [
        style  # neighbours of one width and style stand together
        for first, end, style in re.findall(r'<col min="(\d+)" max="(\d+)" width="[^"]*" style="(\d+)"', head)
        for _ in range(int(first), int(end) + 1)
    ]
    yield re.sub(r'<dimension ref="[^"]*"/>', f'<dimension ref="A1:{last}"/>', head, count=1).encode()
    for text in rows_xml(rows.head(_MOST_ROWS - 1), columns, styles):
        yield text.encode()
    yield b"</sheetData>" + tail.encode()


def rows_xml(rows: pl.DataFrame, columns: Sequence[Column], styles: Sequence[str]) -> Iterator[str]:
    """Give the rows, texts by number, as XML, some thousands at a time, numbered from 2; what is null is no cell."""
    cells = [
        _cell(column, column_letters(place), styles[place])
        for place, column in enumerate(columns)
        if column.name in rows.columns
    ]
    line = pl.concat_str(pl.format('<row r="{}">', "_row"), *cells, pl.lit("</row>"))
    for part in rows.with_row_index("_row", offset=2).iter_slices(_ROWS_AT_ONCE):
        yield part.select(line.str.join("")).item()


def _cell(column: Column, letters: str, style: str) -> pl.Expr:
    value = pl.col(column.name)
    said = (value - pl.lit(_FIRST_DAY)).dt.total_days() if column.kind == "date" else value
    kind = ' t="s"' if column.kind == "text" else ""
    cell = pl.format(f'<c r="{letters}{{}}" s="{style}"{kind}><v>{{}}</v></c>', "_row", said)
    return pl.when(value.is_not_null()).then(cell).otherwise(pl.lit(""))


def column_letters(place: int) -> str:
    """Give the name of a column by its place from 0: A to Z, AA ..."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
