"""Gives the kinds over issues of medicines as SQL."""

from __future__ import annotations

from oracles.rows import Ask, begins, counting, per_person, texts
from oracles.window import length_before

USUAL_SUPPLY_DAYS = 28
SUPPLY = f"coalesce(nullif(days_supply, 0), {USUAL_SUPPLY_DAYS})"
"""Days an issue lasts; 0 is not said."""
ON_REPEAT = "is_repeat IS DISTINCT FROM false"


def issued(ask: Ask) -> str:
    group = f"SELECT DISTINCT patient_id, true AS x FROM ({counting(ask, ask.feature.codelist)})"
    return per_person("", group, {ask.name: "coalesce(g.x, false)"})


def issued_in_two_windows(ask: Ask) -> str:
    before = length_before(ask.feature.window, ask.index_date, ask.contract_year)
    earlier = counting(ask, ask.feature.codelist, window=before)
    with_ = f"r AS ({counting(ask, ask.feature.codelist)}), e AS ({earlier})"
    group = "SELECT DISTINCT r.patient_id, true AS x FROM r WHERE EXISTS (SELECT 1 FROM e WHERE e.patient_id = r.patient_id)"
    return per_person(with_, group, {ask.name: "coalesce(g.x, false)"})


def co_issued(ask: Ask) -> str:
    with_ = f"r AS ({counting(ask, ask.feature.codelist)}), o AS ({counting(ask, ask.options['with'])})"
    group = (
        "SELECT DISTINCT r.patient_id, true AS x FROM r JOIN o USING (patient_id) "
        f"WHERE abs(r.day - o.day) <= {int(ask.options['days'])}"
    )
    return per_person(with_, group, {ask.name: "coalesce(g.x, false)"})


def _current(rows: str, keys: str, index: str) -> str:
    """Give the keys whose latest issue, lasting its longest supply, reaches the index date."""
    return (
        f"SELECT {keys} FROM (SELECT {keys}, day, max({SUPPLY}) AS supply FROM ({rows}) WHERE {ON_REPEAT} "
        f"GROUP BY {keys}, day QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY day DESC) = 1) "
        f"WHERE day + CAST(supply AS INTEGER) >= {index}"
    )


def current_repeat(ask: Ask) -> str:
    group = _current(counting(ask, ask.feature.codelist), "patient_id", ask.index)
    return per_person("", f"SELECT patient_id, true AS x FROM ({group})", {ask.name: "coalesce(g.x, false)"})


def _of_substances(ask: Ask) -> str:
    """Give the rows that count, once for each substance of their product."""
    left_out = ask.options.get("without_bnf")
    kept = f" AND (bnf_code IS NULL OR NOT {begins('bnf_code', left_out)})" if left_out else ""
    of_one, whole = "s.substance", ""
    if ask.options.get("count_by") == "bnf_paragraph":
        of_one, whole = "substr(s.bnf_code, 1, 6) AS substance", " AND length(s.bnf_code) >= 6"
    return (
        f"SELECT r.*, {of_one} FROM ({counting(ask, ask.feature.codelist)}) r "
        f"JOIN medicine_map s ON s.code_system = r.code_system AND s.code = r.code{kept}{whole}"
    )


def substances(ask: Ask) -> str:
    rows = _of_substances(ask)
    keys = "patient_id, substance"
    found = _current(rows, keys, ask.index) if ask.feature.kind == "current_substances" else rows
    group = f"SELECT patient_id, count(DISTINCT substance) AS x FROM ({found}) GROUP BY patient_id"
    return per_person("", group, {ask.name: "coalesce(g.x, 0)"})


def substance_weight_sum(ask: Ask) -> str:
    rows = _of_substances(ask)
    keys = "patient_id, substance"
    found = _current(rows, keys, ask.index) if ask.options.get("current") else f"SELECT DISTINCT {keys} FROM ({rows})"
    weights = (
        "SELECT s.substance, max(coalesce(CAST(c.category AS BIGINT), 0)) AS weight FROM codelists c "
        "JOIN medicine_map s ON s.code_system = c.code_system AND s.code = c.code "
        f"WHERE c.list IN {texts(ask.feature.codelists)} GROUP BY s.substance"
    )
    group = (
        f"SELECT f.patient_id, CAST(sum(w.weight) AS BIGINT) AS x FROM ({found}) f JOIN ({weights}) w USING (substance) "
        "GROUP BY f.patient_id"
    )
    return per_person("", group, {ask.name: "coalesce(g.x, 0)"})


def current_categories(ask: Ask) -> str:
    named = (
        "SELECT DISTINCT code_system, code, lower(category) AS category FROM codelists "
        f"WHERE list IN {texts(ask.feature.codelists)}"
    )
    rows = (
        f"SELECT r.*, c.category FROM ({counting(ask, ask.feature.codelist)}) r JOIN ({named}) c "
        "ON c.code_system = r.code_system AND c.code = r.code WHERE c.category IS NOT NULL"
    )
    now = _current(rows, "patient_id, category", ask.index)
    group = f"SELECT patient_id, list(category ORDER BY category) AS x FROM ({now}) GROUP BY patient_id"
    return per_person("", group, {ask.name: "coalesce(g.x, [])"})


def current_daily_dose(ask: Ask) -> str:
    keys = "patient_id, code_system, code"
    rows = (
        f"SELECT * FROM ({counting(ask, ask.feature.codelist)}) WHERE {ON_REPEAT} AND quantity IS NOT NULL "
        "AND coalesce(days_supply, 0) > 0"
    )
    numbers = (
        "SELECT code_system, code, CAST(any_value(category) AS DOUBLE) AS per_unit FROM codelists "
        f"WHERE list IN {texts(ask.feature.codelists)} GROUP BY code_system, code"
    )
    doses = (
        f"SELECT {keys}, max(quantity * per_unit / CAST(days_supply AS DOUBLE)) AS dose FROM (SELECT * FROM issues "
        f"QUALIFY rank() OVER (PARTITION BY {keys} ORDER BY day DESC) = 1) JOIN numbers USING (code_system, code) "
        f"GROUP BY {keys}"
    )
    with_ = (
        f"issues AS ({rows}), numbers AS ({numbers}), now AS ({_current('SELECT * FROM issues', keys, ask.index)}), "
        f"doses AS ({doses})"
    )
    group = (
        "SELECT patient_id, list_reduce(list(dose ORDER BY code_system, code), lambda total, term: total + term) AS x "
        f"FROM doses SEMI JOIN now USING ({keys}) GROUP BY patient_id"
    )
    return per_person(with_, group, {ask.name: "coalesce(g.x, 0.0)"})


MAKERS = {
    "issued": issued,
    "issued_in_two_windows": issued_in_two_windows,
    "co_issued": co_issued,
    "current_repeat": current_repeat,
    "current_substances": substances,
    "distinct_substances": substances,
    "substance_weight_sum": substance_weight_sum,
    "current_daily_dose": current_daily_dose,
    "current_categories": current_categories,
}
