"""Gives eGFR by CKD-EPI 2021. The United Kingdom has not adopted it; egfr_2009 is the one NICE NG203 names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._shared_inputs import age, creatinine, sex

if TYPE_CHECKING:
    import polars as pl

# 142 min(Scr/k, 1)^a max(Scr/k, 1)^-1.200 0.9938^age, women x 1.012; k 0.7/0.9, a -0.241/-0.302; Scr in mg/dL
# (clinical-scores.md section 9).
FACTOR = 142.0
KAPPA = (0.7, 0.9)
ALPHA = (-0.241, -0.302)
ABOVE = -1.2
AGEING = 0.9938
WOMEN = 1.012


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `egfr_2021_ml_min_1_73m2` of prepared inputs."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._egfr import read_kidneys
    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    people = read_kidneys(inputs, flags)
    ratio = people.mg_dl / people.by_sex(*KAPPA)
    shape = np.minimum(ratio, 1) ** people.by_sex(*ALPHA) * np.maximum(ratio, 1) ** ABOVE
    value = FACTOR * shape * AGEING**people.age_years * people.by_sex(WOMEN, 1.0)
    return pl.DataFrame(
        [
            floats("egfr_2021_ml_min_1_73m2", np.where(people.known, value, np.nan)),
            flags.series("egfr_2021_flags"),
        ]
    )


SCORE = Score(
    id="egfr_2021",
    title="Estimated glomerular filtration rate, CKD-EPI 2021",
    version="CKD-EPI creatinine 2021",
    source="Inker and others, N Engl J Med 2021;385:1737; as in clinical-scores.md section 9",
    licence="Published formula, free to use",
    range=(0.0, float("inf")),
    direction="higher is better",
    inputs=(age(), sex("Recorded sex: separate constants"), creatinine()),
    outputs=(Output("egfr_2021_ml_min_1_73m2", "float", "mL/min/1.73m2", "Estimated filtration rate, unrounded"),),
    primary_output="egfr_2021_ml_min_1_73m2",
    compute=compute,
    statement="Not adopted in the United Kingdom; NICE NG203 names CKD-EPI 2009 without ethnicity (egfr_2009).",
)
