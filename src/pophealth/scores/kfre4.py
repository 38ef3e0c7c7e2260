"""Gives the risk of kidney failure (dialysis or transplant) in two and five years, four-variable equation, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Option, Output, Score
from pophealth.scores._shared_inputs import age, applies, egfr, sex

if TYPE_CHECKING:
    import polars as pl

# Coefficients and centres: Tangri and others, JAMA 2011;305:1553 and 2016;315:164 (clinical-scores.md section 9).
AGE_TENS, MALE, EGFR_FIVES, LN_ACR = -0.2201, 0.2467, -0.5567, 0.451
AGE_CENTRE, MALE_CENTRE, EGFR_CENTRE, LN_ACR_CENTRE = 7.036, 0.5642, 7.222, 5.137
# Baseline survival at two and at five years, outside and inside North America (same section). The UK figures of Major and
# others (2019) were found in no source at hand: a site that has them gives them as options.
BASELINES = {"non_north_american": (0.9832, 0.9365), "north_american": (0.975, 0.924)}
# The equation takes mg/g: 1 mg/mmol is 8.84 mg/g (same section). A result under the limit of detection, printed "<0.3",
# or a zero has no logarithm: it is moved to that limit.
MG_G_PER_MG_MMOL = 8.84
ACR_FLOOR_MG_MMOL = 0.3
# For eGFR under 60, G3a to G5 (same section).
EGFR_BELOW = 60.0


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `kfre4_2y_percent`, `kfre4_5y_percent` and the baseline survivals they stand on, of prepared inputs."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, numbers, truths
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import BEARABLE, read_female, read_number

    flags = Flags(inputs.height)
    age_years = read_number(inputs, AGE, flags)
    female, known = read_female(inputs, flags)
    filtration = read_number(inputs, EGFR, flags)
    flags.add("not_applicable", "egfr_ml_min_1_73m2", filtration >= EGFR_BELOW)
    ratio = numbers(inputs, "acr_mg_mmol")
    flags.add("missing", "acr_mg_mmol", np.isnan(ratio))
    refused = np.abs(ratio) > BEARABLE[1]
    flags.add("out_of_range", "acr_mg_mmol", refused)
    floor = options["acr_floor_mg_mmol"]
    flags.add("clamped", "acr_mg_mmol", ~refused & (ratio < floor))
    ratio = np.where(refused, np.nan, np.maximum(ratio, floor))
    flags.add("not_applicable", REPLACED.name, truths(inputs, REPLACED.name))
    lean = (
        AGE_TENS * (age_years / 10 - AGE_CENTRE)
        + MALE * (~female - MALE_CENTRE)
        + EGFR_FIVES * (filtration / 5 - EGFR_CENTRE)
        + LN_ACR * (np.log(ratio * MG_G_PER_MG_MMOL) - LN_ACR_CENTRE)
    )
    hazard = np.where(known, np.exp(lean), np.nan)
    survivals = _baselines(options)
    two, five = (floats(f"kfre4_{n}y_percent", 100 * (1 - s**hazard)) for n, s in zip((2, 5), survivals, strict=True))
    said = f"2 years {survivals[0]:g}, 5 years {survivals[1]:g}"
    baseline = pl.Series("kfre4_baseline_survival", [said]).new_from_index(0, inputs.height).set(two.is_null(), None)
    return pl.DataFrame([two, five, baseline, flags.series("kfre4_flags")])


def _baselines(options: Mapping[str, Any]) -> tuple[float, float]:
    """Give the baseline survivals: a figure given by the caller, else that of the calibration chosen."""
    two, five = BASELINES[options["calibration"]]
    return options["baseline_survival_2y"] or two, options["baseline_survival_5y"] or five


AGE = age()
EGFR = egfr("Latest estimated glomerular filtration rate; from 60 on the value is flagged not_applicable")
REPLACED = applies(
    "on_renal_replacement_therapy",
    "Dialysis or a kidney transplant; true is flagged not_applicable",
    feature="has_dialysis_or_renal_transplant",
)
SCORE = Score(
    id="kfre4",
    title="Kidney Failure Risk Equation, four variables",
    version="Tangri 2011, recalibrated 2016",
    source="Tangri and others, JAMA 2011;305:1553 and 2016;315:164; as in clinical-scores.md section 9",
    licence="Published formula, free to use",
    range=(0.0, 100.0),
    direction="higher is worse",
    inputs=(
        AGE,
        sex("Recorded sex"),
        EGFR,
        Input(
            "acr_mg_mmol",
            "float",
            "mg/mmol",
            feature="acr_latest_mg_mmol",
            description="Latest urine albumin to creatinine ratio in mg/mmol (x 8.84 is mg/g); under 0.3 moved to 0.3, clamped",
        ),
        REPLACED,
    ),
    outputs=(
        Output("kfre4_2y_percent", "float", "%", "Risk of kidney failure within two years"),
        Output(
            "kfre4_5y_percent", "float", "%", "Risk of kidney failure within five years; NICE NG203 refers above 5 %"
        ),
        Output("kfre4_baseline_survival", "text", None, "Baseline survivals the two risks stand on"),
    ),
    primary_output="kfre4_5y_percent",
    compute=compute,
    options=(
        Option(
            "calibration",
            "non_north_american",
            "non_north_american (0.9832 at 2 years, 0.9365 at 5) or north_american (0.975, 0.924)",
            ("non_north_american", "north_american"),
        ),
        Option(
            "baseline_survival_2y", 0.0, "own baseline survival at 2 years, 0 to 1; 0: that of calibration", (0.0, 1.0)
        ),
        Option(
            "baseline_survival_5y", 0.0, "own baseline survival at 5 years, 0 to 1; 0: that of calibration", (0.0, 1.0)
        ),
        Option("acr_floor_mg_mmol", ACR_FLOOR_MG_MMOL, "lower ratios are moved to this one, mg/mmol", (0.01, 10.0)),
    ),
)
