"""ORBIT: items, bounds by sex, bands, and what stands in for what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import all_false, one

QUIET = {"age_years": 74, "sex": "male", "haemoglobin_g_l": 130.0, "egfr_ml_min_1_73m2": 60.0}


def row_of(**known: Any) -> dict[str, Any]:
    return all_false("orbit", **(QUIET | known))


@pytest.mark.parametrize(
    ("known", "points", "band"),
    [
        ({}, 0, "low"),
        ({"age_years": 75}, 1, "low"),
        ({"egfr_ml_min_1_73m2": 59.9}, 1, "low"),
        ({"haemoglobin_g_l": 129.9}, 2, "low"),
        ({"haemoglobin_g_l": 129.9, "sex": "female"}, 0, "low"),
        ({"haemoglobin_g_l": 119.9, "sex": "female"}, 2, "low"),
        ({"haematocrit_percent": 39.9}, 2, "low"),
        ({"haematocrit_percent": 36.0, "sex": "female"}, 0, "low"),
        ({"has_anaemia": True}, 2, "low"),
        ({"has_anaemia": True, "haemoglobin_g_l": 90.0}, 2, "low"),
        ({"has_bleeding_history": True, "on_antiplatelet": True}, 3, "medium"),
        ({"has_bleeding_history": True, "has_anaemia": True}, 4, "high"),
    ],
)
def test_points_and_bands(known: dict[str, Any], points: int, band: str) -> None:
    row = one("orbit", row_of(**known))
    assert (row["orbit"], row["orbit_category"], row["orbit_flags"]) == (points, band, [])


def test_all_items() -> None:
    known = dict.fromkeys(("has_anaemia", "has_bleeding_history", "on_antiplatelet"), True)
    assert one("orbit", row_of(age_years=80, egfr_ml_min_1_73m2=30.0, **known))["orbit"] == 7


def test_haematocrit_stands_in_for_haemoglobin() -> None:
    row = one("orbit", row_of(haemoglobin_g_l=None, haematocrit_percent=45.0))
    assert (row["orbit"], row["orbit_flags"]) == (0, [])


def test_an_unknown_item_leaves_the_band_where_the_rest_decides_it() -> None:
    row = one("orbit", row_of(haemoglobin_g_l=None))
    assert (row["orbit"], row["orbit_category"]) == (None, "low")
    assert row["orbit_flags"] == ["missing:haemoglobin_g_l"]
    row = one("orbit", row_of(haemoglobin_g_l=None, age_years=80))
    assert (row["orbit"], row["orbit_category"]) == (None, None)
    sexless = one("orbit", row_of(sex=None, has_bleeding_history=True, egfr_ml_min_1_73m2=20.0, age_years=80))
    assert (sexless["orbit"], sexless["orbit_category"]) == (None, "high")


def test_unknown_sex_does_not_matter_where_anaemia_is_known() -> None:
    assert one("orbit", row_of(sex=None, has_anaemia=True))["orbit"] == 2


def test_the_tool_is_for_people_on_an_anticoagulant_in_fibrillation() -> None:
    row = one("orbit", row_of(on_anticoagulant=False, has_atrial_fibrillation=False))
    assert row["orbit"] == 0
    assert row["orbit_flags"] == ["not_applicable:has_atrial_fibrillation", "not_applicable:on_anticoagulant"]


@settings(max_examples=60, deadline=None)
@given(
    age=st.integers(18, 110),
    woman=st.booleans(),
    haemoglobin=st.floats(50, 200),
    egfr=st.floats(5, 120),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_equals_a_slow_twin(age: int, woman: bool, haemoglobin: float, egfr: float, flags: tuple[bool, ...]) -> None:
    anaemia, bled, antiplatelet = flags
    row = {
        "age_years": age,
        "sex": "female" if woman else "male",
        "haemoglobin_g_l": haemoglobin,
        "egfr_ml_min_1_73m2": egfr,
        "has_anaemia": anaemia,
        "has_bleeding_history": bled,
        "on_antiplatelet": antiplatelet,
    }
    reduced = anaemia or haemoglobin < (120 if woman else 130)
    wanted = 2 * reduced + (age >= 75) + 2 * bled + (egfr < 60) + antiplatelet
    found = one("orbit", row)
    assert found["orbit"] == wanted
    assert found["orbit_category"] == ("low" if wanted <= 2 else "medium" if wanted == 3 else "high")
