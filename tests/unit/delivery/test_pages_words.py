"""Words of pages: ids become phrases, predicates become sentences, numbers and dates are written as in a letter."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pophealth.cohorts.rules import load_rules
from pophealth.delivery.pages import words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("age_years", "age"),
        ("has_bp_60m", "blood pressure in the last 60 months"),
        ("on_ace_inhibitor_15_to_6m", "on ACE inhibitor 15 to 6 months ago"),
        ("sbp_latest_mmhg", "latest systolic blood pressure (mmHg)"),
        ("haemoglobin_latest_12m_g_l_date", "date of latest haemoglobin (g/l) in the last 12 months"),
        ("qrisk_recorded_latest_percent", "latest QRISK recorded (%)"),
        ("has_cancer_before_12m", "cancer more than 12 months ago"),
        ("has_bp_in_year", "blood pressure this contract year"),
        ("has_declined_statin_1m", "declined statin in the last 1 month"),
    ],
)
def test_features(name: str, said: str) -> None:
    assert words.feature(name) == said


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("age_years BETWEEN 25 AND 84", "age between 25 and 84"),
        ("has_chd OR has_tia", "coronary heart disease or TIA"),
        ("bp_latest_date >= DATE '2020-04-01'", "date of latest blood pressure at least 1 April 2020"),
        ("frailty_latest IN ('moderate', 'severe')", "latest frailty one of (moderate, severe)"),
        ("NOT has_gout AND psa_latest_12m_ug_l IS NULL", "not gout and latest PSA (µg/l) in the last 12 months is not recorded"),
        ("true", "everybody else on the list"),
    ],
)  # fmt: skip
def test_predicates(sql: str, said: str) -> None:
    assert words.predicate(sql) == said


def test_every_predicate_keeps_its_numbers_and_brackets() -> None:
    """A rule's words may be clumsy; they may not lose a figure, a bracket or a negation of what was computed."""
    seen = 0
    for rule in load_rules().values():
        year = max(rule.years)
        for criterion in rule.criteria:
            sql = re.sub(r"DATE '[^']*'", "DATE", rule.bind(criterion.predicate, year))
            said = words.predicate(sql)
            bare = re.sub(r"'[^']*'", "", sql)
            for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", bare):
                assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.])", said), criterion.predicate
            assert said.count("not ") >= len(re.findall(r"\bNOT (?!NULL)", bare)), criterion.predicate
            assert said.count("(") == said.count(")") >= bare.count("("), criterion.predicate
            seen += 1
    assert seen > 500


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("age_years DESC", "age, highest first"),
        ("bp_latest_date", "date of latest blood pressure, longest ago first"),
        ("has_gout DESC", "those with gout first"),
    ],
)
def test_orders(term: str, said: str) -> None:
    assert words.order_term(term) == said


@given(st.integers(min_value=0, max_value=9_999_999_999))
def test_nhs_numbers_are_grouped_and_lose_no_digit(number: int) -> None:
    digits = f"{number:010d}"
    said = words.nhs_number(digits)
    assert [len(group) for group in said.split(" ")] == [3, 3, 4]
    assert said.replace(" ", "") == digits


@given(st.dates(min_value=date(1900, 1, 2)))
def test_dates_are_written_out(day: date) -> None:
    said = words.day(day)
    assert said == words.day(day.isoformat())
    assert said.split(" ")[0] == str(day.day)
    assert said.endswith(str(day.year))


def test_numbers() -> None:
    assert words.count(12345) == "12,345"
    assert words.count(None) == "–"
    assert words.percent(1, 0) == "–"
    assert words.percent(1, 3) == "33 %"
    assert (words.of(1, "person", "people"), words.of(2, "person", "people")) == ("1 person", "2 people")
    assert words.first_upper("eGFR below") == "eGFR below"
    assert words.role("gp") == "GP"
