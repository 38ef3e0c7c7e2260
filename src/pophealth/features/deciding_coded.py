"""Gives, feature by feature, the rows of a coded table that it reads of the people it is wanted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import Feature
from pophealth.features.lists import as_text, continued
from pophealth.features.moment import Moment
from pophealth.features.picking import WHOLE, window_of
from pophealth.tables import CODE_SYSTEMS

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_ICD_10 = "ICD-10"


@dataclass(frozen=True)
class Asked:
    """A feature under its number."""

    number: int
    feature: Feature


@dataclass(frozen=True)
class Wanted:
    """Of whom each feature is wanted (person by feature number), and at which moment."""

    of_person: Bools
    moment: Moment


class Hits(NamedTuple):
    """Rows of a table and who reads them: row, number of the feature, place of the codelist among the feature's."""

    row: Numbers
    number: Numbers
    role: Numbers

    def of(self, chosen: Bools) -> Hits:
        """Give the hits that are chosen."""
        return Hits(*(column[chosen] for column in self))


def codes_asked(coded: list[Asked], library: CodelistLibrary) -> pl.DataFrame:
    """Give code, code_system, number and role of every codelist that the features read, each once."""
    lists = [
        (one.number, role, library.codes_of(expression))
        for one in coded
        for role, expression in enumerate(one.feature.codelist_expressions)
    ]
    sizes = [codes.height for _, _, codes in lists]
    number, role = (np.repeat([entry[place] for entry in lists], sizes) for place in (0, 1))
    codes = pl.concat([codes for _, _, codes in lists])
    return codes.with_columns(
        pl.Series("number", number, dtype=pl.UInt16), pl.Series("role", role, dtype=pl.Int16)
    ).unique()


def only_asked(rows: pl.LazyFrame, codes: pl.DataFrame) -> pl.LazyFrame:
    """Give the rows of which the code is asked for, the code as an enumeration of those: the others are never built up."""
    known = pl.Enum(codes["code"].unique().sort())
    return rows.with_columns(pl.col("code").cast(known, strict=False)).filter(pl.col("code").is_not_null())


def every_code(codes: pl.DataFrame, diagnoses: pl.Series) -> pl.DataFrame:
    """Give `codes` of ICD-10 replaced by every one of `diagnoses` that begins with them."""
    listed = codes.filter(pl.col("code_system") == _ICD_10).with_columns(
        pl.col("code").str.replace_all(".", "", literal=True)
    )
    whole = continued(listed["code"].unique().to_list(), diagnoses.unique().to_list())
    return listed.join(whole, on="code", how="inner").with_columns(code="whole").drop("whole").unique()


def hits_of(rows: pl.DataFrame, days: pl.Series, coded: list[Asked], codes: pl.DataFrame, wanted: Wanted) -> Hits:
    """Give which rows each feature reads of the people it is wanted for, inside its window unless its kind looks outside.

    Parameters
    ----------
    rows
        What `only_asked` gave: the code an enumeration, patient_id an enumeration of the people.
    days
        Date of each row.
    """
    return _inside(_hits(rows, codes, wanted.of_person), days, coded, wanted.moment)


def parts_of(
    rows: pl.DataFrame, hits: Hits, coded: list[Asked], shown: Callable[[pl.DataFrame], pl.DataFrame]
) -> Iterator[tuple[Asked, pl.DataFrame]]:
    """Give each feature that finds any with its rows, with number and role, in the order of `rows`.

    Parameters
    ----------
    shown
        Gives rows in the columns of a record. A row is read by many features and wanted for few, so rows are matched by
        number and only then taken out whole.
    """
    order = np.argsort(hits.number, kind="stable")
    ends = np.searchsorted(hits.number[order], [one.number for one in coded], "right")
    starts = np.searchsorted(hits.number[order], [one.number for one in coded], "left")
    for one, start, end in zip(coded, starts, ends, strict=True):
        if start < end:
            mine = order[start:end]
            role = pl.Series("role", hits.role[mine], dtype=pl.Int16)
            number = pl.lit(one.number, dtype=pl.UInt16).alias("number")
            yield one, shown(rows[hits.row[mine]]).with_columns(number, role)


def _hits(rows: pl.DataFrame, codes: pl.DataFrame, is_wanted: Bools) -> Hits:
    """Give every row beside every feature that asks for its code and is wanted of its person."""
    known = rows.schema["code"]
    asked = codes.select(
        pl.col("code").cast(known).to_physical(),
        pl.col("code_system").cast(pl.Enum(CODE_SYSTEMS)).to_physical(),
        "number",
        "role",
    ).sort("code")
    code, system, number, role = (asked[name].to_numpy().astype(np.int64) for name in asked.columns)
    begin = np.searchsorted(code, np.arange(len(known.categories) + 1)) if isinstance(known, pl.Enum) else code
    of_row = rows["code"].to_physical().to_numpy()
    row_system = rows.select(as_text("code_system")[0].cast(pl.Enum(CODE_SYSTEMS)).to_physical())[
        "code_system"
    ].to_numpy()
    size = begin[of_row + 1] - begin[of_row]
    row = np.repeat(np.arange(rows.height), size)
    place = np.arange(row.size) - np.repeat(np.cumsum(size) - size, size) + np.repeat(begin[of_row], size)
    person = rows["patient_id"].to_physical().to_numpy()[row]
    kept = is_wanted[person, number[place]] & (row_system[row] == system[place])
    return Hits(row[kept], number[place[kept]], role[place[kept]])


def _inside(hits: Hits, dates: pl.Series, coded: list[Asked], moment: Moment) -> Hits:
    """Give the hits inside the window of their feature; kinds that look outside it keep all."""
    bounds = [(one.number, *window_of(one.feature, moment)) for one in coded if one.feature.kind not in WHOLE]
    first, last = np.full((2, 1 + max(one.number for one in coded)), 0, np.int32)
    first[:], last[:] = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    for number, start, end in bounds:
        first[number], last[number] = pl.Series([start, end]).to_physical()
    day = dates.to_physical().to_numpy()[hits.row]
    return hits.of((day > first[hits.number]) & (day <= last[hits.number]))
