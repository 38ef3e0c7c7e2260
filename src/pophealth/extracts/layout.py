"""Gives what every layout hands over: rows of canonical tables, part by part, and what it noticed on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

import polars as pl

from pophealth.extracts.reading import Reader

WHOLE = "whole extract"
"""The one part of an extract that does not come in parts."""

FLAGS = ("_row", "_fails", "_scope")
"""Columns beside the canonical ones: place in the file, a rule the layout itself found broken, a reason why the row is
out of scope. Each may be absent; the last two are null where they do not apply."""


@dataclass(frozen=True)
class Rows:
    """Rows of one canonical table, as read from one source table: canonical columns, text or typed, and `FLAGS`.

    `date_format` and `time_format` say how dates and times are written where they are text; `file` is for messages.
    """

    source: str
    table: str
    frame: pl.DataFrame
    date_format: str = "%Y-%m-%d"
    time_format: str = "%H:%M:%S"
    file: str = ""


@dataclass
class Notes:
    """What a layout noticed: all counts and names of files, never a row."""

    ignored_columns: dict[str, set[str]] = field(default_factory=dict)
    files_not_read: dict[str, str] = field(default_factory=dict)
    altered: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)

    def ignore(self, source: str, columns: Collection[str]) -> None:
        """Note columns of a source that no canonical column takes."""
        if columns:
            self.ignored_columns.setdefault(source, set()).update(columns)


class Layout(Protocol):
    """One way of laying out an extract. Rows come in the order of their files; a part can be read more than once."""

    reader: Reader
    notes: Notes
    derived: frozenset[str]
    """Sources that are no file: what the layout worked out from others."""
    extract_date: date | None
    """The last day the extract knows about, as soon as that is settled."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the self-contained parts, in order; `WHOLE` where there are none."""
        ...

    def files(self, part: str) -> dict[str, tuple[Path, ...]]:
        """Give the files of a part by source table."""
        ...

    def people(self, part: str) -> Iterator[Rows]:
        """Give the rows of the tables that say who counts, and of care homes."""
        ...

    def records(self, part: str, tables: Collection[str], columns: Collection[str] | None = None) -> Iterator[Rows]:
        """Give the rows of the record tables named; with `columns`, at least these of them, to save reading."""
        ...

    def practice_codes(self, part: str) -> set[str]:
        """Give the practices a part's registrations name, whatever else of the part can be read."""
        ...


def flags(frame: pl.DataFrame) -> list[str]:
    """Give the flag columns that `frame` has, to be carried along."""
    return [name for name in FLAGS if name in frame.columns]
