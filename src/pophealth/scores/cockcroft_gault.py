"""Gives creatinine clearance by Cockcroft and Gault, with actual body weight, for doses of medicines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._shared_inputs import above_zero, age, creatinine, sex

if TYPE_CHECKING:
    import polars as pl

# (140 - age) x weight kg x k / creatinine umol/L, k 1.23 men, 1.04 women; actual body weight for anticoagulants, as in
# the licensing trials (reference pack, clinical/creatinine_clearance_rules.csv).
AGE_FROM_WHICH = 140.0
FACTOR = (1.04, 1.23)


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `creatinine_clearance_ml_min` of prepared inputs."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._egfr import read_kidneys
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number

    flags = Flags(inputs.height)
    people = read_kidneys(inputs, flags)
    weight = read_number(inputs, WEIGHT, flags)
    value = (AGE_FROM_WHICH - people.age_years) * weight * people.by_sex(*FACTOR) / people.umol_l
    return pl.DataFrame(
        [
            floats("creatinine_clearance_ml_min", np.where(people.known, value, np.nan)),
            flags.series("cockcroft_gault_flags"),
        ]
    )


WEIGHT = above_zero(
    "weight_kg",
    "kg",
    "Latest actual body weight, not ideal weight; NCD SMR03 wants it within 12 months",
    feature="weight_latest_12m_kg",
)

SCORE = Score(
    id="cockcroft_gault",
    title="Creatinine clearance, Cockcroft-Gault with actual body weight",
    version="1976; factors 1.23 men, 1.04 women per umol/L",
    source="Cockcroft and Gault, Nephron 1976;16:31; service-specs.md SMR-13; reference pack creatinine_clearance_rules.csv",
    licence="Published formula, free to use",
    range=(0.0, float("inf")),
    direction="higher is better",
    inputs=(age(), sex("Recorded sex: separate factors"), WEIGHT, creatinine()),
    outputs=(Output("creatinine_clearance_ml_min", "float", "mL/min", "Creatinine clearance, unrounded"),),
    primary_output="creatinine_clearance_ml_min",
    compute=compute,
    statement="For doses of direct oral anticoagulants use this, not eGFR (MHRA 2019). It can overstate clearance in obesity.",
)
