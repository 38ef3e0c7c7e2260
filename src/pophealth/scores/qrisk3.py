"""Gives QRISK3-2017: the estimated risk of a heart attack or stroke within ten years, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Option, Output, Score
from pophealth.scores._shared_inputs import NO_OTHER_SEX

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `qrisk3_10y_percent` of prepared inputs.

    Ethnicity, smoking, the Townsend score, the standard deviation and the flags have a stated value for missing. A
    missing body mass index, cholesterol ratio or systolic leaves no risk, unless `estimate_missing` is chosen.
    """
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._flags import Flags
    from pophealth.scores._qrisk3_equation import risk_percent
    from pophealth.scores._qrisk3_people import people_of

    flags = Flags(inputs.height)
    people, ok = people_of(inputs, flags, estimate_missing=options["estimate_missing"])
    risk = np.where(ok, risk_percent(people), np.nan)
    return pl.DataFrame([floats("qrisk3_10y_percent", risk), flags.series("qrisk3_flags")])


ESTIMATED = "no risk; with option estimate_missing ClinRisk's estimate stands in, flagged imputed"
FALSE = "taken as false, flagged imputed"


def _flag(name: str, description: str, feature: str | None = None) -> Input:
    return Input(name, "bool", missing=FALSE, needed=False, feature=feature, description=description)


# Definitions: clinical-scores.md section 3, "Flag definitions" and the table above it.
INPUTS = (
    Input(
        "sex",
        "category",
        None,
        ("female", "male"),
        "no risk",
        description=f"Recorded sex: two separate equations; {NO_OTHER_SEX}",
    ),
    Input("age_years", "int", "years", (25, 84), "no risk", description="Whole years on the index date"),
    Input(
        "qrisk_ethnicity",
        "category",
        None,
        (
            "white_or_not_stated",
            "indian",
            "pakistani",
            "bangladeshi",
            "other_asian",
            "black_caribbean",
            "black_african",
            "chinese",
            "other",
        ),
        "taken as white_or_not_stated, flagged imputed",
        needed=False,
        description="Mixed groups and other Black are 'other'; every White group and not stated are the first",
    ),
    Input(
        "qrisk_smoking",
        "category",
        None,
        ("non", "ex", "light", "moderate", "heavy"),
        "taken as non, flagged imputed",
        needed=False,
        description="light under 10 a day, moderate 10 to 19, heavy 20 and more",
    ),
    Input(
        "bmi_kg_m2",
        "float",
        "kg/m2",
        (20.0, 40.0),
        ESTIMATED,
        needed=False,
        optional=True,
        feature="bmi_latest_5y_kg_m2",
        description="Latest in the last 5 years; outside 20 to 40 moved to the nearer bound, flagged clamped",
    ),
    Input(
        "total_hdl_ratio",
        "float",
        "ratio",
        (1.0, 11.0),
        ESTIMATED,
        needed=False,
        optional=True,
        feature="total_hdl_ratio_latest_5y",
        description="Total over HDL cholesterol, latest in the last 5 years; outside the range no risk",
    ),
    Input(
        "sbp_mmhg",
        "float",
        "mmHg",
        (70.0, 210.0),
        ESTIMATED,
        needed=False,
        optional=True,
        feature="sbp_latest_5y_mmhg",
        description="Latest systolic in the last 5 years; outside the range no risk",
    ),
    Input(
        "sbp_sd_mmhg",
        "float",
        "mmHg",
        (0.0, 40.0),
        "the mean of the sex (women 9.00, men 8.76), flagged imputed: no rule for it was published",
        needed=False,
        optional=True,
        feature="sbp_sd_5y_mmhg",
        description="Sample standard deviation of two or more systolic readings in the last 5 years",
    ),
    Input(
        "townsend",
        "float",
        "Townsend score",
        (-7.0, 11.0),
        "taken as 0, flagged imputed",
        needed=False,
        optional=True,
        description="Townsend 2011 of the area of residence; higher is more deprived. Never a rank of another index",
    ),
    _flag("has_atrial_fibrillation", "Atrial fibrillation, a code ever", "has_atrial_fibrillation_coded"),
    _flag(
        "on_atypical_antipsychotic",
        "Two or more issues of an atypical antipsychotic in 6 months",
        "atypical_antipsychotic_issues_6m >= 2",
    ),
    _flag(
        "on_corticosteroids",
        "Two or more issues of an oral corticosteroid in 6 months",
        "oral_corticosteroid_issues_6m >= 2",
    ),
    _flag("has_erectile_dysfunction", "Diagnosis or treatment ever; men only, in women ignored and flagged"),
    _flag("has_migraine", "Any migraine"),
    _flag("has_rheumatoid_arthritis", "Rheumatoid arthritis"),
    _flag("has_ckd_3_to_5", "Chronic kidney disease, stages G3 to G5; NICE NG238 advises against the tool", "has_ckd"),
    _flag(
        "has_severe_mental_illness",
        "Psychosis, severe depression, bipolar disorder or schizophrenia, ever",
        "has_severe_mental_illness OR has_severe_depression_coded",
    ),
    _flag("has_systemic_lupus", "Systemic lupus erythematosus"),
    _flag(
        "has_treated_hypertension",
        "Diagnosis of hypertension and an antihypertensive issue in the last 6 months",
        "has_hypertension AND on_antihypertensive_6m",
    ),
    _flag("has_type_1_diabetes", "Type 1 diabetes; NICE NG238 advises against the tool", "has_type_1_diabetes_coded"),
    _flag(
        "has_type_2_diabetes",
        "Type 2 diabetes; not together with type 1",
        "has_diabetes AND NOT has_type_1_diabetes_coded",
    ),
    _flag(
        "has_family_history_cvd",
        "Coronary heart disease in a first-degree relative under 60",
        "has_family_history_chd_under_60",
    ),
)

SCORE = Score(
    id="qrisk3",
    title="QRISK3-2017, ten-year risk of cardiovascular disease",
    version="2017",
    source="Hippisley-Cox, Coupland, Brindle. BMJ 2017;357:j2099; https://qrisk.org",
    licence="Coefficients LGPL-3.0-or-later with ClinRisk's additional terms (a data file of their own); code Apache-2.0",
    range=(0.0, 100.0),
    direction="higher is worse",
    inputs=INPUTS,
    outputs=(
        Output(
            "qrisk3_10y_percent",
            "float",
            "%",
            "Risk of a heart attack or stroke within ten years; not for people with CVD",
        ),
    ),
    primary_output="qrisk3_10y_percent",
    compute=compute,
    options=(
        Option(
            "estimate_missing",
            default=False,
            description="true or false: use ClinRisk's estimators (QRISK2 era, ages 30 to 84) for a missing BMI, ratio or SBP",
        ),
    ),
    # in the line a computed risk is labelled an estimate and ranks people with nothing recorded (catalogue CV-09)
    line_options=(("estimate_missing", True),),
    statement=(
        "An independent implementation of the published QRISK3-2017 equations, neither made nor endorsed by ClinRisk; it is "
        "to be checked before clinical use. QRISK is a registered trademark. ClinRisk's statement:"
    ),
    link="https://qrisk.org",
)
