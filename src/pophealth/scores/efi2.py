"""Gives eFI2: the second electronic frailty index, its category and the one-year risk of its composite outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

# Levels of one thing, of which one at most is true (clinical-scores.md section 5, eFI2).
EXCLUSIVE = {
    "alcohol": ("alcohol_harmful", "alcohol_previous_harmful_or_higher", "alcohol_missing"),
    "bmi": ("bmi_underweight", "bmi_missing"),
    "polypharmacy": ("polypharmacy_5_9", "polypharmacy_10_plus"),
}
# Of these the first that is true counts: dementia, then cognitive impairment, then memory concerns (as above).
COGNITION = ("dementia", "cognitive_impairment", "memory_concerns")
PREDICTORS = (
    "activity_limitation",
    "alcohol_harmful",
    "alcohol_missing",
    "alcohol_previous_harmful_or_higher",
    "atrial_fibrillation",
    "bmi_missing",
    "bmi_underweight",
    "cancer",
    "cognitive_impairment",
    "copd",
    "dementia",
    "dressing_grooming_problems",
    "environment_problems",
    "falls_history",
    "fracture",
    "fragility_fracture",
    "heart_failure",
    "housebound",
    "hypotension_syncope",
    "liver_problems",
    "medication_management_problems",
    "memory_concerns",
    "mobility_problems",
    "motor_neurone_disease",
    "palliative_care",
    "parkinsonism_tremor",
    "peptic_ulcer_disease",
    "peripheral_vascular_disease",
    "polypharmacy_10_plus",
    "polypharmacy_5_9",
    "requirement_for_care",
    "respiratory_disease",
    "seizures",
    "self_harm",
    "skin_ulcer",
    "smoker_current",
    "social_vulnerability",
    "stroke",
    "tia",
    "weight_loss",
)
DESCRIPTIONS = {
    "alcohol_harmful": "Harmful drinking; one of the four levels of alcohol, the lowest having no column",
    "alcohol_missing": "No record of alcohol: it carries a weight of its own, nothing is imputed",
    "alcohol_previous_harmful_or_higher": "Previously harmful or higher-risk drinking",
    "bmi_missing": "No record of a body mass index: it carries a weight of its own, nothing is imputed",
    "bmi_underweight": "Body mass index in the underweight range",
    "cognitive_impairment": "Counts only without dementia",
    "memory_concerns": "Counts only without dementia and cognitive impairment",
    "polypharmacy_5_9": "5 to 9 different BNF paragraphs issued in 90 days",
    "polypharmacy_10_plus": "10 or more different BNF paragraphs issued in 90 days",
}

FED_BY = {
    "alcohol_harmful": "has_efi2_alcohol_harmful AND efi2_alcohol_level_latest = 'harmful'",
    "alcohol_previous_harmful_or_higher": (
        "has_efi2_alcohol_previous_harmful_or_higher AND efi2_alcohol_level_latest = 'previous_harmful_or_higher'"
    ),
    "alcohol_missing": (
        "NOT has_efi2_alcohol_recorded AND NOT has_efi2_alcohol_harmful "
        "AND NOT has_efi2_alcohol_previous_harmful_or_higher"
    ),
    "bmi_missing": "NOT has_bmi_recorded AND NOT has_efi2_bmi_underweight",
    "polypharmacy_5_9": "bnf_paragraphs_90d BETWEEN 5 AND 9",
    "polypharmacy_10_plus": "bnf_paragraphs_90d >= 10",
}
"""Predictors that a list of their own does not feed alone in the line: features/score_efi2.toml has what they are made of."""

# score = LP / 8.429; robust to 0.0857, mild to 0.1624, moderate to 0.2392, severe above; absolute risk
# 1 - exp(-0.0151 e^LP); people of 65 and over (clinical-scores.md section 5, eFI2)
DIVISOR = 8.429
CATEGORIES = ("robust", "mild", "moderate", "severe")
CATEGORY_TO = (0.0857, 0.1624, 0.2392)
BASELINE_HAZARD = 0.0151
FITTED_FROM_AGE = 65


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `efi2`, its category and the one-year risk; null where a predictor is unknown or two levels exclude each other."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, labels, numbers
    from pophealth.scores._data import read_table
    from pophealth.scores._flags import Flags
    from pophealth.scores._weighted import read_conditions, weighted_sum

    flags = Flags(inputs.height)
    conditions = read_conditions(inputs, PREDICTORS, flags)
    has = conditions.has
    age = numbers(inputs, "age_years")
    flags.add("out_of_range", "age_years", age < FITTED_FROM_AGE)
    undecided = age < FITTED_FROM_AGE
    for name, levels in EXCLUSIVE.items():
        several = np.sum([has[level] for level in levels], axis=0) > 1
        flags.add("not_applicable", f"several_levels_of_{name}", several)
        undecided = undecided | several
    first = _first_true([has[name] for name in COGNITION])
    conditions = conditions._replace(has=has | dict(zip(COGNITION, first, strict=True)))
    weights = {row["predictor"]: row["coefficient"] for row in read_table("efi2")}
    predictor = np.where(undecided, np.nan, weighted_sum(conditions, weights))
    score = predictor / DIVISOR
    place = np.where(np.isnan(score), -1, np.searchsorted(CATEGORY_TO, np.nan_to_num(score), side="left"))
    risk = -100.0 * np.expm1(-BASELINE_HAZARD * np.exp(predictor))
    return pl.DataFrame(
        [
            floats("efi2", score),
            labels("efi2_category", place, CATEGORIES),
            floats("efi2_1y_risk_percent", risk),
            flags.series("efi2_flags"),
        ]
    )


def _first_true(truths: list[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """Give each array, true only where none before it is."""
    kept, before = [], None
    for these in truths:
        kept.append(these if before is None else these & ~before)
        before = these if before is None else before | these
    return kept


SCORE = Score(
    id="efi2",
    title="Electronic frailty index 2",
    version="2025, 40 predictors",
    source="Best and others, Age and Ageing 2025, afaf077 (PMC11957239); figures as quoted in a public note, sum checked",
    licence="CC BY-NC; suppliers of record systems need the free licence of the University of Leeds",
    needs_licence_acceptance=True,
    range=(0.0, 1.0),
    direction="higher is worse",
    inputs=(
        *(
            Input(
                f"has_{name}",
                "bool",
                missing="no score: what is unknown is not absent",
                feature=FED_BY.get(name, f"has_efi2_{name}"),
                description=DESCRIPTIONS.get(name, "As in the eFI2 paper"),
            )
            for name in PREDICTORS
        ),
        Input(
            "age_years",
            "int",
            "years",
            (65, 120),
            "no effect: the caller answers for the age; under 65 no score",
            needed=False,
            optional=True,
            description="Whole years on the index date",
        ),
    ),
    outputs=(
        Output("efi2", "float", None, "Linear predictor divided by 8.429"),
        Output("efi2_category", "category", None, "robust, mild, moderate or severe"),
        Output(
            "efi2_1y_risk_percent",
            "float",
            "%",
            "Risk within a year of home care, a hospital stay for a fall or fracture, a care home, or death",
        ),
    ),
    primary_output="efi2",
    compute=compute,
    statement="Off in the line until the site's config names it under scores.licence_accepted. Finds candidates only.",
)
