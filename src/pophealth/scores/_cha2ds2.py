"""Gives the inputs and points that CHA2DS2-VASc and CHA2DS2-VA share: all items but sex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pophealth.scores._shared_inputs import age, applies, flag

if TYPE_CHECKING:
    import polars as pl

    from pophealth.scores._flags import Flags
    from pophealth.scores._three_valued import Points

# Age 65-74 one point, from 75 two, never both (clinical-scores.md section 9): one point at each bound.
AGE_BOUNDS = (65, 75)
# Points by item: Lip and others, Chest 2010;137:263.
ITEM_POINTS = {
    "has_heart_failure": 1,
    "has_hypertension": 1,
    "has_diabetes": 1,
    "has_stroke_tia_or_thromboembolism": 2,
    "has_vascular_disease": 1,
}
AGE = age()
ITEMS = (
    AGE,
    flag("has_heart_failure", "Heart failure or left ventricular dysfunction"),
    flag("has_hypertension", "Hypertension, diagnosed"),
    flag("has_diabetes", "Diabetes of any type"),
    flag(
        "has_stroke_tia_or_thromboembolism",
        "Stroke, transient ischaemic attack or systemic thromboembolism, ever",
        feature="has_stroke_or_tia",
    ),
    flag(
        "has_vascular_disease",
        "Previous myocardial infarction, peripheral arterial disease or aortic plaque, ever",
        feature="has_myocardial_infarction OR has_pad",
    ),
)
IN_FIBRILLATION = applies(
    "has_atrial_fibrillation", "Atrial fibrillation; without it the score is flagged not_applicable"
)


def shared_points(inputs: pl.DataFrame, flags: Flags) -> Points:
    """Give the points of age and conditions; unknown items leave them open."""
    from pophealth.scores._reading import read_number
    from pophealth.scores._three_valued import Points, at_least, truth

    total = Points(inputs.height)
    age_years = read_number(inputs, AGE, flags)
    for bound in AGE_BOUNDS:
        total.add(1, at_least(age_years, bound))
    for name, points in ITEM_POINTS.items():
        total.add(points, truth(inputs, name, flags))
    return total


def note_no_fibrillation(inputs: pl.DataFrame, flags: Flags) -> None:
    """Note those known not to be in atrial fibrillation: the tool was made for people who are."""
    from pophealth.scores._columns import absent, truths

    name = IN_FIBRILLATION.name
    flags.add("not_applicable", name, ~truths(inputs, name) & ~absent(inputs, name))
