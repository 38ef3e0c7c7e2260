"""Gives the canonical tables of an extract: one file a table, or a folder of files, in Parquet or CSV."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

from pophealth.config import Extract, Supplies
from pophealth.errors import DataContractError
from pophealth.extracts.columns import check_headings, column_types, required_columns
from pophealth.extracts.layout import WHOLE, Notes, Rows
from pophealth.extracts.reading import Reader
from pophealth.tables import PERSON_TABLES, RECORD_TABLES

READ = (*PERSON_TABLES, *RECORD_TABLES, "care_homes")
"""Tables an extract is searched for; organisations, areas and the medicine map come through `[reference]`."""

NEEDED = ("patients", "registrations")
SUFFIXES = (".parquet", ".csv")


class Canonical:
    """``<table>.parquet`` or ``.csv``, or ``<table>/*.parquet`` or ``.csv``, for each table the extract supplies."""

    derived: frozenset[str] = frozenset()

    def __init__(self, extract: Extract) -> None:
        self.reader = Reader(extract.path)
        self.notes = Notes()
        self.extract_date: date | None = None
        self._supplies = extract.supplies
        self._files = {table: _files(extract.path, table) for table in READ}
        missing = [table for table in NEEDED if not self._files[table]]
        if missing:
            msg = (
                f"extract {extract.path}: no file for {' and '.join(missing)}; expected {missing[0]}.parquet, "
                f"{missing[0]}.csv or a folder {missing[0]} of such files"
            )
            raise DataContractError(msg)
        self._parts = self._self_contained(extract)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the files that belong together, or `WHOLE`."""
        return self._parts or (WHOLE,)

    def _self_contained(self, extract: Extract) -> tuple[str, ...]:
        """Give the names of self-contained parts: each table is a folder, and no table has a file that patients lack."""
        tables = {table: files for table, files in self._files.items() if files and table != "care_homes"}
        in_folders = all(files[0].parent != extract.path for files in tables.values())
        names = {path.stem for path in tables["patients"]}
        fit = in_folders and all({path.stem for path in files} <= names for files in tables.values())
        if extract.self_contained_parts and not fit:
            msg = (
                f"extract {extract.path}: extract.self_contained_parts is set, but not every table is a folder whose "
                "files bear the names of the files of patients"
            )
            raise DataContractError(msg)
        wanted = fit if extract.self_contained_parts is None else extract.self_contained_parts
        return tuple(sorted(names)) if wanted else ()

    def files(self, part: str) -> dict[str, tuple[Path, ...]]:
        """Give the files of a part by table. Care homes are about no person: they come with the first part."""
        if not self._parts:
            return {table: files for table, files in self._files.items() if files}
        mine = {
            table: tuple(path for path in files if path.stem == part)
            for table, files in self._files.items()
            if table != "care_homes"
        }
        if part == self._parts[0]:
            mine["care_homes"] = self._files["care_homes"]
        return {table: files for table, files in mine.items() if files}

    def people(self, part: str) -> Iterator[Rows]:
        """Give the rows of the person tables.

        Raises
        ------
        DataContractError
            A table that the configuration says is supplied has no file, or a file breaks its contract as a whole.
        """
        files = self.files(part)
        absent = [table for table in (*NEEDED, *supplied(self._supplies)) if table not in files]
        if absent:
            msg = (
                f"extract, part {part}: no file for {', '.join(absent)}, which extract.supplies says the source "
                "supplies. A table without rows is a file with headings only."
            )
            raise DataContractError(msg)
        for table in (*PERSON_TABLES, "care_homes"):
            yield from self._rows(table, files.get(table, ()), None)

    def records(self, part: str, tables: Collection[str], columns: Collection[str] | None = None) -> Iterator[Rows]:
        """Give the rows of the record tables named."""
        files = self.files(part)
        for table in RECORD_TABLES:
            if table in tables:
                yield from self._rows(table, files.get(table, ()), columns)

    def practice_codes(self, part: str) -> set[str]:
        """Give the practices a part's registrations name, whatever else of the part can be read."""
        found: set[str] = set()
        for path in self.files(part).get("registrations", ()):
            for frame in self.reader.batches(path, columns=("practice_code",)):
                if "practice_code" in frame.columns:
                    found |= set(frame["practice_code"].cast(str).drop_nulls().unique())
        return found

    def _rows(self, table: str, files: tuple[Path, ...], columns: Collection[str] | None) -> Iterator[Rows]:
        known = list(column_types(table))
        for path in files:
            headings = self.reader.columns(path)
            extra = check_headings(headings, required_columns(table), self.reader.name(path), known)
            self.notes.ignore(table, extra)
            wanted = [name for name in known if name in headings and (columns is None or name in columns)]
            for frame in self.reader.batches(path, columns=wanted):
                yield Rows(table, table, frame, file=self.reader.name(path))


def supplied(supplies: Supplies) -> list[str]:
    """Give the tables that a source is said to supply, as far as an extract can hold them."""
    return [table for table in (*RECORD_TABLES, "deaths") if getattr(supplies, table, False)]


def _files(folder: Path, table: str) -> tuple[Path, ...]:
    """Give the files of a table.

    Raises
    ------
    DataContractError
        There is more than one form of it: nobody can say which is meant.
    """
    single = [folder / f"{table}{suffix}" for suffix in SUFFIXES if (folder / f"{table}{suffix}").is_file()]
    inside = sorted(path for path in (folder / table).glob("*") if path.suffix in SUFFIXES and path.is_file())
    stems = [path.stem for path in inside]
    if len(single) + bool(inside) > 1 or len(set(stems)) < len(stems):
        msg = f"extract {folder}: {table} is there in more than one form; keep one of file and folder, Parquet and CSV"
        raise DataContractError(msg)
    return (*single, *inside)
