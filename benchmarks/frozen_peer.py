"""Gives the frozen plan as DuckDB's SQL in the fastest form found: has-ever by masks, all else by one map a person.

Filtered aggregates (one per list) took twice the time, a join and pivot in between; see docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import numpy as np
import polars as pl
from frozen_plan import CATEGORY, MEDICINES, METHODS, Universe, burdens, code_numbers

from pophealth.declare import Feature

Source = Callable[[str], str]
WORD = 64
"""Lists in a word of a mask."""


def connect(known: Universe, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Give a connection with `tables_of` as tables."""
    connection = duckdb.connect()
    connection.execute(f"SET threads={threads}")
    connection.execute("SET preserve_insertion_order=false")
    connection.execute("SET enable_progress_bar=false")
    for name, frame in tables_of(known).items():
        _store(connection, name, frame)
    return connection


def tables_of(known: Universe) -> dict[str, pl.DataFrame]:
    """Give the lists as tables: sl, sm (findings by list, by mask), ml (medicines), chem, vl (measurements)."""
    made = {}
    for name, kind, table in (("sl", "f", "events"), ("ml", "m", "medications"), ("vl", "v", "measurements")):
        numbers = code_numbers(table)
        frames = [pl.DataFrame({"code": numbers[ranks], "l": place}) for place, ranks in enumerate(known.lists[kind])]
        made[name] = pl.concat(frames).with_columns(pl.col("l").cast(pl.UInt8))
    masks = np.zeros((code_numbers("events").size, 3), np.uint64)
    for place, ranks in enumerate(known.lists["f"]):
        masks[ranks, place // WORD] |= np.uint64(1 << (place % WORD))
    listed = masks.any(axis=1)
    words = {f"m{word}": masks[listed, word] for word in range(3)}
    made["sm"] = pl.DataFrame({"code": code_numbers("events")[listed]} | words)
    ranks = np.arange(MEDICINES)
    products = {"code": code_numbers("medications"), "chem": known.substance, "weight": known.weight[known.substance]}
    members = {f"l{number}": np.isin(ranks, known.lists["m"][number]) for number in (38, 39)}
    return made | {"chem": pl.DataFrame(products | members)}


def _store(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    connection.register("given", frame.to_arrow())
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    connection.unregister("given")


def sql(features: dict[str, Feature], source: Source, index_date: date) -> str:
    """Give one query with a row a person; ``source(table)`` says where a table is read from."""
    day = f"DATE '{index_date}'"
    seen = f"date <= {day} AND recorded <= {day}"
    parts = _findings(features, source, day, seen) | _medicines(features, source, day, seen)
    parts |= _values(features, source, day, seen) | _spells(features, source, day)
    selected = [_column(name, feature, day) for name, feature in features.items()]
    joins = " ".join(f"LEFT JOIN {name} USING (pid)" for name in ("mk", "ev", "me", "co", "ch", "vv", "sp", "rd"))
    with_ = ", ".join(f"{name} AS ({query})" for name, query in parts.items())
    return f"WITH {with_} SELECT p.pid, {', '.join(selected)} FROM {source('patients')} p {joins}"


def _number(text: str | None) -> int:
    return int((text or "")[1:])


def _days(feature: Feature) -> int:
    return int(feature.window.days or 0)


def _of(features: dict[str, Feature], *kinds: str) -> dict[str, Feature]:
    return {name: feature for name, feature in features.items() if feature.kind in kinds and name == feature.name}


def _findings(features: dict[str, Feature], source: Source, day: str, seen: str) -> dict[str, str]:
    latest = {
        _number(f.codelist) for f in _of(features, "has", "latest_date", "has_unresolved").values() if not _is_ever(f)
    }
    latest |= {_number(f.options["resolved_by"]) for f in _of(features, "has_unresolved").values()}
    latest |= {_number(n) for f in _of(features, "latest_category").values() for n in f.options["categories"].values()}
    first = {_number(f.codelist) for f in _of(features, "first_date").values()}
    counted = {_number(f.codelist) for f in _of(features, "count").values()}
    needed = ",".join(map(str, sorted(latest | first | counted)))
    base = (
        f"SELECT pid, l, max(date) ld, min(date) fd, count(*) FILTER (date > {day} - 365) n FROM {source('events')} "
        f"JOIN (SELECT * FROM sl WHERE l IN ({needed})) USING (code) WHERE {seen} GROUP BY pid, l"
    )
    others = [f"min(fd) FILTER (l = {i}) AS f{i}" for i in sorted(first)]
    others += [f"max(n) FILTER (l = {i}) AS n{i}" for i in sorted(counted)]
    pivot = ", ".join(f"k[{i}] AS l{i}" for i in sorted(latest))
    words = ", ".join(f"bit_or(m{word}) m{word}" for word in range(3))
    return {
        "mk": f"SELECT pid, {words} FROM {source('events')} JOIN sm USING (code) WHERE {seen} GROUP BY pid",
        "ev0": f"SELECT pid, map(list(l), list(ld)) k, {', '.join(others)} FROM ({base}) GROUP BY pid",
        "ev": f"SELECT * EXCLUDE (k), {pivot} FROM ev0",
    }


def _is_ever(feature: Feature) -> bool:
    return feature.kind == "has" and not feature.window.days


def _medicines(features: dict[str, Feature], source: Source, day: str, seen: str) -> dict[str, str]:
    wanted = [
        f"max(ld) FILTER (l = {_number(f.codelist)}) AS i{_number(f.codelist)}"
        for f in _of(features, "issued").values()
    ]
    wanted += [
        f"bool_or(cur) FILTER (l = {_number(f.codelist)}) AS r{_number(f.codelist)}"
        for f in _of(features, "current_repeat").values()
    ]
    wanted += [
        f"bool_or(a1 AND a2) FILTER (l = {_number(f.codelist)}) AS t{_number(f.codelist)}"
        for f in _of(features, "issued_in_two_windows").values()
    ]
    latest = "max({'d': date, 's': coalesce(days, 28)})"
    lists = (
        f"SELECT pid, l, max(date) ld, ({latest}).d + ({latest}).s::INT >= {day} cur, bool_or(date > {day} - 84) a1, "
        f"bool_or(date <= {day} - 84 AND date > {day} - 168) a2 FROM {source('medications')} "
        f"JOIN (SELECT * FROM ml WHERE l < 22) USING (code) WHERE {seen} GROUP BY pid, l"
    )
    pairs = (
        "SELECT DISTINCT a.pid, (a.l - 22) // 2 AS k FROM cx a JOIN cx b ON a.pid = b.pid AND a.l % 2 = 0 "
        "AND b.l = a.l + 1 AND abs(a.date - b.date) <= 28"
    )
    chemicals = (
        f"SELECT pid, chem, any_value(weight) w, bool_or(date > {day} - 84) d84, any_value(l38) l38, any_value(l39) l39 "
        f"FROM {source('medications')} JOIN chem USING (code) WHERE {seen} AND date > {day} - 365 GROUP BY pid, chem"
    )
    return {
        "me": f"SELECT pid, {', '.join(wanted)} FROM ({lists}) GROUP BY pid",
        "cx": f"SELECT pid, l, date FROM {source('medications')} JOIN (SELECT * FROM ml WHERE l >= 22 AND l < 38) USING (code) "
        f"WHERE {seen} AND date > {day} - 365",
        "co": f"SELECT pid, {', '.join(f'bool_or(k = {i}) AS c{i}' for i in range(8))} FROM ({pairs}) GROUP BY pid",
        "ch": "SELECT pid, count(*) FILTER (d84) p84, count(*) p365, count(*) FILTER (l38) c38, "
        f"count(*) FILTER (l39 AND d84) c39, sum(w) FILTER (d84) w84 FROM ({chemicals}) GROUP BY pid",
    }


def _values(features: dict[str, Feature], source: Source, day: str, seen: str) -> dict[str, str]:
    base = (
        f"SELECT pid, l, max({{'d': date, 'v': value}}) s, max(value) FILTER (date > {day} - 730) mx, "
        f"min(value) FILTER (date > {day} - 730) mn FROM {source('measurements')} JOIN vl USING (code) "
        f"WHERE {seen} GROUP BY pid, l"
    )
    columns = []
    for feature in _of(features, "latest_value").values():
        i, days = _number(feature.codelist), _days(feature)
        columns += [f"CASE WHEN k[{i}].d > {day} - {days} THEN k[{i}].{part} END {part}{i}" for part in ("v", "d")]
    columns += [f"kx[{_number(f.codelist)}] x{_number(f.codelist)}" for f in _of(features, "max_value").values()]
    columns += [f"kn[{_number(f.codelist)}] x{_number(f.codelist)}" for f in _of(features, "min_value").values()]
    maps = "map(list(l), list(s)) k, map(list(l), list(mx)) kx, map(list(l), list(mn)) kn"
    return {"vv0": f"SELECT pid, {maps} FROM ({base}) GROUP BY pid", "vv": f"SELECT pid, {', '.join(columns)} FROM vv0"}


def _spells(features: dict[str, Feature], source: Source, day: str) -> dict[str, str]:
    place = {method[0]: number for number, method in enumerate(METHODS)}
    counted = [
        f"count(*) FILTER (method = {place[f.options['method']]} AND admitted > {day} - {_days(f)}) {name}"
        for name, f in _of(features, "spell_count").items()
    ]
    counted += [
        f"sum(greatest(least(discharged, {day}) - greatest(admitted, {day} - {_days(f)}), 0)) "
        f"FILTER (method = {place[f.options['method']]}) {name}"
        for name, f in _of(features, "bed_days").items()
    ]
    earlier = (
        "EXISTS (SELECT 1 FROM s a WHERE a.pid = b.pid AND a.discharged BETWEEN b.admitted - 30 AND b.admitted "
        "AND (a.admitted, a.discharged, a.row) < (b.admitted, b.discharged, b.row))"
    )
    return {
        "s": f"SELECT * FROM {source('spells')} WHERE admitted <= {day}",
        "sp": f"SELECT pid, {', '.join(counted)} FROM s GROUP BY pid",
        "rd": f"SELECT pid, count(*) n FROM s b WHERE method = 0 AND admitted > {day} - 365 AND {earlier} GROUP BY pid",
    }


def _ever(number: int) -> str:
    return f"(coalesce(m{number // WORD}, 0::UBIGINT) & {1 << (number % WORD)}::UBIGINT) <> 0"


def _column(name: str, feature: Feature, day: str) -> str:
    kind, number = feature.kind, _number(feature.codelist) if feature.codelist not in (None, "m_all") else -1
    if kind == "weighted_sum":
        terms = [f"{weight} * ({_ever(i)})::INT" for i, weight in burdens()[name].items()]
        return f"({' + '.join(terms)}) {name}"
    if kind == "latest_category":
        return _category(name, feature)
    known = {"spell_count": name, "bed_days": name, "readmission_count": "rd.n"}
    substances = {
        "substances_84d": "p84",
        "substances_365d": "p365",
        "substances_38_365d": "c38",
        "substances_39_84d": "c39",
    }
    plain = {
        "has": _ever(number) if _is_ever(feature) else f"coalesce(l{number} > {day} - {_days(feature)}, false)",
        "first_date": f"f{number}",
        "latest_date": f"l{number}",
        "count": f"coalesce(n{number}, 0)::INT",
        "issued": f"coalesce(i{number} > {day} - {_days(feature)}, false)",
        "current_repeat": f"coalesce(r{number}, false)",
        "issued_in_two_windows": f"coalesce(t{number}, false)",
        "co_issued": f"coalesce(c{name.removeprefix('together_')}, false)",
        "distinct_substances": f"coalesce({substances.get(name, 'p84')}, 0)::INT",
        "substance_weight_sum": "coalesce(w84, 0)::INT",
        "latest_value": f"{'d' if name.endswith('_date') else 'v'}{number}",
        "max_value": f"x{number}",
        "min_value": f"x{number}",
        **{kind: f"coalesce({column}, 0)::INT" for kind, column in known.items()},
    }
    if kind == "has_unresolved":
        other = _number(feature.options["resolved_by"])
        return f"coalesce(l{number} > coalesce(l{other}, DATE '1800-01-01'), false) {name}"
    return f"{plain[kind]} {name}"


def _category(name: str, feature: Feature) -> str:
    lists = [_number(text) for text in feature.options["categories"].values()]
    if name.endswith("_date"):
        return f"greatest({', '.join(f'l{i}' for i in lists)}) {name}"
    latest = f"greatest({', '.join(f'l{i}' for i in lists)})"
    labels = reversed(list(zip(lists, CATEGORY, strict=True)))
    cases = " ".join(f"WHEN l{i} = {latest} THEN '{label}'" for i, label in labels)
    return f"CASE {cases} END {name}"
