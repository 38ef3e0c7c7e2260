"""Gives SCORE2-Diabetes: the ten-year risk of a cardiovascular event in type 2 diabetes at 40 to 69, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._score2_inputs import GATED, HDL, REGION, SBP, SMOKER, TOTAL, WITH_CVD
from pophealth.scores._shared_inputs import above_zero, age, applies, egfr, sex

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `score2_diabetes_10y_percent` of prepared inputs; everybody is taken to have type 2 diabetes."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number
    from pophealth.scores._score2 import as_term, note_where, risk_percent

    flags = Flags(inputs.height)
    age_years, diagnosed = (read_number(inputs, entry, flags) for entry in (AGE, DIAGNOSED))
    in_future = diagnosed > age_years
    flags.add("out_of_range", DIAGNOSED.name, in_future)
    # centres and steps: Eur Heart J 2023;44:2544, as in the head of data/score2.csv
    terms = {
        "age": (age_years - 60) / 5,
        "smoking": as_term(inputs, SMOKER.name, flags),
        "sbp": (read_number(inputs, SBP, flags) - 120) / 20,
        "total_cholesterol": read_number(inputs, TOTAL, flags) - 6,
        "hdl": (read_number(inputs, HDL, flags) - 1.3) / 0.5,
        "diabetes": np.ones(inputs.height),
        "diabetes_age": (np.where(in_future, np.nan, diagnosed) - 50) / 5,
        "hba1c": (read_number(inputs, HBA1C, flags) - 31) / 9.34,
        "ln_egfr": (np.log(read_number(inputs, EGFR, flags)) - 4.5) / 0.15,
    }
    value = risk_percent("score2_diabetes", inputs, terms, flags)
    note_where(inputs, WITH_CVD.name, flags, value=True)
    note_where(inputs, TYPE_2.name, flags, value=False)
    return pl.DataFrame([floats("score2_diabetes_10y_percent", value), flags.series("score2_diabetes_flags")])


# Type 2 diabetes, ages 40-69, no cardiovascular disease (clinical-scores.md section 9).
AGE = age((40, 69))
DIAGNOSED = Input(
    "age_at_diabetes_diagnosis_years",
    "int",
    "years",
    (0, 69),
    description="Whole years of age at the first diagnosis of diabetes; not above age_years",
)
HBA1C = above_zero(
    "hba1c_mmol_mol", "mmol/mol", "Latest HbA1c in mmol/mol, never in percent", feature="hba1c_latest_mmol_mol"
)
EGFR = egfr()
TYPE_2 = applies(
    "has_type_2_diabetes",
    "Type 2 diabetes; false is flagged not_applicable",
    feature="has_diabetes AND NOT has_type_1_diabetes_coded",
)

SCORE = Score(
    id="score2_diabetes",
    title="SCORE2-Diabetes, ten-year risk of cardiovascular events in type 2 diabetes at 40 to 69",
    version="2023",
    source="SCORE2-Diabetes working group, Eur Heart J 2023;44:2544",
    licence=GATED,
    range=(0.0, 100.0),
    direction="higher is worse",
    inputs=(
        AGE,
        sex("Recorded sex: separate equations"),
        SMOKER,
        SBP,
        TOTAL,
        HDL,
        DIAGNOSED,
        HBA1C,
        EGFR,
        REGION,
        WITH_CVD,
        TYPE_2,
    ),
    outputs=(
        Output(
            "score2_diabetes_10y_percent", "float", "%", "Risk of a fatal or non-fatal event in ten years, unrounded"
        ),
    ),
    primary_output="score2_diabetes_10y_percent",
    compute=compute,
    needs_licence_acceptance=True,
    statement="NICE recommends QRISK3, not SCORE2, in England.",
)
