"""Gives the fourteen PINCER prescribing safety indicators over a batch: who is in each denominator, who in each numerator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pophealth.scores._columns import numbers
from pophealth.scores._reading import read_number
from pophealth.scores._three_valued import Truth, at_least, below, truth

if TYPE_CHECKING:
    import polars as pl

    from pophealth.declare import Input
    from pophealth.scores._flags import Flags

# Rules and bounds: clinical-scores.md section 10, with its reading of the intent where the published code slips: indicator
# A keeps its age, AC asks for age in both arms and counts a missing renal function or missing electrolytes.
OLDER_FROM = 65
MONITORED_FROM = 75
EGFR_FROM, EGFR_BELOW = 1.0, 45.0

Pair = tuple[Truth, Truth]
"""Denominator, and what the numerator adds to it."""


def indicators(inputs: pl.DataFrame, age: Input, flags: Flags) -> dict[str, Pair]:
    """Give, by id of the indicator, denominator and numerator; both null-valued where something unknown decides."""
    known: dict[str, Truth] = {}

    def on(name: str) -> Truth:
        if name not in known:
            known[name] = truth(inputs, name, flags)
        return known[name]

    age_years = read_number(inputs, age, flags)
    recorded = numbers(inputs, "egfr_ml_min_1_73m2")
    flags.add("missing", "egfr_ml_min_1_73m2", np.isnan(recorded))
    flags.add("out_of_range", "egfr_ml_min_1_73m2", np.isinf(recorded))
    egfr = np.where(np.isfinite(recorded), recorded, np.nan)
    low = at_least(egfr, EGFR_FROM) & below(egfr, EGFR_BELOW)
    pairs = (
        _gastrointestinal(on, at_least(age_years, OLDER_FROM))
        | {
            "g": (on("has_unresolved_asthma"), on("on_non_selective_beta_blocker")),
            "i": (on("has_heart_failure"), on("on_oral_nsaid")),
            "k": (low, on("on_oral_nsaid")),
        }
        | _monitoring(on, at_least(age_years, MONITORED_FROM))
    )
    return {name: (whole, whole & adds) for name, (whole, adds) in pairs.items()}


def _gastrointestinal(on: Callable[[str], Truth], older: Truth) -> dict[str, Pair]:
    unprotected = ~on("on_ppi")
    bled = (on("has_peptic_ulcer") | on("has_gi_bleed")) & unprotected
    antiplatelet = on("on_aspirin") | on("on_other_antiplatelet")
    anticoagulant = on("on_anticoagulant")
    return {
        "a": (older & unprotected, on("on_oral_nsaid")),
        "b": (bled, on("on_oral_nsaid")),
        "c": (bled, antiplatelet),
        "d": (anticoagulant, on("on_oral_nsaid")),
        "e": (anticoagulant & unprotected, on("on_antiplatelet_with_anticoagulant")),
        "f": (on("on_aspirin") & unprotected, on("on_other_antiplatelet_with_aspirin")),
    }


def _monitoring(on: Callable[[str], Truth], oldest: Truth) -> dict[str, Pair]:
    inhibitor = on("on_ace_inhibitor_before_15m") & on("on_ace_inhibitor_6m")
    diuretic = on("on_loop_diuretic_before_15m") & on("on_loop_diuretic_6m")
    methotrexate = on("on_methotrexate_6_to_3m") & on("on_methotrexate_3m")
    return {
        "ac": (
            oldest & (inhibitor | diuretic),
            ~on("has_renal_function_test_15m") | ~on("has_electrolytes_test_15m"),
        ),
        "me_fbc": (methotrexate, ~on("has_full_blood_count_3m")),
        "me_lft": (methotrexate, ~on("has_liver_function_test_3m")),
        "li": (on("on_lithium_6_to_3m") & on("on_lithium_3m"), ~on("has_lithium_level_3m")),
        "am": (on("on_amiodarone_12_to_6m") & on("on_amiodarone_6m"), ~on("has_thyroid_function_test_6m")),
    }
