"""One offer per person and role; and why a list changed since the last run."""

from __future__ import annotations

import tomllib

import polars as pl

from pophealth.declare import CohortRule, parse_rule
from pophealth.planning import changes_between, offers_of
from pophealth.planning.changes import CHANGES
from pophealth.planning.offers import OFFERS

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


PATIENTS = pl.DataFrame({"patient_id": ["a", "b"], "imd_quintile": [1, None], "risk": [0.2, None]})


def test_work_of_one_role_is_one_offer() -> None:
    rules = (rule("one", "gp", 10), rule("two", "gp", 20, "true"), rule("three", "pharmacist", 30))
    rows = members(
        ("a", "one", "listed", 2, 7),
        ("a", "two", "listed", 1, 9),
        ("a", "three", "listed", 2, 1),
        ("b", "one", "listed", 2, 8),
        ("b", "two", "met", None, None),
    )
    made = offers_of(rows, PATIENTS, rules, risk="risk").sort("patient_id", "role")
    assert dict(made.schema) == OFFERS
    assert made.select(
        "patient_id", "role", "rules", "minutes", "is_urgent", "is_owed", "tier", "open_gaps", "rank"
    ).rows() == [
        ("a", "gp", ["two", "one"], 30, True, True, 1, 3, 7),
        ("a", "pharmacist", ["three"], 30, False, False, 2, 3, 1),
        ("b", "gp", ["one"], 10, False, False, 2, 1, 8),
    ]
    assert made["risk"].to_list() == [0.2, 0.2, None]


def test_nobody_listed_gives_no_offer_but_its_columns() -> None:
    assert dict(offers_of(members(), PATIENTS, (rule("one", "gp", 10),)).schema) == OFFERS


def test_each_change_has_one_cause() -> None:
    earlier = members(
        *((person, "r", "listed", 1, 1) for person in ("stays", "opted", "died", "left", "treated")),
        ("redefined", "q", "listed", 1, 1),
    )
    later = members(
        ("stays", "r", "listed", 1, 1),
        ("new", "r", "listed", 1, 2),
        ("joined", "r", "listed", 1, 3),
        ("treated", "r", "met", None, None),
    )
    everyone = frozenset({"stays", "opted", "died", "left", "treated", "redefined", "new"})
    found = changes_between(
        earlier,
        later,
        registered=(everyone | {"joined"}) - {"left"},
        was_registered=everyone,
        gone={"opted_out": frozenset({"opted"}), "died": frozenset({"died"})},
        changed_rules=frozenset({"q"}),
    )
    assert dict(found.schema) == CHANGES
    assert {row["patient_id"]: (row["change"], row["cause"]) for row in found.to_dicts()} == {
        "new": ("entered", "record"),
        "joined": ("entered", "registered"),
        "opted": ("left", "opt_out"),
        "died": ("left", "death"),
        "left": ("left", "moved"),
        "treated": ("left", "record"),
        "redefined": ("left", "rule"),
    }
