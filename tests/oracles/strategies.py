"""Gives hypothesis strategies of what is asked: several features of a kind, one of every kind, dates."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from oracles.declarations import declarations
from oracles.world import INDEX_DATES
from pophealth.declare import KINDS, Feature
from pophealth.terms import contract_year_of

Asked = tuple[date, str]
"""An index date and a contract year."""


@st.composite
def asked_dates(draw: st.DrawFn, most: int = 2) -> list[Asked]:
    """Give index dates in order, each with its contract year or, seldom, the one before."""
    days = sorted(draw(st.lists(st.sampled_from(INDEX_DATES), min_size=1, max_size=most, unique=True)))
    return [(day, contract_year_of(day - timedelta(days=draw(st.sampled_from((0, 0, 0, 366)))))) for day in days]


@st.composite
def several_of(draw: st.DrawFn, kind: str, most: int = 4) -> dict[str, Feature]:
    """Give up to `most` features of a kind, with what they are made of."""
    made: dict[str, Feature] = {}
    for place in range(draw(st.integers(1, most))):
        made |= draw(declarations(kind, f"asked_{place}"))
    return made


@st.composite
def one_of_each(draw: st.DrawFn) -> dict[str, Feature]:
    """Give one feature of every kind, as a plan of a hundred features would mix them."""
    made: dict[str, Feature] = {}
    for place, kind in enumerate(sorted(KINDS)):
        made |= draw(declarations(kind, f"asked_{place}"))
    return made
