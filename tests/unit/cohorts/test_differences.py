"""Two lists of one rule: who is only on one of them, and why."""

from __future__ import annotations

import tomllib

import polars as pl

from pophealth.cohorts.differences import between_systems, between_years
from pophealth.declare import CohortRule, parse_rule

TEXT = """
id = "r"
catalogue_id = "X-01"
service = "care_homes"
title = "t"
source = "s"
evidence = "K"
role = "gp"
minutes = 10
[years."2022-23"]
least = 5
[years."2023-24"]
least = 3
[include]
adult = "age_years >= 18"
enough = "n >= :least"
[exclude]
out = "x"
[met_when]
done = "z"
"""


def rule() -> CohortRule:
    return parse_rule(tomllib.loads(TEXT), file_stem="r", folder="care_homes")


def people(*rows: tuple[str, int, int | None, bool, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"patient_id": pl.String, "age_years": pl.Int16, "n": pl.Int32, "x": pl.Boolean, "z": pl.Boolean},
        orient="row",
    )


def test_a_changed_threshold_names_the_criterion_that_turned() -> None:
    frame = people(("a", 40, 5, False, False), ("b", 40, 3, False, False), ("c", 40, 3, True, False))
    found = between_years(rule(), ("2022-23", frame), ("2023-24", frame.reverse()))
    assert found.both == 1
    assert [(change.patient_id, change.reason) for change in found.entrants] == [("b", "enough: false to true")]
    assert found.leavers == ()
    back = between_years(rule(), ("2023-24", frame), ("2022-23", frame))
    assert back.counts() == {"entrants": {}, "leavers": {"enough: true to false": 1}}


def test_a_window_that_moved_with_the_year_shows_in_the_frame() -> None:
    before = people(("a", 40, 9, False, False))
    after = people(("a", 40, 9, False, True))
    found = between_years(rule(), ("2022-23", before), ("2023-24", after))
    assert [change.reason for change in found.leavers] == ["done: false to true"]


def test_a_rule_that_begins_or_ends_moves_its_whole_list() -> None:
    frame = people(("a", 40, 9, False, False), ("b", 17, 9, False, False))
    begins = between_years(rule(), None, ("2023-24", frame))
    assert [change.patient_id for change in begins.entrants] == ["a"]
    assert "does not run in the first year" in begins.entrants[0].reason
    ends = between_years(rule(), ("2022-23", frame), None)
    assert [change.patient_id for change in ends.leavers] == ["a"]


def test_another_systems_list_is_answered_on_both_sides() -> None:
    frame = people(
        ("a", 40, 9, False, False),  # both
        ("b", 40, 9, False, False),  # ours only
        ("c", 17, 9, False, False),  # theirs, too young
        ("d", 40, 9, True, False),  # theirs, excluded
        ("e", 40, None, False, False),  # theirs, unknown
        ("f", 40, 9, False, True),  # theirs, met
    )
    found = between_systems(rule(), frame, "2023-24", {"a", "c", "d", "e", "f", "stranger"})
    assert found.both == 1
    assert [(change.patient_id, change.reason) for change in found.entrants] == [("b", "listed: adult, enough")]
    assert {change.patient_id: change.reason for change in found.leavers} == {
        "c": "not considered: adult does not hold",
        "d": "excluded: out",
        "e": "unknown: enough",
        "f": "met: done",
        "stranger": "not registered in this network on the index date",
    }
    assert found.to_dict()["by_reason"]["entrants"] == {"listed: adult, enough": 1}
