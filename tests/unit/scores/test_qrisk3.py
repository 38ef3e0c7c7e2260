"""QRISK3-2017 against its printed examples, a slow scalar twin read from the coefficients, and its known shape."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores import compute, load_score
from pophealth.scores._data import read_head, read_table
from pophealth.scores._qrisk3_equation import AGES, ETHNICITIES, FLAGS, SMOKING
from pophealth.scores._qrisk3_people import BMI_CLAMPED_TO, RATIO, SBP, SBP_SD, TOWNSEND

# clinical-scores.md section 3, published vectors: row 1 of the 2019 set of the R package, printed with one decimal.
PRINTED = {
    "age_years": 64,
    "qrisk_ethnicity": "indian",
    "qrisk_smoking": "non",
    "bmi_kg_m2": 80 / 1.78**2,
    "total_hdl_ratio": 4.0,
    "sbp_mmhg": 180.0,
    "sbp_sd_mmhg": 20.0,
    "townsend": 0.0,
    **dict.fromkeys(FLAGS, False),
}
HEALTHY = PRINTED | {"age_years": 60, "qrisk_ethnicity": "white_or_not_stated", "bmi_kg_m2": 25.0, "sbp_mmhg": 125.0}


def one(**person: Any) -> dict[str, Any]:
    """Give the outputs for one person: the healthy one, changed."""
    options = person.pop("options", None)
    return compute(
        "qrisk3", pl.DataFrame([{"sex": "female"} | HEALTHY | person], infer_schema_length=None), options
    ).row(0, named=True)


def risk(**person: Any) -> float:
    value = one(**person)["qrisk3_10y_percent"]
    assert value is not None
    return float(value)


@pytest.mark.parametrize(("sex", "percent"), [("female", 17.2), ("male", 27.1)])
def test_the_printed_example(sex: str, percent: float) -> None:
    scored = one(sex=sex, **PRINTED)
    assert round(scored["qrisk3_10y_percent"], 1) == percent
    assert scored["qrisk3_flags"] == []


# clinical-scores.md section 3: traps 2 and 6, values of the published program; trap 12, the factor of atrial fibrillation.
def test_body_mass_index_is_clamped_before_the_formula() -> None:
    clamped = one(age_years=30, bmi_kg_m2=12.0)
    assert clamped["qrisk3_10y_percent"] == risk(age_years=30, bmi_kg_m2=20.0)
    assert clamped["qrisk3_flags"] == ["clamped:bmi_kg_m2"]
    assert one(bmi_kg_m2=44.0)["qrisk3_flags"] == ["clamped:bmi_kg_m2"]
    assert one(bmi_kg_m2=20.0)["qrisk3_flags"] == one(bmi_kg_m2=40.0)["qrisk3_flags"] == []


def test_atrial_fibrillation_multiplies_the_risk_of_a_young_woman_by_46() -> None:
    factor = risk(age_years=25, has_atrial_fibrillation=True) / risk(age_years=25)
    assert 40 < factor < 50


# --- the slow twin, straight from the published figures --------------------------------------------------------------

OURS = {
    "b_AF": "has_atrial_fibrillation",
    "b_atypicalantipsy": "on_atypical_antipsychotic",
    "b_corticosteroids": "on_corticosteroids",
    "b_impotence2": "has_erectile_dysfunction",
    "b_migraine": "has_migraine",
    "b_ra": "has_rheumatoid_arthritis",
    "b_renal": "has_ckd_3_to_5",
    "b_semi": "has_severe_mental_illness",
    "b_sle": "has_systemic_lupus",
    "b_treatedhyp": "has_treated_hypertension",
    "b_type1": "has_type_1_diabetes",
    "b_type2": "has_type_2_diabetes",
    "fh_cvd": "has_family_history_cvd",
}
MEASURED = {"rati": "total_hdl_ratio", "sbp": "sbp_mmhg", "sbps5": "sbp_sd_mmhg", "town": "townsend"}


def figures(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def twin(rows: list[dict[str, str]], person: dict[str, Any]) -> float:
    """Give the risk of one person by reading the published terms one after the other, as text."""
    letter = {"female": "F", "male": "M"}[person["sex"]]
    mine = [row for row in rows if row["sex"] == letter]
    tens, bmi = person["age_years"] / 10, person["bmi_kg_m2"] / 10
    values = {name: float(person[ours]) for name, ours in (OURS | MEASURED).items()}
    values["bmi_1"] = bmi**-2
    values["bmi_2"] = bmi**-2 * math.log(bmi)
    values["age_1"], values["age_2"] = (tens**-2, tens) if letter == "F" else (tens**-1, tens**3)
    for row in mine:
        if row["kind"] == "centre":
            values[row["term"]] -= float(row["value"])
    for code in range(5):
        values[f"(smoke_cat=={code})"] = float(SMOKING[code] == person["qrisk_smoking"])
    total = 0.0
    for row in mine:
        if row["kind"] == "coefficient":
            total += float(row["value"]) * math.prod(values[part] for part in row["term"].split("*"))
        if row["term"] in (
            f"Iethrisk[{ETHNICITIES.index(person['qrisk_ethnicity']) + 1}]",
            f"Ismoke[{SMOKING.index(person['qrisk_smoking'])}]",
        ):
            total += float(row["value"])
    survival = next(float(row["value"]) for row in mine if row["kind"] == "baseline_survival")
    return 100.0 * (1.0 - survival ** math.exp(total))


people = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(["female", "male"]),
        "age_years": st.integers(25, 84),
        "qrisk_ethnicity": st.sampled_from(ETHNICITIES),
        "qrisk_smoking": st.sampled_from(SMOKING),
        "bmi_kg_m2": st.floats(20, 40),
        "total_hdl_ratio": st.floats(1, 11),
        "sbp_mmhg": st.floats(70, 210),
        "sbp_sd_mmhg": st.floats(0, 40),
        "townsend": st.floats(-7, 11),
        **{name: st.booleans() for name in FLAGS},
    }
)


@given(batch=st.lists(people, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_twin(shared_data: Path, batch: list[dict[str, Any]]) -> None:
    rows = figures(shared_data / "scores" / "qrisk3_2017_coefficients.csv")
    scored = compute("qrisk3", pl.DataFrame(batch))
    for person, value in zip(batch, scored["qrisk3_10y_percent"], strict=True):
        assert value == pytest.approx(twin(rows, person), abs=1e-9)


def test_every_published_figure_is_in_our_file_and_none_else(shared_data: Path) -> None:
    published = figures(shared_data / "scores" / "qrisk3_2017_coefficients.csv")
    theirs = sorted(
        float(row["value"]) for row in published if row["kind"] != "transform" and row["term"] != "Iethrisk[0]"
    )
    ours = sorted(float(row[sex]) for row in read_table("qrisk3") for sex in ("women", "men") if row[sex])
    assert ours == theirs


def test_the_figures_stand_in_a_file_of_their_own_under_their_own_licence() -> None:
    for name in ("qrisk3", "qrisk_estimators"):
        head = read_head(name)
        assert head["SPDX-License-Identifier"] == "LGPL-3.0-or-later"
        assert head["licence"].startswith("LGPL-3.0-or-later")
    score = load_score("qrisk3")
    assert score.link == "https://qrisk.org"
    assert "independent implementation" in score.statement
    assert "checked before clinical use" in score.statement


def test_labels_of_the_declaration_are_those_of_the_figures() -> None:
    inputs = {entry.name: entry for entry in load_score("qrisk3").inputs}
    for name, part, labels in (("qrisk_ethnicity", "ethnicity", ETHNICITIES), ("qrisk_smoking", "smoking", SMOKING)):
        assert inputs[name].allowed == labels
        in_file = [row["term"] for row in read_table("qrisk3") if row["part"] == part and not row["times"]]
        assert tuple(in_file) == labels
    assert {entry.name for entry in inputs.values() if entry.dtype == "bool"} == set(FLAGS)
    ranges = {"bmi_kg_m2": BMI_CLAMPED_TO, "total_hdl_ratio": RATIO, "sbp_mmhg": SBP, "sbp_sd_mmhg": SBP_SD}
    ranges |= {"townsend": TOWNSEND, "age_years": (AGES.start, AGES.stop - 1)}
    assert {name: inputs[name].allowed for name in ranges} == ranges


# --- missing, out of range -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sex", "age_years", "bmi_kg_m2", "total_hdl_ratio", "sbp_mmhg"])
def test_without_it_there_is_no_risk(name: str) -> None:
    scored = one(**{name: None})
    assert scored["qrisk3_10y_percent"] is None
    assert f"missing:{name}" in scored["qrisk3_flags"]


@pytest.mark.parametrize(
    ("name", "stands_in"),
    [
        ("qrisk_ethnicity", "white_or_not_stated"),
        ("qrisk_smoking", "non"),
        ("townsend", 0.0),
        *((name, False) for name in FLAGS if name != "has_erectile_dysfunction"),
    ],
)
def test_a_stated_value_stands_in_for_it(name: str, stands_in: object) -> None:
    scored = one(**{name: None})
    assert scored["qrisk3_10y_percent"] == risk(**{name: stands_in})
    assert scored["qrisk3_flags"] == [f"imputed:{name}"]


@pytest.mark.parametrize(("sex", "mean"), [("female", 9.002537727355957), ("male", 8.756621360778809)])
def test_a_missing_deviation_is_the_mean_of_the_sex_and_zero_is_zero(sex: str, mean: float) -> None:
    scored = one(sex=sex, sbp_sd_mmhg=None)
    assert scored["qrisk3_10y_percent"] == risk(sex=sex, sbp_sd_mmhg=mean)
    assert scored["qrisk3_flags"] == ["imputed:sbp_sd_mmhg"]
    assert risk(sex=sex, sbp_sd_mmhg=0.0) < scored["qrisk3_10y_percent"]
    assert one(sex=sex, sbp_sd_mmhg=0.0, townsend=0.0)["qrisk3_flags"] == []


@pytest.mark.parametrize(
    ("name", "refused", "accepted"),
    [
        ("age_years", (24, 85, -1), (25, 84)),
        ("total_hdl_ratio", (0.99, 11.01), (1.0, 11.0)),
        ("sbp_mmhg", (69.9, 210.1), (70.0, 210.0)),
        ("sbp_sd_mmhg", (-0.1, 40.1), (0.0, 40.0)),
        ("townsend", (-7.1, 11.1), (-7.0, 11.0)),
        ("bmi_kg_m2", (0.0, -3.0, math.inf), (20.0, 40.0)),
    ],
)
def test_outside_the_accepted_range_there_is_no_risk(
    name: str, refused: tuple[float, ...], accepted: tuple[float, ...]
) -> None:
    for value in refused:
        scored = one(**{name: value})
        assert scored["qrisk3_10y_percent"] is None
        assert scored["qrisk3_flags"] == [f"out_of_range:{name}"]
    for value in accepted:
        assert one(**{name: value})["qrisk3_flags"] == []


def test_nan_is_missing_and_no_result_is_nan() -> None:
    scored = one(bmi_kg_m2=math.nan, townsend=math.nan)
    assert scored["qrisk3_10y_percent"] is None
    assert scored["qrisk3_flags"] == ["missing:bmi_kg_m2", "imputed:townsend"]


def test_erectile_dysfunction_is_of_the_men_s_equation_only() -> None:
    woman = one(sex="female", has_erectile_dysfunction=True)
    assert woman["qrisk3_10y_percent"] == risk(sex="female")
    assert woman["qrisk3_flags"] == ["not_applicable:has_erectile_dysfunction"]
    assert one(sex="female", has_erectile_dysfunction=None)["qrisk3_flags"] == []
    assert one(sex="male", has_erectile_dysfunction=None)["qrisk3_flags"] == ["imputed:has_erectile_dysfunction"]
    assert risk(sex="male", has_erectile_dysfunction=True) > risk(sex="male")


def test_a_figure_that_guidance_advises_against_is_given_and_flagged() -> None:
    assert one(has_type_1_diabetes=True)["qrisk3_flags"] == ["not_applicable:has_type_1_diabetes"]
    assert one(has_ckd_3_to_5=True)["qrisk3_flags"] == ["not_applicable:has_ckd_3_to_5"]
    both = one(has_type_1_diabetes=True, has_type_2_diabetes=True)
    assert both["qrisk3_10y_percent"] is not None
    assert "not_applicable:both_types_of_diabetes" in both["qrisk3_flags"]


# --- estimators of missing measurements --------------------------------------------------------------------------------

TRANSFORMS = {
    "pow(dage,2)": lambda tens: tens**2,
    "pow(dage,3)": lambda tens: tens**3,
    "pow(dage,-1)": lambda tens: tens**-1,
    "pow(dage,-2)": lambda tens: tens**-2,
    "pow(dage,3)*log(dage)": lambda tens: tens**3 * math.log(tens),
    "log(dage)-1": lambda tens: math.log(tens) - 1,
}
PREDICTS = {"bmi_kg_m2": "bmi", "total_hdl_ratio": "cholesterol_ratio", "sbp_mmhg": "sbp"}


def estimate_twin(rows: list[dict[str, str]], what: str, person: dict[str, Any]) -> float:
    letter = {"female": "F", "male": "M"}[person["sex"]]
    mine = [row for row in rows if row["predicts"] == PREDICTS[what] and row["sex"] == letter]
    values = {
        "b_cvd": 0.0,
        "smok": float(person["qrisk_smoking"] in ("light", "moderate", "heavy")),
        "b_treatedhyp": float(person["has_treated_hypertension"]),
        "b_type2": float(person["has_type_2_diabetes"]),
    }
    for row in mine:
        if row["kind"] == "transform":
            name, formula = row["term"].split(" = ")
            values[name] = TRANSFORMS[formula](person["age_years"] / 10)
    total = 0.0
    for row in mine:
        if row["kind"] == "centre":
            values[row["term"]] -= float(row["value"])
        if row["kind"] == "intercept" or row["term"] == f"Iethrisk[{ETHNICITIES.index(person['qrisk_ethnicity']) + 1}]":
            total += float(row["value"])
    return total + sum(float(row["value"]) * values[row["term"]] for row in mine if row["kind"] == "coefficient")


@given(person=people, absent=st.sets(st.sampled_from(sorted(PREDICTS)), min_size=1))
@settings(max_examples=80, deadline=None)
def test_estimates_are_clinrisk_s_and_are_flagged(shared_data: Path, person: dict[str, Any], absent: set[str]) -> None:
    rows = figures(shared_data / "scores" / "qrisk_missing_value_predictors.csv")
    frame = pl.DataFrame([person | dict.fromkeys(absent)], schema_overrides=dict.fromkeys(PREDICTS, pl.Float64))
    scored = compute("qrisk3", frame, {"estimate_missing": True}).row(0, named=True)
    filled = person | {name: estimate_twin(rows, name, person) for name in absent}
    filled["bmi_kg_m2"] = min(max(filled["bmi_kg_m2"], 20.0), 40.0)
    coefficients = figures(shared_data / "scores" / "qrisk3_2017_coefficients.csv")
    assert scored["qrisk3_10y_percent"] == pytest.approx(twin(coefficients, filled), abs=1e-9)
    assert {f"imputed:{name}" for name in absent} <= set(scored["qrisk3_flags"])
    assert ("not_applicable:estimators_under_30" in scored["qrisk3_flags"]) == (person["age_years"] < 30)
    assert compute("qrisk3", frame)["qrisk3_10y_percent"].to_list() == [None]


def test_estimates_change_nothing_where_nothing_is_missing() -> None:
    chosen = one(options={"estimate_missing": True})
    assert chosen == one()
    assert one(sex=None, bmi_kg_m2=None, options={"estimate_missing": "true"})["qrisk3_10y_percent"] is None


# --- the shape of the formula: only where it is so (clinical-scores.md section 3, trap 12) -------------------------------


@given(person=people, name=st.sampled_from(["sbp_mmhg", "total_hdl_ratio", "sbp_sd_mmhg"]), share=st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_rises_with_pressure_ratio_and_deviation(person: dict[str, Any], name: str, share: float) -> None:
    _, high = {"sbp_mmhg": SBP, "total_hdl_ratio": RATIO, "sbp_sd_mmhg": SBP_SD}[name]
    more = person | {name: person[name] + share * (high - person[name])}
    low_risk, high_risk = compute("qrisk3", pl.DataFrame([person, more]))["qrisk3_10y_percent"]
    assert high_risk >= low_risk - 1e-9


@pytest.mark.parametrize("sex", ["female", "male"])
def test_rises_with_age_when_no_flag_is_set(sex: str) -> None:
    frame = pl.DataFrame([{"sex": sex} | HEALTHY | {"age_years": age} for age in AGES])
    risks = compute("qrisk3", frame)["qrisk3_10y_percent"].to_list()
    assert risks == sorted(risks)


def test_does_not_rise_where_the_published_formula_does_not() -> None:
    assert risk(age_years=84, townsend=8.0) < risk(age_years=84, townsend=-4.0)
    assert risk(age_years=84, sex="male", townsend=8.0) < risk(age_years=84, sex="male", townsend=-4.0)
    assert risk(age_years=75, bmi_kg_m2=35.0) < risk(age_years=75, bmi_kg_m2=20.0)
    assert risk(age_years=84, has_ckd_3_to_5=True) < risk(age_years=84)
    assert risk(age_years=84, has_migraine=True) < risk(age_years=84)
    assert risk(age_years=80, sex="male", has_erectile_dysfunction=True) < risk(age_years=80, sex="male")
    assert risk(age_years=30, has_atrial_fibrillation=True) < risk(age_years=25, has_atrial_fibrillation=True)
