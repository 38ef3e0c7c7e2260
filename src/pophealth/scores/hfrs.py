"""Gives the Hospital Frailty Risk Score from ICD-10 codes, each three-character code once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._icd10_declared import LINE_OPTIONS, MALFORMED, codes_input

if TYPE_CHECKING:
    import polars as pl

BANDS = ("low", "intermediate", "high")
# low under 5, intermediate 5 to 15, high over 15 (clinical-scores.md section 7), on tenths of a point: whole numbers
BAND_FROM_TENTHS = (50, 151)
FITTED_FROM_AGE = 75


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give the score and its band. Points are added as whole tenths, so that no rounding decides a band."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, labels, numbers
    from pophealth.scores._data import read_table
    from pophealth.scores._flags import Flags
    from pophealth.scores._icd10 import read_codes

    flags = Flags(inputs.height)
    diagnoses = read_codes("hfrs", inputs["icd10_codes"], flags, options["malformed_codes"])
    codes = [(code, int(row["tenths"])) for row in read_table("hfrs") for code in row["icd10"].split()]
    place_of = {code: place for place, (code, _) in enumerate(codes)}
    worth = np.array([tenths for _, tenths in codes], dtype=np.int64)
    of_code = np.array([place_of.get(code[:3], -1) for code in diagnoses.distinct] + [-1], dtype=np.int64)
    code = of_code[diagnoses.place]
    pairs = np.sort(diagnoses.row[code >= 0] * len(codes) + code[code >= 0])
    once = pairs[np.r_[True, pairs[1:] != pairs[:-1]]] if pairs.size else pairs  # np.unique costs as much as the rest
    weighed = np.bincount(once // len(codes), worth[once % len(codes)], minlength=inputs.height)
    tenths = weighed.astype(np.int64)  # sums of whole numbers: floats hold them exactly
    flags.add("not_applicable", "age_years", numbers(inputs, "age_years") < FITTED_FROM_AGE)
    band = np.where(diagnoses.known, np.searchsorted(BAND_FROM_TENTHS, tenths, side="right"), -1)
    return pl.DataFrame(
        [
            floats("hfrs", np.where(diagnoses.known, tenths / 10, np.nan)),
            labels("hfrs_band", band, BANDS),
            flags.series("hfrs_flags"),
        ]
    )


SCORE = Score(
    id="hfrs",
    title="Hospital Frailty Risk Score",
    version="2018, 109 codes",
    source="Gilbert and others, Lancet 2018;391:1775",
    licence="Open-access paper; weights are published figures",
    range=(0.0, 173.2),
    direction="higher is worse",
    inputs=(
        codes_input("spell_icd10_codes_2y", "Index spell and the 2 years before; in the line, spells of 2 years"),
        Input(
            "age_years",
            "int",
            "years",
            missing="no effect",
            needed=False,
            optional=True,
            description="Whole years; made for 75 and over, under 75 flagged not_applicable, the figure stands",
        ),
    ),
    outputs=(
        Output("hfrs", "float", "points", "Sum of points over different three-character codes"),
        Output("hfrs_band", "category", None, "low (under 5), intermediate (5 to 15) or high (over 15)"),
    ),
    primary_output="hfrs",
    compute=compute,
    options=(MALFORMED,),
    line_options=LINE_OPTIONS,
)
