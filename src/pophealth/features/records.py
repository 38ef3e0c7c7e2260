"""Gives the value of each kind of feature for the people of one shard, by the kernels over its runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.declare import Feature
from pophealth.features.moment import Moment
from pophealth.features.plan import FeaturePlan, Words
from pophealth.kernels import features_days as days
from pophealth.kernels import features_medicines as medicines
from pophealth.kernels import features_pairs as pairs
from pophealth.kernels import features_stays as stays
from pophealth.kernels import features_values as values
from pophealth.kernels.postings import Postings, Shard, Stays

Out = dict[str, npt.NDArray[Any]]


class ShardReader:
    """One shard as the kernels want it (read-only arrays only) and the plan's windows as day numbers."""

    def __init__(self, shard: Shard, plan: FeaturePlan, moment: Moment) -> None:
        self.size = shard.n_people
        self.plan = plan
        self.moment = moment
        self.postings = {table: Postings(*map(_frozen, runs)) for table, runs in shard.postings.items()}
        self.stays = {table: Stays(*map(_frozen, rows)) for table, rows in shard.stays.items()}
        self._latest: dict[tuple[Any, ...], npt.NDArray[np.uint16]] = {}

    def runs(self, feature: Feature, expression: str | None) -> list[tuple[Postings, Words]]:
        """Give the postings and concepts that `expression` stands for, one pair per table of the feature."""
        return [
            (self.postings[table], self.plan.concepts[expression or "", table])
            for table in feature.tables
            if table in self.postings
        ]

    def latest(self, feature: Feature, expression: str | None, window: tuple[int, int]) -> npt.NDArray[np.uint16]:
        """Give the latest seen day of each person inside `window`, 0 for none; computed once per window."""
        key = (expression, feature.tables, window)
        if key not in self._latest:
            found = np.zeros(self.size, np.uint16)
            for runs, concepts in self.runs(feature, expression):
                days.latest_day(*_rows(runs), concepts, *window, self.moment.index, found)
            self._latest[key] = found
        return self._latest[key]

    def room(self, feature: Feature, expression: str | None) -> int:
        """Give the number of rows that `expression` has in the shard."""
        total = 0
        for runs, concepts in self.runs(feature, expression):
            inside = concepts[concepts.astype(np.int64) + 1 < len(runs.offsets)].astype(np.int64)
            total += int((runs.offsets[inside + 1].astype(np.int64) - runs.offsets[inside]).sum())
        return total


def compute(feature: Feature, reader: ShardReader, out: Out) -> None:
    """Give the feature's values in the arrays `out`, one place per person of the shard."""
    _KINDS[feature.kind](feature, reader, out)


def _rows(runs: Postings) -> tuple[npt.NDArray[Any], ...]:
    return runs.offsets, runs.entries, runs.lag, runs.late_row, runs.late_day


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give a read-only view: mapped arrays are read-only, and a kernel is compiled once only if all others are too."""
    view = array.view()
    view.flags.writeable = False
    return view


def _has(feature: Feature, reader: ShardReader, out: Out) -> None:
    out[feature.name][:] = reader.latest(feature, feature.codelist, reader.moment.window(feature)) != 0


def _unresolved(feature: Feature, reader: ShardReader, out: Out) -> None:
    window = reader.moment.window(feature)
    resolved = reader.latest(feature, feature.options["resolved_by"], window)
    out[feature.name][:] = reader.latest(feature, feature.codelist, window) > resolved


def _latest_date(feature: Feature, reader: ShardReader, out: Out) -> None:
    out[feature.name][:] = reader.latest(feature, feature.codelist, reader.moment.window(feature))


def _first_date(feature: Feature, reader: ShardReader, out: Out) -> None:
    moment = reader.moment
    for runs, concepts in reader.runs(feature, feature.codelist):
        days.first_day(*_rows(runs), concepts, *moment.window(feature), moment.index, out[feature.name])


def _count(feature: Feature, reader: ShardReader, out: Out) -> None:
    moment = reader.moment
    for runs, concepts in reader.runs(feature, feature.codelist):
        days.count_rows(*_rows(runs), concepts, *moment.window(feature), moment.index, out[feature.name])


def _distinct_days(feature: Feature, reader: ShardReader, out: Out) -> None:
    moment = reader.moment
    found = np.empty(reader.room(feature, feature.codelist), np.uint32)
    used = 0
    for runs, concepts in reader.runs(feature, feature.codelist):
        used = days.gather(*_rows(runs), concepts, *moment.window(feature), moment.index, found, used)
    days.count_distinct(found[:used], out[feature.name])


def _latest_category(feature: Feature, reader: ShardReader, out: Out) -> None:
    window = reader.moment.window(feature)
    label, day = out[feature.name], out[f"{feature.name}_date"]
    for place, codelist in enumerate(feature.options["categories"].values(), start=1):
        found = reader.latest(feature, codelist, window)
        wins = (found != 0) & (found >= day)  # same day: the later label wins
        label[wins] = place
        day[wins] = found[wins]


def _value(choice: int) -> Callable[[Feature, ShardReader, Out], None]:
    def compute_value(feature: Feature, reader: ShardReader, out: Out) -> None:
        moment = reader.moment
        chosen = values.LATEST_LOWEST if feature.options.get("same_day") == "lowest" else choice
        day = out.get(f"{feature.name}_date", np.zeros(reader.size, np.uint16))
        for runs, concepts in reader.runs(feature, feature.codelist):
            values.choose_value(
                *_rows(runs), runs.value, runs.unit, concepts, reader.plan.factors[feature.name],
                *bounds_of(feature, 0), *moment.window(feature), moment.index, chosen, day, out[feature.name],
            )  # fmt: skip

    return compute_value


def bounds_of(feature: Feature, place: int) -> tuple[float, float]:
    """Give the lowest and highest accepted value of the first or second codelist: ``[low, high]`` or a pair of them."""
    between = feature.options.get("between", (-np.inf, np.inf))
    low, high = between[place] if isinstance(between[0], list | tuple) else between
    return float(low), float(high)


def _pair(feature: Feature, reader: ShardReader, out: Out) -> None:
    moment = reader.moment
    window = (*moment.window(feature), moment.index)
    factor = reader.plan.factors[feature.name]
    head, link, node_day = _chains(reader, reader.room(feature, feature.codelist))
    first, second = (np.full(link.size, np.nan) for _ in range(2))
    used = 0
    for runs, concepts in reader.runs(feature, feature.codelist):
        used = pairs.add_first_values(
            *_rows(runs), runs.value, runs.unit, concepts, factor, *bounds_of(feature, 0), *window,
            head, link, node_day, first, used,
        )  # fmt: skip
    for runs, concepts in reader.runs(feature, feature.options["paired_with"]):
        pairs.add_second_values(
            *_rows(runs), runs.value, runs.unit, concepts, factor, *bounds_of(feature, 1), *window,
            head, link, node_day, second,
        )  # fmt: skip
    columns = list(feature.outputs)
    least = [float(number) for number in feature.options.get("at_least", (-np.inf, -np.inf))]
    spare = [np.full(reader.size, np.nan) for _ in range(2)]
    chosen = [out[column] for column in columns[:-1]] or spare
    pairs.latest_pair(head, link, node_day, first, second, *least, out[columns[-1]], *chosen)


def _chains(reader: ShardReader, room: int) -> tuple[npt.NDArray[np.int32], ...]:
    return np.full(reader.size, -1, np.int32), np.empty(room, np.int32), np.empty(room, np.uint16)  # type: ignore[return-value]


def _near(feature: Feature, reader: ShardReader, out: Out, other: str, least: int, most: int, *, inside: bool) -> None:
    """Give whether a row of the codelist in the window has one of `other` from `least` to `most` days after it."""
    moment = reader.moment
    start, end = moment.window(feature)
    head, link, node_day = _chains(reader, reader.room(feature, feature.codelist))
    used = 0
    for runs, concepts in reader.runs(feature, feature.codelist):
        used = pairs.chain_days(
            *_rows(runs), concepts, start, end, moment.index, head, link, node_day, used
        )  # fmt: skip
    reach = (start, end) if inside else (max(start + least, 0), min(end + most, moment.index))
    for runs, concepts in reader.runs(feature, feature.options[other]):
        pairs.mark_near(
            *_rows(runs), concepts, *reach, moment.index, head, link, node_day, least, most, out[feature.name]
        )  # fmt: skip


def _followed_by(feature: Feature, reader: ShardReader, out: Out) -> None:
    _near(feature, reader, out, "followed_by", 0, int(feature.options["days"]), inside=False)


def _preceded_by(feature: Feature, reader: ShardReader, out: Out) -> None:
    _near(feature, reader, out, "preceded_by", -int(feature.options["days"]), 0, inside=False)


def _co_issued(feature: Feature, reader: ShardReader, out: Out) -> None:
    gap = int(feature.options["days"])
    _near(feature, reader, out, "with", -gap, gap, inside=True)


def _two_windows(feature: Feature, reader: ShardReader, out: Out) -> None:
    now = reader.latest(feature, feature.codelist, reader.moment.window(feature))
    earlier = reader.latest(feature, feature.codelist, reader.moment.window_before(feature))
    out[feature.name][:] = (now != 0) & (earlier != 0)


def _current_repeat(feature: Feature, reader: ShardReader, out: Out) -> None:
    key = np.zeros(reader.size, np.uint32)
    for runs, concepts in reader.runs(feature, feature.codelist):
        medicines.latest_supply(*_rows(runs), runs.supply, runs.repeat, concepts, reader.moment.index, key)
    out[feature.name][:] = (key != 0) & ((key >> 8) + (key & 255) >= reader.moment.index)


def _current_substances(feature: Feature, reader: ShardReader, out: Out) -> None:
    products = reader.plan.substances[feature.name]
    key, touched = (np.zeros(reader.size, np.uint32) for _ in range(2))
    for table in feature.tables:
        if table in reader.postings:
            runs = reader.postings[table]
            medicines.count_substances(
                *_rows(runs), runs.supply, runs.repeat, products.concepts, products.bounds, reader.moment.index,
                key, touched, out[feature.name],
            )  # fmt: skip


def method_range(method: str) -> tuple[int, int]:
    """Give the lowest and highest stored number of admission methods that begin with `method` (as ``kernels.postings``)."""
    if not method:
        return 0, 255
    first = 16 * int(method[0])
    if len(method) == 1:
        return first, first + 15
    return first + min(int(method[1], 36), 15), first + min(int(method[1], 36), 15)


def _spell_count(feature: Feature, reader: ShardReader, out: Out) -> None:
    methods = method_range(str(feature.options.get("method", "")))
    for table in feature.tables:
        if table in reader.stays:
            rows = reader.stays[table]
            window = reader.moment.window(feature)
            stays.count_stays(rows.offsets, rows.first, rows.method, *methods, *window, out[feature.name])


def _bed_days(feature: Feature, reader: ShardReader, out: Out) -> None:
    methods = method_range(str(feature.options.get("method", "")))
    for table in feature.tables:
        if table in reader.stays:
            window = reader.moment.window(feature)
            stays.count_bed_days(*reader.stays[table], *methods, *window, out[feature.name])


_KINDS: dict[str, Callable[[Feature, ShardReader, Out], None]] = {
    "has": _has,
    "has_unresolved": _unresolved,
    "first_date": _first_date,
    "latest_date": _latest_date,
    "count": _count,
    "distinct_days": _distinct_days,
    "latest_category": _latest_category,
    "latest_value": _value(values.LATEST_HIGHEST),
    "min_value": _value(values.LOWEST),
    "max_value": _value(values.HIGHEST),
    "latest_pair": _pair,
    "latest_pair_at_least": _pair,
    "followed_by": _followed_by,
    "preceded_by": _preceded_by,
    "issued": _has,
    "issued_in_two_windows": _two_windows,
    "co_issued": _co_issued,
    "current_repeat": _current_repeat,
    "current_substances": _current_substances,
    "spell_count": _spell_count,
    "bed_days": _bed_days,
    "attendance_count": _spell_count,
}
