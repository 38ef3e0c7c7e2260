"""HAS-BLED: nine items of a point, their bounds, and which unknowns matter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import all_false, one

QUIET = {"age_years": 65, "sbp_mmhg": 160.0, "creatinine_umol_l": 199.9}
FLAGS = (
    "has_dialysis_or_renal_transplant",
    "has_abnormal_liver_function",
    "has_stroke",
    "has_bleeding_history",
    "has_labile_inr",
    "on_warfarin",
    "on_antiplatelet_or_nsaid",
    "has_harmful_alcohol_use",
)


def row_of(**known: Any) -> dict[str, Any]:
    return all_false("has_bled", **(QUIET | known))


def slow(row: dict[str, Any]) -> int:
    # Pisters 2010 with the bounds of clinical-scores.md section 9
    items = [
        row["sbp_mmhg"] > 160,
        row["creatinine_umol_l"] >= 200 or row["has_dialysis_or_renal_transplant"],
        row["has_abnormal_liver_function"],
        row["has_stroke"],
        row["has_bleeding_history"],
        row["has_labile_inr"] and row["on_warfarin"],
        row["age_years"] > 65,
        row["on_antiplatelet_or_nsaid"],
        row["has_harmful_alcohol_use"],
    ]
    return sum(items)


@pytest.mark.parametrize(
    ("known", "points"),
    [
        ({}, 0),
        ({"age_years": 66}, 1),
        ({"sbp_mmhg": 160.5}, 1),
        ({"creatinine_umol_l": 200.0}, 1),
        ({"has_dialysis_or_renal_transplant": True}, 1),
        ({"creatinine_umol_l": 300.0, "has_dialysis_or_renal_transplant": True}, 1),
        ({"has_labile_inr": True, "on_warfarin": True}, 1),
        ({"on_warfarin": True}, 0),
        ({"age_years": 80, "sbp_mmhg": 170.0, "has_stroke": True, "on_antiplatelet_or_nsaid": True}, 4),
    ],
)
def test_points_and_bounds(known: dict[str, Any], points: int) -> None:
    row = one("has_bled", row_of(**known))
    assert (row["has_bled"], row["has_bled_flags"]) == (points, [])


def test_all_nine_items() -> None:
    row = row_of(age_years=80, sbp_mmhg=180.0, creatinine_umol_l=250.0, **dict.fromkeys(FLAGS, True))
    assert one("has_bled", row)["has_bled"] == 9


def test_a_labile_inr_without_warfarin_is_no_point_and_said_so() -> None:
    row = one("has_bled", row_of(has_labile_inr=True))
    assert (row["has_bled"], row["has_bled_flags"]) == (0, ["not_applicable:has_labile_inr"])


def test_an_unknown_inr_matters_only_on_warfarin() -> None:
    assert one("has_bled", row_of(has_labile_inr=None))["has_bled"] == 0
    row = one("has_bled", row_of(has_labile_inr=None, on_warfarin=True))
    assert (row["has_bled"], row["has_bled_flags"]) == (None, ["missing:has_labile_inr"])


def test_an_unknown_creatinine_does_not_matter_on_dialysis() -> None:
    known = {"creatinine_umol_l": None, "has_dialysis_or_renal_transplant": True}
    row = one("has_bled", row_of(**known))
    assert (row["has_bled"], row["has_bled_flags"]) == (1, ["missing:creatinine_umol_l"])
    assert one("has_bled", row_of(creatinine_umol_l=None))["has_bled"] is None


@settings(max_examples=60, deadline=None)
@given(
    age=st.integers(18, 110),
    sbp=st.floats(60, 250),
    creatinine=st.floats(30, 900),
    flags=st.lists(st.booleans(), min_size=len(FLAGS), max_size=len(FLAGS)),
)
def test_equals_the_slow_twin(age: int, sbp: float, creatinine: float, flags: list[bool]) -> None:
    row = {"age_years": age, "sbp_mmhg": sbp, "creatinine_umol_l": creatinine, **dict(zip(FLAGS, flags, strict=True))}
    assert one("has_bled", row)["has_bled"] == slow(row)
