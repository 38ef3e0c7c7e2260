"""Gives the rows of a sheet as the XML of the format, thousands at a time: cell by cell a large list takes a minute.

A cell is text written in place, a number, or a date as a number: never a formula, never a link.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import IO

import polars as pl

from pophealth.delivery.workbook_layout import Column

_LONGEST_TEXT = 32_767
"""Characters a cell holds (ECMA-376, and the programs that read it)."""

_MOST_ROWS = 1_048_576
_ROWS_AT_ONCE = 8_192
_FIRST_DAY = date(1899, 12, 30)
"""Day 0 of dates in a workbook, for every day after February 1900."""

_MADE = (1980, 1, 31, 0, 0, 0)
"""Time of every entry: the same lists give the same bytes."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {
    chr(code): f"_x{code:04X}_" for code in range(32) if code not in (9, 10)
}
"""What XML cannot hold is written as the format asks: a code of four digits between ``_x`` and ``_``."""


def with_rows(book: BytesIO, rows: Mapping[str, tuple[pl.DataFrame, Sequence[Column]]], path: Path) -> None:
    """Write `book` at `path` with rows below the heads of its sheets.

    Parameters
    ----------
    book
        A workbook whose sheets hold their head line, with a style a column.
    rows
        Entry of a sheet (``xl/worksheets/sheet2.xml``) to its rows and columns.
    """
    with zipfile.ZipFile(book) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as file:
        for name in made.namelist():
            entry = zipfile.ZipInfo(name, _MADE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            with file.open(entry, "w", force_zip64=True) as out:
                content = made.read(name)
                if name in rows:
                    _write_sheet(out, content.decode(), *rows[name])
                else:
                    out.write(content)


def _write_sheet(out: IO[bytes], sheet: str, rows: pl.DataFrame, columns: Sequence[Column]) -> None:
    head, _, tail = sheet.partition("</sheetData>")
    last = f"{column_letters(len(columns) - 1)}{rows.height + 1}"
    styles = [
        style  # neighbours of one width and style stand together
        for first, end, style in re.findall(r'<col min="(\d+)" max="(\d+)" width="[^"]*" style="(\d+)"', head)
        for _ in range(int(first), int(end) + 1)
    ]
    out.write(re.sub(r'<dimension ref="[^"]*"/>', f'<dimension ref="A1:{last}"/>', head, count=1).encode())
    for text in rows_xml(rows.head(_MOST_ROWS - 1), columns, styles):
        out.write(text.encode())
    out.write(b"</sheetData>" + tail.encode())


def rows_xml(rows: pl.DataFrame, columns: Sequence[Column], styles: Sequence[str]) -> Iterator[str]:
    """Give the rows as XML, some thousands at a time, numbered from 2; what is null is no cell."""
    cells = [
        _cell(column, column_letters(place), styles[place]) if column.name in rows.columns else pl.lit("")
        for place, column in enumerate(columns)
    ]
    numbered = rows.with_row_index("_row", offset=2)
    line = pl.concat_str(pl.format('<row r="{}">', "_row"), *cells, pl.lit("</row>"))
    for part in numbered.iter_slices(_ROWS_AT_ONCE):
        yield part.select(line.str.join("")).item()


def _cell(column: Column, letters: str, style: str) -> pl.Expr:
    value = pl.col(column.name)
    if column.kind == "text":
        text = value.cast(pl.String).str.slice(0, _LONGEST_TEXT).str.replace_all("(_x[0-9A-Fa-f]{4}_)", "_x005F${1}")
        said = text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
        form = f'<c r="{letters}{{}}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{{}}</t></is></c>'
    else:
        said = (value - pl.lit(_FIRST_DAY)).dt.total_days() if column.kind == "date" else value
        form = f'<c r="{letters}{{}}" s="{style}"><v>{{}}</v></c>'
    return pl.when(value.is_not_null()).then(pl.format(form, "_row", said)).otherwise(pl.lit(""))


def column_letters(place: int) -> str:
    """Give the name of a column by its place from 0: A to Z, AA ..."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
