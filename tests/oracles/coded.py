"""Gives the kinds over coded rows as SQL."""

from __future__ import annotations

from oracles.rows import Ask, Maker, counting, inside, per_person, texts, visible


def of_rows(aggregate: str, otherwise: str = "NULL") -> Maker:
    """Give the maker of a kind that is one aggregate over the rows that count."""

    def make(ask: Ask) -> str:
        expression = aggregate.replace(":index", ask.index)
        group = f"SELECT patient_id, {expression} AS x FROM r GROUP BY patient_id"
        return per_person(
            f"r AS ({counting(ask, ask.feature.codelist)})", group, {ask.name: f"coalesce(g.x, {otherwise})"}
        )

    return make


def has_unresolved(ask: Ask) -> str:
    resolving = f"SELECT * FROM ({visible(ask, ask.options['resolved_by'])}) WHERE {inside('day', ask.window)}"
    with_ = (
        f"r AS ({counting(ask, ask.feature.codelist)}), s AS ({resolving}), "
        "a AS (SELECT patient_id, max(day) AS coded FROM r GROUP BY patient_id), "
        "b AS (SELECT patient_id, max(day) AS resolved FROM s GROUP BY patient_id)"
    )
    group = (
        "SELECT a.patient_id, (b.resolved IS NULL OR a.coded > b.resolved) AS x FROM a LEFT JOIN b USING (patient_id)"
    )
    return per_person(with_, group, {ask.name: "coalesce(g.x, false)"})


def latest_category(ask: Ask) -> str:
    parts = [
        f"SELECT patient_id, day, {place} AS place, {texts([label])} AS label FROM ({counting(ask, codelist)})"
        for place, (label, codelist) in enumerate(ask.options["categories"].items())
    ]
    group = (
        "SELECT patient_id, label, day FROM r "
        "QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY day DESC, place DESC) = 1"
    )
    columns = {ask.name: "g.label", f"{ask.name}_date": "g.day"}
    return per_person(f"r AS ({' UNION ALL '.join(parts)})", group, columns)


def weighted_sum(ask: Ask) -> str:
    parts = [
        f"SELECT DISTINCT patient_id, {int(weight)} AS weight, {place} AS place FROM ({counting(ask, codelist)})"
        for place, (codelist, weight) in enumerate(ask.options["weights"].items())
    ]
    group = "SELECT patient_id, CAST(sum(weight) AS BIGINT) AS x FROM r GROUP BY patient_id"
    return per_person(f"r AS ({' UNION ALL '.join(parts)})", group, {ask.name: "coalesce(g.x, 0)"})


def neighbour(other: str, *, before: bool, wanted: bool) -> Maker:
    """Give the maker of (not) followed or preceded: rows that count, kept when a neighbour is (not) there."""

    def make(ask: Ask) -> str:
        gap = "r.day - f.day" if before else "f.day - r.day"
        days = int(ask.options["days"])
        there = f"EXISTS (SELECT 1 FROM f WHERE f.patient_id = r.patient_id AND {gap} >= 0 AND {gap} <= {days})"
        ripe = f" AND {ask.index} - r.day >= {days}" if ask.options.get("matured") else ""
        with_ = f"r AS ({counting(ask, ask.feature.codelist)}), f AS ({visible(ask, ask.options[other])})"
        group = (
            f"SELECT r.patient_id, max(r.day) AS x FROM r WHERE {'' if wanted else 'NOT '}{there}{ripe} "
            "GROUP BY r.patient_id"
        )
        return per_person(with_, group, {ask.name: "g.x IS NOT NULL", f"{ask.name}_date": "g.x"})

    return make


MAKERS = {
    "has": of_rows("true", "false"),
    "has_unresolved": has_unresolved,
    "first_date": of_rows("min(day)"),
    "latest_date": of_rows("max(day)"),
    "days_since": of_rows(":index - max(day)"),
    "count": of_rows("count(*)", "0"),
    "distinct_days": of_rows("count(DISTINCT day)", "0"),
    "latest_category": latest_category,
    "weighted_sum": weighted_sum,
    "followed_by": neighbour("followed_by", before=False, wanted=True),
    "not_followed_by": neighbour("followed_by", before=False, wanted=False),
    "preceded_by": neighbour("preceded_by", before=True, wanted=True),
    "not_preceded_by": neighbour("preceded_by", before=True, wanted=False),
}
