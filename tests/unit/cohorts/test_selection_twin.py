"""All rules at once, in numbers, say what the laws say of each person of each rule by itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pophealth.cohorts import load_rules, select_all
from pophealth.cohorts.order import Orders
from pophealth.cohorts.predicate import columns_of, split_order
from pophealth.declare import CohortRule, parse_rule
from pophealth.features import load_features
from pophealth.population import BASE_COLUMNS
from pophealth.scores import load_scores
from selection_twin import twin

FEATURES = load_features()
SCORED = {output.name: output for score in load_scores().values() for output in score.outputs}


def columns_read(rules: list[CohortRule], year: str) -> list[str]:
    texts = [(rule, text.predicate) for rule in rules for text in rule.criteria]
    texts += [(rule, tier.when) for rule in rules for tier in rule.tiers]
    texts += [(rule, split_order(term)[0]) for rule in rules for term in rule.rank_by]
    return sorted(set().union(*(columns_of(rule.bind(text, year)) for rule, text in texts)))


def values_of(name: str, people: int, rng: np.random.Generator) -> pl.Series:
    """Values of the column's type, all kinds of them often enough to matter."""
    kind = FEATURES[name].outputs[name] if name in FEATURES else SCORED[name].dtype if name in SCORED else "float"
    if name == "sex":
        return pl.Series(rng.choice(["female", "male", "not_known"], people, p=[0.5, 0.4, 0.1]))
    if name == "age_years" or name.startswith("age_at_") or name == "age_31_march_years":
        return pl.Series(rng.integers(0, 100, people), dtype=pl.Int16)
    if name in ("imd_quintile", "imd_decile"):
        return pl.Series(rng.integers(1, 6 if name == "imd_quintile" else 11, people), dtype=pl.Int8)
    if name in BASE_COLUMNS:
        return pl.Series(rng.integers(0, 80, people), dtype=pl.Int32)
    if kind == "bool":
        return pl.Series(rng.random(people) < 0.3)
    if kind == "int":
        return pl.Series(rng.integers(0, 12, people), dtype=pl.Int32)
    if kind == "date":
        return pl.Series(rng.integers(19000, 19900, people), dtype=pl.Int32).cast(pl.Date)
    if kind == "category" and name in SCORED:  # a band of a score
        return pl.Series(rng.choice(["low", "intermediate", "high"], people))
    if kind == "category":
        labels = FEATURES[name].labels(name)
        return pl.Series(rng.choice(list(labels), people), dtype=pl.Enum(list(labels)))
    return pl.Series(np.round(rng.random(people) * (200 if name in FEATURES else 60), 1))


def made_up(rules: list[CohortRule], year: str, people: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {}
    for name in sorted({*columns_read(rules, year), "age_years", "sex", "imd_quintile", "ethnicity_latest"}):
        known = pl.Series(rng.random(people) < 0.9)
        values = values_of(name, people, rng)
        columns[name] = pl.select(pl.when(known).then(values).otherwise(None)).to_series()
    ids = [f"{place:032x}" for place in rng.permutation(people)]
    return pl.DataFrame(columns).with_columns(patient_id=pl.Series(ids), practice_code=pl.lit("A81001"))


@pytest.mark.parametrize(("year", "people"), [("2022-23", 40), ("2025-26", 60), ("2024-25", 0)])
def test_all_rules_at_once_say_what_the_slow_twin_says(year: str, people: int) -> None:
    rules = [rule for rule in load_rules().values() if rule.year_for(year) is not None]
    frame = made_up(rules, year, people, seed=people + 3)
    found = select_all(rules, frame, contract_year=year, not_computable={})
    seen = set()
    for rule in rules:
        slow = twin(rule, frame, year)
        fast = found[rule.id]
        assert fast.members.rows() == slow["members"], rule.id
        assert fast.attrition.rows() == slow["attrition"], rule.id
        assert fast.attrition_by_group.rows() == slow["attrition_by_group"], rule.id
        assert (fast.near_misses, fast.unknown) == (slow["near_misses"], slow["unknown"]), rule.id
        seen |= set(fast.members["status"])
    assert seen == ({"listed", "met", "adjusted", "excluded"} if people else set())


def test_order_of_every_type_a_column_can_have() -> None:
    columns = {
        "whole": pl.Series([2**53 + 1, 2**53, None, 2**53 + 2], dtype=pl.Int64),
        "number": pl.Series([1.5, float("inf"), None, float("nan")]),
        "text": pl.Series(["b", "a", None, "c"]),
        "day": pl.Series(["2024-03-01", "2024-02-01", None, "2024-04-01"]).str.to_date(),
        "level": pl.Series(["mild", "severe", None, "moderate"], dtype=pl.Enum(["severe", "mild", "moderate"])),
        "name": pl.Series(["b", "a", None, "c"], dtype=pl.Categorical),
        "yes": pl.Series([True, False, None, True]),
        "nothing": pl.Series([None] * 4),
    }
    ids = pl.Series([f"{place:032x}" for place in (3, 2, 1, 0)])
    frame = pl.DataFrame(columns).with_columns(patient_id=ids)
    up = {"whole": [1, 0, 3, 2], "number": [0, 1, 3, 2], "text": [1, 0, 3, 2], "day": [1, 0, 3, 2]}
    up |= {"name": [1, 0, 3, 2], "level": [1, 0, 3, 2], "yes": [1, 3, 0, 2], "nothing": [3, 2, 1, 0]}
    down = {"whole": [3, 0, 1, 2], "number": [3, 1, 0, 2], "text": [3, 0, 1, 2], "day": [3, 0, 1, 2]}
    down |= {"name": [3, 0, 1, 2], "level": [3, 0, 1, 2], "yes": [3, 0, 1, 2], "nothing": [3, 2, 1, 0]}
    for ending, expected in (("", up), (" DESC", down)):
        for name, places in expected.items():
            head: dict[str, object] = {
                "id": "r",
                "catalogue_id": "X",
                "service": "care_homes",
                "title": "t",
                "source": "s",
            }
            head |= {"evidence": "K", "role": "gp", "minutes": 1, "years": {"2024-25": {}}, "include": {"a": "yes"}}
            rule = parse_rule(head | {"rank_by": [name + ending]}, file_stem="r", folder="care_homes")
            order = Orders(frame, [rule], "2024-25").of(rule, np.arange(4), np.ones(4, np.int8))
            assert order.tolist() == places, name + ending
            slow = frame.sort(name, "patient_id", descending=[bool(ending), False], nulls_last=True)
            assert frame["patient_id"][order].to_list() == slow["patient_id"].to_list(), name + ending
