"""Gives the Charlson comorbidity index from ICD-10 codes: two weightings, each named, with age and ten-year survival."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._icd10_declared import LINE_OPTIONS, MALFORMED, codes_input

if TYPE_CHECKING:
    import polars as pl

# clinical-scores.md section 7: age points floor((age - 40) / 10), from 0 to 4; survival 0.983 ^ exp(0.9 x score)
AGE_POINTS_FROM = (50, 60, 70, 80)
SURVIVAL_AT_ZERO = 0.983
LOG_HAZARD_PER_POINT = 0.9
ADULT_FROM = 18


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give the index by the weights of 1987 and 2011, the age-adjusted one, survival and the categories that count."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, numbers, wholes
    from pophealth.scores._comorbidity import categories, names_met, points, present
    from pophealth.scores._flags import Flags
    from pophealth.scores._icd10 import read_codes

    flags = Flags(inputs.height)
    diagnoses = read_codes("charlson", inputs["icd10_codes"], flags, options["malformed_codes"])
    table = categories("charlson", ("original_1987", "quan_2011"))
    met = present(diagnoses, table, inputs.height)
    original, updated = (points(met, table.points[name]) for name in ("original_1987", "quan_2011"))
    age = numbers(inputs, "age_years")
    flags.add("missing", "age_years", np.isnan(age))
    flags.add("not_applicable", "age_years", age < ADULT_FROM)
    adjusted = original + np.searchsorted(AGE_POINTS_FROM, np.nan_to_num(age), side="right")
    aged = diagnoses.known & ~np.isnan(age)
    survival = 100.0 * SURVIVAL_AT_ZERO ** np.exp(LOG_HAZARD_PER_POINT * adjusted)
    return pl.DataFrame(
        [
            wholes("charlson_original_1987", original, diagnoses.known),
            wholes("charlson_quan_2011", updated, diagnoses.known),
            wholes("charlson_original_age_adjusted", adjusted, aged),
            floats("charlson_10y_survival_percent", np.where(aged, survival, np.nan)),
            names_met("charlson_categories", met, table.names, diagnoses.known),
            flags.series("charlson_flags"),
        ]
    )


SCORE = Score(
    id="charlson",
    title="Charlson comorbidity index, Quan's ICD-10 map",
    version="Quan 2005 map; weights of 1987 and 2011",
    source=(
        "Charlson and others, J Chronic Dis 1987;40:373; Quan and others, Med Care 2005;43:1130 and "
        "Am J Epidemiol 2011;173:676; survival Charlson and others, J Clin Epidemiol 1994;47:1245"
    ),
    licence="Published map and weights, free to use",
    range=(0.0, 29.0),
    direction="higher is worse",
    inputs=(
        codes_input("spell_icd10_codes_5y", "In the line: spells admitted in the 5 years up to the index date"),
        Input(
            "age_years",
            "int",
            "years",
            missing="no age-adjusted index and no survival; the plain indices stand",
            needed=False,
            optional=True,
            description="Whole years; points from 50 on, one a decade, four from 80; under 18 flagged not_applicable",
        ),
    ),
    outputs=(
        Output("charlson_original_1987", "int", "points", "Index by the weights of 1987, without age"),
        Output("charlson_quan_2011", "int", "points", "Index by the weights of 2011, without age"),
        Output("charlson_original_age_adjusted", "int", "points", "Index of 1987 plus the points of the age"),
        Output(
            "charlson_10y_survival_percent",
            "float",
            "%",
            "Estimated ten-year survival, 0.983 ^ exp(0.9 x age-adjusted index): a cohort of the 1980s",
        ),
        Output("charlson_categories", "list of text", None, "Categories that count, hierarchies applied"),
    ),
    primary_output="charlson_original_1987",
    compute=compute,
    options=(MALFORMED,),
    line_options=LINE_OPTIONS,
    statement="Two weightings are in use and differ: say which. Not the index of the hospital mortality indicator (SHMI).",
)
