"""Gives charts as SVG files: bars with their figures beside them, for a page that shows the same figures as a table.

A chart is drawn by Vega from data that are text and numbers to it, and shown as an image: nothing in it can run, whatever
a label says. Space for labels is fixed, so the same figures give the same bytes whatever fonts a machine has;
bars are whole pixels, and whatever is not nothing has one at least.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import vl_convert

FONT = "Arial, Helvetica, sans-serif"
BLUE, GREY, INK = "#005eb8", "#aeb7bd", "#212b32"
BAR_HEIGHT, BAR, GAP = 28, 16, 6
"""Pixels from bar to bar, of a bar, and between a bar and its words."""
WIDE, NARROW = (420, 460), (330, 330)
"""Widths of labels and of bars: a chart that has the page to itself, and one that stands beside a table."""
LETTER_WIDTH = 7.5
"""What a letter of a label takes at most, on average; longer labels are cut, the table under the chart has them whole."""
BAR_SHARE, LEAST_SHARE = 0.62, 0.3
"""Share of the width that the longest bar takes: less where the words at its end need more, but never under the least."""


Bar = tuple[str, int, str, str]
"""What is drawn of a row: label, width in pixels, the words at the bar's end, colour."""


def bars(rows: Sequence[tuple[str, float, str, bool]], widths: tuple[int, int] = WIDE) -> str:
    """Give horizontal bars as SVG, from top to bottom as they come.

    Parameters
    ----------
    rows
        Label, length, the words at the bar's end, and whether it is one of the main bars (blue) or another (grey). The
        words say what the colour says.
    widths
        `WIDE` or `NARROW`.
    """
    letters, room = (int(width / LETTER_WIDTH) for width in (widths[0], widths[1] * (1 - LEAST_SHARE) - GAP))
    cut = [textwrap.shorten(words, room, placeholder=" …") for _, _, words, _ in rows]
    longest = min(widths[1] * BAR_SHARE, widths[1] - GAP - LETTER_WIDTH * max(map(len, cut), default=0))
    most = max([float(length) for _, length, _, _ in rows] + [1e-9])
    return filled_in(
        [
            (
                textwrap.shorten(label, letters, placeholder=" …"),
                math.ceil(longest * float(length) / most),
                words,
                BLUE if is_main else GREY,
            )
            for (label, length, _, is_main), words in zip(rows, cut, strict=True)
        ],
        widths,
    )


def filled_in(rows: Sequence[Bar], widths: tuple[int, int]) -> str:
    """Give bars as SVG: Vega draws as many bars once, and each chart of so many puts its own figures in.

    What comes out is what Vega draws (`drawn`). A site has a chart for each of its rules.
    """

    def figure(match: re.Match[str]) -> str:
        kind = str(match.lastgroup)
        label, width, words, colour = rows[round(float(match[kind])) - {"bar": 1, "end": 1 + GAP}.get(kind, 0)]
        if kind == "bar":
            return f"h{width}v{BAR}h{-width}Z"
        if kind == "end":
            return f'text-anchor="start" transform="translate({width + GAP},'
        return _as_text({"label": label, "words": words, "colour": colour}[kind])

    return _FIGURES.sub(figure, _blank(len(rows), widths))


@cache
def _blank(number: int, widths: tuple[int, int]) -> str:
    """Give so many bars with marks in place of their figures: the n-th is n pixels long, from 1."""
    return drawn(
        [(f"@label{place}@", place + 1, f"@words{place}@", f"@colour{place}@") for place in range(number)], widths
    )


_FIGURES = re.compile(
    rf"@label(?P<label>\d+)@|@words(?P<words>\d+)@|@colour(?P<colour>\d+)@|h(?P<bar>[\d.]+)v{BAR}h-[\d.]+Z"
    rf'|text-anchor="start" transform="translate\((?P<end>[\d.]+),'
)
"""Marks of a blank drawing; Vega scales 13 pixels to 12.999999999999998."""


def _as_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def drawn(rows: Sequence[Bar], widths: tuple[int, int]) -> str:
    """Give bars as Vega draws them."""
    values = [
        {"label": f"{place:03d}|{label}", "length": length, "words": said, "colour": colour}
        for place, (label, length, said, colour) in enumerate(rows)
    ]
    made = _drawing(widths) | {"data": {"values": values}, "height": BAR_HEIGHT * max(len(rows), 1)}
    svg: str = vl_convert.vegalite_to_svg(made)
    return svg


@cache
def _drawing(widths: tuple[int, int]) -> dict[str, Any]:
    """Give the drawing without its data, as Altair has checked it."""
    axis = alt.Axis(
        title=None,
        domain=False,
        ticks=False,
        aria=False,  # the picture has one alternative text, and the figures stand in a table
        minExtent=widths[0],
        maxExtent=widths[0],
        labelLimit=0,
        labelFontSize=13,
        labelColor=INK,
        labelPadding=8,
        labelExpr="slice(datum.value, indexof(datum.value, '|') + 1)",
    )
    base = alt.Chart(alt.InlineData(values=[])).encode(
        y=alt.Y("label:N", sort="ascending", axis=axis),
        x=alt.X("length:Q", scale=alt.Scale(domain=[0, widths[1]]), axis=None),
    )
    drawn = base.mark_bar(height=BAR, aria=False).encode(color=alt.Color("colour:N", scale=None))
    figures = base.mark_text(align="left", dx=GAP, fontSize=13, color=INK, aria=False).encode(text="words:N")
    chart = (
        (drawn + figures)
        .properties(
            width=widths[1],
            padding={"left": widths[0], "right": 0, "top": 0, "bottom": 0},
            autosize="none",
            background="#ffffff",
        )
        .configure(font=FONT)
        .configure_view(stroke=None)
    )
    made: dict[str, Any] = chart.to_dict()
    return made
