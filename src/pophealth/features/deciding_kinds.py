"""Gives, kind by kind, which of a feature's visible rows decided its value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from pophealth.declare import Feature
from pophealth.features.deciding_latest import EACH_ROLE
from pophealth.features.deciding_medicines import MEDICINE_CHOOSERS
from pophealth.features.deciding_values import VALUE_CHOOSERS
from pophealth.features.last_stay import before, counted_rows, last_stays
from pophealth.features.moment import Moment
from pophealth.features.picking import WHOLE, Chooser, inside, one_each, window_of

_ROW = ("patient_id", "table", "record_id", "role", "position")
"""What tells a row of a feature from another."""


def pick(feature: Feature, rows: pl.DataFrame, moment: Moment, medicine_map: pl.DataFrame | None) -> pl.DataFrame:
    """Give the rows of `rows` that decided `feature`, person by person.

    Parameters
    ----------
    rows
        Visible rows of the feature's codelists that pass its row filters, in the columns of `deciding_rows.RECORD`.
    medicine_map
        Product to substance, needed only where the feature counts substances.
    """
    ordered = rows.sort("patient_id", "date", "record_id", "position")
    kept = ordered if feature.kind in WHOLE else inside(feature, ordered, moment)
    if feature.kind in MEDICINE_CHOOSERS:
        return MEDICINE_CHOOSERS[feature.kind](feature, kept, moment, medicine_map)
    return _CHOOSERS.get(feature.kind, _latest)(feature, kept, moment)


def _latest(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001 - one face for all
    return one_each(rows)


def _first(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return one_each(rows, keep="first")


def _all(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return rows


def _each_role(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return one_each(rows, "role")


def _category(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return one_each(rows.sort("patient_id", "date", "role", "record_id"))


def _linked(least: Callable[[int], int], most: Callable[[int], int], *, both_inside: bool = False) -> Chooser:
    """Give a chooser of the latest row that has a partner so many days after it, and that partner."""

    def choose(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
        days = int(feature.options["days"])
        near = _near(feature, rows, moment, least(days), most(days), both_inside=both_inside)
        latest = one_each(near.sort("patient_id", "date", "record_id", "date_other", "record_id_other"))
        mine = latest.select(*_ROW)
        theirs = latest.select(
            "patient_id", *(pl.col(f"{name}_other").alias(name) for name in _ROW if name != "patient_id")
        )
        return rows.join(pl.concat([mine, theirs]), on=list(_ROW), how="semi", nulls_equal=True)

    return choose


def _lonely(least: Callable[[int], int], most: Callable[[int], int]) -> Chooser:
    """Give a chooser of the latest row that has no partner so many days after it."""

    def choose(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
        days = int(feature.options["days"])
        near = _near(feature, rows, moment, least(days), most(days))
        mine = inside(feature, rows.filter(pl.col("role") == 0), moment)
        if feature.options.get("matured"):
            mine = mine.filter((pl.lit(moment.index_date) - pl.col("date")).dt.total_days() >= days)
        return one_each(mine.join(near, on=list(_ROW), how="anti", nulls_equal=True))

    return choose


def _near(
    feature: Feature, rows: pl.DataFrame, moment: Moment, least: int, most: int, *, both_inside: bool = False
) -> pl.DataFrame:
    """Give every row of the first codelist in the window beside every partner in reach (columns ending ``_other``)."""
    other_role = min(1, len(feature.codelist_expressions) - 1)  # a codelist may be looked for beside itself
    first = inside(feature, rows.filter(pl.col("role") == 0), moment)
    second = rows.filter(pl.col("role") == other_role)
    second = inside(feature, second, moment) if both_inside else second
    gap = (pl.col("date_other") - pl.col("date")).dt.total_days()
    return first.join(second, on="patient_id", how="inner", suffix="_other").filter(gap.is_between(least, most))


def _spells(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return rows.filter(pl.col("method").str.starts_with(str(feature.options.get("method", ""))))


def _nights(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the spells with a night inside the window, however early they began."""
    start, end = window_of(feature, moment)
    until = pl.min_horizontal(pl.col("discharge_date").fill_null(end), pl.lit(end))
    nights = (until - pl.max_horizontal(pl.col("date"), pl.lit(start))).dt.total_days()
    return _spells(feature, rows, moment).filter(pl.col("date") <= end, nights > 0)


def _readmissions(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the readmissions and the spells before them; spells stand by admission, discharge (open last), record id."""
    far = pl.col("discharge_date").fill_null(date.max)
    ordered = rows.sort("patient_id", "date", far, "record_id").with_row_index("place")
    again = _spells(feature, inside(feature, ordered, moment), moment)
    ended = ordered.filter(pl.col("discharge_date").is_not_null()).select("patient_id", "place", "discharge_date")
    gap = (pl.col("date") - pl.col("discharge_date_other")).dt.total_days()
    both = again.join(ended, on="patient_id", how="inner", suffix="_other").filter(
        pl.col("place_other") < pl.col("place"), gap.is_between(0, int(feature.options["days"]))
    )
    before = one_each(both.sort("patient_id", "place", "place_other"), "place").select(place="place_other")
    places = pl.concat([both.select("place"), before])
    return ordered.join(places, on="place", how="semi", maintain_order="left").drop("place")


def _last_stay(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the last stay; of equal ones the first record."""
    stays = rows.filter(pl.col("table") == "spells").rename({"date": "admission_date"})
    method = str(feature.options.get("method", "")) if feature.kind == "last_stay_days" else ""
    chosen = last_stays(stays, "patient_id", window_of(feature, moment), method)
    return chosen.rename({"admission_date": "date"}).select(rows.columns)


def _before_last_stay(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the last stay and the rows that were counted before it."""
    stays = _last_stay(feature, rows, moment)
    mine = counted_rows(rows.filter(pl.col("table") == feature.tables[0]), feature)
    admitted = stays.rename({"date": "admission_date"})
    return pl.concat([stays, before(mine, admitted, "patient_id", "date", int(feature.options["days"]))])


def _due(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return one_each(rows)


_CHOOSERS: dict[str, Chooser] = (
    {
        "first_date": _first,
        "count": _all,
        "distinct_days": _all,
        "latest_category": _category,
        "followed_by": _linked(lambda _: 0, lambda days: days),
        "preceded_by": _linked(lambda days: -days, lambda _: 0),
        "not_followed_by": _lonely(lambda _: 0, lambda days: days),
        "not_preceded_by": _lonely(lambda days: -days, lambda _: 0),
        "co_issued": _linked(lambda days: -days, lambda days: days, both_inside=True),
        "spell_count": _spells,
        "spell_codes": _spells,
        "bed_days": _nights,
        "readmission_count": _readmissions,
        "last_stay_days": _last_stay,
        "count_before_last_stay": _before_last_stay,
        "attendance_count": _all,
        "contact_count": _all,
        "next_due_date": _due,
    }
    | dict.fromkeys(EACH_ROLE, _each_role)
    | VALUE_CHOOSERS
)
"""Every kind but those about medicines; a kind that is not here is decided by its latest row."""
