"""LACE against the points of the pack, a slow twin and published examples."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_rows import one

ROW = {"length_of_stay_days": 5, "is_emergency_admission": True, "charlson_lace": 5, "ed_visits_6m": 2}


def test_published_examples() -> None:
    # R cliot, lace_readmission_index: 4 + 3 + 5 + 2 and 2 + 0 + 0 + 0
    high = one("lace", ROW)
    assert (high["lace"], high["lace_is_high"], high["lace_flags"]) == (14, True, [])
    low = one(
        "lace", {"length_of_stay_days": 2, "is_emergency_admission": False, "charlson_lace": 0, "ed_visits_6m": 0}
    )
    assert (low["lace"], low["lace_is_high"]) == (2, False)


def points_of(rows: list[dict[str, str]], item: str, value: int) -> int:
    for row in rows:
        if row["item"] == item:
            low, _, high = row["level"].removeprefix(">=").removeprefix("<").partition("-")
            if row["level"].startswith("<"):
                fits = value < int(low)
            elif row["level"].startswith(">="):
                fits = value >= int(low)
            else:
                fits = int(low) <= value <= int(high or low)
            if fits:
                return int(row["points"])
    raise AssertionError(item)


@settings(max_examples=80, deadline=None)
@given(days=st.integers(0, 40), emergency=st.booleans(), charlson=st.integers(0, 20), visits=st.integers(0, 12))
def test_equals_a_slow_twin_of_the_pack_s_points(
    shared_data: Path, days: int, emergency: bool, charlson: int, visits: int
) -> None:
    with (shared_data / "scores" / "lace_points.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    wanted = (
        points_of(rows, "length_of_stay_days", days)
        + (int(next(row["points"] for row in rows if row["item"] == "acute_admission")) if emergency else 0)
        + points_of(rows, "charlson_lace", charlson)
        + points_of(rows, "ed_visits_6m", visits)
    )
    row = one(
        "lace",
        {
            "length_of_stay_days": days,
            "is_emergency_admission": emergency,
            "charlson_lace": charlson,
            "ed_visits_6m": visits,
        },
    )
    assert row["lace"] == wanted
    assert row["lace_is_high"] is (wanted >= 10)


@pytest.mark.parametrize(("charlson", "points"), [(3, 3), (4, 5)])
def test_four_of_comorbidity_is_five_points(charlson: int, points: int) -> None:
    row = {"length_of_stay_days": 0, "is_emergency_admission": False, "charlson_lace": charlson, "ed_visits_6m": 0}
    assert one("lace", row)["lace"] == points


@pytest.mark.parametrize(
    ("change", "flag", "high"),
    [
        ({"ed_visits_6m": None}, "missing:ed_visits_6m", True),
        ({"length_of_stay_days": -1}, "out_of_range:length_of_stay_days", True),
        ({"charlson_lace": None}, "missing:charlson_lace", None),
        ({"is_emergency_admission": None, "charlson_lace": 0}, "missing:is_emergency_admission", False),
    ],
)
def test_an_unknown_item_leaves_no_points_but_high_where_decided(
    change: dict[str, Any], flag: str, high: bool | None
) -> None:
    row = one("lace", ROW | change)
    assert row["lace"] is None
    assert row["lace_flags"] == [flag]
    assert row["lace_is_high"] is high
