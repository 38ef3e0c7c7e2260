"""Gives the electronic frailty index: of 36 deficits, how many are present, as a count, a share and a category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score

if TYPE_CHECKING:
    import polars as pl

# The 35 coded deficits: clinical-scores.md section 5. The 36th is polypharmacy.
CODED_DEFICITS = (
    "activity_limitation",
    "anaemia_haematinic_deficiency",
    "arthritis",
    "atrial_fibrillation",
    "cerebrovascular_disease",
    "chronic_kidney_disease",
    "diabetes",
    "dizziness",
    "dyspnoea",
    "falls",
    "foot_problems",
    "fragility_fracture",
    "hearing_impairment",
    "heart_failure",
    "heart_valve_disease",
    "housebound",
    "hypertension",
    "hypotension_syncope",
    "ischaemic_heart_disease",
    "memory_cognitive_problems",
    "mobility_transfer_problems",
    "osteoporosis",
    "parkinsonism_tremor",
    "peptic_ulcer",
    "peripheral_vascular_disease",
    "requirement_for_care",
    "respiratory_disease",
    "skin_ulcer",
    "sleep_disturbance",
    "social_vulnerability",
    "thyroid_disease",
    "urinary_incontinence",
    "urinary_system_disease",
    "visual_impairment",
    "weight_loss_anorexia",
)

DEFICITS = len(CODED_DEFICITS) + 1

CATEGORIES = ("fit", "mild", "moderate", "severe")
# fit to 0.12, mild to 0.24, moderate to 0.36, severe above (clinical-scores.md section 5): of 36, from 5, 9 and 13 on.
CATEGORY_FROM = (5, 9, 13)

# "Ages >=65 for use" (clinical-scores.md section 5).
AGE_FROM = 65


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `efi_deficit_count`, `efi` and `efi_category` of prepared inputs.

    A deficit that is unknown makes count and share unknown. The category is tested on the integer count; it is also
    given where the known deficits alone decide it: when the present ones already make it severe, or when present and
    unknown ones together stay within one category.
    """
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, labels, many_truths, numbers, wholes
    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    present = np.zeros(inputs.height, dtype=np.int64)
    unknown = np.zeros(inputs.height, dtype=np.int64)
    has, missing = many_truths(inputs, [entry.name for entry in DEFICIT_INPUTS])
    for name, where in missing.items():
        flags.add("missing", name, where)
        present += has[name]
        unknown += where
    flags.add("not_applicable", "age_years", numbers(inputs, "age_years") < AGE_FROM)
    whole = unknown == 0
    place = np.searchsorted(CATEGORY_FROM, present, side="right")
    decided = place == np.searchsorted(CATEGORY_FROM, present + unknown, side="right")
    return pl.DataFrame(
        [
            wholes("efi_deficit_count", present, whole),
            floats("efi", np.where(whole, present / DEFICITS, np.nan)),
            labels("efi_category", np.where(decided, place, -1), CATEGORIES),
            flags.series("efi_flags"),
        ]
    )


DEFICIT_INPUTS = (
    *(
        Input(f"has_{name}", "bool", missing="count unknown", feature=f"has_efi_{name}", description="Coded ever")
        for name in CODED_DEFICITS
    ),
    Input(
        "has_polypharmacy",
        "bool",
        missing="count unknown",
        # 5 or more current medicines (clinical-scores.md section 5; service-specs.md AC-02 "polypharmacy >=5 current")
        feature="current_repeat_substances >= 5",
        description="Five or more medicines; in the line, different substances on current repeat (AC-02)",
    ),
)

SCORE = Score(
    id="efi",
    title="Electronic frailty index",
    version="2016, 36 deficits",
    source="Clegg and others, Age and Ageing 2016;45:353; deficits and bands as in clinical-scores.md section 5",
    licence="Formula published (paper CC BY-NC); the original code lists belong to the University of Leeds, not shipped",
    range=(0.0, 1.0),
    direction="higher is worse",
    inputs=(
        *DEFICIT_INPUTS,
        Input(
            "age_years",
            "int",
            "years",
            missing="no effect; under 65 is flagged not_applicable, the figure stands",
            needed=False,
            optional=True,
            description="Whole years on the index date",
        ),
    ),
    outputs=(
        Output("efi_deficit_count", "int", "deficits", "Deficits present of 36; null when one is unknown"),
        Output("efi", "float", None, "Deficits present divided by 36; null when one is unknown"),
        Output("efi_category", "category", None, "fit, mild, moderate or severe; null unless decided"),
    ),
    primary_output="efi",
    compute=compute,
    statement="Finds candidates; a diagnosis of frailty needs clinical judgement (GMS contract).",
)
