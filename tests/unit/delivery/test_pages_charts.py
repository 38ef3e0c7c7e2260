"""Charts: figures put into a blank drawing give the bytes that Vega draws, and no text gets out of its place."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.delivery.pages.charts import BLUE, GREY, LETTER_WIDTH, NARROW, WIDE, bars, drawn, filled_in
from test_support.parcels import POLYGLOT

TEXT = (
    st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)
ROWS = st.lists(st.tuples(TEXT, st.integers(0, 285), TEXT, st.sampled_from([BLUE, GREY])), max_size=14)


def rounded(svg: str) -> str:
    """The drawing with numbers as near as anybody sees: Vega scales 115 pixels to 114.99999999999999."""
    return re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.6f}".rstrip("0").rstrip("."), svg)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.sampled_from([WIDE, NARROW]))
def test_figures_put_in_are_as_vega_draws_them(rows: list[tuple[str, int, str, str]], widths: tuple[int, int]) -> None:
    assert rounded(filled_in(rows, widths)) == rounded(drawn(rows, widths))


@pytest.mark.parametrize("text", [POLYGLOT, "@label0@", "h3v16h-3Z", "&lt;", "\\1 \\g<bar>", "a|b"])
def test_a_text_stays_in_its_place(text: str) -> None:
    rows = [(text, 7, text, BLUE), ("second", 2, "2", GREY)]
    svg = filled_in(rows, WIDE)
    assert rounded(svg) == rounded(drawn(rows, WIDE))
    texts = [part.text for part in ET.fromstring(svg).iter() if part.tag.endswith("}text")]
    assert texts == [text, "second", text, "2"]


def test_lengths_are_shares_of_the_longest_and_nothing_but_nothing_is_no_bar() -> None:
    svg = bars([("all", 40_000, "40,000", True), ("one", 1, "1", True), ("none", 0, "0", False)], NARROW)
    paths = [part.get("d", "") for part in ET.fromstring(svg).iter() if part.get("fill") in (BLUE, GREY)]
    assert [path.split("h")[1].split("v")[0] for path in paths] == ["205", "1", "0"]


@pytest.mark.parametrize("widths", [WIDE, NARROW])
@pytest.mark.parametrize("words", ["1", "100 % people of mixed ethnicity", "word " * 40])
def test_words_at_the_end_of_the_longest_bar_are_inside_the_picture(words: str, widths: tuple[int, int]) -> None:
    root = ET.fromstring(bars([("all", 5, words, True)], widths))
    assert root.get("width") == str(sum(widths))
    (end,) = [part for part in root.iter() if part.get("text-anchor") == "start"]
    start = float(str(end.get("transform")).split("(")[1].split(",")[0])
    assert start + LETTER_WIDTH * len(str(end.text)) <= widths[1] + 1
    assert start >= 0.3 * widths[1]


def test_no_rows_are_an_empty_chart() -> None:
    assert 'height="28"' in bars([])
