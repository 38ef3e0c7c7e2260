"""Gives the fourteen PINCER prescribing safety indicators, numerator and denominator of each, person by person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._shared_inputs import age, flag

if TYPE_CHECKING:
    import polars as pl

INDICATORS = {
    "a": ("65 and over without a PPI", "with an oral NSAID"),
    "b": ("Peptic ulcer or gastrointestinal bleed, without a PPI", "with an oral NSAID"),
    "c": ("Peptic ulcer or gastrointestinal bleed, without a PPI", "with aspirin or another antiplatelet"),
    "d": ("On an anticoagulant", "with an oral NSAID"),
    "e": ("On an anticoagulant without a PPI", "with an antiplatelet prescribed together"),
    "f": ("On aspirin without a PPI", "with another antiplatelet prescribed together"),
    "g": ("Asthma, not resolved", "with a non-selective beta-blocker"),
    "i": ("Heart failure", "with an oral NSAID"),
    "k": ("eGFR from 1 to under 45", "with an oral NSAID"),
    "ac": (
        "75 and over on long-term ACE inhibitor or loop diuretic",
        "without renal function or electrolytes in 15 months",
    ),
    "me_fbc": ("On methotrexate", "without a full blood count in 3 months"),
    "me_lft": ("On methotrexate", "without a liver function test in 3 months"),
    "li": ("On lithium", "without a lithium level in 3 months"),
    "am": ("On amiodarone", "without a thyroid function test in 6 months"),
}
"""Id of each indicator, as clinical-scores.md section 10 names it: denominator, and what the numerator adds."""


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give how many indicators are met, and denominator and numerator of each, of prepared inputs."""
    import polars as pl

    from pophealth.scores._flags import Flags
    from pophealth.scores._pincer import indicators
    from pophealth.scores._three_valued import Points

    flags = Flags(inputs.height)
    met = indicators(inputs, AGE, flags)
    total = Points(inputs.height)
    columns = []
    for name in INDICATORS:
        whole, numerator = met[name]
        total.add(1, numerator)
        columns += [whole.series(f"pincer_{name}_denominator"), numerator.series(f"pincer_{name}_numerator")]
    return pl.DataFrame([total.series("pincer_indicators_met"), *columns, flags.series("pincer_flags")])


def _known(name: str, description: str, feature: str | None = None) -> Input:
    return flag(name, description, feature=feature, missing=OPEN, needed=False)


OPEN = "the indicators it decides are null, and so is their number; the others stand"
_ISSUED = "issued in the last 3 months"
AGE = age((0, 120), missing=OPEN, needed=False)
INPUTS = (
    AGE,
    _known("on_ppi", f"A proton pump inhibitor (or other gastroprotection of the site's list) {_ISSUED}", "on_ppi_3m"),
    _known("on_oral_nsaid", f"An oral non-steroidal anti-inflammatory {_ISSUED}", "on_oral_nsaid_3m"),
    _known("has_peptic_ulcer", "Peptic ulcer, coded 3 months ago or earlier", "has_peptic_ulcer_before_3m"),
    _known("has_gi_bleed", "Gastrointestinal bleed, coded 3 months ago or earlier", "has_gi_bleed_before_3m"),
    _known("on_anticoagulant", f"Warfarin or a direct oral anticoagulant {_ISSUED}", "on_anticoagulant_3m"),
    _known("on_aspirin", f"Aspirin as an antiplatelet {_ISSUED}", "on_aspirin_3m"),
    _known("on_other_antiplatelet", f"Another antiplatelet {_ISSUED}", "on_other_antiplatelet_3m"),
    _known(
        "on_antiplatelet_with_anticoagulant",
        "Any antiplatelet and an anticoagulant issued within 28 days of each other in the last 3 months",
        "has_antiplatelet_anticoagulant_co_issued_3m",
    ),
    _known(
        "on_other_antiplatelet_with_aspirin",
        "Aspirin and another antiplatelet issued within 28 days of each other in the last 3 months",
        "has_aspirin_other_antiplatelet_co_issued_3m",
    ),
    _known(
        "has_unresolved_asthma",
        "Asthma coded 3 months ago or earlier, not resolved after the last asthma code",
        "has_asthma AND has_asthma_before_3m",
    ),
    _known(
        "on_non_selective_beta_blocker", f"A non-selective beta-blocker {_ISSUED}", "on_non_selective_beta_blocker_3m"
    ),
    _known("has_heart_failure", "Heart failure, coded 3 months ago or earlier", "has_heart_failure_before_3m"),
    Input(
        "egfr_ml_min_1_73m2",
        "float",
        "mL/min/1.73m2",
        missing="indicator K is null where an oral NSAID is taken, and so is the number",
        needed=False,
        feature="egfr_recorded_before_3m_ml_min_1_73m2",
        description="Latest recorded eGFR, 3 months ago or earlier; under 1 is no result and not in the denominator",
    ),
    _known("on_ace_inhibitor_before_15m", "An ACE inhibitor issued 15 months ago or earlier"),
    _known("on_ace_inhibitor_6m", "An ACE inhibitor issued in the last 6 months"),
    _known("on_loop_diuretic_before_15m", "A loop diuretic issued 15 months ago or earlier"),
    _known("on_loop_diuretic_6m", "A loop diuretic issued in the last 6 months"),
    _known("has_renal_function_test_15m", "Creatinine or eGFR in the last 15 months"),
    _known("has_electrolytes_test_15m", "Electrolytes in the last 15 months"),
    _known("on_methotrexate_6_to_3m", "Methotrexate issued 6 to 3 months ago"),
    _known("on_methotrexate_3m", "Methotrexate issued in the last 3 months"),
    _known("has_full_blood_count_3m", "Full blood count in the last 3 months"),
    _known("has_liver_function_test_3m", "Liver function test in the last 3 months"),
    _known("on_lithium_6_to_3m", "Lithium issued 6 to 3 months ago"),
    _known("on_lithium_3m", "Lithium issued in the last 3 months"),
    _known("has_lithium_level_3m", "Lithium level in the last 3 months"),
    _known("on_amiodarone_12_to_6m", "Amiodarone issued 12 to 6 months ago"),
    _known("on_amiodarone_6m", "Amiodarone issued in the last 6 months"),
    _known("has_thyroid_function_test_6m", "Thyroid function test in the last 6 months"),
)

SCORE = Score(
    id="pincer",
    title="PINCER, fourteen prescribing safety indicators",
    version="OpenSAFELY pincer-measures, 14 indicators",
    source="Avery and others, Lancet 2012;379:1310; rules as in clinical-scores.md section 10 (OpenSAFELY pincer-measures)",
    licence="Published rules; OpenSAFELY repository MIT",
    range=(0.0, 14.0),
    direction="higher is worse",
    inputs=INPUTS,
    outputs=(
        Output("pincer_indicators_met", "int", "indicators", "Numerators met, of 14; null where one is unknown"),
        *(
            output
            for name, (whole, adds) in INDICATORS.items()
            for output in (
                Output(f"pincer_{name}_denominator", "bool", None, whole),
                Output(f"pincer_{name}_numerator", "bool", None, f"{whole}, {adds}"),
            )
        ),
    ),
    primary_output="pincer_indicators_met",
    compute=compute,
)
