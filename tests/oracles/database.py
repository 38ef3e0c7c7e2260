"""Gives a DuckDB database over the archive Parquet of a snapshot: the tables that the oracle's SQL reads."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from pophealth.features.units import SPELLINGS
from pophealth.reference import CodelistLibrary
from pophealth.register import Snapshot
from pophealth.tables import DIAGNOSES, RECORD_TABLES, Patients, Table

_HEAD = "patient_id, {day} AS day, {recorded} AS recorded_date, {code}, record_id"
_TAILS = {
    "value": "DOUBLE",
    "unit": "VARCHAR",
    "comparator": "VARCHAR",
    "setting": "VARCHAR",
    "time": "TIME",
    "quantity": "DOUBLE",
    "days_supply": "INTEGER",
    "is_repeat": "BOOLEAN",
    "method": "VARCHAR",
    "position": "INTEGER",
}
"""Columns of `coded` that only some sources have."""
_OWN = {
    "events": (),
    "measurements": ("value", "unit", "comparator", "setting", "time"),
    "medications": ("quantity", "days_supply", "is_repeat"),
}


def open_database(
    snapshot: Snapshot, library: CodelistLibrary, medicine_map: pl.DataFrame | None, holidays: pl.DataFrame
) -> duckdb.DuckDBPyConnection:
    """Give a database in memory with `patients`, the record tables, `coded`, `codelists`, `matched` and the maps.

    Parameters
    ----------
    holidays
        Bank holidays of England; column day.
    """
    made = duckdb.connect()
    made.execute("SET threads = 1")
    contracts: dict[str, type[Table]] = {"patients": Patients, **RECORD_TABLES}
    for table, contract in contracts.items():
        _keep(made, table, contract.create_empty())
        files = sorted(str(path) for path in Path(snapshot.path).glob(f"*/archive/{table}.parquet"))
        if files:
            made.execute(f"INSERT INTO {table} BY NAME SELECT {_named(contract)} FROM read_parquet({files})")
    made.execute("CREATE TABLE coded AS " + " UNION ALL ".join([*map(_coded, _OWN), _diagnoses()]))
    made.execute("ALTER TABLE coded ADD COLUMN row_no BIGINT")
    made.execute("UPDATE coded SET row_no = rowid")
    lists = [library.get(name).codes.with_columns(list=pl.lit(name)) for name in library.ids]
    codes = pl.concat([pl.DataFrame(schema=dict.fromkeys(_CODES, pl.String)), *(one.select(_CODES) for one in lists)])
    _keep(made, "codelists", codes)
    made.execute(_MATCHED)
    given = medicine_map if medicine_map is not None else pl.DataFrame(schema=dict.fromkeys(_MAP, pl.String))
    _keep(made, "medicine_map", given.select(pl.col(column).cast(pl.String) for column in _MAP))
    _keep(made, "bank_holidays", holidays)
    spelt = [(unit, spelling) for unit, spellings in SPELLINGS.items() for spelling in sorted(spellings)]
    _keep(made, "spellings", pl.DataFrame(spelt, schema=["unit", "spelling"], orient="row"))
    return made


def _keep(made: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    made.register("given", frame)
    made.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    made.unregister("given")


_CODES = ("list", "code", "code_system", "category")
_MAP = ("code", "code_system", "substance", "bnf_code")
_MATCHED = """
CREATE TABLE matched AS
SELECT DISTINCT c.list, r.row_no FROM coded r JOIN codelists c
ON r.source <> 'diagnoses' AND r.code_system = c.code_system AND r.code = c.code
UNION ALL
SELECT DISTINCT c.list, r.row_no FROM coded r JOIN codelists c
ON r.source = 'diagnoses' AND c.code_system = 'ICD-10' AND starts_with(r.code, replace(c.code, '.', ''))
"""
"""Which row is of which codelist: codes match whole, ICD-10 codes of spells by how they begin."""


def _named(contract: type[Table]) -> str:
    columns = [column for column in contract.create_empty().columns if column != "nhs_number"]
    return ", ".join(f'"{column}"' for column in columns)


def _tail(own: dict[str, str]) -> str:
    return ", ".join(f"CAST({own.get(column, 'NULL')} AS {kind}) AS {column}" for column, kind in _TAILS.items())


def _coded(table: str) -> str:
    head = _HEAD.format(day="date", recorded="recorded_date", code="CAST(code_system AS VARCHAR) AS code_system, code")
    return f"SELECT '{table}' AS source, {head}, {_tail({column: column for column in _OWN[table]})} FROM {table}"


def _diagnoses() -> str:
    parts = []
    for position, column in enumerate(DIAGNOSES, start=1):
        head = _HEAD.format(
            day="admission_date", recorded="NULL::DATE", code=f"'ICD-10' AS code_system, {column} AS code"
        )
        own = {"method": "method", "position": str(position)}
        parts.append(f"SELECT 'diagnoses' AS source, {head}, {_tail(own)} FROM spells WHERE {column} IS NOT NULL")
    return " UNION ALL ".join(parts)
