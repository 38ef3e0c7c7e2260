"""FIB-4 against a hand calculation, a slow twin, and its cut-offs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import one, rows_of

BLOOD = {"ast_u_l": 40.0, "alt_u_l": 36.0, "platelets_10e9_l": 200.0}


def test_worked_example() -> None:
    # 50 x 40 / (200 x 6) = 1.666...
    assert one("fib4", BLOOD | {"age_years": 50})["fib4"] == pytest.approx(2000 / 1200, abs=1e-12)


@pytest.mark.parametrize(
    ("age", "ast", "category"),
    [
        (64, 40.0, "low"),  # 64 x 40 / (400 x 5) = 1.28
        (52, 50.0, "indeterminate"),  # exactly 1.3 is not low
        (65, 40.0, "low"),  # 1.3 from 65 on is low: the bound is 2.0
        (65, 62.0, "indeterminate"),  # 2.015
        (80, 50.0, "indeterminate"),  # exactly 2.0 is not low
        (60, 89.0, "indeterminate"),  # exactly 2.67 is not high
        (60, 89.5, "high"),
    ],
)
def test_categories_at_their_bounds(age: int, ast: float, category: str) -> None:
    row = {"age_years": age, "ast_u_l": ast, "alt_u_l": 25.0, "platelets_10e9_l": 400.0}
    assert one("fib4", row)["fib4_category"] == category


@pytest.mark.parametrize(("age", "flags"), [(34, ["not_applicable:age_years"]), (35, [])])
def test_under_35_is_computed_and_flagged(age: int, flags: list[str]) -> None:
    given_row = one("fib4", BLOOD | {"age_years": age})
    assert given_row["fib4"] is not None
    assert given_row["fib4_flags"] == flags


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"age_years": 17}, "out_of_range:age_years"),
        ({"alt_u_l": 0.0}, "out_of_range:alt_u_l"),
        ({"platelets_10e9_l": 0.0}, "out_of_range:platelets_10e9_l"),
        ({"ast_u_l": -1.0}, "out_of_range:ast_u_l"),
        ({"ast_u_l": math.inf}, "out_of_range:ast_u_l"),
        ({"ast_u_l": None}, "missing:ast_u_l"),
    ],
)
def test_what_cannot_be_computed_is_null_with_the_reason(change: dict[str, float | None], flag: str) -> None:
    row = one("fib4", BLOOD | {"age_years": 50} | change)
    assert (row["fib4"], row["fib4_category"]) == (None, None)
    assert flag in row["fib4_flags"]


@settings(max_examples=60, deadline=None)
@given(
    age=st.integers(18, 120),
    ast=st.floats(1, 5000),
    alt=st.floats(1, 5000),
    platelets=st.floats(1, 2000),
)
def test_equals_the_formula_and_is_monotone(age: int, ast: float, alt: float, platelets: float) -> None:
    row = {"age_years": age, "ast_u_l": ast, "alt_u_l": alt, "platelets_10e9_l": platelets}
    plain, worse = rows_of("fib4", [row, row | {"ast_u_l": ast * 1.1, "platelets_10e9_l": platelets * 0.9}])
    assert plain["fib4"] == pytest.approx(age * ast / (platelets * alt**0.5), rel=1e-12)
    assert worse["fib4"] > plain["fib4"]
