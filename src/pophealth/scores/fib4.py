"""Gives FIB-4: an index of liver fibrosis from age, two liver enzymes and platelets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._shared_inputs import above_zero, age

if TYPE_CHECKING:
    import polars as pl

CATEGORIES = ("low", "indeterminate", "high")
# Cut-offs 1.3 (2.0 from age 65) and 2.67; poor below 35 (clinical-scores.md section 9).
LOW_BELOW, LOW_BELOW_FROM_65, HIGH_ABOVE = 1.3, 2.0, 2.67
HIGHER_CUT_FROM_AGE = 65
POOR_BELOW_AGE = 35


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `fib4` = age x AST / (platelets x square root of ALT) and `fib4_category` of prepared inputs."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, labels
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number

    flags = Flags(inputs.height)
    age_years, ast, alt, platelets = (read_number(inputs, entry, flags) for entry in INPUTS)
    flags.add("not_applicable", "age_years", age_years < POOR_BELOW_AGE)
    value = age_years * ast / (platelets * np.sqrt(alt))
    low_below = np.where(age_years >= HIGHER_CUT_FROM_AGE, LOW_BELOW_FROM_65, LOW_BELOW)
    place = np.where(np.isnan(value), -1, (value >= low_below).astype(np.int64) + (value > HIGH_ABOVE))
    return pl.DataFrame([floats("fib4", value), labels("fib4_category", place, CATEGORIES), flags.series("fib4_flags")])


INPUTS = (
    age(
        description="Whole years on the index date; under 35 the index is poor: flagged not_applicable, the value stands"
    ),
    above_zero(
        "ast_u_l", "U/L", "Latest aspartate aminotransferase; often not measured in England", feature="ast_latest_u_l"
    ),
    above_zero("alt_u_l", "U/L", "Latest alanine aminotransferase", feature="alt_latest_u_l"),
    above_zero("platelets_10e9_l", "10^9/L", "Latest platelet count", feature="platelets_latest_10e9_l"),
)

SCORE = Score(
    id="fib4",
    title="FIB-4 index of liver fibrosis",
    version="2006; cut-offs 1.3 (2.0 from 65) and 2.67",
    source="Sterling and others, Hepatology 2006;43:1317; formula and cut-offs as in clinical-scores.md section 9",
    licence="Published formula, free to use",
    range=(0.0, float("inf")),
    direction="higher is worse",
    inputs=INPUTS,
    outputs=(
        Output("fib4", "float", None, "Index, unrounded"),
        Output(
            "fib4_category", "category", None, "low below 1.3 (2.0 from age 65), high above 2.67, else indeterminate"
        ),
    ),
    primary_output="fib4",
    compute=compute,
)
