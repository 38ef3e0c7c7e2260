"""One offer per person and role; and why a list changed since the last run."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import polars as pl

from pophealth.declare import CohortRule, parse_rule
from pophealth.planning import changes_between, offers_of
from pophealth.planning.changes import CHANGES, PLAN_CHANGES, Since, counted, plan_changes
from pophealth.planning.offers import OFFERS, PERSON, in_words, listed_rows

TEXT = """
id = "{id}"
catalogue_id = "X-01"
service = "care_homes"
title = "t"
source = "s"
evidence = "K"
role = "{role}"
minutes = {minutes}
owed = {owed}
[years."2024-25"]
[include]
adult = "age_years >= 18"
[[tier]]
label = "now"
when = "n > 5"
urgent = true
[[tier]]
label = "later"
when = "true"
"""


def rule(name: str, role: str, minutes: int, owed: str = "false") -> CohortRule:
    text = TEXT.format(id=name, role=role, minutes=minutes, owed=owed)
    return parse_rule(tomllib.loads(text), file_stem=name, folder="care_homes")


def members(*rows: tuple[str, str, str, int | None, int | None]) -> pl.DataFrame:
    schema = {"patient_id": pl.String, "rule_id": pl.String, "status": pl.String, "tier": pl.Int8, "rank": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(practice_code=pl.lit("A81001"))


PATIENTS = pl.DataFrame(
    {"patient_id": ["a", "b"], "practice_code": ["A81001"] * 2, "imd_quintile": [1, None], "risk": [0.2, None]}
)


def offers(rows: pl.DataFrame, rules: tuple[CohortRule, ...]) -> pl.DataFrame:
    return offers_of(listed_rows(rows, rules, PATIENTS["patient_id"]), PATIENTS, risk="risk")


def test_work_of_one_role_is_one_offer() -> None:
    rules = (rule("one", "gp", 10), rule("two", "gp", 20, "true"), rule("three", "pharmacist", 30))
    rows = members(
        ("a", "one", "listed", 2, 7),
        ("a", "two", "listed", 1, 9),
        ("a", "three", "listed", 2, 1),
        ("b", "one", "listed", 2, 8),
        ("b", "two", "met", None, None),
    )
    made = offers(rows, rules).sort("patient_id", "role")
    assert dict(in_words(made).schema) == OFFERS
    assert made.select(
        "patient_id", "role", "rules", "minutes", "is_urgent", "is_owed", "tier", "open_gaps", "rank", "practice_code"
    ).rows() == [
        ("a", "gp", ["two", "one"], 30, True, True, 1, 3, 7, "A81001"),
        ("a", "pharmacist", ["three"], 30, False, False, 2, 3, 1, "A81001"),
        ("b", "gp", ["one"], 10, False, False, 2, 1, 8, "A81001"),
    ]
    assert made["risk"].to_list() == [0.2, 0.2, None]


def test_nobody_listed_gives_no_offer_but_its_columns() -> None:
    assert dict(in_words(offers(members(), (rule("one", "gp", 10),))).schema) == OFFERS


def test_a_listed_row_without_a_tier_is_neither_urgent_nor_lost() -> None:
    found = listed_rows(members(("a", "one", "listed", None, 1)), (rule("one", "gp", 10),), PATIENTS["patient_id"])
    assert found.select("row", PERSON, "tier_label", "is_urgent").rows() == [(0, 0, None, False)]


def test_each_change_has_one_cause() -> None:
    earlier = members(
        *((person, "r", "listed", 1, 1) for person in ("stays", "opted", "died", "left", "treated")),
        ("redefined", "q", "listed", 1, 1),
        ("rescored", "m", "listed", 1, 1),
    )
    later = members(
        ("stays", "r", "listed", 1, 1),
        ("new", "r", "listed", 1, 2),
        ("joined", "r", "listed", 1, 3),
        ("treated", "r", "met", None, None),
    )
    everyone = frozenset({"stays", "opted", "died", "left", "treated", "redefined", "rescored", "new"})
    found = changes_between(earlier, later, since(everyone))
    assert dict(found.schema) == CHANGES
    assert {row["patient_id"]: (row["change"], row["cause"]) for row in found.to_dicts()} == {
        "new": ("entered", "record"),
        "joined": ("entered", "registered"),
        "opted": ("left", "opt_out"),
        "died": ("left", "death"),
        "left": ("left", "moved"),
        "treated": ("left", "record"),
        "redefined": ("left", "rule"),
        "rescored": ("left", "model"),
    }
    assert counted(found, "rule_id")["r"] == {
        "entered": {"record": 1, "registered": 1},
        "left": {"record": 1, "opt_out": 1, "death": 1, "moved": 1},
    }


def since(everyone: frozenset[str], *, model_changed: bool = False) -> Since:
    return Since(
        registered=(everyone | {"joined"}) - {"left"},
        was_registered=everyone,
        gone={"opted_out": frozenset({"opted"}), "died": frozenset({"died"})},
        changed_rules=frozenset({"q"}),
        model_rules=frozenset({"m"}),
        model_changed=model_changed,
    )


def plan(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["patient_id", "place"], orient="row").with_columns(role=pl.lit("gp"))


def test_who_leaves_the_plan_and_stays_on_the_list_lost_the_place_to_others() -> None:
    listed = [(person, "r", "listed", 1, 1) for person in ("pushed", "kept", "gained")]
    was, now = members(*listed, ("treated", "r", "listed", 1, 1)), members(*listed)
    everyone = frozenset({"pushed", "kept", "gained", "treated"})
    before = plan(("pushed", "planned"), ("kept", "urgent"), ("gained", "waiting"), ("treated", "planned"))
    after = plan(("pushed", "waiting"), ("kept", "planned"), ("gained", "planned"))
    for model_changed, cause in ((False, "capacity"), (True, "model")):
        known = since(everyone, model_changed=model_changed)
        found = plan_changes(before, after, changes_between(was, now, known), known)
        assert dict(found.schema) == PLAN_CHANGES
        assert {row["patient_id"]: (row["change"], row["cause"]) for row in found.to_dicts()} == {
            "pushed": ("left", cause),
            "gained": ("entered", cause),
            "treated": ("left", "record"),
        }


def test_who_leaves_the_plan_because_the_team_dealt_with_it_lost_no_place_to_others() -> None:
    """Their list stays as it was; only where an action was returned is a missing offer put down to it."""
    listed = members(*((person, "r", "listed", 1, 1) for person in ("done", "due", "pushed", "lost")))
    everyone = frozenset({"done", "due", "pushed", "lost"})
    before = plan(("done", "planned"), ("pushed", "planned"), ("lost", "planned"))
    after = plan(("due", "planned"), ("pushed", "waiting"))
    known = replace(since(everyone), acted_on=["done", "due", "pushed"])
    found = plan_changes(before, after, changes_between(listed, listed, known), known)
    assert {row["patient_id"]: (row["change"], row["cause"]) for row in found.to_dicts()} == {
        "done": ("left", "action"),
        "due": ("entered", "action"),
        "pushed": ("left", "capacity"),
        "lost": ("left", "capacity"),
    }
