"""CHA2DS2-VASc and CHA2DS2-VA: every item, every pair of items against a slow twin, unknown items."""

from __future__ import annotations

from itertools import product

import pytest

from score_rows import all_false, one, rows_of

POINTS = {
    "has_heart_failure": 1,
    "has_hypertension": 1,
    "has_diabetes": 1,
    "has_stroke_tia_or_thromboembolism": 2,
    "has_vascular_disease": 1,
}


def slow(row: dict) -> int:
    # Lip 2010: C1 H1 A2 D1 S2 V1 A1 Sc1
    age = 2 if row["age_years"] >= 75 else 1 if row["age_years"] >= 65 else 0
    return age + sum(points for name, points in POINTS.items() if row[name]) + (row["sex"] == "female")


def test_every_combination_equals_the_slow_twin() -> None:
    rows = [
        {"age_years": age, "sex": sex, **dict(zip(POINTS, items, strict=True))}
        for age, sex, *items in product((64, 65, 74, 75, 90), ("female", "male"), *[(False, True)] * len(POINTS))
    ]
    with_sex = rows_of("cha2ds2_vasc", rows)
    without = rows_of("cha2ds2_va", [{name: value for name, value in row.items() if name != "sex"} for row in rows])
    for row, vasc, va in zip(rows, with_sex, without, strict=True):
        assert vasc["cha2ds2_vasc"] == slow(row)
        assert va["cha2ds2_va"] == slow(row) - (row["sex"] == "female")
        assert vasc["cha2ds2_vasc_flags"] == va["cha2ds2_va_flags"] == []


def test_worked_example() -> None:
    # a woman of 76 with hypertension and diabetes: 2 + 1 + 1 + 1
    row = all_false("cha2ds2_vasc", age_years=76, sex="female", has_hypertension=True, has_diabetes=True)
    assert one("cha2ds2_vasc", row)["cha2ds2_vasc"] == 5


@pytest.mark.parametrize("name", ["age_years", "sex", *POINTS])
def test_an_unknown_item_leaves_no_score(name: str) -> None:
    row = one("cha2ds2_vasc", all_false("cha2ds2_vasc", age_years=70, sex="male") | {name: None})
    assert row["cha2ds2_vasc"] is None
    assert row["cha2ds2_vasc_flags"] == [f"missing:{name}"]


@pytest.mark.parametrize(
    ("value", "flags"), [(True, []), (None, []), (False, ["not_applicable:has_atrial_fibrillation"])]
)
def test_without_fibrillation_the_score_stands_flagged(value: bool | None, flags: list[str]) -> None:
    row = all_false("cha2ds2_va", age_years=70, has_atrial_fibrillation=value)
    assert one("cha2ds2_va", row) == {**one("cha2ds2_va", row), "cha2ds2_va": 1, "cha2ds2_va_flags": flags}
