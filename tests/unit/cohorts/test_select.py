"""Masks, precedence, attrition, near misses, order, years, and what cannot be computed."""

from __future__ import annotations

import tomllib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.cohorts import explain, select
from pophealth.cohorts.attrition import ATTRITION, BY_GROUP
from pophealth.cohorts.differences import between_systems
from pophealth.cohorts.members import MEMBERS
from pophealth.declare import CohortRule, parse_rule
from pophealth.errors import DeclarationError, UsageError

TEXT = """
id = "r"
catalogue_id = "X-01"
service = "care_homes"
title = "t"
source = "s"
evidence = "K"
role = "gp"
minutes = 10
rank_by = ["score DESC"]
[years."2023-24"]
least = 1
[include]
first = "a"
second = "n >= :least"
[exclude]
out = "x"
[adjust]
set_aside = "y"
[met_when]
done = "z"
[[tier]]
label = "high"
when = "n >= 5"
[[tier]]
label = "middle"
when = "n >= 3"
"""
YEAR = "2023-24"
TRI = st.sampled_from([True, False, None])


def rule(text: str = TEXT) -> CohortRule:
    return parse_rule(tomllib.loads(text), file_stem="r", folder="care_homes")


def frame(*rows: tuple[object, ...]) -> pl.DataFrame:
    schema = {"a": pl.Boolean, "n": pl.Int32, "x": pl.Boolean, "y": pl.Boolean, "z": pl.Boolean, "score": pl.Float64}
    made = pl.DataFrame([tuple(row) + (None,) * (6 - len(row)) for row in rows], schema=schema, orient="row")
    ids = pl.Series("patient_id", [f"{place:032x}" for place in range(len(rows))], dtype=pl.String)
    return made.with_columns(ids, practice_code=pl.lit("A81001"))


def status(*row: object) -> str | None:
    rows = select(rule(), frame(row), contract_year=YEAR, not_computable={}).members
    return rows["status"][0] if rows.height else None


def test_masks_reasons_and_columns() -> None:
    people = frame(
        (True, 3, None, False, True),
        (True, 1, False, None, None),
        (True, 2, True, True, True),
        (True, 9, False, True, False),
    )
    rows = select(rule(), people, contract_year=YEAR, not_computable={}).members
    assert dict(rows.schema) == MEMBERS
    assert rows["status"].to_list() == ["met", "listed", "excluded", "adjusted"]
    assert rows["criteria_true"].to_list() == [0b10011, 0b00011, 0b11111, 0b01011]
    assert rows["criteria_unknown"].to_list() == [0b00100, 0b11000, 0, 0]
    assert rows["reasons"].to_list() == [
        ["first", "second", "done"],
        ["first", "second"],
        ["first", "second", "out"],
        ["first", "second", "set_aside"],
    ]
    assert rows["tier_label"].to_list() == ["middle", None, None, "high"]
    assert rows["rank"].to_list() == [None, 1, None, None]


@settings(max_examples=60, deadline=None)
@given(TRI, st.sampled_from([0, 1, None]), TRI, TRI, TRI)
def test_the_law_of_status(a: bool | None, n: int | None, x: bool | None, y: bool | None, z: bool | None) -> None:
    include = (a, None if n is None else n >= 1)
    decided = "excluded" if x else "met" if z else "adjusted" if y else "listed"
    expected = None if {False, None} & set(include) else decided
    assert status(a, n, x, y, z) == expected
    said = explain(rule(), frame((a, n, x, y, z)), f"{0:032x}", contract_year=YEAR, not_computable={})
    assert said.status == (expected or ("not considered" if False in include else "unknown"))


def test_attrition_ends_where_it_began() -> None:
    people = frame(
        (False, 1),
        (None, 1),
        (True, 0),
        (True, None),
        (True, 1, True),
        (True, 1, None, True),
        (True, 1, None, None, True),
        (True, 1),
    )
    selection = select(rule(), people, contract_year=YEAR, not_computable={})
    assert dict(selection.attrition.schema) == ATTRITION
    assert selection.attrition.rows() == [
        ("registered", None, 8, 0),
        ("include", "first", 7, 1),
        ("include", "second", 6, 1),
        ("excluded", None, 1, 0),
        ("met", None, 1, 0),
        ("adjusted", None, 1, 0),
        ("unknown", None, 2, 0),
        ("listed", None, 1, 0),
    ]
    assert selection.near_misses == 2
    assert selection.unknown == 2


def test_rank_is_tier_then_order_with_nulls_last_then_patient() -> None:
    people = frame(
        (True, 1, None, None, None, 9.0),
        (True, 5, None, None, None, None),
        (True, 5, None, None, None, 1.0),
        (True, 3, None, None, None, 7.0),
        (True, 3, None, None, None, 7.0),
        (True, 3, None, None, True, 8.0),
        (True, 5, None, None, None, 2.0),
    )
    rows = select(rule(), people, contract_year=YEAR, not_computable={}).members
    assert rows["rank"].to_list() == [6, 3, 2, 4, 5, None, 1]
    shuffled = select(rule(), people.reverse(), contract_year=YEAR, not_computable={}).members
    assert shuffled.sort("patient_id").equals(rows.sort("patient_id"))


def test_a_later_year_is_carried_and_an_earlier_one_does_not_run() -> None:
    people = frame((True, 1))
    now = select(rule(), people, contract_year=YEAR, not_computable={})
    later = select(rule(), people, contract_year="2025-26", not_computable={})
    assert (now.declared_year, now.carried_from, later.carried_from) == (YEAR, None, YEAR)
    assert later.members.select("contract_year", "carried_from").row(0) == ("2025-26", YEAR)
    with pytest.raises(DeclarationError, match="does not run"):
        select(rule(), people, contract_year="2022-23", not_computable={})


def test_not_computable_lists_nobody_but_order_does_not_stop_a_rule() -> None:
    people = frame((True, 1), (True, 1))
    stopped = select(
        rule(),
        people,
        contract_year=YEAR,
        not_computable={"z": "codelist done not supplied", "x": "codelist done not supplied"},
    )
    assert stopped.not_computable == "codelist done not supplied"
    assert dict(stopped.members.schema) == MEMBERS
    assert (stopped.members.height, stopped.attrition.height, stopped.unknown) == (0, 0, 0)
    assert (
        select(rule(), people, contract_year=YEAR, not_computable={"score": "values not supplied"}).members.height == 2
    )
    said = explain(rule(), people, f"{1:032x}", contract_year=YEAR, not_computable={"a": "events not supplied"})
    assert (said.status, said.criteria) == ("not computable", ())
    assert "events not supplied" in said.lines()[1]


def test_a_tier_on_a_column_that_is_not_there_stops_neither_list_nor_reasons() -> None:
    text = TEXT.replace('when = "n >= 5"', 'when = "absent >= 5"').replace(
        '"score DESC"', '"absent DESC", "score DESC"'
    )
    people = frame((True, 3, None, None, None, 1.0), (True, 1, None, None, None, 2.0), (True, 3, None, None, None, 3.0))
    rows = select(rule(text), people, contract_year=YEAR, not_computable={"absent": "no model in use"}).members
    assert rows["tier_label"].to_list() == ["middle", None, "middle"]
    assert rows["rank"].to_list() == [2, 3, 1]
    said = explain(rule(text), people, f"{0:032x}", contract_year=YEAR, not_computable={"absent": "no model in use"})
    assert (said.status, said.tier_label, said.rank) == ("listed", "middle", 2)
    theirs = between_systems(rule(text), people, YEAR, [f"{0:032x}"])
    assert (theirs.both, len(theirs.entrants), len(theirs.leavers)) == (1, 2, 0)


def test_nobody_registered_keeps_every_column() -> None:
    selection = select(rule(), frame(), contract_year=YEAR, not_computable={})
    assert dict(selection.members.schema) == MEMBERS
    assert selection.attrition["people"].sum() == 0


@pytest.mark.parametrize(("old", "new"), [('"a"', '"n + 1"'), ('"a"', "\"n = 'x'\""), ('"a"', '"nobody"')])
def test_wrong_predicates_are_named_without_values(old: str, new: str) -> None:
    with pytest.raises(DeclarationError):
        select(rule(TEXT.replace(old, new)), frame((True, 1)), contract_year=YEAR, not_computable={})


def test_sixty_four_criteria_fit_the_mask() -> None:
    many = "\n".join(f'c{place} = "a"' for place in range(62))
    text = TEXT.replace('second = "n >= :least"', many)
    text = text.replace('[met_when]\ndone = "z"\n', "").replace(
        '[adjust]\nset_aside = "y"', '[adjust]\nset_aside = "z"'
    )
    wide = rule(text.replace('[exclude]\nout = "x"\n', ""))
    assert len(wide.criteria) == 64
    rows = select(wide, frame((True, 1, None, None, False)), contract_year=YEAR, not_computable={}).members
    assert rows["criteria_true"][0] == 2**63 - 1


def test_explanation_says_what_would_change_it() -> None:
    people = frame((True, 1), (None, 0, True), (True, 1, None, None, True))
    listed, far, met = (
        explain(rule(), people, f"{place:032x}", contract_year=YEAR, not_computable={}) for place in range(3)
    )
    assert {"first": "false"} in listed.would_change
    assert {"done": "true"} in listed.would_change
    assert len(listed.would_change) == 5
    assert far.would_change == ({"first": "true", "second": "true", "out": "false"},)
    assert met.would_change == ({"done": "false"},)
    assert (listed.rank, listed.listed, met.rank) == (1, 1, None)
    assert "rank 1 of 1" in listed.words[0]
    assert listed.to_dict()["criteria"][1] == {
        "id": "second",
        "part": "include",
        "predicate": "n >= 1",
        "value": "true",
    }
    with pytest.raises(UsageError, match="not registered"):
        explain(rule(), people, "nobody", contract_year=YEAR, not_computable={})


def test_each_step_is_split_by_group_and_adds_up() -> None:
    people = frame((True, 1), (False, 1), (True, 0), (True, 1, True)).with_columns(
        imd_quintile=pl.Series([1, 1, None, 5], dtype=pl.Int8),
        age_years=pl.Series([17, 18, 64, 90], dtype=pl.Int16),
        sex=pl.Series(["female", "male", "female", "not_known"]),
    )
    selection = select(rule(), people, contract_year=YEAR, not_computable={})
    parts = selection.attrition_by_group
    assert dict(parts.schema) == BY_GROUP
    assert set(parts["grouping"]) == {"imd_quintile", "sex", "age_band"}
    whole = selection.attrition["people"].to_list()
    for grouping in ("imd_quintile", "sex", "age_band"):
        mine = parts.filter(pl.col("grouping") == grouping)
        steps = mine.group_by("step", "criterion", maintain_order=True).agg(pl.col("people").sum())
        assert steps["people"].to_list() == whole
    first = parts.filter(pl.col("criterion") == "first", pl.col("grouping") == "age_band", pl.col("people") > 0)
    assert first["group"].to_list() == ["0 to 17", "40 to 64", "85 and over"]
    unknown = parts.filter(pl.col("step") == "registered", pl.col("group") == "not known", pl.col("people") > 0)
    assert unknown["grouping"].to_list() == ["imd_quintile"]
