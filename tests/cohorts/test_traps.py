"""The catalogue's traps (section 14) by number: records written by hand through shipped features and rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hand_written import site, walk
from pophealth.cohorts import columns_of, load_rules, select_all
from pophealth.reference import load_library
from pophealth.scores._data import read_table
from trap_records import INDEX

Row = dict[str, Any]


@pytest.fixture
def people(everybody: tuple[dict[str, Row], dict[tuple[str, str], str]]) -> dict[str, Row]:
    return everybody[0]


@pytest.fixture
def status(everybody: tuple[dict[str, Row], dict[tuple[str, str], str]]) -> dict[tuple[str, str], str]:
    return everybody[1]


def test_01_the_severe_frailty_rule_reads_the_index_in_2022_23_only() -> None:
    years = load_rules()["severe_frailty_no_review"].years
    assert "efi" in years["2022-23"]["without_frailty_code"]["sql"]
    assert years["2023-24"] == years["2024-25"] == {"without_frailty_code": {"sql": "false"}}


def test_02_the_latest_frailty_grade_wins(people: dict[str, Row], status: dict[tuple[str, str], str]) -> None:
    assert people["frail_then_mild"]["frailty_latest"] == "mild"
    assert ("frail_then_mild", "severe_frailty_no_review") not in status
    assert status["frail", "severe_frailty_no_review"] == "listed"


def test_03_the_latest_living_status_wins_not_any_care_home_code(status: dict[tuple[str, str], str]) -> None:
    assert ("left_home", "care_home_resident") not in status
    assert status["in_home", "care_home_resident"] == "listed"


def test_04_palliative_has_a_floor_and_not_indicated_supersedes_it(people: dict[str, Row]) -> None:
    found = {name: people[name]["is_palliative"] for name in ("old_palliative", "not_indicated", "palliative")}
    assert found == {"old_palliative": False, "not_indicated": False, "palliative": True}


def test_05_the_look_back_of_the_blood_pressure_rule_is_two_three_then_four_years() -> None:
    """NCD CVD01: two years (2022-23), three (2023-24), then from 1 April 2020: each window begins on that day."""
    years = load_rules()["raised_blood_pressure_no_diagnosis"].years
    begins = {year: figures["look_back_from"] for year, figures in years.items()}
    assert begins == dict.fromkeys(("2022-23", "2023-24", "2024-25"), date(2020, 4, 1))
    assert [int(year[:4]) - day.year for year, day in begins.items()] == [2, 3, 4]


def test_06_recorded_risk_is_above_20_for_one_rule_and_10_or_more_for_another(
    people: dict[str, Row], status: dict[tuple[str, str], str]
) -> None:
    assert people["twenty"]["qrisk_recorded_latest_percent"] == 20  # the latest, not the highest
    assert ("twenty", "recorded_risk_above_20_no_statin") not in status
    assert status["above_twenty", "recorded_risk_above_20_no_statin"] == "listed"
    assert status["ten", "recorded_risk_10_no_statin"] == "listed"


def test_07_a_later_stage_2_and_a_resolved_code_leave_the_register(people: dict[str, Row]) -> None:
    assert people["ckd_2"]["has_ckd"] is False
    assert people["resolved_diabetes"]["has_diabetes"] is False


def test_08_safety_rules_look_three_months_back_and_a_decline_of_a_statin_is_for_life_in_one(
    people: dict[str, Row], status: dict[tuple[str, str], str]
) -> None:
    assert status["quarter", "anticoagulant_with_nsaid"] == "listed"
    assert ("half_year", "anticoagulant_with_nsaid") not in status
    assert status["old_decline", "recorded_risk_10_no_statin"] == "adjusted"  # CVD13: ever
    assert people["old_decline"]["has_declined_statin_12m"] is False  # the others
    read = {
        rule.id for rule in load_rules().values() for c in rule.criteria if "has_declined_statin_12m" in c.predicate
    }
    assert read


def test_09_the_fit_stands_before_the_referral_and_guaiac_tests_are_not_on_its_list(
    status: dict[tuple[str, str], str], shared_data: Path
) -> None:
    rule = "lower_gi_referral_without_fit"
    found = {name: status[name, rule] for name in ("fit_after", "fit_before", "fit_22_days")}
    assert found == {"fit_after": "listed", "fit_before": "met", "fit_22_days": "listed"}
    guaiac = pl.read_csv(shared_data / "codelists" / "snomed" / "faecal_occult_blood_test.csv", infer_schema_length=0)
    assert not set(load_library().get("fit_test").codes["code"]) & set(guaiac["code"])


def test_10_screening_is_due_after_exact_days_and_a_decline_expires_after_12_months(
    status: dict[tuple[str, str], str],
) -> None:
    assert (INDEX - date(2022, 8, 3)).days == 912  # half-open: 913 days end before the 913th day
    names = ("screened_913", "screened_914", "declined_12m", "declined_before")
    found = {name: status[name, "bowel_screening_overdue"] for name in names}
    assert list(found.values()) == ["met", "listed", "adjusted", "listed"]


def test_11_not_stated_never_overwrites_a_stated_group(people: dict[str, Row]) -> None:
    assert people["stated_then_not"]["ethnicity_latest"] == "asian"
    assert people["stated_then_not"]["has_ethnicity_not_stated"] is True


def test_12_windows_are_half_open_and_a_leap_day_birthday_is_a_year_older_on_1_march(people: dict[str, Row]) -> None:
    assert people["edge_in"]["falls_12m"] == 1  # 1 February 2024 to 31 January 2025
    assert people["edge_out"]["falls_12m"] == 0
    assert people["leap"]["age_years"] == 64


def test_16_somebody_on_several_lists_has_one_row_a_rule(status: dict[tuple[str, str], str]) -> None:
    rules = [rule for (who, rule), said in status.items() if who == "in_home" and said == "listed"]
    assert len(rules) == len(set(rules)) > 1
    assert len({load_rules()[rule].service for rule in rules}) > 1


def test_20_patches_count_by_their_wear_time_and_methadone_has_no_factor() -> None:
    library = load_library()
    strengths = {
        name: {float(number) for number in library.get(name).codes["category"]}
        for name in ("fentanyl_patches", "buprenorphine_patches")
    }
    # micrograms an hour x days worn: 72 h is 3 days; 168 h is 7 up to 20 micrograms, 96 h is 4 from 35 on
    assert {25.0 * 3, 50.0 * 3, 75.0 * 3, 100.0 * 3} <= strengths["fentanyl_patches"]
    assert {5.0 * 7, 20.0 * 7, 35.0 * 4, 70.0 * 4} <= strengths["buprenorphine_patches"]
    factors = {row["input"]: row["factor"] for row in read_table("opioid_factors")}
    assert factors["methadone_hydrochloride_oral_mg_per_day"] == ""


def test_21_doses_by_kidney_function_read_a_clearance_and_never_an_egfr() -> None:
    rule = load_rules()["anticoagulant_monitoring_incomplete"]
    read = set().union(*(columns_of(tier.when) for tier in rule.tiers))
    assert "creatinine_clearance_ml_min" in read
    assert not [name for name in read if "egfr" in name]
    (to_50,) = [tier.when for tier in rule.tiers if "on_edoxaban_3m" in tier.when]
    assert to_50 == "creatinine_clearance_ml_min < 50 OR (creatinine_clearance_ml_min <= 50 AND on_edoxaban_3m)"


def test_22_the_position_of_an_ambulatory_care_sensitive_diagnosis_matters(status: dict[tuple[str, str], str]) -> None:
    rule = "ambulatory_care_sensitive_admission"
    found = {
        name: (name, rule) in status for name in ("gangrene", "bronchitis", "bronchitis_with_copd", "secondary_asthma")
    }
    assert found == {"gangrene": True, "bronchitis": False, "bronchitis_with_copd": True, "secondary_asthma": False}


def test_24_a_health_action_plan_before_the_check_does_not_count(people: dict[str, Row]) -> None:
    assert people["plan_first"]["has_ld_check_then_plan_in_year"] is False
    assert people["plan_after"]["has_ld_check_then_plan_in_year"] is True


def test_ended_rules_do_not_run_and_years_travel_with_figures() -> None:
    """Trap 23: a figure that changed stands under its year; a year after the last is carried from it."""
    rule = load_rules()["lower_gi_referral_without_fit"]
    assert rule.bind(":fit_in_time", "2022-23") != rule.bind(":fit_in_time", "2023-24")
    assert rule.bind(":fit_in_time", "2025-26") == rule.bind(":fit_in_time", "2024-25")


@pytest.mark.parametrize("accepted", [False, True])
def test_the_anticholinergic_rule_waits_for_the_licence_of_its_points(tmp_path: Path, accepted: bool) -> None:
    config = site(tmp_path / "site", '[scores]\nlicence_accepted = ["acb"]\n' if accepted else "")
    issues = {"medications": "old | anticholinergic_medicines | 2025-01-20 | 28"}
    frame, plan = walk(config, tmp_path / "root", "old | 1945-01-01 | female", issues, INDEX, "2024-25")
    rule = load_rules()["anticholinergic_burden_three_or_more"]
    chosen = select_all([rule], frame, contract_year="2024-25", not_computable=plan.not_computable)[rule.id]
    assert chosen.not_computable == (None if accepted else "licence of score acb not accepted")
    assert chosen.members["status"].cast(pl.String).to_list() == (["listed"] if accepted else [])
