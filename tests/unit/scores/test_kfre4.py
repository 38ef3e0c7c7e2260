"""KFRE against the published figures, a slow twin and the package kfre (its known defect kept out: it raises on ACR <= 0)."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import kfre
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import one, rows_of

PERSON = {"age_years": 60, "sex": "male", "egfr_ml_min_1_73m2": 30.0, "acr_mg_mmol": 50.0}
PEOPLE = st.builds(
    lambda age, sex, egfr, acr: {"age_years": age, "sex": sex, "egfr_ml_min_1_73m2": egfr, "acr_mg_mmol": acr},
    st.integers(18, 95),
    st.sampled_from(["female", "male"]),
    st.floats(3, 59.9),
    st.floats(0.3, 1500),
)


@pytest.mark.parametrize("calibration", ["non_north_american", "north_american"])
@settings(max_examples=40, deadline=None)
@given(person=PEOPLE)
def test_equals_the_package_kfre(calibration: str, person: dict) -> None:
    row = one("kfre4", person, calibration=calibration)
    for years in (2, 5):
        # the package takes mg/g and gives a share
        share = kfre.RiskPredictor().kfre_person(
            age=person["age_years"],
            is_male=person["sex"] == "male",
            eGFR=person["egfr_ml_min_1_73m2"],
            uACR=person["acr_mg_mmol"] * 8.84,
            is_north_american=calibration == "north_american",
            years=years,
        )
        assert row[f"kfre4_{years}y_percent"] == pytest.approx(100 * share, abs=1e-6)
    assert row["kfre4_flags"] == []


def test_equals_a_slow_twin_of_the_pack_s_figures(shared_data: Path) -> None:
    with (shared_data / "scores" / "kfre_4variable.csv").open(encoding="utf-8") as lines:
        figures = {(row["region"], row["term"]): float(row["value"]) for row in csv.DictReader(lines)}
    lean = (
        figures["any", "age/10 - 7.036"] * (60 / 10 - 7.036)
        + figures["any", "male - 0.5642"] * (1 - 0.5642)
        + figures["any", "eGFR/5 - 7.222"] * (30 / 5 - 7.222)
        + figures["any", "ln(ACR_mg_g) - 5.137"] * (math.log(50 * 8.84) - 5.137)
    )
    for region in ("non_north_american", "north_american"):
        row = one("kfre4", PERSON, calibration=region)
        for years in (2, 5):
            survival = figures[region, f"baseline_survival_{years}y"]
            assert row[f"kfre4_{years}y_percent"] == pytest.approx(100 * (1 - survival ** math.exp(lean)), abs=1e-9)


def test_milligrams_a_millimole_are_not_taken_for_milligrams_a_gram() -> None:
    wrong = 100 * kfre.RiskPredictor().kfre_person(60, True, 30.0, 50.0, False, years=5)
    assert one("kfre4", PERSON)["kfre4_5y_percent"] > 2 * wrong


def test_a_baseline_of_one_s_own_is_used_and_shown() -> None:
    row = one("kfre4", PERSON, baseline_survival_5y=0.9)
    assert row["kfre4_baseline_survival"] == "2 years 0.9832, 5 years 0.9"
    assert row["kfre4_5y_percent"] > one("kfre4", PERSON)["kfre4_5y_percent"]
    assert row["kfre4_2y_percent"] == one("kfre4", PERSON)["kfre4_2y_percent"]


@pytest.mark.parametrize("ratio", [-1.0, 0.0, 0.1, 0.29])
def test_a_ratio_under_the_limit_of_detection_is_moved_to_it(ratio: float) -> None:
    low, floor = rows_of("kfre4", [PERSON | {"acr_mg_mmol": ratio}, PERSON | {"acr_mg_mmol": 0.3}])
    assert low["kfre4_5y_percent"] == floor["kfre4_5y_percent"]
    assert (low["kfre4_flags"], floor["kfre4_flags"]) == (["clamped:acr_mg_mmol"], [])


def test_outside_the_tool_s_people_the_value_stands_flagged() -> None:
    row = one("kfre4", PERSON | {"egfr_ml_min_1_73m2": 60.0, "on_renal_replacement_therapy": True})
    assert row["kfre4_5y_percent"] is not None
    assert row["kfre4_flags"] == ["not_applicable:egfr_ml_min_1_73m2", "not_applicable:on_renal_replacement_therapy"]
    assert one("kfre4", PERSON | {"on_renal_replacement_therapy": False})["kfre4_flags"] == []


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"acr_mg_mmol": None}, "missing:acr_mg_mmol"),
        ({"acr_mg_mmol": math.inf}, "out_of_range:acr_mg_mmol"),
        ({"egfr_ml_min_1_73m2": 0.0}, "out_of_range:egfr_ml_min_1_73m2"),
        ({"age_years": 17}, "out_of_range:age_years"),
        ({"sex": None}, "missing:sex"),
    ],
)
def test_what_cannot_be_computed_is_null_with_the_reason(change: dict, flag: str) -> None:
    row = one("kfre4", PERSON | change)
    assert row["kfre4_2y_percent"] is row["kfre4_5y_percent"] is row["kfre4_baseline_survival"] is None
    assert row["kfre4_flags"] == [flag]


@settings(max_examples=40, deadline=None)
@given(person=PEOPLE)
def test_rises_with_albumin_and_falls_with_filtration_and_age(person: dict) -> None:
    rows = rows_of(
        "kfre4",
        [
            person,
            person | {"acr_mg_mmol": person["acr_mg_mmol"] * 1.5},
            person | {"egfr_ml_min_1_73m2": person["egfr_ml_min_1_73m2"] * 0.9},
            person | {"age_years": person["age_years"] + 5},
        ],
    )
    for years in (2, 5):
        plain, albumin, filtration, older = (row[f"kfre4_{years}y_percent"] for row in rows)
        assert albumin >= plain
        assert filtration >= plain
        assert older <= plain
        assert 0 <= plain <= 100
    assert rows[0]["kfre4_2y_percent"] <= rows[0]["kfre4_5y_percent"]
