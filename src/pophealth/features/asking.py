"""Gives, kind by kind, what a feature asks of the kernels, and where its results lie."""

from __future__ import annotations

from collections.abc import Callable

from pophealth.declare import Feature
from pophealth.errors import DeclarationError
from pophealth.features.lists import ListBuilder, method_range
from pophealth.features.moment import Edge, end_edge
from pophealth.features.programs import Block, Place, Sheet
from pophealth.kernels import features_days as days
from pophealth.kernels import features_series as series
from pophealth.kernels import features_stays as stays
from pophealth.kernels import features_values as values

Places = dict[str, Place]
STAY_TABLES = ("spells", "attendances")
"""Tables of stays, in the order of the numbers kernels know them by."""
_NONE = -1
_SERIES_BLOCK: dict[int, Block] = {series.APART: "bits", series.DISTINCT_DAYS: "counts"}


def ask(feature: Feature, sheet: Sheet, lists: ListBuilder) -> Places:
    """Give where the columns of `feature` will lie, after putting what it needs on the sheet."""
    start, end = Edge(feature.window, "start"), end_edge(feature.window)
    return ASKERS[feature.kind](feature, sheet, lists, start, end)


def _has(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    row = sheet.row("bits")
    sheet.use(lists.add(feature, feature.codelist), end, start, days.TO_BIT, row)
    return {feature.name: Place("bits", row)}


def _day(kind: int, *, is_first: bool = False) -> Callable[[Feature, Sheet, ListBuilder, Edge, Edge], Places]:
    def ask_day(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
        row = sheet.row("dates")
        sheet.use(lists.add(feature, feature.codelist), end, start, kind, row, is_first=is_first)
        return {feature.name: Place("dates", row)}

    return ask_day


def _unresolved(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    row = sheet.row("bits")
    one, other = (
        sheet.column(lists.add(feature, name), end, start, keep=True)
        for name in (feature.codelist, feature.options["resolved_by"])
    )
    sheet.unresolved.add(start, start, row, one, other, 0)
    return {feature.name: Place("bits", row)}


def _two_windows(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    row = sheet.row("bits")
    list_ = lists.add(feature, feature.codelist)
    before = Edge(feature.window, "before")
    now = sheet.column(list_, end, start, keep=True)
    earlier = sheet.column(list_, start, before, keep=True)
    sheet.unresolved.add(start, before, row, now, earlier, 1)
    return {feature.name: Place("bits", row)}


def _count(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    row = sheet.row("counts")
    sheet.counts.add(start, end, lists.add(feature, feature.codelist), row)
    return {feature.name: Place("counts", row)}


def _category(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    label, day = sheet.row("labels"), sheet.row("dates")
    columns = tuple(
        sheet.column(lists.add(feature, name), end, start, keep=True) for name in feature.options["categories"].values()
    )
    sheet.categories.add(start, end, label, day, columns)
    return {feature.name: Place("labels", label), f"{feature.name}_date": Place("dates", day)}


def _weighted_sum(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    row = sheet.row("counts")
    for name, weight in feature.options["weights"].items():
        sheet.use(lists.add(feature, name), end, start, days.TO_SUM, row, int(weight))
    return {feature.name: Place("counts", row)}


def _near(key: str, side: int, *, is_not: bool = False) -> Callable[[Feature, Sheet, ListBuilder, Edge, Edge], Places]:
    def ask_near(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
        gap = int(feature.options["days"])
        least, most = (0, gap) if side > 0 else (-gap, 0)
        matured = gap if feature.options.get("matured") else 0
        bit, day = sheet.row("bits"), sheet.row("dates")
        mine = lists.add(feature, feature.codelist)
        other = lists.add(feature, feature.options[key], plain=True)
        sheet.near.add(start, end, mine, other, least, most, int(is_not), matured, bit, day)
        return {feature.name: Place("bits", bit), f"{feature.name}_date": Place("dates", day)}

    return ask_near


def _co_issued(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    row = sheet.row("bits")
    one, other = lists.add(feature, feature.codelist), lists.add(feature, feature.options["with"])
    columns = [sheet.column(list_, end, start, keep=True) for list_ in (one, other)]
    sheet.co_issued.add(start, end, row, one, other, *columns, int(feature.options["days"]))
    return {feature.name: Place("bits", row)}


def _repeat(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    _refuse_other_tables(feature, "medications")
    row = sheet.row("bits")
    sheet.repeats.add(start, end, lists.add(feature, feature.codelist), row)
    return {feature.name: Place("bits", row)}


def _value(choice: int) -> Callable[[Feature, Sheet, ListBuilder, Edge, Edge], Places]:
    def ask_value(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
        _refuse_other_tables(feature, "measurements")
        chosen = values.LATEST_LOWEST if feature.options.get("same_day") == "lowest" else choice
        blocks: dict[str, Block] = {"float": "values", "date": "dates", "category": "labels"}
        places = {column: Place(blocks[kind], sheet.row(blocks[kind])) for column, kind in feature.outputs.items()}
        rows = [
            places[f"{feature.name}{ending}"].row if f"{feature.name}{ending}" in places else _NONE
            for ending in ("", "_date", "_comparator", "_setting")
        ]
        sheet.choices.add(start, end, lists.add(feature, feature.codelist), chosen, *rows)
        return places

    return ask_value


def _series(kind: int) -> Callable[[Feature, Sheet, ListBuilder, Edge, Edge], Places]:
    def ask_series(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
        if kind != series.DISTINCT_DAYS:
            _refuse_other_tables(feature, "measurements")
        block = _SERIES_BLOCK.get(kind, "values")
        row = sheet.row(block)
        options = feature.options
        low, high = options.get("meets", (0.0, 0.0))
        gap, consecutive = int(options.get("days", 0)), int(bool(options.get("consecutive", False)))
        list_ = lists.add(feature, feature.codelist)
        sheet.series.add(start, end, list_, kind, gap, consecutive, float(low), float(high), row)
        return {feature.name: Place(block, row)}

    return ask_series


def _pair(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:
    _refuse_other_tables(feature, "measurements")
    columns = list(feature.outputs)
    places = {column: Place("values", sheet.row("values")) for column in columns[:-1]}
    places[columns[-1]] = Place("dates", sheet.row("dates"))
    one = lists.add(feature, feature.codelist)
    other = lists.add(feature, feature.options["paired_with"], place=1)
    least = [float(number) for number in feature.options.get("at_least", (float("-inf"),) * 2)]
    value_rows = [places[column].row for column in columns[:-1]] or [_NONE, _NONE]
    same_time = int(feature.options.get("same") == "time")
    sheet.pairs.add(start, end, one, other, same_time, *least, *value_rows, places[columns[-1]].row)
    return places


def _stays(kind: int) -> Callable[[Feature, Sheet, ListBuilder, Edge, Edge], Places]:
    def ask_stays(feature: Feature, sheet: Sheet, lists: ListBuilder, start: Edge, end: Edge) -> Places:  # noqa: ARG001 - one face
        table = "attendances" if feature.kind == "attendance_count" else "spells"
        _refuse_other_tables(feature, table)
        row = sheet.row("counts")
        methods = method_range(str(feature.options.get("method", "")))
        gap = int(feature.options.get("days", 0))
        sheet.stays.add(start, end, STAY_TABLES.index(table), kind, *methods, gap, row)
        return {feature.name: Place("counts", row)}

    return ask_stays


def _refuse_other_tables(feature: Feature, table: str) -> None:
    if feature.tables != (table,):
        msg = f"feature {feature.name} ({feature.kind}): reads {table} only, found {', '.join(feature.tables)}"
        raise DeclarationError(msg)


ASKERS: dict[str, Callable[[Feature, Sheet, ListBuilder, Edge, Edge], Places]] = {
    "has": _has,
    "issued": _has,
    "has_unresolved": _unresolved,
    "first_date": _day(days.TO_DATE, is_first=True),
    "latest_date": _day(days.TO_DATE),
    "days_since": _day(days.TO_DAYS_SINCE),
    "count": _count,
    "distinct_days": _series(series.DISTINCT_DAYS),
    "latest_category": _category,
    "weighted_sum": _weighted_sum,
    "followed_by": _near("followed_by", 1),
    "not_followed_by": _near("followed_by", 1, is_not=True),
    "preceded_by": _near("preceded_by", -1),
    "not_preceded_by": _near("preceded_by", -1, is_not=True),
    "latest_value": _value(values.LATEST_HIGHEST),
    "min_value": _value(values.LOWEST),
    "max_value": _value(values.HIGHEST),
    "mean_value": _series(series.MEAN),
    "sd_value": _series(series.SD),
    "slope_value": _series(series.SLOPE),
    "change_value": _series(series.CHANGE),
    "two_values_apart": _series(series.APART),
    "latest_pair": _pair,
    "latest_pair_at_least": _pair,
    "issued_in_two_windows": _two_windows,
    "co_issued": _co_issued,
    "current_repeat": _repeat,
    "spell_count": _stays(stays.COUNT),
    "bed_days": _stays(stays.NIGHTS),
    "readmission_count": _stays(stays.READMISSIONS),
    "attendance_count": _stays(stays.COUNT),
}
"""Kinds answered by kernels, but those that count substances."""
