"""The shipped rules as a whole, and folders of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from pophealth.cohorts import columns_of, load_rules
from pophealth.cohorts.predicate import split_order
from pophealth.errors import DeclarationError

RULES = load_rules()
CATALOGUE = {
    "medication_review": [
        *(f"SMR-{number:02d}" for number in range(1, 16)),
        "SMR-15",
        *(f"PIN-{letter}" for letter in ("A", "B", "C", "D", "E", "F", "G", "I", "K", "AC", "ME", "ME", "LI", "AM")),
        *(f"PIN-02{letter}" for letter in "ABCD"),
    ],
    "care_homes": ["EH-01", *(f"EH-{number:02d}" for number in range(3, 15))],
    "anticipatory_care": [*(f"AC-{number:02d}" for number in range(1, 16)), "AC-11"],
    "personalised_care": [*(f"PC-{number:02d}" for number in range(1, 7)), *(5 * ["PC-02"])],
    "early_cancer": [*(f"CA-{number:02d}" for number in range(1, 20) if number != 15), *(4 * ["CA-12"])],
    "cvd_prevention": [
        *(f"CV-{number:02d}" for number in range(1, 26)),
        *("CV-04", "CV-06", "CV-08", "CV-08", "CV-08", "CV-09", "CV-11", "CV-13", "CV-13", "CV-13", "CV-16"),
        *("CV-17", "CV-17", "CV-18", "CV-18", "CV-18", "CV-19", "CV-19", "CV-20", "CV-22", "CV-22", "CV-23"),
        *("CV-25", "CV-25"),
    ],
    "neighbourhood_inequalities": [
        *(f"IN-{number:02d}" for number in (*range(1, 8), *range(10, 14))),
        *(4 * ["IN-12"]),
    ],
}

MINIMAL = """
id = "{id}"
catalogue_id = "X-01"
service = "{service}"
title = "t"
source = "s"
evidence = "K"
role = "gp"
minutes = 10
[years."2024-25"]
[include]
adult = "age_years >= 18"
"""


def site(folder: Path, service: str, name: str, *, declared: str | None = None) -> Path:
    path = folder / service / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MINIMAL.format(id=declared or name, service=service), "utf-8")
    return path


def test_every_rule_of_the_catalogue_asked_for_is_there_once() -> None:
    found = sorted((rule.service, rule.catalogue_id) for rule in RULES.values())
    assert found == sorted((service, name) for service, names in CATALOGUE.items() for name in names)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_text_of_a_rule_is_in_the_allowed_part_of_sql_in_every_year(rule: object) -> None:
    later = "2025-26" if rule.year_for("2025-26") else rule.ended  # type: ignore[attr-defined]
    assert later == "2025-26"
    for year in (*rule.years, *([] if rule.ended else ["2026-27"])):  # type: ignore[attr-defined]
        for criterion in rule.criteria:  # type: ignore[attr-defined]
            assert columns_of(rule.bind(criterion.predicate, year))  # type: ignore[attr-defined]
        for tier in rule.tiers:  # type: ignore[attr-defined]
            columns_of(rule.bind(tier.when, year))  # type: ignore[attr-defined]
        for term in rule.rank_by:  # type: ignore[attr-defined]
            assert columns_of(split_order(term)[0])


def test_only_tiers_that_cannot_wait_are_urgent() -> None:
    urgent = {(rule.id, tier.number) for rule in RULES.values() for tier in rule.tiers if tier.urgent}
    assert urgent == {
        ("anticoagulant_monitoring_incomplete", 1),
        ("dependence_forming_medicine", 1),
        ("raised_blood_pressure_no_diagnosis", 1),
        ("raised_blood_pressure_ethnic_minority", 1),
        ("raised_blood_pressure_priority_groups", 1),
        ("hypertension_above_target", 1),
        ("hypertension_above_target", 2),
        ("ckd_blood_pressure_above_target", 1),
        ("raised_nt_probnp_no_heart_failure_code", 1),
        ("fit_10_or_more_no_referral", 1),
        ("fit_10_or_more_no_referral", 2),
        ("lung_symptoms_no_chest_xray", 1),
        ("haematuria_no_referral", 1),
        ("breast_symptom_no_referral", 1),
        ("breast_symptom_no_referral", 2),
        ("upper_gi_or_pancreas_symptom_no_referral", 1),
        ("postmenopausal_bleeding_no_referral", 1),
    }


def test_years() -> None:
    frailty, fit = RULES["severe_frailty_no_review"], RULES["lower_gi_referral_without_fit"]
    assert (frailty.year_for("2025-26"), frailty.year_for("2026-27")) == ("2025-26", "2025-26")
    assert "efi_deficit_count" in columns_of(frailty.bind(frailty.criteria[0].predicate, "2022-23"))
    assert "efi_deficit_count" not in columns_of(frailty.bind(frailty.criteria[0].predicate, "2023-24"))
    assert fit.year_for("2021-22") is None
    assert "has_referral_with_fit_14d_after" in columns_of(fit.bind(":fit_in_time", "2022-23"))
    assert columns_of(fit.bind(":fit_in_time", "2024-25")) == {"has_referral_with_fit_before"}
    targets = RULES["cvd_cholesterol_above_target"].years
    assert (targets["2023-24"]["ldl"], targets["2024-25"]["ldl"]) == (1.8, 2.0)


def test_the_eight_indicators_of_2025_26_are_declared_for_it_and_the_rest_is_carried() -> None:
    # section 0: CAN04, HI03, HI21, SMR01A to D, SMR03; SMR-01 and EH-07 are both SMR01D
    named = {"CA-05", "IN-01", "IN-04", "SMR-01", "SMR-02", "SMR-03", "SMR-04", "SMR-13", "EH-07"}
    declared = {rule.catalogue_id for rule in RULES.values() if "2025-26" in rule.years}
    assert declared == named
    # an indicator of a fixed cohort (SMR02A to D) ends with its payment; every other cohort stays clinically current
    ended = {rule.catalogue_id for rule in RULES.values() if rule.ended}
    assert ended == {"PIN-02A", "PIN-02B", "PIN-02C", "PIN-02D"}
    assert {rule.year_for("2025-26") for rule in RULES.values() if rule.ended} == {None}
    # first read in the dictionary of 2024-25, or of 2023-24: not declared before
    first = {rule.catalogue_id: min(rule.years) for rule in RULES.values()}
    assert {first[name] for name in ("EH-06", "EH-11", "EH-12", "PC-04", "PC-06", "IN-04", "CV-02")} == {"2024-25"}
    assert {first["CV-03"], first["EH-04"]} == {"2023-24"}


def test_a_site_adds_and_replaces_rules(tmp_path: Path) -> None:
    site(tmp_path, "care_homes", "ours")
    site(tmp_path, "personalised_care", "social_prescribing_offer")
    rules = load_rules(tmp_path)
    assert len(rules) == len(RULES) + 1
    assert rules["social_prescribing_offer"].catalogue_id == "X-01"


def test_what_is_wrong_with_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="not a folder"):
        load_rules(tmp_path / "absent")
    site(tmp_path / "a", "chiropody", "ours")
    with pytest.raises(DeclarationError, match="chiropody"):
        load_rules(tmp_path / "a")
    site(tmp_path / "b", "care_homes", "ours")
    site(tmp_path / "b", "early_cancer", "ours")
    with pytest.raises(DeclarationError, match="twice"):
        load_rules(tmp_path / "b")
    site(tmp_path / "c", "care_homes", "ours").write_text("id = ", "utf-8")
    with pytest.raises(DeclarationError, match="not readable as TOML"):
        load_rules(tmp_path / "c")
    site(tmp_path / "d", "care_homes", "ours", declared="theirs")
    with pytest.raises(DeclarationError, match="file name"):
        load_rules(tmp_path / "d")
