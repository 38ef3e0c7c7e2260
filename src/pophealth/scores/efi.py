"""Gives the electronic frailty index: of 36 deficits, how many are present, as a count, a share and a category."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

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

# Polypharmacy: 5 or more current medicines (clinical-scores.md section 5; service-specs.md AC-02 "polypharmacy >=5 current").
POLYPHARMACY_FROM = 5
DEFICITS = len(CODED_DEFICITS) + 1

# fit to 0.12, mild to 0.24, moderate to 0.36, severe above (clinical-scores.md section 5): of 36, from 5, 9 and 13 on.
CATEGORY_FROM = {"fit": 0, "mild": 5, "moderate": 9, "severe": 13}


def compute(frame: pl.DataFrame) -> pl.DataFrame:
    """Give `frame` with `efi_deficit_count`, `efi` and `efi_category` added; rows stay in order.

    A deficit that is unknown makes count and share unknown. The category is tested on the integer count; it is also
    given where the known deficits alone decide it: when the present ones already make it severe, or when present and
    unknown ones together stay within one category.
    """
    import polars as pl

    present = [pl.col(f"has_efi_{name}") for name in CODED_DEFICITS]
    present.append(pl.col("current_repeat_substances") >= POLYPHARMACY_FROM)
    known = reduce(add, (deficit.fill_null(value=False).cast(pl.Int32) for deficit in present))
    unknown = reduce(add, (deficit.is_null().cast(pl.Int32) for deficit in present))
    counted = frame.with_columns(_known=known, _possible=known + unknown)
    places = [_category(pl.col(name)) for name in ("_known", "_possible")]
    # column by column, because Polars takes a column divided by a constant for one multiplied by its reciprocal
    share = pl.col("_known").cast(pl.Float64) / pl.col("_deficits")
    whole = pl.col("_known") == pl.col("_possible")
    return (
        counted.with_columns(_deficits=pl.Series([float(DEFICITS)]).new_from_index(0, frame.height))
        .with_columns(
            efi_deficit_count=pl.when(whole).then(pl.col("_known")),
            efi=pl.when(whole).then(share),
            efi_category=pl.when(places[0] == places[1]).then(places[0]),
        )
        .drop("_known", "_possible", "_deficits")
    )


def _category(count: pl.Expr) -> pl.Expr:
    import polars as pl

    labels = tuple(CATEGORY_FROM)
    label = pl.lit(labels[0])
    for name in labels[1:]:
        label = pl.when(count >= CATEGORY_FROM[name]).then(pl.lit(name)).otherwise(label)
    return label.cast(pl.Enum(labels))


SCORE = Score(
    id="efi",
    title="Electronic frailty index",
    version="2016, 36 deficits",
    source="Clegg and others, Age and Ageing 2016; deficits and bands as in clinical-scores.md section 5",
    licence="Formula published; the original code lists belong to the University of Leeds and are not shipped",
    range=(0.0, 1.0),
    direction="higher is worse",
    inputs=(
        *(Input(f"has_efi_{name}", "bool", None, None, "count unknown") for name in CODED_DEFICITS),
        Input("current_repeat_substances", "int", "substances", None, "count unknown"),
    ),
    outputs=(
        Output("efi_deficit_count", "int", "deficits", "Deficits present of 36; null when one is unknown"),
        Output("efi", "float", None, "Deficits present divided by 36; null when one is unknown"),
        Output("efi_category", "category", None, "fit, mild, moderate or severe; null unless decided"),
    ),
    primary_output="efi",
    compute=compute,
)
