"""Gives the frozen plan in Polars: lazy, mask join for has-ever, one group per person and list, then one column a list.

Forms of findings (aggregates, a pivot, a join a list) and of values were tried against each other on 250,000 people; these
took least CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
from frozen_peer import WORD
from frozen_plan import CATEGORY, METHODS, burdens

from pophealth.declare import Feature

Source = Callable[[str], pl.LazyFrame]
Lists = dict[str, pl.DataFrame]


def answers(features: dict[str, Feature], source: Source, lists: Lists, index_date: date) -> pl.DataFrame:
    """Give a row a person: pid and the plan's columns."""
    parts = [
        _masks(source, lists, index_date),
        _findings(features, source, lists, index_date),
        _medicines(source, lists, index_date),
        _together(source, lists, index_date),
        _substances(source, lists, index_date),
        _values(source, lists, index_date),
        _spells(features, source, index_date),
        _readmissions(source, index_date),
    ]
    people = source("patients")
    for part in parts:
        people = people.join(part, on="pid", how="left")
    return people.select("pid", *(_column(name, feature, index_date) for name, feature in features.items())).collect()


def _seen(rows: pl.LazyFrame, day: date) -> pl.LazyFrame:
    return rows.filter((pl.col("date") <= day) & (pl.col("recorded") <= day))


def _after(day: date, days: int) -> pl.Expr:
    return pl.col("date") > day - timedelta(days)


def _number(text: str | None) -> int:
    return int((text or "")[1:])


def _of_list(column: str, number: int) -> pl.Expr:
    """Give the one value that a person has for a list."""
    return pl.col(column).filter(pl.col("l") == number).first()


def _masks(source: Source, lists: Lists, day: date) -> pl.LazyFrame:
    rows = _seen(source("events"), day).join(lists["sm"].lazy(), on="code")
    return rows.group_by("pid").agg(pl.col("m0", "m1", "m2").bitwise_or())


def _findings(features: dict[str, Feature], source: Source, lists: Lists, day: date) -> pl.LazyFrame:
    latest, first, counted = set(), set(), set()
    for name, feature in features.items():
        if name != feature.name:
            continue
        if feature.kind == "latest_category":
            latest |= {_number(text) for text in feature.options["categories"].values()}
        if feature.kind in {"latest_date", "has_unresolved"} or (feature.kind == "has" and feature.window.days):
            latest.add(_number(feature.codelist))
        if feature.kind == "has_unresolved":
            latest.add(_number(feature.options["resolved_by"]))
        if feature.kind == "first_date":
            first.add(_number(feature.codelist))
        if feature.kind == "count":
            counted.add(_number(feature.codelist))
    wanted = lists["sl"].filter(pl.col("l").is_in(sorted(latest | first | counted)))
    grouped = (
        _seen(source("events"), day)
        .join(wanted.lazy(), on="code")
        .group_by("pid", "l")
        .agg(ld=pl.col("date").max(), fd=pl.col("date").min(), n=_after(day, 365).sum())
    )
    return grouped.group_by("pid").agg(
        *(_of_list("ld", number).alias(f"l{number}") for number in sorted(latest)),
        *(_of_list("fd", number).alias(f"f{number}") for number in sorted(first)),
        *(_of_list("n", number).alias(f"n{number}") for number in sorted(counted)),
    )


def _medicines(source: Source, lists: Lists, day: date) -> pl.LazyFrame:
    issue = pl.col("date").to_physical().cast(pl.Int64) * 1000 + pl.col("days").fill_null(28)
    index = (day - date(1970, 1, 1)).days
    grouped = (
        _seen(source("medications"), day)
        .join(lists["ml"].filter(pl.col("l") < 22).lazy(), on="code")
        .group_by("pid", "l")
        .agg(
            ld=pl.col("date").max(),
            key=issue.max(),
            recent=_after(day, 84).any(),
            before=(~_after(day, 84) & _after(day, 168)).any(),
        )
        .with_columns(
            current=pl.col("key") // 1000 + pl.col("key") % 1000 >= index, two=pl.col("recent") & pl.col("before")
        )
    )
    return grouped.group_by("pid").agg(
        *(_of_list("ld", number).alias(f"i{number}") for number in range(10)),
        *(_of_list("current", number).alias(f"r{number}") for number in range(10, 18)),
        *(_of_list("two", number).alias(f"t{number}") for number in range(18, 22)),
    )


def _together(source: Source, lists: Lists, day: date) -> pl.LazyFrame:
    wanted = lists["ml"].filter(pl.col("l").is_between(22, 37)).lazy()
    rows = _seen(source("medications"), day).filter(_after(day, 365)).join(wanted, on="code")
    rows = rows.select("pid", "date", k=(pl.col("l") - 22) // 2, side=(pl.col("l") - 22) % 2).unique()
    one, other = rows.filter(pl.col("side") == 0), rows.filter(pl.col("side") == 1)
    pairs = one.join(other, on=["pid", "k"]).filter((pl.col("date") - pl.col("date_right")).abs() <= timedelta(28))
    return pairs.group_by("pid").agg((pl.col("k") == number).any().alias(f"c{number}") for number in range(8))


def _substances(source: Source, lists: Lists, day: date) -> pl.LazyFrame:
    rows = _seen(source("medications"), day).filter(_after(day, 365)).join(lists["chem"].lazy(), on="code")
    each = rows.group_by("pid", "chem").agg(pl.col("weight", "l38", "l39").first(), recent=_after(day, 84).any())
    recent = pl.col("recent")
    return each.group_by("pid").agg(
        p84=recent.sum(),
        p365=pl.len(),
        c38=pl.col("l38").sum(),
        c39=(pl.col("l39") & recent).sum(),
        w84=pl.col("weight").filter(recent).sum(),
    )


def _values(source: Source, lists: Lists, day: date) -> pl.LazyFrame:
    rows = _seen(source("measurements"), day).join(lists["vl"].lazy(), on="code")
    recent = pl.when(_after(day, 730)).then("value")
    grouped = (
        rows.with_columns(recent=recent)
        .group_by("pid", "l")
        .agg(d=pl.col("date").max(), mx=pl.col("recent").max(), mn=pl.col("recent").min())
    )
    latest = rows.join(grouped.select("pid", "l", "d"), on=["pid", "l"]).filter(pl.col("date") == pl.col("d"))
    highest = latest.group_by("pid", "l").agg(v=pl.col("value").max())
    grouped = grouped.join(highest, on=["pid", "l"])
    return grouped.group_by("pid").agg(
        *(_of_list(part, number).alias(f"{part}{number}") for number in range(12) for part in ("v", "d")),
        *(_of_list("mx", number).alias(f"x{number}") for number in (12, 13)),
        *(_of_list("mn", number).alias(f"x{number}") for number in (14, 15)),
    )


def _spells(features: dict[str, Feature], source: Source, day: date) -> pl.LazyFrame:
    place = {method[0]: number for number, method in enumerate(METHODS)}
    made = []
    for name, feature in features.items():
        if feature.kind not in {"spell_count", "bed_days"}:
            continue
        start = day - timedelta(int(feature.window.days or 0))
        of_method = pl.col("method") == place[feature.options["method"]]
        if feature.kind == "spell_count":
            made.append((of_method & (pl.col("admitted") > start)).sum().alias(name))
        else:
            nights = pl.min_horizontal("discharged", pl.lit(day)) - pl.max_horizontal("admitted", pl.lit(start))
            made.append(nights.dt.total_days().clip(0).filter(of_method).sum().alias(name))
    return source("spells").filter(pl.col("admitted") <= day).group_by("pid").agg(made)


def _readmissions(source: Source, day: date) -> pl.LazyFrame:
    rows = source("spells").filter(pl.col("admitted") <= day)
    later = rows.filter((pl.col("method") == 0) & (pl.col("admitted") > day - timedelta(365)))
    pairs = later.join(rows, on="pid", suffix="_a").filter(
        pl.col("discharged_a").is_between(pl.col("admitted") - timedelta(30), pl.col("admitted"))
    )
    same_day = pl.col("admitted_a") == pl.col("admitted")
    same_end = pl.col("discharged_a") == pl.col("discharged")
    earlier = (
        (pl.col("admitted_a") < pl.col("admitted"))
        | (same_day & (pl.col("discharged_a") < pl.col("discharged")))
        | (same_day & same_end & (pl.col("row_a") < pl.col("row")))
    )
    return pairs.filter(earlier).group_by("pid").agg(readmissions=pl.col("row").n_unique())


def _ever(number: int) -> pl.Expr:
    return (pl.col(f"m{number // WORD}").fill_null(0) & pl.lit(1 << (number % WORD), dtype=pl.UInt64)) != 0


def _column(name: str, feature: Feature, day: date) -> pl.Expr:
    kind, number = feature.kind, _number(feature.codelist) if feature.codelist not in (None, "m_all") else -1
    if kind == "weighted_sum":
        terms = (_ever(i).cast(pl.Int32) * weight for i, weight in burdens()[name].items())
        return pl.sum_horizontal(terms).alias(name)
    if kind == "latest_category":
        return _category(name, feature)
    if kind == "has_unresolved":
        other = pl.col(f"l{_number(feature.options['resolved_by'])}").fill_null(date(1800, 1, 1))
        return (pl.col(f"l{number}") > other).fill_null(value=False).alias(name)
    if kind == "has":
        start = day - timedelta(int(feature.window.days or 0))
        found = (pl.col(f"l{number}") > start) if feature.window.days else _ever(number)
        return found.fill_null(value=False).alias(name)
    if kind == "issued":
        start = day - timedelta(int(feature.window.days or 0))
        return (pl.col(f"i{number}") > start).fill_null(value=False).alias(name)
    if kind == "latest_value":
        start = day - timedelta(int(feature.window.days or 0))
        part = "d" if name.endswith("_date") else "v"
        return pl.when(pl.col(f"d{number}") > start).then(pl.col(f"{part}{number}")).alias(name)
    substances = {"substances_84d": "p84", "substances_365d": "p365", "substances_38_365d": "c38", "weight_84d": "w84"}
    plain = {
        "first_date": f"f{number}",
        "latest_date": f"l{number}",
        "max_value": f"x{number}",
        "min_value": f"x{number}",
    }
    if kind in plain:
        return pl.col(plain[kind]).alias(name)
    told = {"current_repeat": f"r{number}", "issued_in_two_windows": f"t{number}", "co_issued": f"c{name[9:]}"}
    if kind in told:
        return pl.col(told[kind]).fill_null(value=False).alias(name)
    counted = {
        "count": f"n{number}",
        "distinct_substances": substances.get(name, "c39"),
        "substance_weight_sum": "w84",
        "readmission_count": "readmissions",
    }
    return pl.col(counted.get(kind, name)).fill_null(0).cast(pl.Int32).alias(name)


def _category(name: str, feature: Feature) -> pl.Expr:
    columns = [f"l{_number(text)}" for text in feature.options["categories"].values()]
    latest = pl.max_horizontal(columns)
    if name.endswith("_date"):
        return latest.alias(name)
    chosen = pl.lit(None, dtype=pl.String)
    for column, label in zip(columns, CATEGORY, strict=True):  # the last that is true wins
        chosen = pl.when(pl.col(column) == latest).then(pl.lit(label)).otherwise(chosen)
    return chosen.alias(name)
