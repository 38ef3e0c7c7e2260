"""Gives charts as SVG files: bars with their figures beside them, for a page that shows the same figures as a table.

A chart is drawn by Vega from data that are text and numbers to it, and shown as an image: nothing in it can run, whatever
a label says. Space for labels is fixed, so the same figures give the same bytes whatever fonts a machine has.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import vl_convert

FONT = "Arial, Helvetica, sans-serif"
BLUE, GREY, INK = "#005eb8", "#aeb7bd", "#212b32"
BAR_HEIGHT = 28
WIDE, NARROW = (420, 460), (330, 330)
"""Widths of labels and of bars: a chart that has the page to itself, and one that stands beside a table."""
LETTER_WIDTH = 7.5
"""What a letter of a label takes at most, on average; longer labels are cut, the table under the chart has them whole."""
BAR_SHARE = 0.62
"""Share of the width that the longest bar takes; the words at its end take the rest."""


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
    letters = int(widths[0] / LETTER_WIDTH)
    most = max([float(length) for _, length, _, _ in rows] + [1e-9])
    values = [
        {
            "label": f"{place:03d}|{textwrap.shorten(label, letters, placeholder=' …')}",
            "length": BAR_SHARE * float(length) / most,
            "words": said,
            "colour": BLUE if is_main else GREY,
        }
        for place, (label, length, said, is_main) in enumerate(rows)
    ]
    svg: str = vl_convert.vegalite_to_svg(
        _drawing(widths) | {"data": {"values": values}, "height": BAR_HEIGHT * max(len(rows), 1)}
    )
    return svg


@cache
def _drawing(widths: tuple[int, int]) -> dict[str, Any]:
    """Give the drawing without its data: Altair checks it once, which takes longer than drawing it."""
    axis = alt.Axis(
        title=None,
        domain=False,
        ticks=False,
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
        x=alt.X("length:Q", scale=alt.Scale(domain=[0, 1]), axis=None),
    )
    drawn = base.mark_bar(height=16).encode(color=alt.Color("colour:N", scale=None))
    figures = base.mark_text(align="left", dx=6, fontSize=13, color=INK).encode(text="words:N")
    chart = (
        (drawn + figures)
        .properties(width=widths[1], padding=0, background="#ffffff")
        .configure(font=FONT)
        .configure_view(stroke=None)
    )
    made: dict[str, Any] = chart.to_dict()
    return made
