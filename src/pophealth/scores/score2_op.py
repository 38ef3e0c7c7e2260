"""Gives SCORE2-OP: the ten-year risk of a cardiovascular event from age 70 on, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._score2_inputs import GATED, HDL, REGION, SBP, SMOKER, TOTAL, WITH_CVD
from pophealth.scores._shared_inputs import age, flag, sex

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `score2_op_10y_percent` of prepared inputs."""
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number
    from pophealth.scores._score2 import as_term, note_where, risk_percent

    flags = Flags(inputs.height)
    age_years = read_number(inputs, AGE, flags)
    flags.add("not_applicable", "age_years", age_years > CHARTED_TO)
    # centres: Eur Heart J 2021;42:2455, as in the head of data/score2.csv
    terms = {
        "age": age_years - 73,
        "smoking": as_term(inputs, SMOKER.name, flags),
        "sbp": read_number(inputs, SBP, flags) - 150,
        "total_cholesterol": read_number(inputs, TOTAL, flags) - 6,
        "hdl": read_number(inputs, HDL, flags) - 1.4,
        "diabetes": as_term(inputs, DIABETES.name, flags),
    }
    value = risk_percent("score2_op", inputs, terms, flags)
    note_where(inputs, WITH_CVD.name, flags, value=True)
    return pl.DataFrame([floats("score2_op_10y_percent", value), flags.series("score2_op_flags")])


# From 70 on (clinical-scores.md section 9); meant for 70 to 89 (cvd-risk 0.1.48, SCORE2-OP page).
AGE = age((70, 120), description="Whole years on the index date; from 90 on flagged not_applicable, the value stands")
CHARTED_TO = 89
DIABETES = flag("has_diabetes", "Diabetes of any type")

SCORE = Score(
    id="score2_op",
    title="SCORE2-OP, ten-year risk of cardiovascular events in older persons",
    version="2021",
    source="SCORE2-OP working group, Eur Heart J 2021;42:2455; coefficients as printed (rounding moves a risk by up to 0.84)",
    licence=GATED,
    range=(0.0, 100.0),
    direction="higher is worse",
    inputs=(AGE, sex("Recorded sex: separate equations"), SMOKER, SBP, TOTAL, HDL, DIABETES, REGION, WITH_CVD),
    outputs=(
        Output("score2_op_10y_percent", "float", "%", "Risk of a fatal or non-fatal event in ten years, unrounded"),
    ),
    primary_output="score2_op_10y_percent",
    compute=compute,
    needs_licence_acceptance=True,
    statement="NICE recommends QRISK3, not SCORE2, in England; from 85 on everybody is at raised risk.",
)
