"""Rows of a worklist: put together by columns, byte for byte those of a template that goes through people one by one."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from markupsafe import escape

from pophealth.delivery.pages.people import next_in_line
from pophealth.delivery.pages.rows import Columns, escaped, row_texts
from pophealth.delivery.parcel import Parcel
from test_support.parcels import POLYGLOT, Made, made_parcel, poisoned
from test_support.plain_rows import plain_rows

MADE = made_parcel(Made(people=300, listed=140, rules=40, records=5, practices=3))


def with_gaps(parcel: Parcel) -> Parcel:
    """A parcel in which whatever may be missing is missing of somebody."""
    every = pl.int_range(pl.len())
    worklist = parcel.worklist.with_columns(
        pl.when(every % 4 != 0).then("age_years"),
        pl.when(every % 5 != 0).then("sex"),
        pl.when(every % 3 != 0).then("risk"),
        pl.when(every % 2 != 0).then("months_since_seen"),
        pl.when(every % 6 != 0).then("nhs_number"),
    )
    evidence = parcel.evidence.filter(pl.int_range(pl.len()) % 3 != 0)
    return replace(parcel, worklist=worklist, evidence=evidence)


@pytest.mark.parametrize("parcel", [MADE, with_gaps(MADE), poisoned(MADE), with_gaps(poisoned(MADE))])
@pytest.mark.parametrize(
    "columns", [Columns(True, True, True), Columns(False, True, False), Columns(False, False, True)]
)
def test_rows_are_those_of_the_template(parcel: Parcel, columns: Columns) -> None:
    names = parcel.facts["practice_names"]
    shown = parcel.worklist.sort("order")
    made = row_texts(parcel, shown, columns, names)
    assert made == plain_rows(parcel, shown, columns, names)
    assert len(made) == 140
    assert sum("nothing recorded of" in row for row in made) > 20


def test_nobody_has_no_rows() -> None:
    assert row_texts(MADE, MADE.worklist.clear(), Columns(True, True, True), {}) == []


@pytest.mark.parametrize("text", [POLYGLOT, "a & b", "'", "&amp;", "<>", "", "é \u2028"])
def test_text_is_escaped_as_markupsafe_does(text: str) -> None:
    assert pl.select(escaped(pl.lit(text))).item() == str(escape(text))


def test_of_those_who_wait_the_next_in_line_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from pophealth.delivery.pages import people

    monkeypatch.setattr(people, "WAITING_SHOWN", 3)
    worklist = pl.DataFrame(
        {"order": [6, 5, 4, 3, 2, 1], "place": ["held_out", "waiting", "planned", "waiting", "waiting", "urgent"]}
    )
    shown, hidden = next_in_line(worklist)
    assert (shown["order"].to_list(), hidden) == ([1, 2, 3, 4, 5], 1)
