"""Gives the kinds over spells, attendances and contacts, and those made of other features, as SQL."""

from __future__ import annotations

from oracles.rows import Ask, begins, inside, per_person, texts, where


def _spells(ask: Ask) -> str:
    """Give the spells whose admission is visible and whose method begins as declared."""
    method = f" AND {begins('method', [ask.options['method']])}" if "method" in ask.options else ""
    return f"SELECT * FROM spells WHERE admission_date <= {ask.index}{method}"


def spell_count(ask: Ask) -> str:
    rows = f"SELECT * FROM ({_spells(ask)}) WHERE {inside('admission_date', ask.window)}"
    group = f"SELECT patient_id, count(*) AS x FROM ({rows}) GROUP BY patient_id"
    return per_person("", group, {ask.name: "coalesce(g.x, 0)"})


def bed_days(ask: Ask) -> str:
    """A night belongs to the morning it ends on; the mornings of a stay are walked one by one."""
    first, last = ask.window
    mornings = (
        "SELECT patient_id, unnest(generate_series(admission_date + INTERVAL 1 DAY, "
        f"least(coalesce(discharge_date, {last}), {last}), INTERVAL 1 DAY)) AS morning FROM ({_spells(ask)})"
    )
    group = (
        f"SELECT patient_id, count(*) AS x FROM ({mornings}) WHERE {inside('CAST(morning AS DATE)', (first, last))} "
        "GROUP BY patient_id"
    )
    return per_person("", group, {ask.name: "coalesce(g.x, 0)"})


def readmission_count(ask: Ask) -> str:
    with_ = (
        "o AS (SELECT *, row_number() OVER (PARTITION BY patient_id ORDER BY admission_date, "
        "discharge_date NULLS LAST, record_id) AS place FROM spells)"
    )
    rows = _spells(ask).replace("FROM spells", "FROM o")
    group = (
        f"SELECT r.patient_id, count(*) AS x FROM ({rows}) r WHERE {inside('r.admission_date', ask.window)} "
        "AND EXISTS (SELECT 1 FROM o e WHERE e.patient_id = r.patient_id AND e.place < r.place "
        f"AND r.admission_date - e.discharge_date BETWEEN 0 AND {int(ask.options['days'])}) GROUP BY r.patient_id"
    )
    return per_person(with_, group, {ask.name: "coalesce(g.x, 0)"})


def spell_codes(ask: Ask) -> str:
    method = f" AND {begins('method', [ask.options['method']])}" if "method" in ask.options else ""
    rows = (
        f"SELECT * FROM coded WHERE source = 'diagnoses' AND day <= {ask.index}{method} AND {inside('day', ask.window)}"
    )
    group = f"SELECT patient_id, list(DISTINCT code ORDER BY code) AS x FROM ({rows}) GROUP BY patient_id"
    return per_person("", group, {ask.name: "g.x"})


def _last_stay(ask: Ask, method: str = "") -> str:
    """Give the spell of each patient that was discharged last inside the window; of one day the last admitted."""
    kept = f" AND {begins('method', [method])}" if method else ""
    return (
        f"SELECT * FROM spells WHERE admission_date <= {ask.index} AND {inside('discharge_date', ask.window)}{kept} "
        "QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY discharge_date DESC, admission_date DESC) = 1"
    )


def last_stay_days(ask: Ask) -> str:
    columns = {ask.name: "g.discharge_date - g.admission_date", f"{ask.name}_date": "g.discharge_date"}
    return per_person("", _last_stay(ask, ask.options.get("method", "")), columns)


def count_before_last_stay(ask: Ask) -> str:
    table = ask.feature.tables[0]
    day = "admission_date" if table == "spells" else "date"
    kept = f" AND {begins('t.method', [ask.options['method']])}" if "method" in ask.options else ""
    group = (
        f"SELECT s.patient_id, count(t.record_id) AS x FROM ({_last_stay(ask)}) s LEFT JOIN {table} t "
        f"ON t.patient_id = s.patient_id AND s.admission_date - t.{day} BETWEEN 1 AND {int(ask.options['days'])}"
        f"{kept} AND t.{day} <= {ask.index} GROUP BY s.patient_id"
    )
    return per_person("", group, {ask.name: "g.x"})


def contacts(ask: Ask) -> str:
    (table,) = ask.feature.tables
    group = (
        f"SELECT patient_id, count(*) AS x FROM {table} WHERE date <= {ask.index} AND {inside('date', ask.window)}"
        f"{where(ask)} GROUP BY patient_id"
    )
    return per_person("", group, {ask.name: "coalesce(g.x, 0)"})


def next_due_date(ask: Ask) -> str:
    group = (
        f"SELECT patient_id, max(due_date) AS x FROM next_tests WHERE programme IN {texts([ask.options['programme']])} "
        "GROUP BY patient_id"
    )
    return per_person("", group, {ask.name: "g.x"})


MAKERS = {
    "spell_count": spell_count,
    "bed_days": bed_days,
    "readmission_count": readmission_count,
    "spell_codes": spell_codes,
    "last_stay_days": last_stay_days,
    "count_before_last_stay": count_before_last_stay,
    "attendance_count": contacts,
    "contact_count": contacts,
    "next_due_date": next_due_date,
}
