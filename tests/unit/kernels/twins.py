"""Gives every kind that kernels answer again, as plainly as it can be said: lists of rows of one person, no arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from features_world import LISTS, UNITS, Row, Stay, code_of, medicine_map
from pophealth.declare import Feature, months_before

DAY_0 = date(1900, 1, 1)
COMPARATORS = ("", "=", "<", "<=", ">", ">=")
SETTINGS = ("", "clinic", "home", "ambulatory")


class Person:
    """One person's rows as seen on a date, for one feature."""

    def __init__(self, feature: Feature, rows: list[Row], stays: list[Stay], index_date: date, year: str) -> None:
        self.feature, self.options, self.stays = feature, feature.options, stays
        self.index = number(index_date)
        self.bounds = feature.window.bounds(index_date, year)
        self.start, self.end = (number(day) for day in self.bounds)
        self.rows = [row for row in rows if row.day <= self.index and row.recorded <= self.index]

    def visible(self, expression: str, tables: tuple[str, ...] | None = None) -> list[Row]:
        return [row for row in self.rows if row.table in (tables or self.feature.tables) and is_listed(row, expression)]

    def counting(self, expression: str | None, place: int = 0) -> list[Row]:
        return [
            row
            for row in self.visible(expression or "")
            if self.start < row.day <= self.end and self.passes(row, place)
        ]

    def passes(self, row: Row, place: int) -> bool:
        options = self.options
        if row.table == "measurements":
            if self.feature.tables == ("measurements",) and (self.feature.kind in NUMBERS or "between" in options):
                low, high = options.get("between", (-math.inf, math.inf)) if not isinstance(
                    options.get("between", [0])[0], list
                ) else options["between"][place]  # fmt: skip
                in_unit = self.feature.unit is None or UNITS[row.unit] in ("", self.feature.unit)
                if not in_unit or not low <= row.value <= high:
                    return False
            if "settings" in options and SETTINGS[row.setting] not in options["settings"]:
                return False
            if "comparators" in options and (COMPARATORS[row.comparator] or "=") not in options["comparators"]:
                return False
        if row.table == "diagnoses":
            if options.get("position") == "primary" and row.position != 1:
                return False
            return f"{row.method:02X}".startswith(options.get("method", ""))
        return True


NUMBERS = ("latest_value", "min_value", "max_value", "mean_value", "sd_value", "slope_value", "change_value",
           "two_values_apart", "latest_pair", "latest_pair_at_least")  # fmt: skip


def number(day: date) -> int:
    return max((day - DAY_0).days, 0)


def day(value: int | None) -> date | None:
    return None if not value else DAY_0 + timedelta(days=value)


def is_listed(row: Row, expression: str) -> bool:
    system, code = code_of(row.concept)
    for name in expression.split("+"):
        for concept in (*LISTS[name], *((21,) if name == "one" else ())):
            listed_system, listed = code_of(concept)
            if row.table == "diagnoses":
                if system == listed_system == "ICD-10" and code.startswith(listed):
                    return True
            elif (system, code) == (listed_system, listed):
                return True
    return False


def latest(rows: list[Row]) -> int:
    return max((row.day for row in rows), default=0)


def _category(p: Person) -> dict[str, Any]:
    best, label = 0, None
    for name, codelist in p.options["categories"].items():
        found = latest(p.counting(codelist))
        if found and found >= best:
            best, label = found, name
    return {"": label, "_date": day(best)}


def _near(key: str, least: int, most: int, *, is_not: bool) -> Callable[[Person], dict[str, Any]]:
    def twin(p: Person) -> dict[str, Any]:
        gap = p.options["days"]
        others = [row.day for row in p.visible(p.options[key])]
        found = 0
        for row in p.counting(p.feature.codelist):
            if p.options.get("matured") and p.index - row.day < gap:
                continue
            has = any(least * gap <= other - row.day <= most * gap for other in others)
            if has != is_not:
                found = max(found, row.day)
        return {"": found > 0, "_date": day(found)}

    return twin


def _latest_value(p: Person) -> dict[str, Any]:
    rows = p.counting(p.feature.codelist)
    last = [row for row in rows if row.day == latest(rows)]
    sign = 1 if p.options.get("same_day") == "lowest" else -1
    if not last:
        return {"": None, "_date": None, "_comparator": None, "_setting": None}
    row = min(last, key=lambda row: (sign * row.value, row.comparator or 6, row.setting or 4))
    return {
        "": row.value,
        "_date": day(row.day),
        "_comparator": COMPARATORS[row.comparator] or None,
        "_setting": SETTINGS[row.setting] or None,
    }


def _series(p: Person) -> list[tuple[int, float]]:
    return sorted((row.day, row.value) for row in p.counting(p.feature.codelist))


def total(values: list[float]) -> float:
    result = 0.0
    for value in values:
        result += value
    return result


def _mean(p: Person) -> float | None:
    values = [value for _, value in _series(p)]
    return total(values) / len(values) if values else None


def _sd(p: Person) -> float | None:
    values = [value for _, value in _series(p)]
    if len(values) < 2:
        return None
    mean = total(values) / len(values)
    return math.sqrt(total([(value - mean) * (value - mean) for value in values]) / (len(values) - 1))


def _slope(p: Person) -> float | None:
    series = _series(p)
    if len({one for one, _ in series}) < 2:
        return None
    x = [float(one - series[0][0]) for one, _ in series]
    y = [value for _, value in series]
    mx, my = total(x) / len(x), total(y) / len(y)
    sxy = total([(a - mx) * (b - my) for a, b in zip(x, y, strict=True)])
    return sxy / total([(a - mx) * (a - mx) for a in x]) * 365.25


def _change(p: Person) -> float | None:
    series = _series(p)
    earlier = [pair for pair in series if pair[0] <= series[-1][0] - p.options["days"]]
    return series[-1][1] - earlier[-1][1] if earlier else None


def _apart(p: Person) -> bool:
    low, high = p.options["meets"]
    series = _series(p)
    met = {one: all(low <= value <= high for other, value in series if other == one) for one, _ in series}
    if not met:
        return False
    last = max(met)
    if p.options["consecutive"]:
        return any(one <= last - p.options["days"] and all(met[other] for other in met if other >= one) for one in met)
    good = [one for one in met if met[one]]
    return any(two - one >= p.options["days"] for one in good for two in good if two > one)


def _pairs(p: Person) -> list[tuple[int, float, float]]:
    found = []
    ones, twos = p.counting(p.feature.codelist), p.counting(p.options["paired_with"], 1)
    for when in {row.day for row in ones}:
        pairs = [
            (one.value, two.value)
            for one in ones
            for two in twos
            if one.day == two.day == when and (p.options.get("same") != "time" or one.micros == two.micros)
        ]
        if pairs:
            found.append((when, *min(pairs)))
    return sorted(found)


def _pair(p: Person) -> dict[str, Any]:
    pairs = _pairs(p)
    when, one, two = pairs[-1] if pairs else (None, None, None)
    return {"_1": one, "_2": two, "_date": day(when)}


def _pair_at_least(p: Person) -> date | None:
    first, second = p.options["at_least"]
    return day(max((when for when, one, two in _pairs(p) if one >= first or two >= second), default=None))


def _two_windows(p: Person) -> bool:
    start, end = p.bounds
    months = p.feature.window.months
    before = number(months_before(start, months)) if months else max(2 * number(start) - number(end), 0)
    rows = p.visible(p.feature.codelist or "")
    return any(p.start < row.day <= p.end for row in rows) and any(before < row.day <= p.start for row in rows)


def _co_issued(p: Person) -> bool:
    ones, others = p.counting(p.feature.codelist), p.counting(p.options["with"])
    return any(abs(one.day - other.day) <= p.options["days"] for one in ones for other in others)


def is_current(rows: list[Row], index: int) -> bool:
    issues = [row for row in rows if row.repeat != 0]
    supplies = [row.supply or 28 for row in issues if row.day == latest(issues)]
    return bool(issues) and latest(issues) + max(supplies) >= index


def _substances(p: Person) -> int:
    left_out = tuple(p.options.get("without_bnf", ()))
    is_weighed = p.feature.kind == "substance_weight_sum"
    found = 0
    known = [row for row in medicine_map().iter_rows() if not (left_out and (row[3] or "").startswith(left_out))]
    for substance in sorted({row[2] for row in known}):
        concepts = {
            concept
            for concept in range(24)
            for row in known
            if row[2] == substance and code_of(concept) == (row[1], row[0])
        }
        listed = {
            c
            for c in concepts
            if not p.feature.codelist or is_listed(Row("medications", 0, 0, 0, c), p.feature.codelist)
        }
        rows = [
            row for row in p.rows if row.table == "medications" and row.concept in listed and p.start < row.day <= p.end
        ]
        current = p.feature.kind == "current_substances" or p.options.get("current")
        counts = is_current(rows, p.index) if current else bool(rows)
        found += counts * (
            max((concept % 10 if concept != 21 else 1 for concept in listed), default=0) if is_weighed else 1
        )
    return found


def _spells(p: Person) -> list[Stay]:
    mine = [stay for stay in p.stays if stay.table in p.feature.tables and stay.first <= p.end]
    return [stay for stay in mine if f"{stay.method:02X}".startswith(p.options.get("method", ""))]


def _nights(p: Person) -> int:
    return sum(
        max((min(stay.last, p.end) if stay.last else p.end) - max(stay.first, p.start), 0) for stay in _spells(p)
    )


def _readmissions(p: Person) -> int:
    ordered = sorted(
        (stay for stay in p.stays if stay.table == "spells"), key=lambda stay: (stay.first, stay.last or math.inf)
    )
    return sum(
        any(one.last and 0 <= stay.first - one.last <= p.options["days"] for one in ordered[:place])
        for place, stay in enumerate(ordered)
        if p.start < stay.first <= p.end and f"{stay.method:02X}".startswith(p.options.get("method", ""))
    )


TWINS: dict[str, Callable[[Person], Any]] = {
    "has": lambda p: bool(p.counting(p.feature.codelist)),
    "issued": lambda p: bool(p.counting(p.feature.codelist)),
    "has_unresolved": lambda p: latest(p.counting(p.feature.codelist)) > latest(p.counting(p.options["resolved_by"])),
    "first_date": lambda p: day(min((row.day for row in p.counting(p.feature.codelist)), default=None)),
    "latest_date": lambda p: day(latest(p.counting(p.feature.codelist))),
    "days_since": lambda p: p.index - latest(rows) if (rows := p.counting(p.feature.codelist)) else None,
    "count": lambda p: len(p.counting(p.feature.codelist)),
    "distinct_days": lambda p: len({row.day for row in p.counting(p.feature.codelist)}),
    "latest_category": _category,
    "weighted_sum": lambda p: sum(weight for name, weight in p.options["weights"].items() if p.counting(name)),
    "followed_by": _near("followed_by", 0, 1, is_not=False),
    "not_followed_by": _near("followed_by", 0, 1, is_not=True),
    "preceded_by": _near("preceded_by", -1, 0, is_not=False),
    "not_preceded_by": _near("preceded_by", -1, 0, is_not=True),
    "latest_value": _latest_value,
    "min_value": lambda p: min((value for _, value in _series(p)), default=None),
    "max_value": lambda p: max((value for _, value in _series(p)), default=None),
    "mean_value": _mean,
    "sd_value": _sd,
    "slope_value": _slope,
    "change_value": _change,
    "two_values_apart": _apart,
    "latest_pair": _pair,
    "latest_pair_at_least": _pair_at_least,
    "issued_in_two_windows": _two_windows,
    "co_issued": _co_issued,
    "current_repeat": lambda p: is_current(p.counting(p.feature.codelist), p.index),
    "current_substances": _substances,
    "distinct_substances": _substances,
    "substance_weight_sum": _substances,
    "spell_count": lambda p: sum(stay.first > p.start for stay in _spells(p)),
    "attendance_count": lambda p: sum(stay.first > p.start for stay in _spells(p)),
    "bed_days": _nights,
    "readmission_count": _readmissions,
}


def expected(feature: Feature, rows: list[Row], stays: list[Stay], index_date: date, year: str) -> dict[str, Any]:
    """Give the feature's columns for one person with these rows."""
    answer = TWINS[feature.kind](Person(feature, rows, stays, index_date, year))
    if not isinstance(answer, dict):
        return {feature.name: answer}
    return {column: answer[column.removeprefix(feature.name)] for column in feature.outputs}
