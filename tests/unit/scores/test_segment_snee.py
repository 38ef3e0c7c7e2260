"""SNEE segments: the highest in priority wins, and what is not known leaves no segment unless it cannot matter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores.segment_snee import ELEMENTS, SEGMENTS
from score_rows import all_false, one, rows_of

NAMES = [name for elements in ELEMENTS.values() for name, _ in elements]


def row_of(**known: Any) -> dict[str, Any]:
    return all_false("segment_snee", **known)


def test_there_are_32_elements_and_six_segments_in_order() -> None:
    assert len(NAMES) == len(set(NAMES)) == 32  # clinical-scores.md section 12
    assert SEGMENTS == ("die_well", "age_well", "stay_well", "feel_well", "be_well", "live_well")


def test_every_element_alone_gives_its_segment() -> None:
    found = rows_of("segment_snee", [row_of(**{name: True}) for name in NAMES])
    wanted = [segment for segment, elements in ELEMENTS.items() for _ in elements]
    assert [row["segment_snee"] for row in found] == wanted
    assert all(row["segment_snee_flags"] == [] for row in found)


def test_nobody_is_left_over() -> None:
    row = one("segment_snee", row_of())
    assert (row["segment_snee"], row["segment_snee_priority"]) == ("live_well", 6)


def slow(row: dict[str, bool | None]) -> str | None:
    for segment, elements in ELEMENTS.items():
        values = [row[name] for name, _ in elements]
        if True in values:
            return segment
        if None in values:
            return None
    return "live_well"


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.sampled_from([False] * 12 + [True, None]), min_size=32, max_size=32))
def test_equals_a_slow_twin(values: list[bool | None]) -> None:
    row = dict(zip(NAMES, values, strict=True))
    found = one("segment_snee", row)
    wanted = slow(row)
    assert found["segment_snee"] == wanted
    assert found["segment_snee_priority"] == (None if wanted is None else SEGMENTS.index(wanted) + 1)
    assert set(found["segment_snee_flags"]) == {f"missing:{name}" for name in NAMES if row[name] is None}


@pytest.mark.parametrize(("age", "flags"), [(17, ["not_applicable:age_years"]), (18, []), (None, [])])
def test_the_model_is_for_adults(age: int | None, flags: list[str]) -> None:
    row = one("segment_snee", row_of(age_years=age))
    assert (row["segment_snee"], row["segment_snee_flags"]) == ("live_well", flags)
