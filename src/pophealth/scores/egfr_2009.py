"""Gives eGFR by CKD-EPI 2009 without the ethnicity factor, as NICE NG203 has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Option, Output, Score
from pophealth.scores._shared_inputs import age, creatinine, sex

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._egfr import Kidneys

# Table form: women to 62 umol/L 144 (Scr/0.7)^-0.329 0.993^age, men to 80 umol/L 141 (Scr/0.9)^-0.411 0.993^age, above
# that the exponent is -1.209; Scr in mg/dL (clinical-scores.md section 9). Single equation: 141, women x 1.018.
KAPPA = (0.7, 0.9)
ALPHA = (-0.329, -0.411)
ABOVE = -1.209
AGEING = 0.993
TABLE_FACTOR = (144.0, 141.0)
TABLE_UPPER_UMOL_L = (62.0, 80.0)
SINGLE_FACTOR = 141.0
SINGLE_WOMEN = 1.018


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `egfr_2009_ml_min_1_73m2` of prepared inputs, by the form chosen."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._egfr import read_kidneys
    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    people = read_kidneys(inputs, flags)
    form = _table_form if options["form"] == "table" else _single_equation
    value = np.where(people.known, form(people) * AGEING**people.age_years, np.nan)
    return pl.DataFrame([floats("egfr_2009_ml_min_1_73m2", value), flags.series("egfr_2009_flags")])


def _table_form(people: Kidneys) -> NDArray[np.float64]:
    import numpy as np

    exponent = np.where(people.umol_l <= people.by_sex(*TABLE_UPPER_UMOL_L), people.by_sex(*ALPHA), ABOVE)
    return people.by_sex(*TABLE_FACTOR) * (people.mg_dl / people.by_sex(*KAPPA)) ** exponent


def _single_equation(people: Kidneys) -> NDArray[np.float64]:
    import numpy as np

    ratio = people.mg_dl / people.by_sex(*KAPPA)
    scale = SINGLE_FACTOR * people.by_sex(SINGLE_WOMEN, 1.0)
    return scale * np.minimum(ratio, 1) ** people.by_sex(*ALPHA) * np.maximum(ratio, 1) ** ABOVE


SCORE = Score(
    id="egfr_2009",
    title="Estimated glomerular filtration rate, CKD-EPI 2009 without ethnicity",
    version="CKD-EPI creatinine 2009, without the ethnicity factor",
    source="Levey and others, Ann Intern Med 2009;150:604; NICE NG203; as in clinical-scores.md section 9",
    licence="Published formula, free to use",
    range=(0.0, float("inf")),
    direction="higher is better",
    inputs=(age(), sex("Recorded sex: separate constants"), creatinine()),
    outputs=(Output("egfr_2009_ml_min_1_73m2", "float", "mL/min/1.73m2", "Estimated filtration rate, unrounded"),),
    primary_output="egfr_2009_ml_min_1_73m2",
    compute=compute,
    options=(
        Option(
            "form",
            "table",
            "table (144 women, 141 men, bounds 62 and 80 umol/L) or single_equation (141, women x 1.018; 0.32 % lower)",
            ("table", "single_equation"),
        ),
    ),
)
