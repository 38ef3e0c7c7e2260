"""Gives the kinds over values as SQL. Sums are ordered lists folded from the left, so that their order is defined."""

from __future__ import annotations

from oracles.rows import Ask, Maker, counting, number, per_person
from pophealth.declare import EXTRAS

FOLD = "list_reduce({}, lambda total, term: total + term)"


def _rows(ask: Ask) -> str:
    return f"r AS ({counting(ask, ask.feature.codelist)})"


def extreme(aggregate: str) -> Maker:
    """Give the maker of the lowest or the highest value."""

    def make(ask: Ask) -> str:
        group = f"SELECT patient_id, {aggregate}(value) AS x FROM r GROUP BY patient_id"
        return per_person(_rows(ask), group, {ask.name: "g.x"})

    return make


def _rank(column: str) -> str:
    cases = " ".join(f"WHEN '{label}' THEN {place}" for place, label in enumerate(EXTRAS[column]))
    return f"CASE {column} {cases} ELSE 99 END"


def latest_value(ask: Ask) -> str:
    way = "ASC" if ask.options.get("same_day") == "lowest" else "DESC"
    group = (
        "SELECT * FROM r QUALIFY row_number() OVER (PARTITION BY patient_id "
        f"ORDER BY day DESC, value {way}, {_rank('comparator')}, {_rank('setting')}) = 1"
    )
    columns = {ask.name: "g.value", f"{ask.name}_date": "g.day"}
    columns |= {f"{ask.name}_{extra}": f"g.{extra}" for extra in ask.options.get("with", ())}
    return per_person(_rows(ask), group, columns)


def _lists(ask: Ask) -> str:
    """CTEs: per person the values and days in order of day, then value, their number, and the means of both."""
    first = "min(day) OVER (PARTITION BY patient_id)"
    return (
        f"{_rows(ask)}, d AS (SELECT patient_id, day, value, CAST(day - {first} AS DOUBLE) AS place FROM r), "
        "l AS (SELECT patient_id, list(value ORDER BY day, value) AS v, list(place ORDER BY day, value) AS x, "
        "CAST(count(*) AS DOUBLE) AS n, count(DISTINCT day) AS days FROM d GROUP BY patient_id), "
        f"m AS (SELECT *, {FOLD.format('v')} / n AS my, {FOLD.format('x')} / n AS mx FROM l)"
    )


def mean_value(ask: Ask) -> str:
    return per_person(_lists(ask), "SELECT * FROM m", {ask.name: "g.my"})


def sd_value(ask: Ask) -> str:
    squares = FOLD.format("list_transform(v, lambda one: (one - my) * (one - my))")
    group = f"SELECT patient_id, sqrt({squares} / (n - 1.0)) AS x FROM m WHERE n >= 2"
    return per_person(_lists(ask), group, {ask.name: "g.x"})


def slope_value(ask: Ask) -> str:
    products = FOLD.format("list_transform(list_zip(x, v), lambda one: (one[1] - mx) * (one[2] - my))")
    squares = FOLD.format("list_transform(x, lambda one: (one - mx) * (one - mx))")
    group = f"SELECT patient_id, {products} / {squares} * {number(365.25)} AS x FROM m WHERE days >= 2"
    return per_person(_lists(ask), group, {ask.name: "g.x"})


def change_value(ask: Ask) -> str:
    with_ = (
        f"{_rows(ask)}, d AS (SELECT patient_id, day, max(value) AS value FROM r GROUP BY patient_id, day), "
        "a AS (SELECT patient_id, max(day) AS day FROM d GROUP BY patient_id), "
        "b AS (SELECT d.patient_id, max(d.day) AS day FROM d JOIN a USING (patient_id) "
        f"WHERE d.day <= a.day - {int(ask.options['days'])} GROUP BY d.patient_id)"
    )
    group = (
        "SELECT a.patient_id, latest.value - earlier.value AS x FROM a JOIN b USING (patient_id) "
        "JOIN d latest ON latest.patient_id = a.patient_id AND latest.day = a.day "
        "JOIN d earlier ON earlier.patient_id = b.patient_id AND earlier.day = b.day"
    )
    return per_person(with_, group, {ask.name: "g.x"})


def two_values_apart(ask: Ask) -> str:
    low, high = ask.options["meets"]
    days = int(ask.options["days"])
    meets = f"bool_and(value >= {number(low)} AND value <= {number(high)})"
    with_ = f"{_rows(ask)}, d AS (SELECT patient_id, day, {meets} AS meets FROM r GROUP BY patient_id, day)"
    if ask.options.get("consecutive"):
        # From some day on, far enough back, no day fails up to the latest one.
        test = (
            "EXISTS (SELECT 1 FROM d a WHERE a.patient_id = t.patient_id AND t.latest - a.day >= "
            f"{days} AND NOT EXISTS (SELECT 1 FROM d b WHERE b.patient_id = a.patient_id AND b.day >= a.day AND NOT b.meets))"
        )
        group = (
            f"SELECT patient_id, {test} AS x FROM (SELECT patient_id, max(day) AS latest FROM d GROUP BY patient_id) t"
        )
    else:
        group = (
            "SELECT a.patient_id, true AS x FROM d a JOIN d b ON a.patient_id = b.patient_id "
            f"WHERE a.meets AND b.meets AND b.day > a.day AND b.day - a.day >= {days} GROUP BY a.patient_id"
        )
    return per_person(with_, group, {ask.name: "coalesce(g.x, false)"})


def _pairs(ask: Ask) -> str:
    """CTE `pairs`: of each day with a pair, the pair."""
    first = counting(ask, ask.feature.codelist, bound=0)
    second = counting(ask, ask.options["paired_with"], bound=1)
    by_time = ask.options.get("same") == "time"
    alike = "AND a.time IS NOT DISTINCT FROM b.time " if by_time else ""
    return (
        f"a AS ({first}), b AS ({second}), pairs AS (SELECT a.patient_id, a.day, a.value AS one, b.value AS two "
        f"FROM a JOIN b ON a.patient_id = b.patient_id AND a.day = b.day {alike}"
        "QUALIFY row_number() OVER (PARTITION BY a.patient_id, a.day ORDER BY a.value, b.value) = 1)"
    )


def latest_pair(ask: Ask) -> str:
    first, second, dated = ask.feature.outputs
    group = "SELECT * FROM pairs QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY day DESC) = 1"
    return per_person(_pairs(ask), group, {first: "g.one", second: "g.two", dated: "g.day"})


def latest_pair_at_least(ask: Ask) -> str:
    first, second = ask.options["at_least"]
    group = (
        f"SELECT patient_id, max(day) AS x FROM pairs WHERE one >= {number(first)} OR two >= {number(second)} "
        "GROUP BY patient_id"
    )
    return per_person(_pairs(ask), group, {ask.name: "g.x"})


MAKERS = {
    "latest_value": latest_value,
    "min_value": extreme("min"),
    "max_value": extreme("max"),
    "mean_value": mean_value,
    "sd_value": sd_value,
    "slope_value": slope_value,
    "change_value": change_value,
    "two_values_apart": two_values_apart,
    "latest_pair": latest_pair,
    "latest_pair_at_least": latest_pair_at_least,
}
