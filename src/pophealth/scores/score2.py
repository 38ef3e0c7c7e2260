"""Gives SCORE2: the ten-year risk of a cardiovascular event at 40 to 69, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._score2_inputs import GATED, HDL, REGION, SBP, SMOKER, TOTAL, WITH_CVD
from pophealth.scores._shared_inputs import age, applies, sex

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `score2_10y_percent` of prepared inputs."""
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number
    from pophealth.scores._score2 import as_term, note_where, risk_percent

    flags = Flags(inputs.height)
    # centres and steps: Eur Heart J 2021;42:2439, as in the head of data/score2.csv
    terms = {
        "age": (read_number(inputs, AGE, flags) - 60) / 5,
        "smoking": as_term(inputs, SMOKER.name, flags),
        "sbp": (read_number(inputs, SBP, flags) - 120) / 20,
        "total_cholesterol": read_number(inputs, TOTAL, flags) - 6,
        "hdl": (read_number(inputs, HDL, flags) - 1.3) / 0.5,
    }
    value = risk_percent("score2", inputs, terms, flags)
    for entry in (WITH_CVD, WITH_DIABETES):
        note_where(inputs, entry.name, flags, value=True)
    return pl.DataFrame([floats("score2_10y_percent", value), flags.series("score2_flags")])


# Ages 40-69, no cardiovascular disease, no diabetes (clinical-scores.md section 9).
AGE = age((40, 69))
WITH_DIABETES = applies("has_diabetes", "Diabetes of any type; true is flagged not_applicable")

SCORE = Score(
    id="score2",
    title="SCORE2, ten-year risk of cardiovascular events at 40 to 69",
    version="2021",
    source="SCORE2 working group, Eur Heart J 2021;42:2439",
    licence=GATED,
    range=(0.0, 100.0),
    direction="higher is worse",
    inputs=(AGE, sex("Recorded sex: separate equations"), SMOKER, SBP, TOTAL, HDL, REGION, WITH_CVD, WITH_DIABETES),
    outputs=(Output("score2_10y_percent", "float", "%", "Risk of a fatal or non-fatal event in ten years, unrounded"),),
    primary_output="score2_10y_percent",
    compute=compute,
    needs_licence_acceptance=True,
    statement="NICE recommends QRISK3, not SCORE2, in England.",
)
