"""Gives canonical tables from a site's own export, described wholly in its configuration: no code is written for a site."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from pophealth.config import Extract, TableMapping
from pophealth.errors import ConfigError, DataContractError
from pophealth.extracts.canonical import NEEDED, READ, SUFFIXES, supplied
from pophealth.extracts.columns import check_headings, column_types, holds_time_of_day, required_columns
from pophealth.extracts.layout import WHOLE, Notes, Rows, flags
from pophealth.extracts.reading import CsvForm, Reader
from pophealth.tables import PERSON_TABLES, RECORD_TABLES

PART = "{part}"
_GENERATED = "record_id"
"""The one required column that a mapping may leave out: rows are then numbered, file by file."""


class Mapped:
    """The tables of `extract.tables`. Several sections may feed one canonical table."""

    derived: frozenset[str] = frozenset()

    def __init__(self, extract: Extract) -> None:
        self.reader = Reader(extract.path)
        self.notes = Notes()
        self.extract_date: date | None = None
        self._supplies = extract.supplies
        self._tables = {name: (mapping.table or name, mapping) for name, mapping in extract.tables.items()}
        # listed once: a warehouse's export can be thousands of files
        found = (path for path in sorted(extract.path.rglob("*")) if path.is_file())
        self._paths = {path.relative_to(extract.path).as_posix(): path for path in found}
        self._check()
        self._parts = self._named_parts()

    def _check(self) -> None:
        """Refuse sections that name no canonical table or column, or leave out what a table cannot do without."""
        for section, (table, mapping) in self._tables.items():
            where = f"config extract.tables.{section}"
            if table not in READ:
                msg = f"{where}: {table!r} is no canonical table{_nearest(table, READ)}; set table = ..."
                raise ConfigError(msg)
            given = {*mapping.columns, *mapping.constants}
            known = column_types(table)
            for name in sorted((given | set(mapping.values)) - set(known)):
                msg = f"{where}: {table} has no column {name!r}{_nearest(name, known)}"
                raise ConfigError(msg)
            missing = sorted(set(required_columns(table)) - given - {_GENERATED})
            if missing:
                msg = f"{where}: {table} needs {', '.join(missing)}; map a column or give a constant"
                raise ConfigError(msg)
        present = {table for table, _ in self._tables.values()}
        lacking = [table for table in (*NEEDED, *supplied(self._supplies)) if table not in present]
        if lacking:
            msg = f"config extract.tables: nothing is mapped to {', '.join(lacking)}, which is needed or said to be supplied"
            raise ConfigError(msg)

    def _named_parts(self) -> tuple[str, ...]:
        patterns = {name: mapping.file for name, (table, mapping) in self._tables.items() if table != "care_homes"}
        with_part = [name for name, pattern in patterns.items() if PART in pattern]
        if not with_part:
            return ()
        if len(with_part) < len(patterns):
            lacking = sorted(set(patterns) - set(with_part))
            msg = (
                f"config extract.tables: {', '.join(lacking)} has no {PART} in its file, others have; give all or none"
            )
            raise ConfigError(msg)
        patients = next(mapping.file for table, mapping in self._tables.values() if table == "patients")
        form = re.compile(
            ".*".join(re.escape(piece) for piece in patients.split("*")).replace(r"\{part\}", "([^/]+)", 1)
        )
        return tuple(sorted({match[1] for name in self._paths if (match := form.fullmatch(name))}))

    @property
    def parts(self) -> tuple[str, ...]:
        """What ``{part}`` stands for in the names of the files of patients, or `WHOLE`."""
        return self._parts or (WHOLE,)

    def files(self, part: str) -> dict[str, tuple[Path, ...]]:
        """Give the files of a part by section."""
        found = {}
        for section, (table, mapping) in self._tables.items():
            if table == "care_homes" and part != self.parts[0]:
                continue
            pattern = mapping.file.replace(PART, part)
            fitting = self._paths if "*" in pattern else [pattern]
            found[section] = tuple(
                self._paths[name] for name in fitting if name in self._paths and fnmatchcase(name, pattern)
            )
        return found

    def people(self, part: str) -> Iterator[Rows]:
        """Give the rows of the person tables and of care homes."""
        yield from self._rows(part, (*PERSON_TABLES, "care_homes"))

    def records(self, part: str, tables: Collection[str], columns: Collection[str] | None = None) -> Iterator[Rows]:
        """Give the rows of the record tables named; an export's columns are read as its mapping needs them."""
        del columns
        yield from self._rows(part, tuple(table for table in RECORD_TABLES if table in tables))

    def practice_codes(self, part: str) -> set[str]:
        """Give the practices a part's registrations name, whatever else of the part can be read."""
        found: set[str] = set()
        for rows in self._rows(part, ("registrations",)):
            found |= set(rows.frame["practice_code"].cast(pl.String).drop_nulls().unique())
        return found

    def _rows(self, part: str, tables: Collection[str]) -> Iterator[Rows]:
        files = self.files(part)
        for wanted in tables:
            for section, (table, mapping) in self._tables.items():
                if table != wanted or section not in files:
                    continue
                if not files[section]:
                    name = mapping.file.replace(PART, part)
                    msg = f"extract, part {part}: no file {name!r} for {section} (extract.tables.{section}.file)"
                    raise DataContractError(msg)
                for path in files[section]:
                    yield from self._read(section, table, mapping, path)

    def _read(self, section: str, table: str, mapping: TableMapping, path: Path) -> Iterator[Rows]:
        form = CsvForm(mapping.separator, mapping.null_values, mapping.encoding)
        if path.suffix not in SUFFIXES and path.suffix not in (".txt", ".tsv"):
            msg = f"extract {self.reader.name(path)}: neither Parquet nor text; expected .parquet, .csv, .txt or .tsv"
            raise DataContractError(msg)
        wanted = sorted(set(mapping.columns.values()))
        extra = check_headings(self.reader.columns(path, form), wanted, self.reader.name(path), wanted)
        self.notes.ignore(section, extra)
        time_format = mapping.date_format if holds_time_of_day(mapping.date_format) else "%H:%M:%S"
        for frame in self.reader.batches(path, form, wanted):
            canonical = _canonical(frame, table, mapping, path.stem)
            yield Rows(section, table, canonical, mapping.date_format, time_format, self.reader.name(path))


def _canonical(frame: pl.DataFrame, table: str, mapping: TableMapping, stem: str) -> pl.DataFrame:
    """Give a batch in canonical columns: trimmed, value maps and units applied, constants added."""
    made = {name: _mapped(name, frame.schema[source], mapping) for name, source in mapping.columns.items()}
    made |= {name: pl.lit(value) for name, value in mapping.constants.items()}
    if _GENERATED in column_types(table) and _GENERATED not in made:
        made[_GENERATED] = pl.lit(f"{stem}-") + pl.col("_row").cast(pl.String)
    return frame.select(*(expr.alias(name) for name, expr in made.items()), *flags(frame))


def _mapped(name: str, kind: pl.DataType, mapping: TableMapping) -> pl.Expr:
    column = pl.col(mapping.columns[name])
    values = dict(mapping.values.get(name, {}))
    if name == "unit":
        values |= mapping.units
    if kind == pl.String:
        trimmed = column.str.strip_chars()
        column = pl.when(trimmed != "").then(trimmed)
    elif values:
        column = column.cast(pl.String)
    return column.replace(values) if values else column


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
