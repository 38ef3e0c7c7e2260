"""Gives HAS-BLED: points for the risk of major bleeding in atrial fibrillation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._cha2ds2 import IN_FIBRILLATION, note_no_fibrillation
from pophealth.scores._shared_inputs import above_zero, age, creatinine, flag

if TYPE_CHECKING:
    import polars as pl

    from pophealth.scores._flags import Flags
    from pophealth.scores._three_valued import Truth

# Systolic above 160 mmHg, creatinine from 200 umol/L, age above 65, labile INR only on warfarin (clinical-scores.md
# section 9). A point an item.
SBP_ABOVE, CREATININE_FROM, AGE_ABOVE = 160.0, 200.0, 65
COUNTED_AS_GIVEN = (
    "has_abnormal_liver_function",
    "has_stroke",
    "has_bleeding_history",
    "on_antiplatelet_or_nsaid",
    "has_harmful_alcohol_use",
)


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `has_bled` of prepared inputs, nine items of a point each."""
    import polars as pl

    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number
    from pophealth.scores._three_valued import Points, above, truth

    flags = Flags(inputs.height)
    total = Points(inputs.height)
    total.add(1, above(read_number(inputs, AGE, flags), AGE_ABOVE))
    total.add(1, above(read_number(inputs, SBP, flags), SBP_ABOVE))
    total.add(1, _abnormal_kidneys(inputs, flags))
    for name in COUNTED_AS_GIVEN:
        total.add(1, truth(inputs, name, flags))
    total.add(1, _labile_on_warfarin(inputs, flags))
    note_no_fibrillation(inputs, flags)
    return pl.DataFrame([total.series("has_bled"), flags.series("has_bled_flags")])


def _abnormal_kidneys(inputs: pl.DataFrame, flags: Flags) -> Truth:
    from pophealth.scores._reading import read_number
    from pophealth.scores._three_valued import at_least, truth

    raised = at_least(read_number(inputs, CREATININE, flags), CREATININE_FROM)
    return raised | truth(inputs, "has_dialysis_or_renal_transplant", flags)


def _labile_on_warfarin(inputs: pl.DataFrame, flags: Flags) -> Truth:
    """Give who has a labile INR while on warfarin; the INR matters, and is missed, only where warfarin may be taken."""
    from pophealth.scores._columns import absent, truths
    from pophealth.scores._three_valued import Truth, truth

    warfarin = truth(inputs, "on_warfarin", flags)
    missing = absent(inputs, "has_labile_inr")
    flags.add("missing", "has_labile_inr", missing & (warfarin.true | warfarin.unknown))
    labile = Truth(truths(inputs, "has_labile_inr"), missing)
    flags.add("not_applicable", "has_labile_inr", labile.true & ~warfarin.true & ~warfarin.unknown)
    return labile & warfarin


AGE = age()
SBP = above_zero("sbp_mmhg", "mmHg", "Latest systolic blood pressure; above 160 is a point", feature="sbp_latest_mmhg")
CREATININE = creatinine(
    "Latest serum creatinine; from 200 umol/L on a point", missing="no score, unless on dialysis or transplanted"
)

SCORE = Score(
    id="has_bled",
    title="HAS-BLED, bleeding risk in atrial fibrillation",
    version="2010",
    source="Pisters and others, Chest 2010;138:1093; as in clinical-scores.md section 9",
    licence="Published points, free to use",
    range=(0.0, 9.0),
    direction="higher is worse",
    inputs=(
        AGE,
        SBP,
        CREATININE,
        flag(
            "has_dialysis_or_renal_transplant",
            "Chronic dialysis or a kidney transplant: the kidney point",
            missing="no score, unless the creatinine is a point already",
        ),
        flag(
            "has_abnormal_liver_function",
            "Chronic liver disease such as cirrhosis, or liver tests as Pisters 2010 defines the liver point",
            feature="has_cirrhosis",
        ),
        flag("has_stroke", "Stroke, ever"),
        flag(
            "has_bleeding_history",
            "Major bleeding ever, or a predisposition to it (in the line: gastrointestinal, intracranial)",
        ),
        flag(
            "has_labile_inr",
            "Unstable INR or too little time in the therapeutic range; counts only on warfarin",
            feature="has_labile_inr_12m",
            missing="no score on warfarin; no effect without it",
            needed=False,
        ),
        flag(
            "on_warfarin",
            "Warfarin now",
            feature="on_warfarin_6m",
            missing="no score, unless the INR is known not to be labile",
        ),
        flag(
            "on_antiplatelet_or_nsaid",
            "An antiplatelet medicine or a non-steroidal anti-inflammatory medicine now",
            feature="on_antiplatelet_6m OR on_oral_nsaid_3m",
        ),
        flag(
            "has_harmful_alcohol_use",
            "Harmful use of alcohol, as Pisters 2010 defines the alcohol point",
            feature="has_excess_alcohol",
        ),
        IN_FIBRILLATION,
    ),
    outputs=(Output("has_bled", "int", "points", "Points, 0 to 9; null where an item that matters is unknown"),),
    primary_output="has_bled",
    compute=compute,
)
