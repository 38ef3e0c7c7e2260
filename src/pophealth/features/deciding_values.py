"""Gives which measured values decided a feature over values."""

from __future__ import annotations

import polars as pl

from pophealth.declare import EXTRAS, Feature
from pophealth.features.moment import Moment
from pophealth.features.picking import Chooser, one_each


def _latest(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001 - one face for all
    """Give the row that `latest_value` chose, ties between comparators and settings included."""
    lowest = feature.options.get("same_day") == "lowest"
    rank = [pl.col(name).replace_strict(EXTRAS[name], range(len(EXTRAS[name])), default=9) for name in EXTRAS]
    ordered = rows.sort(
        "patient_id", "date", "value", *rank, "record_id", descending=[False, False, lowest, True, True, False]
    )
    return one_each(ordered)


def _least(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return one_each(rows.sort("patient_id", "value", "date", "record_id"), keep="first")


def _most(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    ordered = rows.sort("patient_id", "value", "date", "record_id", descending=[False, True, False, False])
    return one_each(ordered, keep="first")


def _all(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    return rows


def _change(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    """Give the latest value and that of the latest day so many days before it; of one day the highest."""
    ordered = one_each(rows.sort("patient_id", "date", "value", "record_id"), "date")
    latest = pl.col("date").max().over("patient_id")
    before = (latest - pl.col("date")).dt.total_days() >= int(feature.options["days"])
    earlier = one_each(ordered.filter(before))
    both = ordered.filter(pl.col("date") == latest).join(earlier, on="patient_id", how="semi")
    return pl.concat([both, earlier]).unique(maintain_order=True)


def _apart(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    """Give one value of each day that takes part: first and last that meet, or all back to the day far enough."""
    low, high = feature.options["meets"]
    days = int(feature.options["days"])
    day = ["patient_id", "date"]
    latest = pl.col("date").max().over("patient_id")
    met = pl.col("value").is_between(low, high).all().over(day)
    one_a_day = one_each(rows.with_columns(_met=met, _latest=latest).sort(*day, "value", "record_id"), "date")
    if feature.options.get("consecutive"):
        failed = pl.when(~pl.col("_met")).then(pl.col("date")).max().over("patient_id")
        run = one_a_day.filter(failed.is_null() | (pl.col("date") > failed))
        far = (pl.col("_latest") - pl.col("date")).dt.total_days() >= days
        reached = run.filter(far).group_by("patient_id").agg(_reached=pl.col("date").max())
        run = run.join(reached, on="patient_id", how="inner").filter(pl.col("date") >= pl.col("_reached"))
        return run.drop("_met", "_latest", "_reached")
    ends = one_a_day.filter("_met").with_columns(
        _first=pl.col("date").min().over("patient_id"), _last=pl.col("date").max().over("patient_id")
    )
    apart = (pl.col("_last") - pl.col("_first")).dt.total_days()
    ends = ends.filter(
        apart >= max(days, 1), (pl.col("date") == pl.col("_first")) | (pl.col("date") == pl.col("_last"))
    )
    return ends.drop("_met", "_latest", "_first", "_last")


def _pair(feature: Feature, rows: pl.DataFrame, moment: Moment) -> pl.DataFrame:  # noqa: ARG001
    """Give both rows of the latest day with both; of a day (or a time) the lowest of each (QOF convention, catalogue 3)."""
    keys = ["patient_id", "date", *(["time"] if feature.options.get("same") == "time" else [])]
    lowest = one_each(rows.sort("patient_id", "date", "role", "value", "record_id"), *keys[1:], "role", keep="first")
    other_role = min(1, len(feature.codelist_expressions) - 1)
    first, second = (lowest.filter(pl.col("role") == role) for role in (0, other_role))
    both = first.join(second, on=keys, how="inner", suffix="_other", nulls_equal=True)
    both = one_each(both.sort("patient_id", "date", "value", "value_other", "record_id"), "date", keep="first")
    if "at_least" in feature.options:
        least, other_least = feature.options["at_least"]
        both = both.filter((pl.col("value") >= least) | (pl.col("value_other") >= other_least))
    latest = one_each(both)
    chosen = pl.concat(
        [
            latest.select("patient_id", "record_id", "role"),
            latest.select("patient_id", record_id="record_id_other", role="role_other"),
        ]
    )
    return rows.join(chosen, on=["patient_id", "record_id", "role"], how="semi")


VALUE_CHOOSERS: dict[str, Chooser] = {
    "latest_value": _latest,
    "min_value": _least,
    "max_value": _most,
    "mean_value": _all,
    "sd_value": _all,
    "slope_value": _all,
    "change_value": _change,
    "two_values_apart": _apart,
    "latest_pair": _pair,
    "latest_pair_at_least": _pair,
}
