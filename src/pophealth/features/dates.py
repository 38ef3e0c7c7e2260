"""Gives a plan's programs with the days of given index dates put in: what is the same for every shard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pophealth.errors import UsageError
from pophealth.features.moment import LAST_DAY, Moment, edge_days
from pophealth.features.plan import FeaturePlan
from pophealth.features.programs import SMALL, Programs
from pophealth.kernels import features_days as days
from pophealth.kernels.features_substances import SubstanceDates
from pophealth.kernels.postings import frozen

Days = npt.NDArray[np.int32]
MOST_DATES = 63
"""Dates a word of bits can hold; more are counted date by date."""


@dataclass(frozen=True)
class AtDate:
    """Days of one index date.

    Attributes
    ----------
    index
        The index date.
    is_fresh
        Columns that are read anew, not advanced from the date before.
    least
        Rows up to this day are not looked at, by column.
    ends, use_starts
        Ends of the columns and starts of their uses' windows.
    starts_of, ends_of
        Windows of the small programs, by name.
    inside
        Per group of substance counts: the features in whose window a day lies, as bits, and the day before all of them.
    """

    index: int
    is_fresh: npt.NDArray[np.uint8]
    least: Days
    ends: Days
    use_starts: Days
    starts_of: dict[str, Days]
    ends_of: dict[str, Days]
    pair_starts: Days
    inside: tuple[tuple[npt.NDArray[np.uint8], int], ...]


@dataclass(frozen=True)
class Dated:
    """A plan at its index dates.

    Attributes
    ----------
    moments
        Index dates and contract years, ascending.
    columns
        Columns of days with their slots; with many dates each column keeps its own from one date to the next.
    n_slots
        Rows of the state.
    earliest
        Rows up to this day are looked at for no date, by column.
    unresolved, category_ends, category_slots, co_issued
        Programs over kept columns, by slot.
    all_ends
        Ends of the columns at every date.
    """

    moments: tuple[Moment, ...]
    at: tuple[AtDate, ...]
    columns: days.Columns
    n_slots: int
    earliest: Days
    unresolved: Days
    category_ends: Days
    category_slots: Days
    co_issued: Days
    all_ends: Days
    indexes: Days
    substances: tuple[SubstanceDates, ...]
    """Per group of substance counts, when there are many dates; none where a window steps back, or dates are too many."""


@lru_cache(maxsize=8)
def dated(plan: FeaturePlan, moments: tuple[Moment, ...]) -> Dated:
    """Give the programs of `plan` at `moments`; kept, because every practice of a run asks for the same.

    Raises
    ------
    UsageError
        There is no index date, or they do not ascend.
    """
    indexes = [moment.index for moment in moments]
    if not moments or any(later <= earlier for earlier, later in pairwise(indexes)):
        msg = f"index dates: expected one or more, each later than the one before, found {len(moments)} that are not"
        raise UsageError(msg)
    programs = plan.programs
    edges = edge_days(programs.edges, moments)
    n_columns = programs.column_end.size
    slot = np.arange(n_columns) if len(moments) > 1 else np.cumsum(programs.is_kept) * programs.is_kept
    starts = [edges[:, column] for column in programs.column_starts]
    earliest = np.array([column.min() for column in starts], np.int32)
    ends = edges[:, programs.column_end]
    is_fresh = _fresh(programs, ends, starts)
    pairs = programs.tables["unresolved"]
    co_issued = programs.tables["co_issued"].copy()
    co_issued[:, 3:5] = slot[co_issued[:, 3:5]]
    categories = programs.slots_of_categories
    return Dated(
        moments=moments,
        at=tuple(_at(programs, moment, edges[k], is_fresh[k], earliest) for k, moment in enumerate(moments)),
        columns=programs.columns._replace(slot=_int32(slot)),
        n_slots=int(slot.max(initial=0)) + 1,
        earliest=frozen(earliest),
        unresolved=_int32(np.column_stack([pairs[:, 0], slot[pairs[:, 1]], slot[pairs[:, 2]], pairs[:, 3]])),
        category_ends=_int32(np.cumsum([0, *map(len, categories)])),
        category_slots=_int32([slot[column] for columns in categories for column in columns]),
        co_issued=_int32(co_issued),
        all_ends=_int32(ends),
        indexes=_int32(indexes),
        substances=_substance_dates(programs, edges, indexes),
    )


def _fresh(programs: Programs, ends: Days, starts: list[Days]) -> npt.NDArray[np.uint8]:
    """Give which columns are read anew at which date: at the first, and where one cannot be had from the date before.

    A latest day moves only forward with the date, unless its window's end does not; a first day also depends on where
    its window starts.
    """
    is_first = programs.columns.is_first.astype(bool)
    moves_start = np.array([bool((column != column[0]).any()) for column in starts], np.bool_)
    anew = (np.diff(ends, axis=0) < 0).any(axis=0) | (is_first & moves_start)
    fresh = np.repeat(anew[np.newaxis], len(ends), axis=0)
    fresh[0] = True
    return fresh.astype(np.uint8)


def _at(programs: Programs, moment: Moment, edges: Days, is_fresh: npt.NDArray[np.uint8], earliest: Days) -> AtDate:
    starts_of = {name: _int32(edges[programs.starts[name]]) for name in SMALL}
    ends_of = {name: _int32(edges[programs.ends[name]]) for name in SMALL}
    start = np.array([edges[column].min() for column in programs.column_starts], np.int32)
    return AtDate(
        index=moment.index,
        least=frozen(np.where(programs.columns.is_first == 1, start, earliest)),
        is_fresh=frozen(is_fresh),
        ends=_int32(edges[programs.column_end]),
        use_starts=_int32(edges[programs.use_start]),
        starts_of=starts_of,
        ends_of=ends_of,
        pair_starts=_int32(np.column_stack([starts_of["unresolved"], ends_of["unresolved"]])),
        inside=tuple(_inside(programs, group, starts_of, ends_of) for group in range(len(programs.substances))),
    )


def _inside(
    programs: Programs, group: int, starts_of: dict[str, Days], ends_of: dict[str, Days]
) -> tuple[npt.NDArray[np.uint8], int]:
    inside = np.zeros(LAST_DAY + 2, np.uint8)
    mine = np.flatnonzero(programs.tables["substances"][:, 0] == group)
    for place in mine:
        start, end = starts_of["substances"][place], ends_of["substances"][place]
        inside[start + 1 : end + 1] |= np.uint8(1 << programs.tables["substances"][place, 1])
    return frozen(inside), int(starts_of["substances"][mine].min())


def _substance_dates(programs: Programs, edges: Days, indexes: list[int]) -> tuple[SubstanceDates, ...]:
    """Give per group which dates a day counts at; nothing where the plan is evaluated date by date."""
    starts, ends = (edges[:, numbers["substances"]] for numbers in (programs.starts, programs.ends))
    steps_back = bool((np.diff(starts, axis=0) < 0).any() or (np.diff(ends, axis=0) < 0).any())
    if not 1 < len(indexes) < MOST_DATES or steps_back:
        return ()
    days = np.arange(LAST_DAY + 2)
    found = []
    for group in range(len(programs.substances)):
        mine = np.flatnonzero(programs.tables["substances"][:, 0] == group)
        enter, leave = (
            np.array([np.searchsorted(days_of[:, place], days) for place in mine], np.uint8)
            for days_of in (ends, starts)
        )
        seen = np.searchsorted(indexes, days).astype(np.uint8)
        found.append(SubstanceDates(frozen(seen), frozen(enter), frozen(leave), _int32([starts[:, mine].min()])))
    return tuple(found)


def _int32(values: npt.ArrayLike) -> Days:
    return frozen(np.ascontiguousarray(values, np.int32))
