"""PINCER: fourteen indicators, each by a small table, all together against a slow twin with None for unknown."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores import load_score
from pophealth.scores.pincer import INDICATORS
from score_rows import all_false, one

FLAGS = [entry.name for entry in load_score("pincer").inputs if entry.dtype == "bool"]


def row_of(*true: str, **known: Any) -> dict[str, Any]:
    plain = {"age_years": 50, "egfr_ml_min_1_73m2": 90.0}
    return all_false("pincer", **(plain | dict.fromkeys(true, True) | known))


def met(row: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Give the indicators in whose denominator, and in whose numerator, a person is."""
    found = one("pincer", row)
    return tuple(
        {name for name in INDICATORS if found[f"pincer_{name}_{part}"]} for part in ("denominator", "numerator")
    )


# name of the indicator: flags (and values) of the denominator, what the numerator adds, and what takes a person out again
CASES = {
    "a": (["age_years=65"], ["on_oral_nsaid"], ["on_ppi", "age_years=64"]),
    "b": (["has_peptic_ulcer"], ["on_oral_nsaid"], ["on_ppi"]),
    "c": (["has_gi_bleed"], ["on_aspirin"], ["on_ppi"]),
    "d": (["on_anticoagulant"], ["on_oral_nsaid"], []),
    "e": (["on_anticoagulant"], ["on_antiplatelet_with_anticoagulant"], ["on_ppi"]),
    "f": (["on_aspirin"], ["on_other_antiplatelet_with_aspirin"], ["on_ppi"]),
    "g": (["has_unresolved_asthma"], ["on_non_selective_beta_blocker"], []),
    "i": (["has_heart_failure"], ["on_oral_nsaid"], []),
    "k": (["egfr_ml_min_1_73m2=44.9"], ["on_oral_nsaid"], ["egfr_ml_min_1_73m2=45", "egfr_ml_min_1_73m2=0.9"]),
    "ac": (
        ["age_years=75", "on_ace_inhibitor_before_15m", "on_ace_inhibitor_6m", "has_renal_function_test_15m"],
        [],
        ["age_years=74"],
    ),
    "li": (["on_lithium_6_to_3m", "on_lithium_3m"], [], []),
    "am": (["on_amiodarone_12_to_6m", "on_amiodarone_6m"], [], []),
    "me_fbc": (["on_methotrexate_6_to_3m", "on_methotrexate_3m", "has_liver_function_test_3m"], [], []),
    "me_lft": (["on_methotrexate_6_to_3m", "on_methotrexate_3m", "has_full_blood_count_3m"], [], []),
}


def facts(words: list[str]) -> dict[str, Any]:
    parts = [word.partition("=") for word in words]
    return {name: float(value) if value else True for name, _, value in parts}


@pytest.mark.parametrize("name", list(INDICATORS))
def test_each_indicator(name: str) -> None:
    whole, adds, out = CASES[name]
    inside, _ = met(row_of(**facts(whole)))
    assert name in inside
    _, numerator = met(row_of(**facts([*whole, *adds])))
    assert name in numerator
    if adds:
        assert name not in met(row_of(**facts(whole)))[1]
    for word in out:
        inside, numerator = met(row_of(**facts([*whole, *adds, word])))
        assert name not in inside | numerator


@pytest.mark.parametrize(
    ("name", "whole", "test"),
    [
        ("li", CASES["li"][0], ["has_lithium_level_3m"]),
        ("am", CASES["am"][0], ["has_thyroid_function_test_6m"]),
        ("me_fbc", CASES["me_fbc"][0], ["has_full_blood_count_3m"]),
        ("me_lft", CASES["me_lft"][0], ["has_liver_function_test_3m"]),
        ("ac", CASES["ac"][0], ["has_electrolytes_test_15m"]),
    ],
)
def test_a_test_that_was_done_takes_out_of_the_numerator_only(name: str, whole: list[str], test: list[str]) -> None:
    inside, numerator = met(row_of(**facts([*whole, *test])))
    assert name in inside
    assert name not in numerator


def test_one_missing_test_of_two_is_enough_for_ac() -> None:
    base = ["age_years=80", "on_loop_diuretic_before_15m", "on_loop_diuretic_6m"]
    for done in (["has_renal_function_test_15m"], ["has_electrolytes_test_15m"], []):
        assert "ac" in met(row_of(**facts([*base, *done])))[1]


def test_ac_asks_for_age_in_both_arms_and_for_one_medicine_in_both_windows() -> None:
    young = ["age_years=74", "on_loop_diuretic_before_15m", "on_loop_diuretic_6m"]
    assert "ac" not in met(row_of(**facts(young)))[0]
    mixed = ["age_years=80", "on_loop_diuretic_before_15m", "on_ace_inhibitor_6m"]
    assert "ac" not in met(row_of(**facts(mixed)))[0]


def test_the_number_of_indicators() -> None:
    # 70, NSAID, anticoagulant, heart failure: A, D and I
    row = one("pincer", row_of("on_oral_nsaid", "on_anticoagulant", "has_heart_failure", age_years=70))
    assert (row["pincer_indicators_met"], row["pincer_flags"]) == (3, [])


def test_without_an_egfr_only_k_is_open_and_only_with_an_nsaid() -> None:
    quiet = one("pincer", row_of(egfr_ml_min_1_73m2=None))
    assert (quiet["pincer_k_denominator"], quiet["pincer_k_numerator"]) == (None, False)
    assert quiet["pincer_indicators_met"] == 0
    taken = one("pincer", row_of("on_oral_nsaid", egfr_ml_min_1_73m2=None))
    assert (taken["pincer_k_numerator"], taken["pincer_indicators_met"]) == (None, None)
    assert taken["pincer_flags"] == ["missing:egfr_ml_min_1_73m2"]


def k_and(*items: bool | None) -> bool | None:
    return False if False in items else None if None in items else True


def k_or(*items: bool | None) -> bool | None:
    return True if True in items else None if None in items else False


def k_not(item: bool | None) -> bool | None:
    return None if item is None else not item


def slow(r: dict[str, Any]) -> dict[str, tuple[bool | None, bool | None]]:
    # clinical-scores.md section 10, line by line
    def at_least(value: float | None, bound: float) -> bool | None:
        return None if value is None else value >= bound

    no_ppi = k_not(r["on_ppi"])
    bled = k_and(k_or(r["has_peptic_ulcer"], r["has_gi_bleed"]), no_ppi)
    egfr = r["egfr_ml_min_1_73m2"]
    long_term = k_or(
        k_and(r["on_ace_inhibitor_before_15m"], r["on_ace_inhibitor_6m"]),
        k_and(r["on_loop_diuretic_before_15m"], r["on_loop_diuretic_6m"]),
    )
    methotrexate = k_and(r["on_methotrexate_6_to_3m"], r["on_methotrexate_3m"])
    pairs = {
        "a": (k_and(at_least(r["age_years"], 65), no_ppi), r["on_oral_nsaid"]),
        "b": (bled, r["on_oral_nsaid"]),
        "c": (bled, k_or(r["on_aspirin"], r["on_other_antiplatelet"])),
        "d": (r["on_anticoagulant"], r["on_oral_nsaid"]),
        "e": (k_and(r["on_anticoagulant"], no_ppi), r["on_antiplatelet_with_anticoagulant"]),
        "f": (k_and(r["on_aspirin"], no_ppi), r["on_other_antiplatelet_with_aspirin"]),
        "g": (r["has_unresolved_asthma"], r["on_non_selective_beta_blocker"]),
        "i": (r["has_heart_failure"], r["on_oral_nsaid"]),
        "k": (None if egfr is None else 1 <= egfr < 45, r["on_oral_nsaid"]),
        "ac": (
            k_and(at_least(r["age_years"], 75), long_term),
            k_or(k_not(r["has_renal_function_test_15m"]), k_not(r["has_electrolytes_test_15m"])),
        ),
        "me_fbc": (methotrexate, k_not(r["has_full_blood_count_3m"])),
        "me_lft": (methotrexate, k_not(r["has_liver_function_test_3m"])),
        "li": (k_and(r["on_lithium_6_to_3m"], r["on_lithium_3m"]), k_not(r["has_lithium_level_3m"])),
        "am": (k_and(r["on_amiodarone_12_to_6m"], r["on_amiodarone_6m"]), k_not(r["has_thyroid_function_test_6m"])),
    }
    return {name: (whole, k_and(whole, adds)) for name, (whole, adds) in pairs.items()}


@settings(max_examples=150, deadline=None)
@given(
    age=st.sampled_from([None, 64, 65, 74, 75, 90]),
    egfr=st.sampled_from([None, 0.0, 0.99, 1.0, 44.99, 45.0, 90.0]),
    values=st.lists(st.sampled_from([True, True, False, False, None]), min_size=len(FLAGS), max_size=len(FLAGS)),
)
def test_equals_the_slow_twin(age: int | None, egfr: float | None, values: list[bool | None]) -> None:
    row = {"age_years": age, "egfr_ml_min_1_73m2": egfr} | dict(zip(FLAGS, values, strict=True))
    found, wanted = one("pincer", row), slow(row)
    assert set(wanted) == set(INDICATORS)
    for name, (whole, numerator) in wanted.items():
        assert found[f"pincer_{name}_denominator"] is whole, name
        assert found[f"pincer_{name}_numerator"] is numerator, name
    numerators = [numerator for _, numerator in wanted.values()]
    assert found["pincer_indicators_met"] == (None if None in numerators else sum(numerators))
    assert set(found["pincer_flags"]) == {f"missing:{name}" for name, value in row.items() if value is None}


@pytest.mark.parametrize("egfr", [math.inf, -math.inf])
def test_an_infinite_filtration_rate_is_none(egfr: float) -> None:
    found = one("pincer", all_false("pincer", age_years=70, egfr_ml_min_1_73m2=egfr, on_oral_nsaid=True))
    assert (found["pincer_k_denominator"], found["pincer_indicators_met"]) == (None, None)
    assert found["pincer_flags"] == ["out_of_range:egfr_ml_min_1_73m2"]
