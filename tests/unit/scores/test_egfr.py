"""CKD-EPI 2009 and 2021 against slow twins written from the printed equations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import one, rows_of

PEOPLE = st.builds(
    lambda age, sex, creatinine: {"age_years": age, "sex": sex, "creatinine_umol_l": creatinine},
    st.integers(18, 120),
    st.sampled_from(["female", "male"]),
    st.floats(10, 2000),
)


def slow_2009(age_years: int, sex: str, creatinine_umol_l: float) -> float:
    # Levey 2009, table: women to 62 umol/L, men to 80 umol/L
    mg_dl = creatinine_umol_l / 88.4
    if sex == "female":
        power = -0.329 if creatinine_umol_l <= 62 else -1.209
        return 144 * (mg_dl / 0.7) ** power * 0.993**age_years
    power = -0.411 if creatinine_umol_l <= 80 else -1.209
    return 141 * (mg_dl / 0.9) ** power * 0.993**age_years


def slow_2009_single(age_years: int, sex: str, creatinine_umol_l: float) -> float:
    kappa, alpha, factor = (0.7, -0.329, 1.018) if sex == "female" else (0.9, -0.411, 1.0)
    ratio = creatinine_umol_l / 88.4 / kappa
    return 141 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.209 * 0.993**age_years * factor


def slow_2021(age_years: int, sex: str, creatinine_umol_l: float) -> float:
    # Inker 2021
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
    ratio = creatinine_umol_l / 88.4 / kappa
    return 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age_years * factor


def test_at_the_knot_only_age_is_left() -> None:
    # creatinine of exactly 0.9 mg/dL in a man: the ratio is 1, whatever its power
    row = {"age_years": 50, "sex": "male", "creatinine_umol_l": 0.9 * 88.4}
    assert one("egfr_2009", row)["egfr_2009_ml_min_1_73m2"] == pytest.approx(141 * 0.993**50, abs=1e-9)
    assert one("egfr_2021", row)["egfr_2021_ml_min_1_73m2"] == pytest.approx(142 * 0.9938**50, abs=1e-9)


@pytest.mark.parametrize(
    ("sex", "creatinine", "power", "factor", "kappa"),
    [
        ("female", 62.0, -0.329, 144, 0.7),
        ("female", 63.0, -1.209, 144, 0.7),
        ("male", 80.0, -0.411, 141, 0.9),
        ("male", 81.0, -1.209, 141, 0.9),
    ],
)
def test_2009_bounds_are_62_and_80_micromoles(
    sex: str, creatinine: float, power: float, factor: float, kappa: float
) -> None:
    row = {"age_years": 60, "sex": sex, "creatinine_umol_l": creatinine}
    wanted = factor * (creatinine / 88.4 / kappa) ** power * 0.993**60
    assert one("egfr_2009", row)["egfr_2009_ml_min_1_73m2"] == pytest.approx(wanted, abs=1e-9)


def test_the_two_forms_of_2009_differ_by_a_third_of_a_percent_in_women() -> None:
    row = {"age_years": 60, "sex": "female", "creatinine_umol_l": 90.0}
    table = one("egfr_2009", row)["egfr_2009_ml_min_1_73m2"]
    single = one("egfr_2009", row, form="single_equation")["egfr_2009_ml_min_1_73m2"]
    assert table / single - 1 == pytest.approx(0.0032, abs=5e-5)  # clinical-scores.md section 9: 0.32 %


@settings(max_examples=60, deadline=None)
@given(person=PEOPLE)
def test_equal_to_the_slow_twins_and_falling_with_creatinine(person: dict) -> None:
    worse = person | {"creatinine_umol_l": person["creatinine_umol_l"] * 1.05}
    for score, column, twin, options in (
        ("egfr_2009", "egfr_2009_ml_min_1_73m2", slow_2009, {}),
        ("egfr_2009", "egfr_2009_ml_min_1_73m2", slow_2009_single, {"form": "single_equation"}),
        ("egfr_2021", "egfr_2021_ml_min_1_73m2", slow_2021, {}),
    ):
        plain, higher = rows_of(score, [person, worse], options)
        assert plain[column] == pytest.approx(twin(**person), rel=1e-12)
        assert plain[f"{score}_flags"] == []
        assert higher[column] < plain[column]


@pytest.mark.parametrize("score", ["egfr_2009", "egfr_2021"])
@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"age_years": 17}, "out_of_range:age_years"),
        ({"creatinine_umol_l": 0.0}, "out_of_range:creatinine_umol_l"),
        ({"creatinine_umol_l": None}, "missing:creatinine_umol_l"),
        ({"sex": None}, "missing:sex"),
    ],
)
def test_what_cannot_be_computed_is_null_with_the_reason(score: str, change: dict, flag: str) -> None:
    row = one(score, {"age_years": 60, "sex": "male", "creatinine_umol_l": 90.0} | change)
    assert row[f"{score}_ml_min_1_73m2"] is None
    assert row[f"{score}_flags"] == [flag]
