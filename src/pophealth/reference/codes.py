"""Gives the rows of a published or shipped table of codes, every id text, every damage named by its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pophealth.errors import CodelistError
from pophealth.reference.digits import Component, component_of
from pophealth.terms import CodeSystem

COLUMNS = {"code": pl.String(), "code_system": pl.String(), "term": pl.String(), "category": pl.String()}
CHECKED_SYSTEMS = (CodeSystem.SNOMED.value, CodeSystem.DMD.value)
"""Systems whose ids carry a check digit."""

_KNOWN = frozenset(system.value for system in CodeSystem)
_NUMERIC = (*CHECKED_SYSTEMS, CodeSystem.RXNORM.value, CodeSystem.CVX.value)
_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*[eE][+]?[0-9]+|[0-9]+[.,]0*")
_SYNTHETIC = re.compile(r"SYN:\S+")
_HINT = ". HINT: spreadsheets round long numbers; export the column as text."
_SAID = {
    Component.CONCEPT: None,
    Component.OTHER: "are ids of descriptions or relationships, not of concepts",
    Component.PADDED: "are numbers that a spreadsheet rounded",
    Component.NONE: "fail the SNOMED CT check digit or partition",
}


def read_text(path: Path) -> str:
    """Give a file's text, with line ends as newlines.

    Raises
    ------
    CodelistError
        The file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"codelist {path.name}: cannot be read as UTF-8 text ({type(error).__name__})"
        raise CodelistError(msg) from None


def read_rows(
    name: str, text: str, delimiter: str, first_line: int = 1
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Give the headings of CSV text and its rows, each with the line it begins on; cells are stripped, blank rows gone.

    Raises
    ------
    CodelistError
        A row has more or fewer cells than there are headings, a heading stands twice, or the text is no CSV.
    """
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    headings: list[str] = []
    line = first_line
    try:
        for cells in reader:
            begins, line = line, first_line + reader.line_num
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if not headings:
                headings = stripped
            elif len(stripped) != len(headings):
                msg = f"codelist {name}: line {begins} has {len(stripped)} cells, expected {len(headings)}; is a comma unquoted?"
                raise CodelistError(msg)
            else:
                rows.append((begins, dict(zip(headings, stripped, strict=True))))
    except csv.Error:
        msg = f"codelist {name}: line {line} is not CSV (a quotation mark does not end, or a cell is too long)"
        raise CodelistError(msg) from None
    if len(set(headings)) < len(headings):
        msg = f"codelist {name}: a heading stands twice"
        raise CodelistError(msg)
    return headings, rows


def check_codes(name: str, codes: pl.DataFrame, lines: Sequence[int]) -> None:
    """Refuse codes that are damaged, stand twice or are of no known system; row i stands on line ``lines[i]``.

    Raises
    ------
    CodelistError
        How many codes are wrong, in what way, and the line of the first; never an id.
    """
    wrong: dict[str, list[int]] = {}
    seen: set[tuple[str, str]] = set()
    for line, (code, system) in zip(lines, codes.select("code", "code_system").iter_rows(), strict=True):
        problem = _problem(code, system) or ("stand there twice" if (code, system) in seen else None)
        seen.add((code, system))
        if problem:
            wrong.setdefault(problem, []).append(line)
    if wrong:
        what, where = max(wrong.items(), key=lambda item: len(item[1]))
        msg = f"codelist {name}: {len(where)} of {codes.height} codes {what}, first on line {where[0]}"
        raise CodelistError(msg + (_HINT if "spreadsheet" in what or "digit" in what else ""))


def _problem(code: str | None, system: str | None) -> str | None:
    """Give what is wrong with one code, in words for the message, or None."""
    if code is None or system is None:
        return "have no code or no code system"
    if system not in _KNOWN:
        return "are in an unknown code system"
    if (system == CodeSystem.SYNTHETIC) != (_SYNTHETIC.fullmatch(code) is not None):
        return "mix the system SYNTHETIC with codes that are not 'SYN:...'"
    if system in _NUMERIC and _ROUNDED.fullmatch(code) is not None:
        return "are numbers that a spreadsheet rounded"
    return _SAID[component_of(code)] if system in CHECKED_SYSTEMS else None
