"""Gives what a team filled in: the action columns of a workbook of ours that came back, whichever program saved it.

A reader of just that: cells of named sheets as text. It runs nothing, follows nothing, and refuses what no workbook of
ours holds (entities, entries that swell beyond reason).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.parsers import expat

from pophealth.delivery.workbook_layout import (
    NETWORK_LABEL,
    NOTE,
    README_SHEET,
    REFERENCE,
    RULES,
    SHEETS,
    STATUS,
    WHEN,
    WHO,
    WORKLIST_SHEET,
)
from pophealth.errors import DataContractError

_LARGEST_ENTRY = 1 << 30
_FIELDS = {STATUS: "status", WHO: "who", WHEN: "when", NOTE: "note_code", RULES: "rule_id", REFERENCE: "patient_id"}


def read_workbook_actions(path: Path) -> tuple[str | None, list[dict[str, str]]]:
    """Give the network code of the readme sheet, and one row of text per row with an action.

    Keys: sheet, row, patient_id, rule_id (several, separated by ``; ``, on the worklist), status, who, when, note_code.
    Rows of the worklist come first, those of the services' sheets after them: the last word on a day is a service's.

    Raises
    ------
    DataContractError
        It is no workbook, or not one of ours.
    """
    try:
        with zipfile.ZipFile(path) as book:
            return _read(book, path.name)
    except (zipfile.BadZipFile, expat.ExpatError, KeyError, ValueError, IndexError) as error:
        msg = f"actions {path.name}: cannot be read as a workbook of ours ({type(error).__name__})"
        raise DataContractError(msg) from None


def _read(book: zipfile.ZipFile, name: str) -> tuple[str | None, list[dict[str, str]]]:
    sheets = _sheets(book)
    if WORKLIST_SHEET not in sheets or README_SHEET not in sheets:
        msg = f"actions {name}: expected the sheets {README_SHEET!r} and {WORKLIST_SHEET!r} of a workbook of ours"
        raise DataContractError(msg)
    texts = _shared_texts(book)
    network = next(
        (row.get(1) for _, row in _rows(book, sheets[README_SHEET], texts) if row.get(0) == NETWORK_LABEL), None
    )
    found: list[dict[str, str]] = []
    for title in (WORKLIST_SHEET, *SHEETS.values()):
        if title in sheets:
            found += _actions(title, _rows(book, sheets[title], texts))
    return network, found


def _actions(title: str, rows: Iterator[tuple[int, dict[int, str]]]) -> Iterator[dict[str, str]]:
    head: dict[int, str] = {}
    for number, row in rows:
        if not head:
            head = {place: _FIELDS[text] for place, text in row.items() if text in _FIELDS}
            if set(head.values()) != set(_FIELDS.values()):
                msg = f"actions: sheet {title!r} lacks {len(_FIELDS) - len(head)} of its columns; return the file as it was"
                raise DataContractError(msg)
            continue
        cells = {name: row.get(place, "").strip() for place, name in head.items()}
        if cells["status"] or cells["when"] or cells["who"] or cells["note_code"]:
            cells["when"] = _day(cells["when"])
            yield {"sheet": title, "row": str(number), **cells}


def _day(text: str) -> str:
    """Give a date cell as ISO text: spreadsheets keep the days since 30 December 1899; other text stays as it is."""
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        return (date(1899, 12, 30) + timedelta(days=int(float(text)))).isoformat()
    return text


def _parse(book: zipfile.ZipFile, name: str, start: Any, end: Any, data: Any) -> None:
    if book.getinfo(name).file_size > _LARGEST_ENTRY:
        msg = f"actions: {name} unpacks to more than {_LARGEST_ENTRY >> 20} MiB"
        raise DataContractError(msg)
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        msg = f"actions: {name} declares entities; no workbook of ours does"
        raise DataContractError(msg)

    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.buffer_text = True
    with book.open(name) as file:
        parser.ParseFile(file)


def _sheets(book: zipfile.ZipFile) -> dict[str, str]:
    """Give sheet title to the name of its entry."""
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if _plain(tag) == "sheet":
            ids[attributes["name"]] = next(value for key, value in attributes.items() if _plain(key) == "id")

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if _plain(tag) == "Relationship":
            targets[attributes["Id"]] = attributes["Target"].removeprefix("/xl/").removeprefix("xl/")

    _parse(book, "xl/workbook.xml", sheet, None, None)
    _parse(book, "xl/_rels/workbook.xml.rels", relation, None, None)
    return {title: f"xl/{targets[key]}" for title, key in ids.items()}


def _plain(tag: str) -> str:
    return tag.rpartition(":")[2]


class _Texts:
    """Collects the shared texts of a workbook; phonetic runs are no part of a text."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._inside = self._skip = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        if _plain(tag) == "si":
            self.texts.append("")
        self._skip = self._skip or _plain(tag) == "rPh"
        self._inside = _plain(tag) == "t" and not self._skip

    def end(self, tag: str) -> None:
        self._inside = False
        if _plain(tag) == "rPh":
            self._skip = False

    def data(self, text: str) -> None:
        if self._inside:
            self.texts[-1] += text


def _shared_texts(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    collected = _Texts()
    _parse(book, "xl/sharedStrings.xml", collected.start, collected.end, collected.data)
    return collected.texts


class _Cells:
    """Collects the cells of a sheet as text, row by row; only the columns by letter and place are kept."""

    def __init__(self, texts: list[str]) -> None:
        self.rows: list[tuple[int, dict[int, str]]] = []
        self._texts, self._place, self._type, self._inside, self._value = texts, -1, "", False, ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _plain(tag)
        if name == "row":
            number = int(attributes.get("r", len(self.rows) + 1))
            self.rows.append((number, {}))
            self._place = -1
        elif name == "c":
            reference = attributes.get("r")
            self._place = _column(reference) if reference else self._place + 1
            self._type, self._value = attributes.get("t", "n"), ""
        self._inside = name in ("v", "t")

    def end(self, tag: str) -> None:
        self._inside = False
        if _plain(tag) == "c" and self._value:
            self.rows[-1][1][self._place] = self._texts[int(self._value)] if self._type == "s" else self._value

    def data(self, text: str) -> None:
        if self._inside:
            self._value += text


def _rows(book: zipfile.ZipFile, entry: str, texts: list[str]) -> Iterator[tuple[int, dict[int, str]]]:
    collected = _Cells(texts)
    _parse(book, entry, collected.start, collected.end, collected.data)
    return iter(collected.rows)


def _column(reference: str) -> int:
    """Give the place of a cell's column from 0: ``B7`` is 1."""
    place = 0
    for letter in re.match(r"[A-Z]+", reference)[0]:  # type: ignore[index]
        place = place * 26 + ord(letter) - 64
    return place - 1
