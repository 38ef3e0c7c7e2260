"""Gives the visible rows of listed people that features read, table by table: each table of the archive is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pophealth.declare import CODED_TABLES, NUMBER_KINDS, Feature
from pophealth.features.archived import visible, where
from pophealth.features.deciding_coded import Asked, Wanted, codes_asked, every_code, hits_of, only_asked, parts_of
from pophealth.features.deciding_latest import EACH_ROLE, is_plain, last_day
from pophealth.features.lists import bounds_of
from pophealth.features.moment import Moment
from pophealth.features.units import factors
from pophealth.tables import DATE_COLUMN, DIAGNOSES

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

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
_NO_LOOK_BACK = frozenset(
    {"readmission_count", "bed_days", "next_due_date", "last_stay_days", "count_before_last_stay"}
)
"""Kinds that look at rows dated before their window, or after the index date."""


def rows_of(
    asked: list[Asked],
    people: pl.DataType,
    library: CodelistLibrary,
    archives: Callable[[str], pl.LazyFrame],
    wanted: Wanted,
    threads: int = 1,
) -> tuple[dict[int, pl.DataFrame], pl.DataFrame]:
    """Give the visible rows of each feature, by number, of the `people` it is `wanted` for; those of plain ones together.

    Rows outside the window of a feature are left out already, unless its kind looks at those too. Of a feature that is
    plain (`deciding_latest.is_plain`) the rows of each person's last day in a table are here, which hold the one that
    decides.
    """
    found: dict[int, list[pl.DataFrame]] = {}
    plain: list[pl.DataFrame] = []
    one_table = partial(_of_table, asked=asked, people=people, library=library, archives=archives, wanted=wanted)
    with ThreadPoolExecutor(threads) as pool:
        for last, parts in pool.map(one_table, sorted({name for one in asked for name in one.feature.tables})):
            plain += last
            for number, part in parts:
                found.setdefault(number, []).append(part)
    nothing = pl.DataFrame(schema=RECORD | {"patient_id": people})
    return (
        {number: pl.concat([part.select(*RECORD) for part in parts]) for number, parts in found.items()},
        pl.concat([nothing, *(part.select(*RECORD) for part in plain)]),
    )


def _of_table(
    table: str,
    *,
    asked: list[Asked],
    people: pl.DataType,
    library: CodelistLibrary,
    archives: Callable[[str], pl.LazyFrame],
    wanted: Wanted,
) -> tuple[list[pl.DataFrame], list[tuple[int, pl.DataFrame]]]:
    """Give what one table holds: the last day's rows of plain features, and the rows of each other feature by number."""
    over = [one for one in asked if table in one.feature.tables]
    coded = [one for one in over if one.feature.codelists and table in CODED_TABLES]
    plain: list[pl.DataFrame] = []
    found: list[tuple[int, pl.DataFrame]] = []
    if coded:
        last, parts = _coded(table, coded, people, library, archives, wanted)
        plain.append(last)
        found += [(one.number, passing(one.feature, part)) for one, part in parts]
    for one, part in _uncoded(table, [one for one in over if one not in coded], people, archives, wanted.moment):
        mine = part.filter(
            pl.Series(wanted.of_person[part["patient_id"].to_physical().to_numpy(), one.number], dtype=pl.Boolean)
        )
        found.append((one.number, _numbered(mine, one.number)))
    return plain, found


def _of_people(rows: pl.LazyFrame, source: str, people: pl.DataType, index_date: date) -> pl.LazyFrame:
    """Give the rows of `people`, visible unless it is a recall list."""
    columns = rows.collect_schema().names()
    # whoever is not among the categories becomes null, and is left out: cheaper than joining texts
    known = pl.col("patient_id").cast(pl.String).cast(people, strict=False)
    rows = rows.with_columns(known).filter(pl.col("patient_id").is_not_null())
    return rows if source == "next_tests" else rows.filter(visible(source, columns, index_date))


def _coded(
    table: str,
    coded: list[Asked],
    people: pl.DataType,
    library: CodelistLibrary,
    archives: Callable[[str], pl.LazyFrame],
    wanted: Wanted,
) -> tuple[pl.DataFrame, Iterator[tuple[Asked, pl.DataFrame]]]:
    """Give the wanted rows of a coded table with number and role: the last day's of plain features, all of the others."""
    codes = codes_asked(coded, library)
    if table == "diagnoses":
        spells = _diagnoses(_of_people(archives("spells"), "spells", people, wanted.moment.index_date))
        codes = every_code(codes, spells["code"])
        rows = only_asked(spells.lazy(), codes).collect()
    else:
        rows = _of_people(only_asked(archives(table), codes), table, people, wanted.moment.index_date).collect()
    days = rows[DATE_COLUMN["spells" if table == "diagnoses" else table]]
    hits = hits_of(rows, days, coded, codes, wanted)
    plain = {one.number for one in coded if is_plain(one.feature)}
    each_role = {one.number for one in coded if one.feature.kind in EACH_ROLE}
    is_of_plain = np.isin(hits.number, sorted(plain))
    shown = partial(_shown, table=table)
    others = [one for one in coded if one.number not in plain]
    return last_day(rows, hits.of(is_of_plain), days, each_role, shown), parts_of(
        rows, hits.of(~is_of_plain), others, shown
    )


def _diagnoses(spells: pl.LazyFrame) -> pl.DataFrame:
    """Give the diagnoses taken out of their spells, a row each."""
    columns = spells.collect_schema().names()
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


def _uncoded(
    table: str, over: list[Asked], people: pl.DataType, archives: Callable[[str], pl.LazyFrame], moment: Moment
) -> Iterator[tuple[Asked, pl.DataFrame]]:
    """Give the rows of features without a codelist: as far back as each can look, allowed by its ``where``."""
    if not over:
        return
    rows = _of_people(archives(table), table, people, moment.index_date).collect()
    for one in over:
        yield one, _shown(rows.filter(*_allowed(one.feature, table, moment)), table)


def _allowed(feature: Feature, table: str, moment: Moment) -> list[pl.Expr]:
    start, _ = feature.window.bounds(moment.index_date, moment.contract_year)
    if feature.kind == "current_substances":
        start = max(start, moment.index_date - timedelta(days=_LONGEST_SUPPLY + 1))
    if feature.kind == "next_due_date":
        return [*where(feature), pl.col("programme").cast(pl.String) == feature.options["programme"]]
    if feature.kind in _NO_LOOK_BACK:
        return where(feature)
    return [*where(feature), pl.col(DATE_COLUMN.get(table, "date")) > start]


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
