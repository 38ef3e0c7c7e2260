"""Inequality and charts: gaps that chance does not explain, and pictures in which a label is a label."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.delivery.pages.charts import BLUE, GREY, NARROW, WIDE, bars
from pophealth.delivery.pages.inequality import LEAST_PEOPLE, SURE, Gap, gaps_of, sentence
from test_support.parcels import POLYGLOT


def rule(one: tuple[int, int], five: tuple[int, int], **more: Any) -> dict[str, Any]:
    """A rule of which `open` and `met` of the first and the last fifth are given."""
    steps = ("registered", "excluded", "met", "adjusted", "unknown", "listed")
    groups = {quintile: [1000, 0, met, 0, 0, listed] for quintile, (listed, met) in (("1", one), ("5", five))}
    return {
        "title": "Checks", "service": "cvd_prevention", "met": one[1] + five[1], "not_computable": None,
        "attrition": [{"step": step, "criterion": None, "people": 0, "unknown": 0} for step in steps],
        "attrition_by_group": {"imd_quintile": groups}, **more,
    }  # fmt: skip


def test_a_wide_gap_is_found_and_said() -> None:
    (gap,) = gaps_of({"r": rule((300, 100), (100, 300))})
    assert gap.shares == (0.75, 0.25)
    assert gap.points == pytest.approx(50)
    assert sentence(gap) == "Checks: open for 75 % (most deprived fifth) against 25 % (least deprived fifth)"


def test_a_gap_the_other_way_is_found_too() -> None:
    (gap,) = gaps_of({"r": rule((100, 300), (300, 100))})
    assert gap.points == pytest.approx(-50)


@pytest.mark.parametrize(
    "told",
    [
        rule((3, 2), (2, 3)),  # too few people
        rule((52, 48), (48, 52)),  # chance
        rule((300, 100), (100, 300), not_computable="no codelist"),
        rule((300, 0), (100, 0)),  # nobody can meet it: a register
    ],
)
def test_what_says_nothing_is_not_said(told: dict[str, Any]) -> None:
    assert gaps_of({"r": told}) == []


def test_many_people_stand_before_few_with_the_same_gap() -> None:
    gaps = gaps_of({"few": rule((30, 10), (10, 30)), "many": rule((3000, 1000), (1000, 3000))})
    assert [gap.rule_id for gap in gaps] == ["many", "few"]


@settings(max_examples=200, deadline=None)
@given(st.tuples(*[st.integers(0, 400)] * 2), st.tuples(*[st.integers(0, 400)] * 2))
def test_the_interval_holds_the_difference_and_is_newcombes(one: tuple[int, int], other: tuple[int, int]) -> None:
    people = max(one), max(other)
    if min(people) < LEAST_PEOPLE:
        return
    gap = Gap("r", "t", "s", "a", "b", min(one), people[0], min(other), people[1])
    low, high = gap.interval
    assert -100 - 1e-9 <= low <= gap.points + 1e-9
    assert gap.points - 1e-9 <= high <= 100 + 1e-9

    def wilson(x: int, n: int) -> tuple[float, float]:  # as roots of |p - x/n| = z sqrt(p(1-p)/n)
        a, b, c = 1 + SURE**2 / n, -(2 * x / n + SURE**2 / n), (x / n) ** 2
        root = math.sqrt(max(b * b - 4 * a * c, 0))
        return (-b - root) / (2 * a), (-b + root) / (2 * a)

    (l1, u1), (l2, u2) = wilson(gap.one_open, people[0]), wilson(gap.other_open, people[1])
    p1, p2 = gap.shares
    assert low == pytest.approx(100 * (p1 - p2 - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)), abs=1e-6)
    assert high == pytest.approx(100 * (p1 - p2 + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)), abs=1e-6)


def elements(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter())


def test_a_label_with_markup_is_text_in_a_chart() -> None:
    svg = bars([(f"A {POLYGLOT}", 10, POLYGLOT[:33], True), ("</svg><script>x</script>", 5, "5", False)], WIDE)
    found = elements(svg)
    names = {element.tag.split("}")[-1] for element in found}
    assert names <= {"svg", "g", "path", "text", "rect", "line"}
    assert not [name for element in found for name in element.attrib if name.startswith("on")]
    said = [element.text or "" for element in found]
    assert sum("<script>window.hit=1</script>" in text for text in said) == 2


def test_bars_come_in_order_with_their_words_and_lengths() -> None:
    svg = bars([("Twelve", 12, "12 people", True), ("Three", 3, "3 people", False), ("None", 0, "0 people", True)])
    texts = [element.text for element in elements(svg) if element.tag.endswith("text")]
    assert texts == ["Twelve", "Three", "None", "12 people", "3 people", "0 people"]
    lengths = [
        float(element.attrib["d"].split("h")[1].split("v")[0])
        for element in elements(svg)
        if element.attrib.get("fill") in (BLUE, GREY)
    ]
    assert lengths[0] == pytest.approx(4 * lengths[1], abs=4), "whole pixels"
    assert lengths[2] == 0


def test_a_chart_does_not_depend_on_what_was_drawn_before() -> None:
    rows = [("A", 1.0, "1", True), ("B", 2.0, "2", False)]
    first = bars(rows)
    bars([("C", 9.0, "9", True)] * 7)
    assert bars(rows) == first
    assert "http" not in first.replace("http://www.w3.org/", "")


def test_a_long_label_is_cut_where_the_space_ends() -> None:
    svg = bars([("word " * 40, 1, "1", True)], NARROW)
    (label, _) = [element.text or "" for element in elements(svg) if element.tag.endswith("text")]
    assert label.endswith("…")
    assert len(label) <= 45
