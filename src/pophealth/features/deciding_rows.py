"""Gives the visible rows of listed people that features read, table by table: each table of the archive is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import CODED_TABLES, NUMBER_KINDS, Feature
from pophealth.features.archived import visible, where
from pophealth.features.lists import bounds_of, codes_of, continued
from pophealth.features.moment import Moment
from pophealth.features.units import factors
from pophealth.tables import DATE_COLUMN, DIAGNOSES

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

Bools = npt.NDArray[np.bool_]

RECORD: dict[str, pl.DataType] = {
    "number": pl.UInt16(),
    "role": pl.Int16(),
    "table": pl.String(),
    "patient_id": pl.String(),
    "date": pl.Date(),
    "record_id": pl.String(),
    "code": pl.String(),
    "code_system": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
    "comparator": pl.String(),
    "setting": pl.String(),
    "time": pl.Time(),
    "quantity": pl.Float64(),
    "days_supply": pl.Int16(),
    "is_repeat": pl.Boolean(),
    "method": pl.String(),
    "discharge_date": pl.Date(),
    "position": pl.Int16(),
}
"""What a row says, of whichever table; `role` is the place of its codelist among the feature's."""

_RECORDS = {name: kind for name, kind in RECORD.items() if name not in ("number", "role", "patient_id")}
_LONGEST_SUPPLY = 366
"""Longest days' supply a medication row may hold (tables.Medications): an older issue cannot be current."""
_NO_LOOK_BACK = frozenset({"readmission_count", "bed_days", "next_due_date"})
"""Kinds that look at rows dated before their window, or after the index date."""


@dataclass(frozen=True)
class Asked:
    """A feature under its number."""

    number: int
    feature: Feature


def rows_of(
    asked: list[Asked],
    wanted: pl.DataFrame,
    library: CodelistLibrary,
    archives: Callable[[str], pl.LazyFrame],
    moment: Moment,
) -> dict[int, pl.DataFrame]:
    """Give the visible rows of each feature, by number, of the people it is `wanted` for (number, patient_id)."""
    is_wanted = _wanted_matrix(wanted, 1 + max((one.number for one in asked), default=0))
    found: dict[int, list[pl.DataFrame]] = {}
    for table in sorted({name for one in asked for name in one.feature.tables}):
        over = [one for one in asked if table in one.feature.tables]
        rows = _rows_of_people(table, wanted.schema["patient_id"], archives, moment.index_date)
        if table in CODED_TABLES:
            for number, part in _coded(rows, table, over, library, is_wanted):
                found.setdefault(number, []).append(part)
            over = [one for one in over if not one.feature.codelists]
        for one in over:
            part = _uncoded(rows, table, one.feature, moment)
            people = part["patient_id"].to_physical().to_numpy()
            mine = _numbered(part.filter(pl.Series(is_wanted[people, one.number], dtype=pl.Boolean)), one.number)
            found.setdefault(one.number, []).append(mine)
    return {number: pl.concat([part.select(*RECORD) for part in parts]) for number, parts in found.items()}


def _wanted_matrix(wanted: pl.DataFrame, n_features: int) -> Bools:
    """Give whether a feature (column) is wanted of a person (row, the place among the categories of patient_id).

    A feature of a rule that lists nobody is wanted of no one, and has its column all the same.
    """
    people, numbers = wanted["patient_id"].to_physical().to_numpy(), wanted["number"].to_numpy()
    kind = wanted.schema["patient_id"]
    everyone = len(kind.categories) if isinstance(kind, pl.Enum) else 0
    matrix = np.zeros((everyone, n_features), np.bool_)
    matrix[people, numbers] = True
    return matrix


def _rows_of_people(
    table: str, people: pl.DataType, archives: Callable[[str], pl.LazyFrame], index_date: date
) -> pl.DataFrame:
    """Give the rows of a table of `people`, visible unless it is a recall list; diagnoses are taken out of their spells."""
    source = "spells" if table == "diagnoses" else table
    rows = archives(source)
    columns = rows.collect_schema().names()
    # whoever is not among the categories becomes null, and is left out: cheaper than joining texts
    known = pl.col("patient_id").cast(pl.String).cast(people, strict=False)
    rows = rows.with_columns(known).filter(pl.col("patient_id").is_not_null())
    if table != "next_tests":
        rows = rows.filter(visible(source, columns, index_date))
    return _diagnoses(rows, columns) if table == "diagnoses" else rows.collect()


def _diagnoses(spells: pl.LazyFrame, columns: list[str]) -> pl.DataFrame:
    given = [name for name in DIAGNOSES if name in columns]
    kept = spells.select("patient_id", "record_id", "admission_date", "method", *given).collect()
    parts = [
        kept.select(
            pl.exclude(*given), code=pl.col(name).cast(pl.String), position=pl.lit(int(name[-2:]), dtype=pl.Int16)
        )
        for name in given
    ]
    empty = kept.select(pl.exclude(*given)).clear().with_columns(code=pl.lit(None, dtype=pl.String))
    found = pl.concat([empty.with_columns(position=pl.lit(None, dtype=pl.Int16)), *parts])
    return found.filter(pl.col("code") != "").with_columns(code_system=pl.lit("ICD-10"))


def _coded(
    rows: pl.DataFrame, table: str, over: list[Asked], library: CodelistLibrary, is_wanted: Bools
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Give, feature by feature, the wanted rows of a coded table with number and role that pass the row filters."""
    coded = [one for one in over if one.feature.codelists]
    if not coded:
        return
    codes = pl.concat(
        codes_of(expression, library).with_columns(
            number=pl.lit(one.number, dtype=pl.UInt16), role=pl.lit(role, dtype=pl.Int16)
        )
        for one in coded
        for role, expression in enumerate(one.feature.codelist_expressions)
    )
    shown = _shown(rows, table)
    if table == "diagnoses":
        codes = _every_code(codes, shown)
    # a row is read by many features and wanted for few: rows are matched by number and only then taken out whole
    slim = shown.select("code", "code_system", person=pl.col("patient_id").to_physical()).with_row_index("row")
    hits = slim.join(codes.unique(), on=["code", "code_system"], how="inner").select("row", "person", "number", "role")
    kept = is_wanted[hits["person"].to_numpy(), hits["number"].to_numpy()]
    hits = hits.filter(pl.Series(kept, dtype=pl.Boolean))
    parts = hits.partition_by("number", as_dict=True)
    for one in coded:
        part = parts.get((one.number,))
        if part is not None:
            taken = shown[part["row"]].with_columns(part["number"], part["role"])
            yield one.number, passing(one.feature, taken)


def _every_code(codes: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Give the ICD-10 codes of `rows` that begin with a listed one."""
    listed = codes.filter(pl.col("code_system") == "ICD-10").with_columns(
        pl.col("code").str.replace_all(".", "", literal=True)
    )
    whole = continued(listed["code"].unique().to_list(), rows["code"].unique().to_list())
    return listed.join(whole, on="code", how="inner").with_columns(code="whole").drop("whole").unique()


def _uncoded(rows: pl.DataFrame, table: str, feature: Feature, moment: Moment) -> pl.DataFrame:
    """Give the rows of a feature without a codelist: as far back as it can look, allowed by ``where``."""
    day = pl.col(DATE_COLUMN.get(table, "date"))
    start, _ = feature.window.bounds(moment.index_date, moment.contract_year)
    if feature.kind == "current_substances":
        start = max(start, moment.index_date - timedelta(days=_LONGEST_SUPPLY + 1))
    if feature.kind == "next_due_date":
        rows = rows.filter(pl.col("programme").cast(pl.String) == feature.options["programme"])
    elif feature.kind not in _NO_LOOK_BACK:
        rows = rows.filter(day > start)
    return _shown(rows.filter(*where(feature)), table)


def _numbered(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows.with_columns(number=pl.lit(number, dtype=pl.UInt16), role=pl.lit(0, dtype=pl.Int16))


def _shown(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Give rows in the columns of `RECORD`, but number and role; a spell shows its primary diagnosis."""
    day = DATE_COLUMN["spells" if table == "diagnoses" else table]
    given = {"date": pl.col(day), "table": pl.lit(table)}
    if table == "spells" and DIAGNOSES[0] in rows.columns:
        given |= {"code": pl.col(DIAGNOSES[0]), "code_system": pl.lit("ICD-10")}
    if table == "next_tests":
        given["record_id"] = pl.col("programme")  # a recall list has one row a programme, and no record id
    columns = [
        given.get(name, pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in _RECORDS.items()
    ]
    return rows.select("patient_id", *columns)


def passing(feature: Feature, rows: pl.DataFrame) -> pl.DataFrame:
    """Give the rows that pass the feature's row filters; the rows another codelist only looks for pass as they are."""
    options = feature.options
    is_own = pl.col("role") <= (1 if "paired_with" in options else 0)
    measured, diagnosed = pl.col("table") == "measurements", pl.col("table") == "diagnoses"
    kept = pl.lit(value=True)
    if feature.kind in NUMBER_KINDS or "between" in options:
        rows = _in_unit(feature, rows)
        inside = [
            pl.col("_number").is_between(*bounds_of(feature, place)) for place in (0, 1 if _has_two(feature) else 0)
        ]
        kept &= ~measured | pl.when(pl.col("role") == 0).then(inside[0]).otherwise(inside[1])
    if "settings" in options:
        kept &= ~measured | pl.col("setting").is_in(list(options["settings"])).fill_null(value=False)
    if "comparators" in options:
        kept &= ~measured | pl.col("comparator").fill_null("=").is_in(list(options["comparators"]))
    if options.get("position") == "primary":
        kept &= ~diagnosed | (pl.col("position") == 1)
    if "method" in options and feature.tables[0] in CODED_TABLES:
        kept &= ~diagnosed | pl.col("method").str.starts_with(str(options["method"]))
    return rows.filter(~is_own | kept).drop("_number", strict=False)


def _has_two(feature: Feature) -> bool:
    between = feature.options.get("between")
    return between is not None and isinstance(between[0], list | tuple)


def _in_unit(feature: Feature, rows: pl.DataFrame) -> pl.DataFrame:
    """Give `_number`, the value in the feature's unit; null where it cannot be read as that."""
    units = ["", *rows["unit"].drop_nulls().unique().to_list()]
    factor = factors(feature.unit, units)[: len(units)]
    known = pl.DataFrame({"unit": units, "_factor": np.where(np.isnan(factor), np.nan, factor)}).unique("unit")
    number = pl.col("value") * pl.col("_factor").fill_null(1.0)
    joined = rows.join(known, on="unit", how="left", maintain_order="left").with_columns(_number=number.fill_nan(None))
    return joined.drop("_factor")
