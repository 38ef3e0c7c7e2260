"""Gives the plan's results for one shard, date after date: one chain of kernels, none of which holds a lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.declare import CODED_TABLES
from pophealth.errors import IntegrityError
from pophealth.features.asking import STAY_TABLES
from pophealth.features.dates import AtDate, Dated
from pophealth.features.plan import FeaturePlan
from pophealth.kernels import features_changes as changes
from pophealth.kernels import features_days as days
from pophealth.kernels import features_medicines as medicines
from pophealth.kernels import features_near as near
from pophealth.kernels import features_near_dates as near_dates
from pophealth.kernels import features_pairs as pairs
from pophealth.kernels import features_series as series
from pophealth.kernels import features_stays as stays
from pophealth.kernels import features_stays_moved as moved
from pophealth.kernels import features_substances as substances
from pophealth.kernels import features_together as together
from pophealth.kernels import features_values as values
from pophealth.kernels.postings import NO_POSTINGS, NO_STAYS, Postings, Shard, Stays, frozen, is_frozen

Array = npt.NDArray[Any]
_MEASUREMENTS = CODED_TABLES.index("measurements")
_MEDICATIONS = CODED_TABLES.index("medications")
_NO_CHANGES = changes.Changes(np.zeros(1, np.int64), np.empty(0, np.uint32))


class Scratch(threading.local):
    """Working arrays of a thread, as large as the largest shard it has seen."""

    size = -1

    def fit(self, size: int) -> Scratch:
        """Give the arrays with room for `size` people."""
        if size > self.size:
            self.size = size
            self.mask = np.empty(size // 8 * 8 + 8, np.uint8)
            self.words = np.empty(size, np.uint32)
            self.more_words = np.empty(size + 1, np.uint32)
            self.days = np.empty(size, np.uint16)
            self.rank = np.empty(size, np.uint8)
        return self


_SCRATCH = Scratch()


@dataclass(frozen=True)
class Results:
    """Blocks of results of one shard at one date; Arrow's own forms, so that a frame is made without a copy.

    Attributes
    ----------
    bits : uint8 [n, n_bytes]
        Yes or no, one bit per person.
    counts : int32 [n, 8 * n_bytes]
    dates : int32 [n, 8 * n_bytes], date_bits : uint8 [n, n_bytes]
        Days since 1970-01-01, or a number of days, and whether there is one.
    values : float64 [n, 8 * n_bytes], value_bits : uint8 [n, n_bytes]
    labels : uint8 [n, 8 * n_bytes], label_bits : uint8 [n, n_bytes]
        Places of labels, counting from 0, and whether there is one; 0 where there is none.

    Rows are as long as whole words of bits, so that row r of either block begins at the same place of a column over the
    whole block; what lies after the last person means nothing.
    """

    bits: Array
    counts: Array
    dates: Array
    date_bits: Array
    values: Array
    value_bits: Array
    labels: Array
    label_bits: Array


class _Carried:
    """Results that move from one date to the next, in rows as in `Results`; other rows mean nothing."""

    def __init__(self, dated: Dated, size: int) -> None:
        self._rows = dated.carried_bits, dated.carried_counts
        n_bytes = (size + 63) // 64 * 8
        most_bits, most_counts = (int(rows.max(initial=-1)) + 1 for rows in self._rows)
        self.bits = np.empty((most_bits, n_bytes), np.uint8)
        self.counts = np.empty((most_counts, 8 * n_bytes), np.int32)

    def take(self, out: Results) -> None:
        """Keep the first date's."""
        self.bits[self._rows[0]] = out.bits[self._rows[0]]
        self.counts[self._rows[1]] = out.counts[self._rows[1]]

    def give(self, out: Results) -> None:
        """Put them into a later date's."""
        out.bits[self._rows[0]] = self.bits[self._rows[0]]
        out.counts[self._rows[1]] = self.counts[self._rows[1]]


class ShardWalk:
    """One shard walked from date to date. `at` is called with 0, 1, 2 ...; it keeps the latest days in between."""

    def __init__(self, shard: Shard, plan: FeaturePlan, dated: Dated) -> None:
        _refuse_other_dictionary(shard, plan)
        self.size = shard.n_people
        self._plan, self._dated = plan, dated
        self._tables = tuple(_ready(shard.postings.get(table, NO_POSTINGS)) for table in CODED_TABLES)
        self._stays = tuple(_ready_stays(shard.stays.get(table, NO_STAYS)) for table in STAY_TABLES)
        self._state = np.empty((dated.n_slots, self.size), np.uint16)
        self._changes = _NO_CHANGES
        self._carried = _Carried(dated, self.size)
        self._by_day: tuple[moved.StaysByDay, ...] = ()
        self._lanes = [
            self._substances(program, days_of)
            for program, days_of in zip(plan.programs.substances, dated.substances, strict=True)
        ]
        if len(dated.moments) > 1:
            self._changes = changes.changed_rows(
                self._tables, plan.lists, plan.rules, dated.columns.list_, dated.earliest, dated.all_ends, dated.indexes
            )
        self._has_dates = 1 < len(dated.moments) <= near_dates.MOST_DATES
        if self._has_dates:
            self._co_issued = np.zeros((len(dated.co_issued), self.size), np.uint64)
            near_dates.co_issued_dates(
                self._tables, plan.lists, plan.rules, dated.co_issued,
                dated.co_issued_starts, dated.co_issued_ends, dated.indexes, self._co_issued,
            )  # fmt: skip

    def _substances(self, program: substances.Substances, parts: tuple[substances.SubstanceDates, ...]) -> Array:
        """Give the lanes of a group of substance counts, uint64 [n_people, n_dates]."""
        scratch = _SCRATCH.fit(self.size)
        lanes = np.zeros((self.size, len(self._dated.moments)), np.uint64)
        for days_of in parts:
            flags = np.zeros(self.size, days_of.inside.dtype)
            substances.substance_lanes(self._tables[_MEDICATIONS], program, days_of, flags, scratch.more_words, lanes)
        return lanes

    def at(self, date: int) -> Results:
        """Give the results at index date number `date`."""
        out = self._empty()
        if self.size:
            at, scratch = self._dated.at[date], _SCRATCH.fit(self.size)
            self._days(date, at, scratch, out)
            self._medicines(date, at, scratch, out)
            self._values(at, scratch, out)
            self._count_stays(date, at, out)
            if date:
                self._carried.give(out)
            elif len(self._dated.moments) > 1:
                self._carried.take(out)
        return out

    def _count_stays(self, date: int, at: AtDate, out: Results) -> None:
        """Give what stays decide: at a later date what few of them change."""
        program, edges = self._plan.programs.stays, (at.starts_of["stays"], at.ends_of["stays"])
        if not program.table.size:
            return
        if not date:
            stays.stay_counts(self._stays, program, *edges, out.counts)
            return
        if not self._by_day:
            gaps = [program.days[(program.table == n) & (program.kind == stays.READMISSIONS)] for n in range(2)]
            self._by_day = tuple(map(moved.stays_by_day, self._stays, gaps))
        old = self._dated.at[date - 1]
        before = old.starts_of["stays"], old.ends_of["stays"]
        moved.move_stays(self._by_day, program, *before, *edges, self._carried.counts)

    def _empty(self) -> Results:
        sizes = self._plan.programs.sizes
        n_bytes = (self.size + 63) // 64 * 8

        def block(rows: int, kind: Any) -> Array:
            return np.empty((rows, 8 * n_bytes), kind)

        def bits(rows: int) -> Array:
            return np.empty((rows, n_bytes), np.uint8)

        return Results(
            bits=bits(sizes["bits"]),
            counts=np.zeros((sizes["counts"], 8 * n_bytes), np.int32),
            dates=block(sizes["dates"], np.int32),
            date_bits=bits(sizes["dates"]),
            values=block(sizes["values"], np.float64),
            value_bits=bits(sizes["values"]),
            labels=np.zeros((sizes["labels"], 8 * n_bytes), np.uint8),
            label_bits=bits(sizes["labels"]),
        )

    def _days(self, date: int, at: AtDate, scratch: Scratch, out: Results) -> None:
        """Give what latest and first days decide, alone and together, and counts of rows."""
        plan, dated = self._plan, self._dated
        read = (self._tables, plan.lists, plan.rules)
        programs = plan.programs
        if dated.columns.list_.size:
            days.day_columns(
                *read, dated.columns, self._changes, date, len(dated.moments),
                at.is_fresh, at.least, at.ends, at.use_starts, dated.is_carried[date > 0], at.index,
                self._state, scratch.mask, out.bits, out.dates, out.date_bits, out.counts,
                self._carried.bits, self._carried.counts,
            )  # fmt: skip
        if dated.unresolved.size or dated.category_slots.size:
            together.combine(
                dated.unresolved, dated.category_ends, dated.category_slots, at.starts_of["categories"],
                programs.tables["categories"], at.pair_starts, self._state, scratch.mask, scratch.words,
                out.bits, out.dates, out.date_bits, out.labels, out.label_bits,
            )  # fmt: skip
        if programs.tables["counts"].size:
            list_, row = (frozen(column) for column in programs.tables["counts"].T)
            together.count_rows(*read, list_, row, at.starts_of["counts"], at.ends_of["counts"], at.index, out.counts)
        if programs.near.list_.size:
            near.near(
                *read, programs.near, at.starts_of["near"], at.ends_of["near"], at.index, self.size,
                scratch.mask, out.bits, out.dates, out.date_bits,
            )  # fmt: skip

    def _medicines(self, date: int, at: AtDate, scratch: Scratch, out: Results) -> None:
        """Give what issues of medicines decide."""
        plan, programs, issues = self._plan, self._plan.programs, self._tables[_MEDICATIONS]
        if programs.tables["repeats"].size:
            list_, row = (frozen(column) for column in programs.tables["repeats"].T)
            medicines.current_repeats(
                self._tables, plan.lists, list_, row, at.starts_of["repeats"], at.ends_of["repeats"], at.index,
                scratch.words, scratch.mask, self.size, out.bits,
            )  # fmt: skip
        if self._has_dates:
            near_dates.take_dates(self._dated.co_issued, self._co_issued, date, scratch.mask, out.bits)
        elif self._dated.co_issued.size:
            near.co_issued(
                self._tables, plan.lists, plan.rules, self._dated.co_issued,
                at.starts_of["co_issued"], at.ends_of["co_issued"], at.index, self._state, scratch.mask, out.bits,
            )  # fmt: skip
        for program, lanes in zip(programs.substances, self._lanes, strict=True):
            substances.take_lanes(program, lanes, date, out.counts)
        for place, current in enumerate(programs.current_substances):
            start, end = at.starts_of["current_substances"][place], at.ends_of["current_substances"][place]
            total = out.counts[programs.tables["current_substances"][place, 0]]
            medicines.current_substances(
                issues, current, start, end, at.index, scratch.words, scratch.more_words, self.size, total
            )

    def _values(self, at: AtDate, scratch: Scratch, out: Results) -> None:
        """Give what measured values decide."""
        plan, programs = self._plan, self._plan.programs
        read = (self._tables, plan.lists, plan.rules)
        if programs.choices.list_.size:
            values.chosen_values(
                *read, programs.choices, at.starts_of["choices"], at.ends_of["choices"], at.index,
                scratch.days, scratch.rank, scratch.mask, self.size,
                out.values, out.value_bits, out.dates, out.date_bits, out.labels, out.label_bits,
            )  # fmt: skip
        several = (self._tables, _MEASUREMENTS, plan.lists, plan.rules)
        if programs.series.list_.size:
            series.series(
                *several, programs.series, at.starts_of["series"], at.ends_of["series"], at.index,
                scratch.mask, self.size, out.bits, out.counts, out.values, out.value_bits,
            )  # fmt: skip
        if programs.pairs.list_.size:
            pairs.pairs(
                *several, programs.pairs, at.starts_of["pairs"], at.ends_of["pairs"], at.index,
                scratch.mask, self.size, out.values, out.value_bits, out.dates, out.date_bits,
            )  # fmt: skip


def _ready(runs: Postings) -> Postings:
    """Give postings whose arrays are all of one kind: a kernel is compiled once only if every shard's are."""
    return runs if all(map(is_frozen, runs)) else Postings(*map(frozen, runs))  # type: ignore[arg-type]


def _ready_stays(rows: Stays) -> Stays:
    return rows if all(map(is_frozen, rows)) else Stays(*map(frozen, rows))  # type: ignore[arg-type]


def _refuse_other_dictionary(shard: Shard, plan: FeaturePlan) -> None:
    for table, size in plan.n_concepts.items():
        if table in shard.postings and shard.postings[table].offsets.size != size + 1:
            msg = (
                f"index of {table}: written with {shard.postings[table].offsets.size - 1} concepts, the plan was compiled "
                f"with a dictionary of {size}. Compile the plan with the dictionary of the same snapshot."
            )
            raise IntegrityError(msg)
    for table, digest in plan.dictionaries.items():
        written = shard.dictionaries.get(table, digest)
        if table in shard.postings and written != digest:
            msg = (
                f"index of {table}: written with another dictionary of concepts (digest {written[:16]}) than the plan was "
                f"compiled with ({digest[:16]}). Compile the plan with the dictionary of the same snapshot."
            )
            raise IntegrityError(msg)
