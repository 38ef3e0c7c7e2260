"""Gives one of six segments to every person: the highest in priority of which an element is present."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._shared_inputs import flag

if TYPE_CHECKING:
    import polars as pl

# Segments in order of priority and their 32 elements (clinical-scores.md section 12; SNEEdocs, docs/segmentation.md of the
# model for adults, MIT licence, copyright 2024 SNEE-ICS). Live well: no element present.
ELEMENTS = {
    "die_well": (
        ("has_palliative_care", "Palliative care"),
        ("has_end_of_life_care", "End of life"),
        ("has_end_stage_liver_disease", "End-stage liver disease"),
        ("has_end_stage_heart_disease", "End-stage heart disease"),
        ("has_end_stage_renal_disease", "End-stage renal disease"),
        ("has_end_stage_copd", "End-stage chronic obstructive pulmonary disease"),
    ),
    "age_well": (
        ("has_hospital_hip_fracture_12m", "In hospital for a hip fracture"),
        ("has_hospital_stroke_12m", "In hospital for a stroke"),
        ("has_hospital_fall_12m", "In hospital for a fall"),
        ("has_hospital_frailty_12m", "In hospital for frailty"),
        ("has_dementia", "Dementia"),
        ("has_four_or_more_long_term_conditions", "Four or more long-term conditions"),
        ("has_severe_frailty", "Severe frailty"),
        ("is_housebound", "Housebound"),
        ("has_carer", "Has a carer"),
    ),
    "stay_well": (
        ("has_one_to_three_long_term_conditions", "One to three long-term conditions"),
        ("has_cancer", "Cancer"),
        ("has_moderate_frailty", "Moderate frailty"),
    ),
    "feel_well": (
        ("has_severe_mental_illness", "Serious mental illness"),
        ("has_depression", "Depression"),
        ("has_anxiety", "Anxiety"),
        ("has_mental_health_contact_12m", "Contact with mental health services"),
        ("has_hospital_mental_health_12m", "In hospital for mental health"),
        ("has_hospital_alcohol_12m", "In hospital for alcohol"),
        ("has_hospital_drugs_12m", "In hospital for drugs"),
        ("has_hospital_self_harm_12m", "In hospital for self-harm"),
        ("has_hospital_homelessness_12m", "In hospital for homelessness"),
    ),
    "be_well": (
        ("has_hospital_emergency_dentistry_12m", "In hospital for emergency dentistry"),
        ("has_obesity", "Obese: body mass index over 30 in the last year"),
        ("is_smoker", "Smoker"),
        ("has_increased_alcohol_risk", "Increased alcohol risk"),
        ("has_high_alcohol_risk", "High alcohol risk"),
    ),
}
SEGMENTS = (*ELEMENTS, "live_well")
# The published model is for adults (same page).
ADULT_FROM = 18


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `segment_snee` and `segment_snee_priority` of prepared inputs.

    A segment is given where what is known decides it: an element of it is present, and none of a higher one may be.
    """
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import labels, many_truths, numbers, wholes
    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    names = {segment: [name for name, _ in elements] for segment, elements in ELEMENTS.items()}
    true, missing = many_truths(inputs, [name for of_segment in names.values() for name in of_segment])
    for name, where in missing.items():
        flags.add("missing", name, where)
    flags.add("not_applicable", "age_years", numbers(inputs, "age_years") < ADULT_FROM)
    place = np.full(inputs.height, len(SEGMENTS) - 1)
    decided = np.ones(inputs.height, dtype=np.bool_)
    for number, of_segment in reversed(list(enumerate(names.values()))):
        present = np.logical_or.reduce([true[name] for name in of_segment])
        unknown = np.logical_or.reduce([missing[name] for name in of_segment])
        place = np.where(present, number, place)
        decided = present | (decided & ~unknown)
    return pl.DataFrame(
        [
            labels("segment_snee", np.where(decided, place, -1), SEGMENTS),
            wholes("segment_snee_priority", place + 1, decided),
            flags.series("segment_snee_flags"),
        ]
    )


FED_BY = {
    "has_palliative_care": "is_palliative",
    "has_hospital_hip_fracture_12m": "has_hip_fracture_admission_12m",
    "has_hospital_stroke_12m": "has_stroke_admission_12m",
    "has_hospital_fall_12m": "has_fall_admission_12m",
    "has_hospital_frailty_12m": "has_frailty_admission_12m",
    "has_hospital_mental_health_12m": "has_mental_health_admission_12m",
    "has_hospital_alcohol_12m": "has_alcohol_admission_12m",
    "has_hospital_drugs_12m": "has_drugs_admission_12m",
    "has_hospital_self_harm_12m": "has_self_harm_admission_12m",
    "has_hospital_homelessness_12m": "has_homelessness_admission_12m",
    "has_hospital_emergency_dentistry_12m": "has_emergency_dentistry_admission_12m",
    "has_four_or_more_long_term_conditions": "long_term_conditions_count >= 4",
    "has_one_to_three_long_term_conditions": "long_term_conditions_count BETWEEN 1 AND 3",
    # the latest grade wins, and who has none has none of these two
    "has_severe_frailty": "frailty_latest IS NOT NULL AND frailty_latest = 'severe'",
    "has_moderate_frailty": "frailty_latest IS NOT NULL AND frailty_latest = 'moderate'",
    "has_carer": "has_carer_of_own",
    "has_anxiety": "has_anxiety_coded",
    "has_obesity": "has_bmi_above_30_12m",
    "is_smoker": "is_smoker_coded",
    "has_increased_alcohol_risk": "has_alcohol_risk_increased",
    "has_high_alcohol_risk": "has_alcohol_risk_high",
}
"""What feeds an element in the line where it is not the feature of its name: features/score_segment_snee.toml."""


def _element(segment: str, name: str, words: str) -> Input:
    spoken = segment.replace("_", " ").capitalize()
    window = ", in the last year: admission or emergency attendance" if name.startswith("has_hospital") else ""
    return flag(
        name,
        f"{spoken}: {words}{window}",
        feature=FED_BY.get(name),
        missing="no segment, unless an element of a segment as high is present",
    )


SCORE = Score(
    id="segment_snee",
    title="Population segment, Suffolk and North East Essex priority",
    version="model for adults, 2024, 32 elements",
    source="SNEEdocs (SNEE-ICS/SNEEdocs, docs/segmentation.md); as in clinical-scores.md section 12",
    licence="MIT, copyright 2024 SNEE-ICS",
    range=(1.0, 6.0),
    direction="none",
    inputs=(
        *(_element(segment, *element) for segment, elements in ELEMENTS.items() for element in elements),
        Input(
            "age_years",
            "int",
            "years",
            missing="no effect; under 18 is flagged not_applicable, the segment stands",
            needed=False,
            optional=True,
            description="Whole years on the index date",
        ),
    ),
    outputs=(
        Output(
            "segment_snee",
            "category",
            None,
            "die_well > age_well > stay_well > feel_well > be_well > live_well; null unless decided",
        ),
        Output("segment_snee_priority", "int", None, "1 (die well) to 6 (live well)"),
    ),
    primary_output="segment_snee",
    compute=compute,
)
