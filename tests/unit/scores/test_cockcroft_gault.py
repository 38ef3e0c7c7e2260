"""Cockcroft-Gault against the printed rule."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import one

COLUMN = "creatinine_clearance_ml_min"
MAN = {"age_years": 80, "sex": "male", "weight_kg": 60.0, "creatinine_umol_l": 133.0}


def test_worked_example() -> None:
    # (140 - 80) x 60 x 1.23 / 133 = 33.29
    assert one("cockcroft_gault", MAN)[COLUMN] == pytest.approx(60 * 60 * 1.23 / 133, abs=1e-9)
    assert one("cockcroft_gault", MAN | {"sex": "female"})[COLUMN] == pytest.approx(60 * 60 * 1.04 / 133, abs=1e-9)


def test_factors_are_those_of_the_pack(shared_data: Path) -> None:
    with (shared_data / "clinical" / "creatinine_clearance_rules.csv").open(encoding="utf-8") as lines:
        rules = {row["rule"]: row["value"] for row in csv.DictReader(lines)}
    assert "(140 - age) x weight kg x k / serum creatinine micromol/l" in rules["formula"]
    assert "k = 1.23 men, 1.04 women" in rules["formula"]


@settings(max_examples=50, deadline=None)
@given(age=st.integers(18, 120), weight=st.floats(30, 250), creatinine=st.floats(20, 1500), woman=st.booleans())
def test_equals_the_formula(age: int, weight: float, creatinine: float, woman: bool) -> None:
    row = {
        "age_years": age,
        "sex": "female" if woman else "male",
        "weight_kg": weight,
        "creatinine_umol_l": creatinine,
    }
    wanted = (140 - age) * weight * (1.04 if woman else 1.23) / creatinine
    assert one("cockcroft_gault", row)[COLUMN] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"weight_kg": 0.0}, "out_of_range:weight_kg"),
        ({"weight_kg": None}, "missing:weight_kg"),
        ({"creatinine_umol_l": 0.0}, "out_of_range:creatinine_umol_l"),
        ({"age_years": 141}, "out_of_range:age_years"),
        ({"sex": None}, "missing:sex"),
    ],
)
def test_what_cannot_be_computed_is_null_with_the_reason(change: dict, flag: str) -> None:
    row = one("cockcroft_gault", MAN | change)
    assert row[COLUMN] is None
    assert row["cockcroft_gault_flags"] == [flag]
