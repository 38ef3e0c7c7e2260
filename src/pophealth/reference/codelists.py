"""Gives codelists: one CSV file each, with provenance at its head; or a pointer to where the codes can be had."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from pophealth.errors import CodelistError
from pophealth.reference.digits import passes_check_digit
from pophealth.terms import CodeSystem

SHIPPED = Path(__file__).parent / "codelists"
"""The folder of the starter set."""

COLUMNS = {"code": pl.String(), "code_system": pl.String(), "term": pl.String(), "category": pl.String()}
CHECKED_SYSTEMS = (CodeSystem.SNOMED.value, CodeSystem.DMD.value)
"""Systems whose ids carry a check digit."""

_HEAD = ("title", "version", "source", "licence")
_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+|[0-9]+\.0")


@dataclass(frozen=True)
class Codelist:
    """Codes that mean one thing to a feature, and where they come from.

    `codes` has columns code, code_system, term, category. A pointer says where the codes can be had and holds none.
    """

    id: str
    title: str
    version: str
    source: str
    licence: str
    codes: pl.DataFrame = field(compare=False)
    pointer: bool = False
    cluster: str | None = None
    refset_id: str | None = None
    where: str | None = None

    @property
    def systems(self) -> tuple[str, ...]:
        """Code systems of the codes, by name."""
        return tuple(sorted(self.codes["code_system"].unique()))

    @property
    def is_filled(self) -> bool:
        """True when there are codes to look for."""
        return self.codes.height > 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the codes, as hex: neither their order nor the words beside them matter."""
        rows = self.codes.select("code_system", "code").sort("code_system", "code").rows()
        return hashlib.sha256(repr(rows).encode()).hexdigest()


class CodelistLibrary:
    """Codelists by id; ``get("a+b")`` gives the union of two."""

    def __init__(self, codelists: Mapping[str, Codelist]) -> None:
        self._lists = dict(sorted(codelists.items()))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids, in order."""
        return tuple(self._lists)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and all(part in self._lists for part in name.split("+"))

    def get(self, name: str) -> Codelist:
        """Give the codelist called `name`.

        Raises
        ------
        CodelistError
            There is none of that id; the message names the nearest.
        """
        for part in name.split("+"):
            if part not in self._lists:
                nearest = difflib.get_close_matches(part, self._lists, n=1)
                hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
                msg = f"codelist {part!r}: not among the {len(self._lists)} known{hint}"
                raise CodelistError(msg)
        if "+" not in name:
            return self._lists[name]
        parts = [self._lists[part] for part in name.split("+")]
        codes = pl.concat([part.codes for part in parts]).unique(["code_system", "code"], maintain_order=True)
        title, version, source, licence = (
            " + ".join(dict.fromkeys(getattr(part, name) for part in parts)) for name in _HEAD
        )
        return Codelist(name, title, version, source, licence, codes, pointer=any(part.pointer for part in parts))

    @property
    def digest(self) -> str:
        """SHA-256 over ids and codes, as hex."""
        parts = [(name, item.digest) for name, item in self._lists.items()]
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def terms(self) -> pl.DataFrame:
        """Give code, code_system, term of every code, each code once."""
        frames = [pl.DataFrame(schema=COLUMNS), *(item.codes for item in self._lists.values())]
        return pl.concat(frames).unique(["code_system", "code"], maintain_order=True).drop("category")


def load_library(*extra_folders: Path) -> CodelistLibrary:
    """Give the shipped codelists and those of a site; a site's list replaces the shipped one of the same id."""
    found: dict[str, Codelist] = {}
    for folder in (SHIPPED, *extra_folders):
        found |= {path.stem: load_codelist(path) for path in sorted(folder.glob("*.csv"))}
    return CodelistLibrary(found)


def load_codelist(path: Path) -> Codelist:
    """Give the codelist in a file; its name is its id.

    Raises
    ------
    CodelistError
        A head line or column is missing, a code stands twice or in an unknown system, or an id's check digit fails;
        the message names the line, never more than the number of lines that are wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"codelist {path.name}: cannot be read as UTF-8 text ({type(error).__name__})"
        raise CodelistError(msg) from None
    lines = text.splitlines()
    n_head = next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
    head = dict(line[1:].strip().split(": ", 1) for line in lines[:n_head] if ": " in line)
    missing = [name for name in _HEAD if not head.get(name)]
    if missing:
        msg = f"codelist {path.name}: the head lacks {', '.join(missing)}; expected lines such as '# source: ...'"
        raise CodelistError(msg)
    codes = parse_codes(path.name, "\n".join(lines[n_head:]), n_head + 1)
    pointer = head.get("pointer") == "yes"
    if pointer == bool(codes.height):
        msg = f"codelist {path.name}: {codes.height} codes; a pointer holds none, any other list at least one"
        raise CodelistError(msg)
    known = {name: head.get(name) for name in ("cluster", "refset_id", "where")}
    return Codelist(path.stem, *(head[name] for name in _HEAD), codes, pointer=pointer, **known)


def parse_codes(name: str, text: str, first_line: int) -> pl.DataFrame:
    """Give the codes of CSV text with columns code, code_system, term and, perhaps, category; all text, all checked.

    Parameters
    ----------
    first_line
        Line of the file on which `text` begins, for messages.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = {"code", "code_system", "term"} - set(reader.fieldnames or [])
    if missing:
        msg = f"codelist {name}: columns {', '.join(sorted(missing))} are missing on line {first_line}"
        raise CodelistError(msg)
    rows = [{column: (row.get(column) or "").strip() or None for column in COLUMNS} for row in reader]
    codes = pl.DataFrame(rows, schema=COLUMNS)
    check_codes(name, codes, first_line + 1)
    return codes


def check_codes(name: str, codes: pl.DataFrame, first_line: int) -> None:
    """Refuse codes that are damaged, stand twice or are of no known system; row i is line ``first_line + i``."""
    rounded = codes["code"].map_elements(lambda code: bool(_ROUNDED.fullmatch(code)), return_dtype=pl.Boolean)
    bad_digit = codes["code_system"].is_in(CHECKED_SYSTEMS) & ~passes_check_digit(codes["code"])
    known = [system.value for system in CodeSystem]
    problems = {
        "have no code": codes["code"].is_null() | codes["code_system"].is_null(),
        "are in an unknown code system": ~codes["code_system"].is_in(known),
        "are numbers that a spreadsheet rounded; export the column as text": rounded,
        "fail the SNOMED CT check digit or partition": bad_digit,
        "stand there twice": ~codes.select("code_system", "code").is_first_distinct(),
    }
    for what, bad in problems.items():
        lines = bad.fill_null(value=False).arg_true()
        if len(lines):
            msg = f"codelist {name}: {len(lines)} of {codes.height} codes {what}, first on line {lines[0] + first_line}"
            hint = ". HINT: spreadsheets round long numbers; export the column as text." if "digit" in what else ""
            raise CodelistError(msg + hint)
