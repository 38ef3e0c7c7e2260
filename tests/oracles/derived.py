"""Gives the kinds made of other features as SQL: their inputs are asked again, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oracles.rows import Ask, per_person
from oracles.window import sql_date
from oracles.world import CALENDAR_FROM
from pophealth.declare import Feature

Oracle = Callable[[Feature, Ask], str]


def owner_of(column: str, features: Mapping[str, Feature]) -> Feature:
    """Give the feature that makes an output column."""
    return next(feature for feature in features.values() if column in feature.outputs)


def _inputs(ask: Ask, oracle: Oracle) -> str:
    """Give a query of one row a patient with every input column."""
    columns = dict.fromkeys(ask.feature.inputs)
    joined = "patients p"
    for place, column in enumerate(columns):
        made = oracle(owner_of(column, ask.features), ask)
        joined += f' JOIN (SELECT patient_id, "{column}" AS c{place} FROM ({made})) t{place} USING (patient_id)'
    chosen = ", ".join(f't{place}.c{place} AS "{column}"' for place, column in enumerate(columns))
    return f"SELECT p.patient_id, p.birth_date, {chosen} FROM {joined}"


def days_between(ask: Ask, oracle: Oracle) -> str:
    gap = f'"{ask.options["to_feature"]}" - "{ask.options["from_feature"]}"'
    return per_person("", f"SELECT patient_id, {gap} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def count_true(ask: Ask, oracle: Oracle) -> str:
    total = " + ".join(f'CAST("{column}" AS INTEGER)' for column in ask.options["features"])
    return per_person("", f"SELECT patient_id, {total} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def any_of(ask: Ask, oracle: Oracle) -> str:
    either = " OR ".join(f'"{column}"' for column in ask.options["features"])
    return per_person("", f"SELECT patient_id, {either} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def all_of(ask: Ask, oracle: Oracle) -> str:
    """An age is reached on the birthday of that year, taken as year, month and day: 29 February comes before 1 March."""
    today = f"(year({ask.index}), month({ask.index}), day({ask.index}))"
    birthday = "(year(birth_date) + {}, month(birth_date), day(birth_date))"
    parts = [f'"{column}"' for column in ask.options["features"]]
    parts += [f'NOT "{column}"' for column in ask.options.get("none_of", ())]
    if "age_at_least_years" in ask.options:
        parts.append(f"{birthday.format(ask.options['age_at_least_years'])} <= {today}")
    if "age_under_years" in ask.options:
        parts.append(f"{birthday.format(ask.options['age_under_years'])} > {today}")
    every = " AND ".join(f"({part})" for part in parts)
    return per_person("", f"SELECT patient_id, {every} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def number_in(ask: Ask, oracle: Oracle) -> str:
    number = f'"{ask.options["feature"]}"'
    parts = [f"{number} >= {ask.options['at_least']!r}"] if "at_least" in ask.options else []
    parts += [f"{number} < {ask.options['under']!r}"] if "under" in ask.options else []
    inside = " AND ".join(parts)
    return per_person("", f"SELECT patient_id, {inside} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def category_in(ask: Ask, oracle: Oracle) -> str:
    values = ", ".join(f"'{value}'" for value in ask.options["values"])
    inside = f'"{ask.options["feature"]}" IN ({values})'
    return per_person("", f"SELECT patient_id, {inside} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def age_at(ask: Ask, oracle: Oracle) -> str:
    day = f'"{ask.options["date_feature"]}"'
    before_birthday = f"(month({day}), day({day})) < (month(birth_date), day(birth_date))"
    years = f"year({day}) - year(birth_date) - CASE WHEN {before_birthday} THEN 1 ELSE 0 END"
    return per_person("", f"SELECT patient_id, {years} AS x FROM ({_inputs(ask, oracle)})", {ask.name: "g.x"})


def working_days_since(ask: Ask, oracle: Oracle) -> str:
    """Every day after the date is looked at in turn: Monday to Friday, in no list of bank holidays."""
    since = f'SELECT patient_id, "{ask.options["date_feature"]}" AS since FROM ({_inputs(ask, oracle)})'
    days = (
        "SELECT patient_id, CAST(unnest(generate_series(since + INTERVAL 1 DAY, "
        f"CAST({ask.index} AS TIMESTAMP), INTERVAL 1 DAY)) AS DATE) AS day FROM s WHERE since IS NOT NULL"
    )
    with_ = (
        f"s AS ({since}), d AS ({days}), w AS (SELECT patient_id, count(*) AS n FROM d "
        "WHERE isodow(day) <= 5 AND day NOT IN (SELECT day FROM bank_holidays) GROUP BY patient_id)"
    )
    group = "SELECT s.patient_id, coalesce(w.n, 0) AS x FROM s LEFT JOIN w USING (patient_id) "
    group += f"WHERE s.since >= {sql_date(CALENDAR_FROM)}"
    return per_person(with_, group, {ask.name: "g.x"})


MAKERS = {
    "days_between": days_between,
    "count_true": count_true,
    "any_of": any_of,
    "all_of": all_of,
    "number_in": number_in,
    "category_in": category_in,
    "age_at": age_at,
    "working_days_since": working_days_since,
}
