"""Gives the frozen plan in pandas: joins with the lists, one group per person and list, one column a list by unstacking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from frozen_plan import CATEGORY, METHODS, burdens

from pophealth.declare import Feature

Source = Callable[[str], Any]
Lists = dict[str, Any]
NONE = -(10**6)
"""Stands for no day in columns of whole numbers."""


def answers(features: dict[str, Feature], source: Source, lists: Lists, index_date: date) -> Any:
    """Give a row a person: pid and the plan's columns; dates are days since 1970 and `NONE`, labels their places."""
    day = (index_date - date(1970, 1, 1)).days
    people = source("patients")["pid"].to_numpy()
    made: dict[str, Any] = {"pid": people}
    _findings(features, source, lists, day, people, made)
    _medicines(features, source, lists, day, people, made)
    _values(features, source, lists, day, people, made)
    _spells(features, source, day, people, made)
    return pd.DataFrame(made)


def _seen(rows: Any, day: int) -> Any:
    return rows[(rows["date"] <= day) & (rows["recorded"] <= day)]


def _wide(grouped: Any, people: Any, missing: float) -> Any:
    """Give a column a list, a row a person, of one value per person and list."""
    return grouped.unstack("l", fill_value=missing).reindex(people, fill_value=missing)


def _number(text: str | None) -> int:
    return int((text or "")[1:])


def _days(feature: Feature) -> int:
    return int(feature.window.days or 0)


def _findings(features: dict[str, Feature], source: Source, lists: Lists, day: int, people: Any, made: Any) -> None:
    rows = _seen(source("events"), day)[["pid", "code", "date"]].merge(lists["sl"], on="code")
    by = rows.groupby(["pid", "l"], sort=False)["date"]
    latest, first = _wide(by.max(), people, NONE), _wide(by.min(), people, NONE)
    counted = _wide(rows[rows["date"] > day - 365].groupby(["pid", "l"], sort=False).size(), people, 0)
    for name, feature in features.items():
        kind = feature.kind
        if kind == "weighted_sum":
            made[name] = sum(
                (latest[i] > NONE).astype(np.int32) * weight for i, weight in burdens()[name].items()
            ).to_numpy()
        elif kind == "latest_category" and not name.endswith("_date"):
            columns = latest[[_number(text) for text in feature.options["categories"].values()]].to_numpy()
            best = columns.max(axis=1)
            last = len(CATEGORY) - 1 - (columns[:, ::-1] == best[:, None]).argmax(axis=1)
            made[name] = np.where(best > NONE, last, -1)
            made[f"{name}_date"] = best
        elif kind in {"has", "latest_date", "has_unresolved", "first_date", "count"}:
            column = latest[_number(feature.codelist)].to_numpy()
            if kind == "has":
                made[name] = column > (day - _days(feature) if feature.window.days else NONE)
            elif kind == "has_unresolved":
                made[name] = column > latest[_number(feature.options["resolved_by"])].to_numpy()
            elif kind == "latest_date":
                made[name] = column
            else:
                made[name] = (first if kind == "first_date" else counted)[_number(feature.codelist)].to_numpy()


def _medicines(features: dict[str, Feature], source: Source, lists: Lists, day: int, people: Any, made: Any) -> None:
    seen = _seen(source("medications"), day)[["pid", "code", "date", "days"]]
    rows = seen.merge(lists["ml"], on="code")
    latest = _wide(rows.groupby(["pid", "l"], sort=False)["date"].max(), people, NONE)
    key = (rows["date"].astype(np.int64) * 1000 + rows["days"].fillna(28).astype(np.int64)).groupby(
        [rows["pid"], rows["l"]], sort=False
    )
    keys = _wide(key.max(), people, NONE)
    before = rows[(rows["date"] <= day - 84) & (rows["date"] > day - 168)]
    earlier = _wide(before.groupby(["pid", "l"], sort=False).size(), people, 0)
    pairs = rows[(rows["l"] >= 22) & (rows["l"] < 38) & (rows["date"] > day - 365)]
    pairs = pairs.assign(k=(pairs["l"] - 22) // 2, side=(pairs["l"] - 22) % 2)[
        ["pid", "date", "k", "side"]
    ].drop_duplicates()
    both = pairs[pairs["side"] == 0].merge(pairs[pairs["side"] == 1], on=["pid", "k"])
    both = both[(both["date_x"] - both["date_y"]).abs() <= 28][["pid", "k"]].drop_duplicates()
    together = {int(k): np.isin(people, some["pid"].to_numpy()) for k, some in both.groupby("k")}
    each = seen[seen["date"] > day - 365].merge(lists["chem"], on="code")
    each = each.assign(recent=each["date"] > day - 84).groupby(["pid", "chem"], sort=False)
    each = each.agg({"weight": "first", "l38": "first", "l39": "first", "recent": "max"})
    each = each.assign(n=1, c39=each["l39"] & each["recent"], w84=each["weight"] * each["recent"])
    sums = each.groupby("pid", sort=False)[["recent", "n", "l38", "c39", "w84"]].sum().reindex(people, fill_value=0)
    counted = {
        "substances_84d": "recent",
        "substances_365d": "n",
        "substances_38_365d": "l38",
        "substances_39_84d": "c39",
    }
    for name, feature in features.items():
        number = _number(feature.codelist) if feature.codelist not in {None, "m_all"} else -1
        if feature.kind == "issued":
            made[name] = latest[number].to_numpy() > day - _days(feature)
        elif feature.kind == "current_repeat":
            made[name] = (keys[number] // 1000 + keys[number] % 1000 >= day).to_numpy()
        elif feature.kind == "issued_in_two_windows":
            made[name] = (latest[number].to_numpy() > day - 84) & (earlier[number].to_numpy() > 0)
        elif feature.kind == "co_issued":
            made[name] = together.get(int(name.removeprefix("together_")), np.zeros(people.size, bool))
        elif feature.kind in {"distinct_substances", "substance_weight_sum"}:
            made[name] = sums[counted.get(name, "w84")].to_numpy()


def _values(features: dict[str, Feature], source: Source, lists: Lists, day: int, people: Any, made: Any) -> None:
    rows = _seen(source("measurements"), day)[["pid", "code", "date", "value"]].merge(lists["vl"], on="code")
    ordered = rows.sort_values(["date", "value"]).drop_duplicates(["pid", "l"], keep="last").set_index(["pid", "l"])
    dates, values = _wide(ordered["date"], people, NONE), _wide(ordered["value"], people, np.nan)
    recent = rows[rows["date"] > day - 730].groupby(["pid", "l"], sort=False)["value"]
    highest, lowest = _wide(recent.max(), people, np.nan), _wide(recent.min(), people, np.nan)
    for name, feature in features.items():
        if feature.kind == "latest_value":
            when = dates[_number(feature.codelist)].to_numpy()
            counts = when > day - _days(feature)
            if name.endswith("_date"):
                made[name] = np.where(counts, when, NONE)
            else:
                made[name] = np.where(counts, values[_number(feature.codelist)].to_numpy(), np.nan)
        elif feature.kind in {"max_value", "min_value"}:
            made[name] = (highest if feature.kind == "max_value" else lowest)[_number(feature.codelist)].to_numpy()


def _spells(features: dict[str, Feature], source: Source, day: int, people: Any, made: Any) -> None:
    place = {method[0]: number for number, method in enumerate(METHODS)}
    rows = source("spells")
    rows = rows[rows["admitted"] <= day]
    for name, feature in features.items():
        if feature.kind not in {"spell_count", "bed_days"}:
            continue
        start = day - _days(feature)
        mine = rows[rows["method"] == place[feature.options["method"]]]
        if feature.kind == "spell_count":
            counted = mine[mine["admitted"] > start].groupby("pid", sort=False).size()
        else:
            nights = (mine["discharged"].clip(upper=day) - mine["admitted"].clip(lower=start)).clip(lower=0)
            counted = nights.groupby(mine["pid"], sort=False).sum()
        made[name] = counted.reindex(people, fill_value=0).to_numpy()
    later = rows[(rows["method"] == 0) & (rows["admitted"] > day - 365)]
    pairs = later.merge(rows, on="pid", suffixes=("", "_a"))
    pairs = pairs[(pairs["discharged_a"] >= pairs["admitted"] - 30) & (pairs["discharged_a"] <= pairs["admitted"])]
    same_day = pairs["admitted_a"] == pairs["admitted"]
    same_end = same_day & (pairs["discharged_a"] == pairs["discharged"])
    earlier = (pairs["admitted_a"] < pairs["admitted"]) | (same_day & (pairs["discharged_a"] < pairs["discharged"]))
    pairs = pairs[earlier | (same_end & (pairs["row_a"] < pairs["row"]))].drop_duplicates(["pid", "row"])
    made["readmissions_365d"] = pairs.groupby("pid", sort=False).size().reindex(people, fill_value=0).to_numpy()
