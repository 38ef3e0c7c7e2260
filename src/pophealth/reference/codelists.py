"""Gives codelists: one CSV file each, with provenance at its head; or a pointer to where the codes can be had."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from pophealth.errors import CodelistError
from pophealth.reference.codes import COLUMNS, check_codes, read_rows, read_text
from pophealth.reference.digits import passes_check_digit

SHIPPED = Path(__file__).parent / "codelists"
"""The folder of the starter set."""

_HEAD = ("title", "version", "source", "licence")


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

    @cached_property
    def systems(self) -> tuple[str, ...]:
        """Code systems of the codes, by name."""
        return tuple(sorted(self.codes["code_system"].unique()))

    @property
    def is_filled(self) -> bool:
        """True when there are codes to look for."""
        return self.codes.height > 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the codes and the words beside them (evidence shows them), as hex; their order does not matter."""
        rows = self.codes.select("code_system", "code", "term", "category").sort("code_system", "code").rows()
        return hashlib.sha256(repr(rows).encode()).hexdigest()


class CodelistLibrary:
    """Codelists by id; ``get("a+b")`` gives the union of two."""

    def __init__(self, codelists: Mapping[str, Codelist]) -> None:
        self._lists = dict(sorted(codelists.items()))
        self._codes: dict[str, pl.DataFrame] = {}

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

    def codes_of(self, expression: str) -> pl.DataFrame:
        """Give code and code_system, as text, of a codelist or a union of codelists, each once; made once and kept."""
        if expression not in self._codes:
            text = [pl.col(name).cast(pl.String) for name in ("code", "code_system")]
            codes = [self.get(name).codes.select(text) for name in expression.split("+")]
            self._codes[expression] = pl.concat(codes).unique(maintain_order=True)
        return self._codes[expression]

    @property
    def digest(self) -> str:
        """SHA-256 over ids and codes, as hex."""
        parts = [(name, item.digest) for name, item in self._lists.items()]
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def terms(self) -> pl.DataFrame:
        """Give code, code_system, term of every code, each code once."""
        frames = [pl.DataFrame(schema=COLUMNS), *(item.codes for item in self._lists.values())]
        return pl.concat(frames).unique(["code_system", "code"], maintain_order=True).drop("category")


def order_hint(library: CodelistLibrary, medicine_map: pl.DataFrame | None) -> pl.DataFrame:
    """Give code_system, code, place: products of one substance, then codes of one codelist, have one place.

    The register lays concepts of one place side by side, so that what is read together lies together. It has no other
    meaning: a list that changes later costs speed, never a result.
    """
    schema = {"code_system": pl.String, "code": pl.String, "place": pl.Int64}
    frames = [pl.DataFrame(schema=schema)]
    if medicine_map is not None:
        ranks = pl.col("substance").rank("dense").cast(pl.Int64)
        frames.append(medicine_map.select(pl.col("code_system").cast(pl.String), "code", place=ranks - ranks.max() - 1))
    for place, name in enumerate(library.ids):
        codes = library.get(name).codes
        frames.append(codes.select(pl.col("code_system").cast(pl.String), "code", place=pl.lit(place, pl.Int64)))
    return pl.concat(frames)


def load_library(*extra_folders: Path) -> CodelistLibrary:
    """Give the shipped codelists and those of a site; a site's list replaces the shipped one of the same id.

    Raises
    ------
    CodelistError
        A folder holds no codelist, or one of its files is damaged.
    """
    found: dict[str, Codelist] = {}
    for folder in (SHIPPED, *extra_folders):
        paths = sorted(folder.glob("*.csv"))
        if not paths:
            msg = f"codelists: {folder} is no folder that holds a codelist (<id>.csv)"
            raise CodelistError(msg)
        found |= {path.stem: load_codelist(path) for path in paths}
    return CodelistLibrary(found)


def load_codelist(path: Path) -> Codelist:
    """Give the codelist in a file; its name is its id.

    Raises
    ------
    CodelistError
        A head line or column is missing, a code stands twice or in an unknown system, or an id's check digit fails;
        the message names the line, never more than the number of lines that are wrong.
    """
    check_id(path.stem, path.name)
    lines = read_text(path).split("\n")
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
    if pointer:
        _check_pointer(path.name, head)
    return Codelist(
        id=path.stem,
        title=head["title"],
        version=head["version"],
        source=head["source"],
        licence=head["licence"],
        codes=codes,
        pointer=pointer,
        cluster=head.get("cluster"),
        refset_id=head.get("refset_id"),
        where=head.get("where"),
    )


def check_id(name: str, what: str) -> None:
    """Refuse a name that cannot be a codelist's id, and so a file's name and a word in a declaration.

    Raises
    ------
    CodelistError
        It holds anything but small letters, digits and underscores.
    """
    if re.fullmatch(r"[a-z0-9_]+", name) is None:
        msg = f"codelist {what}: an id is small letters, digits and underscores, as in 'atrial_fibrillation'"
        raise CodelistError(msg)


def _check_pointer(name: str, head: Mapping[str, str]) -> None:
    refset = head.get("refset_id")
    if not head.get("where") or not (refset or head.get("cluster")):
        msg = f"codelist {name}: a pointer says '# where: ...' and '# cluster: ...' or '# refset_id: ...'"
        raise CodelistError(msg)
    if refset and not passes_check_digit(pl.Series([refset])).all():
        msg = f"codelist {name}: the refset_id fails the SNOMED CT check digit or partition"
        raise CodelistError(msg)


def parse_codes(name: str, text: str, first_line: int) -> pl.DataFrame:
    """Give the codes of CSV text with columns code, code_system, term and, perhaps, category; all text, all checked.

    Parameters
    ----------
    first_line
        Line of the file on which `text` begins, for messages.
    """
    headings, rows = read_rows(name, text, ",", first_line)
    missing = {"code", "code_system", "term"} - set(headings)
    if missing and (rows or headings):
        msg = f"codelist {name}: columns {', '.join(sorted(missing))} are missing on line {first_line}"
        raise CodelistError(msg)
    columns = {column: [row.get(column) or None for _, row in rows] for column in COLUMNS}
    codes = pl.DataFrame(columns, schema=COLUMNS)
    check_codes(name, codes, [line for line, _ in rows])
    return codes
