"""Gives a plan's programs with the days of given index dates put in: what is the same for every shard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pophealth.errors import UsageError
from pophealth.features.moment import Moment, edge_days
from pophealth.features.plan import FeaturePlan
from pophealth.features.programs import SMALL, Programs
from pophealth.kernels import features_days as days
from pophealth.kernels.features_changes import N_DAYS
from pophealth.kernels.features_substances import SubstanceDates
from pophealth.kernels.postings import frozen

Days = npt.NDArray[np.int32]
_WORD_BITS = 64


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
    """

    index: int
    is_fresh: npt.NDArray[np.uint8]
    least: Days
    ends: Days
    use_starts: Days
    starts_of: dict[str, Days]
    ends_of: dict[str, Days]
    pair_starts: Days


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
    co_issued_starts, co_issued_ends : int32 [n_dates, n]
        Windows of medicines issued together, at every date.
    all_ends
        Ends of the columns at every date.
    is_carried, carried_bits, carried_counts
        Uses of columns whose results move from date to date, at the first date (none) and at later ones; and the rows
        of results they lie in, with those of stays.
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
    co_issued_starts: Days
    co_issued_ends: Days
    all_ends: Days
    indexes: Days
    is_carried: tuple[npt.NDArray[np.uint8], ...]
    carried_bits: npt.NDArray[np.int64]
    carried_counts: npt.NDArray[np.int64]
    substances: tuple[tuple[SubstanceDates, ...], ...]
    """Per group of substance counts: the dates, as many at a time as fit a word."""


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
    is_carried = _carried(programs, is_fresh, edges)
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
        co_issued_starts=_int32(edges[:, programs.starts["co_issued"]]),
        co_issued_ends=_int32(edges[:, programs.ends["co_issued"]]),
        all_ends=_int32(ends),
        indexes=_int32(indexes),
        is_carried=tuple(frozen((is_carried & later).astype(np.uint8)) for later in (False, True)),
        carried_bits=np.unique(programs.columns.out[is_carried & (programs.columns.kind == days.TO_BIT)]),
        carried_counts=np.union1d(
            programs.columns.out[is_carried & (programs.columns.kind == days.TO_SUM)],
            programs.stays.out if len(moments) > 1 else [],
        ).astype(np.int64),
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


def _carried(programs: Programs, is_fresh: npt.NDArray[np.uint8], edges: Days) -> npt.NDArray[np.bool_]:
    """Give which uses of columns are carried on: their window's start stays, and the column is never read anew.

    A sum is, if all its terms are.
    """
    columns = programs.columns
    if len(edges) == 1:
        return np.zeros(columns.kind.size, np.bool_)
    per_column = np.diff(columns.uses)
    starts = edges[:, programs.use_start]
    stays = (starts == starts[0]).all(axis=0) & np.repeat(~is_fresh[1:].any(axis=0), per_column)
    stays &= (columns.kind == days.TO_BIT) | (columns.kind == days.TO_SUM)
    broken = columns.out[(columns.kind == days.TO_SUM) & ~stays]
    return np.asarray(stays & ~((columns.kind == days.TO_SUM) & np.isin(columns.out, broken)))


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
    )


def _substance_dates(programs: Programs, edges: Days, indexes: list[int]) -> tuple[tuple[SubstanceDates, ...], ...]:
    """Give per group of substance counts on which dates a day counts, as many dates at a time as fit a word."""
    days = np.arange(N_DAYS)
    kind = np.uint8 if len(indexes) == 1 else np.uint64
    found = []
    for group, program in enumerate(programs.substances):
        mine = np.flatnonzero(programs.tables["substances"][:, 0] == group)
        starts, ends = (edges[:, numbers["substances"]][:, mine] for numbers in (programs.starts, programs.ends))
        width = program.out.size
        together = _WORD_BITS // width
        parts = []
        for first in range(0, len(indexes), together):
            dates = min(together, len(indexes) - first)
            inside, seen = np.zeros(N_DAYS, np.uint64), np.zeros(N_DAYS, np.uint64)
            for date in range(dates):
                all_features = np.uint64(((1 << width) - 1) << (date * width))
                seen[days <= indexes[first + date]] |= all_features
                for place, feature in enumerate(programs.tables["substances"][mine, 1].tolist()):
                    start, end = starts[first + date, place], ends[first + date, place]
                    inside[start + 1 : end + 1] |= np.uint64(1 << (date * width + feature))
            members = [sum(member << (date * width) for date in range(dates)) for member in range(1 << width)]
            parts.append(
                SubstanceDates(
                    inside=frozen(inside.astype(kind)),
                    seen=frozen(seen.astype(kind)),
                    members=frozen(np.array(members, np.uint64).astype(kind)),
                    first=first,
                    dates=dates,
                    earliest=int(starts[first : first + dates].min()),
                )
            )
        found.append(tuple(parts))
    return tuple(found)


def _int32(values: npt.ArrayLike) -> Days:
    return frozen(np.ascontiguousarray(values, np.int32))
