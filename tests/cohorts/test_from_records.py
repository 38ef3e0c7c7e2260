"""People whose records were written from the catalogue's sentences, by records through features to every list."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from hand_cases import TEXT, Case, read_cases
from pophealth.cohorts import load_rules
from pophealth.plan import Plan

CASES = read_cases(TEXT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_lists_and_registers_say_what_the_catalogue_says(
    case: Case, everybody: tuple[dict[str, Any], dict[tuple[str, str], str]]
) -> None:
    people, status = everybody
    shown = {name: str(people[case.name][name]).lower().removesuffix(".0") for name in case.columns}
    assert shown == case.columns
    assert {rule: status.get((case.name, rule), "-") for rule in case.expected} == case.expected


def test_most_rules_are_met_from_records_and_no_expectation_names_a_rule_that_is_not_there() -> None:
    named = {rule for case in CASES for rule in case.expected}
    assert named <= set(load_rules())
    assert len(named) > 90
    assert {said for case in CASES for said in case.expected.values()} == {"-", "listed", "met", "adjusted", "excluded"}


def test_the_records_that_feed_a_score_are_those_that_decided_but_for_a_score_of_many(
    walked: tuple[pl.DataFrame, Plan],
) -> None:
    _, plan = walked
    frailty, risk = (
        next(rule for rule in plan.rules if rule.id == name)
        for name in ("hospital_frailty_risk_score", "estimated_risk_10_no_recorded_risk")
    )
    read = plan.columns_of_rule(frailty)["intermediate_or_high"]
    assert read == ("age_years", "hfrs_band", "spell_icd10_codes_2y")
    assert plan.columns_of_rule(risk)["estimate_at_least"] == ("qrisk3_10y_percent",)
