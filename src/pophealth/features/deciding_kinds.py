"""Gives, kind by kind, which of a feature's visible rows decided its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl

from pophealth.declare import Feature, months_before

MISSING_SUPPLY = 28
"""Days' supply where a row has none (catalogue, section 3, "Current repeat medicine")."""


@dataclass(frozen=True)
class Moment:
    """The day and year looked from, with the site's medicine map."""

    index_date: date
    contract_year: str
    medicine_map: pl.DataFrame | None


def pick(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the rows of `rows` that decided `feature`, person by person.

    Parameters
    ----------
    rows
        Visible rows of the feature's codelists: role (place of the codelist among the feature's), patient_id, date,
        record_id, code, value, days_supply, method.
    """
    kept = rows if feature.kind in _WHOLE else _inside(feature, rows, moment)
    chooser = _CHOOSERS.get(feature.kind, _latest)
    return chooser(feature, kept.sort("patient_id", "date", "record_id"), moment)


def _inside(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    start, end = feature.window.bounds(moment.index_date, moment.contract_year)
    return rows.filter(pl.col("date") > start, pl.col("date") <= end)


def _one_each(rows: pl.DataFrame, *keys: str, keep: str = "last") -> pl.DataFrame:
    return rows.unique(["patient_id", *keys], keep="first" if keep == "first" else "last", maintain_order=True)


def _latest(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001 - one face for all
    return _one_each(rows)


def _first(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return _one_each(rows, keep="first")


def _all(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return rows


def _unresolved(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    """Give the latest diagnosis and the latest resolving record: the two dates decide together."""
    return _one_each(rows, "role")


def _category(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return _one_each(rows.sort("patient_id", "date", "role", "record_id"))


def _in_bounds(feature: Feature, rows: pl.DataFrame) -> pl.DataFrame:
    kept = rows.filter(pl.col("value").is_not_null())
    if "between" not in feature.options:
        return kept
    bounds = feature.options["between"]
    if not isinstance(bounds[0], list | tuple):
        return kept.filter(pl.col("value").is_between(*bounds))
    first, second = bounds  # a pair has bounds of its own for each of the two
    inside = pl.when(pl.col("role") == 0).then(pl.col("value").is_between(*first))
    return kept.filter(inside.otherwise(pl.col("value").is_between(*second)))


def _value(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    lowest = feature.options.get("same_day") == "lowest"
    ordered = _in_bounds(feature, rows).sort(
        "patient_id", "date", "value", "record_id", descending=[False, False, lowest, False]
    )
    return _one_each(ordered)


def _least(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return _one_each(_in_bounds(feature, rows).sort("patient_id", "value", "date", "record_id"), keep="first")


def _most(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    ordered = _in_bounds(feature, rows).sort(
        "patient_id", "value", "date", "record_id", descending=[False, True, False, False]
    )
    return _one_each(ordered, keep="first")


def _pair(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    """Give both rows of the latest day with both; of a day, the lowest of each (QOF convention, catalogue 3)."""
    lowest = _lowest_of_day(feature, rows)
    days = lowest.group_by("patient_id", "date").agg(both=pl.col("role").n_unique() == 2).filter("both")
    if "at_least" in feature.options:
        first, second = feature.options["at_least"]
        reached = pl.when(pl.col("role") == 0).then(pl.col("value") >= first).otherwise(pl.col("value") >= second)
        days = days.join(lowest.filter(reached), on=["patient_id", "date"], how="semi")
    latest = days.group_by("patient_id").agg(pl.col("date").max())
    return lowest.join(latest, on=["patient_id", "date"], how="semi")


def _lowest_of_day(feature: Feature, rows: pl.DataFrame) -> pl.DataFrame:
    ordered = _in_bounds(feature, rows).sort("patient_id", "date", "role", "value", "record_id")
    return _one_each(ordered, "date", "role", keep="first")


def _linked(feature: Feature, rows: pl.DataFrame, moment: Moment, *, least: int, most: int) -> pl.DataFrame:
    """Give the latest row of the codelist that has a partner `least` to `most` days after it, and that partner.

    The first codelist's rows must lie in the window; the partner's need not.
    """
    first = _inside(feature, rows.filter(pl.col("role") == 0), moment)
    both = first.join(rows.filter(pl.col("role") == 1), on="patient_id", how="inner", suffix="_other")
    gap = (pl.col("date_other") - pl.col("date")).dt.total_days()
    near = both.filter(gap.is_between(least, most))
    return _both_of_latest(near, rows)


def _both_of_latest(pairs: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    latest = _one_each(pairs.sort("patient_id", "date", "record_id", "date_other", "record_id_other"))
    ids = pl.concat(
        [
            latest.select("patient_id", "table", "record_id", role=pl.lit(0, dtype=pl.Int16)),
            latest.select(
                "patient_id",
                table="table_other",
                record_id="record_id_other",
                role=pl.lit(1, dtype=pl.Int16),
            ),
        ]
    )
    return rows.join(ids, on=["patient_id", "table", "record_id", "role"], how="semi")


def _followed(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    return _linked(feature, rows, moment, least=0, most=int(feature.options["days"]))


def _preceded(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    return _linked(feature, rows, moment, least=-int(feature.options["days"]), most=0)


def _co_issued(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    days = int(feature.options["days"])
    return _linked(feature, _inside(feature, rows, moment), moment, least=-days, most=days)


def _two_windows(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the latest issue in the window and the latest in the window of the same length before it."""
    start, end = feature.window.bounds(moment.index_date, moment.contract_year)
    months = feature.window.months
    before = months_before(end, 2 * months) if months else start - (end - start)
    now = _one_each(rows.filter(pl.col("date") > start, pl.col("date") <= end))
    earlier = _one_each(rows.filter(pl.col("date") > before, pl.col("date") <= start))
    both = now.join(earlier, on="patient_id", how="semi")
    return pl.concat([both, earlier.join(both, on="patient_id", how="semi")])


def _covering(rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    supply = pl.col("days_supply").fill_null(MISSING_SUPPLY)
    supply = pl.when(supply == 0).then(MISSING_SUPPLY).otherwise(supply)
    return rows.filter((pl.lit(moment.index_date) - pl.col("date")).dt.total_days() <= supply)


def _current(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return _covering(_one_each(rows), moment)


def _substances(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    """Give the latest issue of each substance that is a current repeat."""
    if moment.medicine_map is None:
        return rows.clear()
    known = moment.medicine_map.select(
        pl.col("code").cast(pl.String),
        pl.col("code_system").cast(pl.String),
        pl.col("substance").cast(pl.String),
        pl.col("bnf_code").cast(pl.String).fill_null(""),
    )
    for start in feature.options.get("without_bnf", ()):
        known = known.filter(~pl.col("bnf_code").str.starts_with(start))
    named = rows.join(known, on=["code", "code_system"], how="inner").sort("patient_id", "date", "record_id")
    return _covering(_one_each(named, "substance"), moment)


def _by_method(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return rows.filter(pl.col("method").str.starts_with(str(feature.options.get("method", ""))))


_WHOLE = frozenset({"followed_by", "preceded_by", "co_issued", "issued_in_two_windows"})
"""Kinds whose chooser looks outside the window, or applies it to one of two codelists only."""

_CHOOSERS: dict[str, Callable[[Feature, pl.DataFrame, Moment], pl.DataFrame]] = {
    "has_unresolved": _unresolved,
    "first_date": _first,
    "count": _all,
    "distinct_days": _all,
    "latest_category": _category,
    "latest_value": _value,
    "min_value": _least,
    "max_value": _most,
    "latest_pair": _pair,
    "latest_pair_at_least": _pair,
    "followed_by": _followed,
    "preceded_by": _preceded,
    "co_issued": _co_issued,
    "issued_in_two_windows": _two_windows,
    "current_repeat": _current,
    "current_substances": _substances,
    "spell_count": _by_method,
    "bed_days": _by_method,
    "attendance_count": _all,
}
