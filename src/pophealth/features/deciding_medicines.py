"""Gives which issues of medicines decided a feature over them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pophealth.declare import Feature
from pophealth.features.moment import Moment, start_before
from pophealth.features.picking import one_each, window_of
from pophealth.features.substances import substances_of
from pophealth.kernels.features_medicines import MISSING_SUPPLY

Chooser = Callable[[Feature, pl.DataFrame, Moment, pl.DataFrame | None], pl.DataFrame]
_PRODUCT = ("code_system", "code")


def _two_windows(
    feature: Feature, rows: pl.DataFrame, moment: Moment, medicine_map: pl.DataFrame | None  # noqa: ARG001
) -> pl.DataFrame:  # fmt: skip
    """Give the latest issue in the window and the latest in the window of the same length before it."""
    start, end = window_of(feature, moment)
    before = start_before(feature.window, start, end)
    now = one_each(rows.filter(pl.col("date") > start, pl.col("date") <= end))
    earlier = one_each(rows.filter(pl.col("date") > before, pl.col("date") <= start))
    both = now.join(earlier, on="patient_id", how="semi")
    return pl.concat([both, earlier.join(both, on="patient_id", how="semi")])


def _covering(rows: pl.DataFrame, moment: Moment, *keys: str) -> pl.DataFrame:
    """Give, of each person and keys, the issue of the latest day with the longest supply, where that covers the day."""
    supply = pl.col("days_supply").replace(0, None).fill_null(MISSING_SUPPLY).alias("_supply")
    latest = one_each(rows.with_columns(supply).sort("patient_id", "date", "_supply", "record_id"), *keys)
    reach = (pl.lit(moment.index_date) - pl.col("date")).dt.total_days() <= pl.col("_supply")
    return latest.filter(reach).drop("_supply")


def _on_repeat(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("is_repeat").fill_null(value=True))


def _current(
    feature: Feature, rows: pl.DataFrame, moment: Moment, medicine_map: pl.DataFrame | None  # noqa: ARG001
) -> pl.DataFrame:  # fmt: skip
    return _covering(_on_repeat(rows), moment)


def _substances(
    feature: Feature, rows: pl.DataFrame, moment: Moment, medicine_map: pl.DataFrame | None
) -> pl.DataFrame:
    """Give one issue of each substance that counts: the latest, or the one that is a current repeat."""
    if medicine_map is None:
        return rows.clear()
    named = rows.join(substances_of(medicine_map, feature), on=["code", "code_system"], how="inner")
    is_current = feature.kind == "current_substances" or feature.options.get("current")
    chosen = (
        _covering(_on_repeat(named), moment, "substance")
        if is_current
        else one_each(named.sort("patient_id", "date", "record_id"), "substance")
    )
    return chosen.drop("substance").unique(["patient_id", "record_id"], keep="first", maintain_order=True)


def _daily_dose(
    feature: Feature, rows: pl.DataFrame, moment: Moment, medicine_map: pl.DataFrame | None  # noqa: ARG001
) -> pl.DataFrame:  # fmt: skip
    """Give of each product that is current, of its latest day, the issue of the highest dose and that of the longest supply."""
    product = ["patient_id", *_PRODUCT]
    known = _on_repeat(rows).filter(pl.col("quantity").is_not_null(), pl.col("days_supply").fill_null(0) > 0)
    latest = known.filter(pl.col("date") == pl.col("date").max().over(product))
    reach = (pl.lit(moment.index_date) - pl.col("date")).dt.total_days() <= pl.col("days_supply").max().over(product)
    latest = latest.filter(reach).with_columns(_rate=pl.col("quantity") / pl.col("days_supply"))
    chosen = [one_each(latest.sort("patient_id", name, "record_id"), *_PRODUCT) for name in ("_rate", "days_supply")]
    return pl.concat(chosen).drop("_rate").unique(["patient_id", "record_id"], keep="first", maintain_order=True)


def _categories(
    feature: Feature, rows: pl.DataFrame, moment: Moment, medicine_map: pl.DataFrame | None  # noqa: ARG001
) -> pl.DataFrame:  # fmt: skip
    """Give of each product that is a current repeat its latest issue: which category it has stands in the codelist."""
    return _covering(_on_repeat(rows), moment, *_PRODUCT)


MEDICINE_CHOOSERS: dict[str, Chooser] = {
    "issued_in_two_windows": _two_windows,
    "current_repeat": _current,
    "current_substances": _substances,
    "distinct_substances": _substances,
    "substance_weight_sum": _substances,
    "current_daily_dose": _daily_dose,
    "current_categories": _categories,
}
"""Kinds about issues of medicines whose deciding rows are not simply the latest."""
