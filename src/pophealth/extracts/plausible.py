"""Gives which values cannot be of a living person, and whose unit left its place: bounds per codelist and unit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pophealth.config import PlausibleRange
from pophealth.errors import CodelistError
from pophealth.reference import load_codelist
from pophealth.reference.codelists import SHIPPED

SYSTOLIC, DIASTOLIC = "systolic_bp", "diastolic_bp"
NOT_ABOVE = "systolic_not_above_diastolic"

# Bounds that reject impossible values, by codelist (service-specs.md section 3, "Value bounds", mark K: suggestions).
# Units are written in the plain form of `plain_unit`; a value in any other unit is not judged.
BUILT_IN: dict[str, PlausibleRange] = {
    SYSTOLIC: PlausibleRange(low=50, high=300, units=("mmhg",)),
    DIASTOLIC: PlausibleRange(low=20, high=200, units=("mmhg",)),
    "bmi": PlausibleRange(low=10, high=150, units=("kg/m2",)),
    "hba1c": PlausibleRange(low=20, high=195, units=("mmol/mol",)),
    "egfr": PlausibleRange(low=0, high=200, units=("ml/min/1.73m2", "ml/min")),
    "total_cholesterol": PlausibleRange(low=0.5, high=30, units=("mmol/l",)),
}

_PAIRING = ("_person", "date", "time")
_PEOPLE_PAIRED = 20_000
"""People whose readings are paired at a time: grouping costs many times what the readings themselves take."""


def plain_unit(text: str) -> str:
    """Give a unit without what its spellings differ in: case, spaces, brackets, the mark of a power."""
    return re.sub(r"[\s\[\]{}()^_]", "", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True)
class Bounds:
    """Plausible ranges by codelist, and the number of each codelist's place (1 the first; 0 is no codelist)."""

    ranges: dict[str, PlausibleRange]
    places: pl.DataFrame
    """Columns code and _list (uint8): which codelist a code belongs to."""

    def place(self, codelist: str) -> int:
        """Give the number of a codelist; 0 when it is not bounded."""
        return list(self.ranges).index(codelist) + 1 if codelist in self.ranges else 0

    def placed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give `frame` with ``_list`` and ``_unit_fits``: whether the bound of that codelist is about the row's unit."""
        unit = pl.col("unit") if "unit" in frame.columns else pl.lit(None, dtype=pl.String)
        numbered = frame.join(self.places, on="code", how="left", maintain_order="left").with_columns(
            pl.col("_list").fill_null(0), _unit_fits=unit.is_null() | (unit == "")
        )
        units = [] if "unit" not in frame.columns else frame["unit"].unique().drop_nulls().to_list()
        fits = pl.col("_unit_fits")
        for place, bound in enumerate(self.ranges.values(), start=1):
            spelt = [text for text in units if plain_unit(text) in map(plain_unit, bound.units)]
            if spelt:
                fits |= (pl.col("_list") == place) & unit.is_in(spelt)
        return numbered.with_columns(_unit_fits=fits)

    def rules(self) -> dict[str, pl.Expr]:
        """Give one rule per codelist over what `placed` gives: the value is inside the bounds, or not judged."""
        return {
            f"value|implausible_{name}": ~(
                (pl.col("_list") == place) & pl.col("_unit_fits") & ~pl.col("value").is_between(bound.low, bound.high)
            )
            for place, (name, bound) in enumerate(self.ranges.items(), start=1)
        }


def make_bounds(folders: Sequence[Path], own: Mapping[str, PlausibleRange]) -> Bounds:
    """Give the bounds in force: the built-in ones, with those of a site in their place or beside them.

    Parameters
    ----------
    folders
        The site's folders of codelists; a list there stands in the place of the shipped one of the same id.

    Raises
    ------
    CodelistError
        The site bounds a codelist that nobody has, or a codelist is damaged.
    """
    ranges = BUILT_IN | dict(own)
    files = {
        name: path for folder in (SHIPPED, *folders) for name in ranges if (path := folder / f"{name}.csv").is_file()
    }
    unknown = sorted(set(own) - set(files))
    if unknown:
        msg = f"config extract.plausible: no codelist {', '.join(unknown)} is shipped or in the site's folders"
        raise CodelistError(msg)
    ranges = {name: bound for name, bound in ranges.items() if name in files}
    # only these are read: opening every codelist takes longer than conforming a small extract
    frames = [
        load_codelist(files[name]).codes.select("code", _list=pl.lit(place, dtype=pl.UInt8))
        for place, name in enumerate(ranges, start=1)
    ]
    schema = {"code": pl.String(), "_list": pl.UInt8()}
    # a code in two bounded codelists is judged by the first: one row never becomes two
    places = pl.concat([pl.DataFrame(schema=schema), *frames]).unique("code", keep="first", maintain_order=True)
    return Bounds(ranges, places)


def readings(placed: pl.DataFrame, bounds: Bounds) -> pl.DataFrame:
    """Give the blood pressure readings of measurements with _list, _person, date, time: as little as pairing needs."""
    mine = (bounds.place(SYSTOLIC), bounds.place(DIASTOLIC))
    return (
        placed.filter(pl.col("_list").is_in([place for place in mine if place]), pl.col("_person").is_not_null())
        .filter((pl.col("_list") == mine[0]) | (pl.col("_unit_fits") & _inside(bounds, DIASTOLIC)))
        .select(*_PAIRING, "value", is_systolic=pl.col("_list") == mine[0])
    )


def _inside(bounds: Bounds, codelist: str) -> pl.Expr:
    bound = bounds.ranges.get(codelist)
    return pl.lit(value=False) if bound is None else pl.col("value").is_between(bound.low, bound.high)


def suspects(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Give the moments at which a systolic reading is not above the diastolic: _person, date, time, _diastolic.

    Without a time of day only a day with one reading of each is a pair: of several, nobody knows which belong together.
    """
    schema = {"_person": pl.UInt32(), "date": pl.Date(), "time": pl.Time(), "_diastolic": pl.Float64()}
    empty = pl.DataFrame(schema=schema)
    if not found:
        return empty
    everything = pl.concat(found)
    last = everything["_person"].max()
    pieces = [empty]
    for first in range(0, int(last) + 1 if isinstance(last, int) else 0, _PEOPLE_PAIRED):
        some = everything.filter(pl.col("_person").is_between(first, first + _PEOPLE_PAIRED - 1))
        pieces.append(_moments_in_doubt(some).select(pl.col(name).cast(kind) for name, kind in schema.items()))
    return pl.concat(pieces)


def _moments_in_doubt(found: pl.DataFrame) -> pl.DataFrame:
    systolic, diastolic = pl.col("value").filter("is_systolic"), pl.col("value").filter(~pl.col("is_systolic"))
    return (
        found.group_by(_PAIRING)
        .agg(
            lowest=systolic.min(), _diastolic=diastolic.max(), readings=pl.len(), systolics=pl.col("is_systolic").sum()
        )
        .filter(pl.col("_diastolic") >= pl.col("lowest"))
        .filter(pl.col("time").is_not_null() | ((pl.col("readings") == 2) & (pl.col("systolics") == 1)))
    )


def paired(frame: pl.DataFrame, moments: pl.DataFrame) -> pl.DataFrame:
    """Give `frame` with ``_diastolic``, the diastolic reading of the same person and moment where that is in doubt."""
    if moments.is_empty():
        return frame.with_columns(_diastolic=pl.lit(None, dtype=pl.Float64))
    return frame.join(moments, on=list(_PAIRING), how="left", nulls_equal=True, maintain_order="left")


def pair_rule(bounds: Bounds) -> dict[str, pl.Expr]:
    """Give the rule over what `paired` gives: a systolic reading is above its diastolic, or stands alone."""
    is_systolic = pl.col("_list") == bounds.place(SYSTOLIC)
    return {f"value|{NOT_ABOVE}": ~(is_systolic & (pl.col("value") <= pl.col("_diastolic")))}
