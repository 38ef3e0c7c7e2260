"""Gives what became of every row: rows in = kept + quarantined + out of scope, per source, table and practice, checked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from pophealth.errors import DataContractError
from pophealth.extracts.layout import Notes

SCHEMA = 1
"""Version of the document's form; it grows when a key changes its meaning."""

UNATTRIBUTED = "unattributed"
"""Stands for the practice of rows whose person is unknown or has none."""

WITHHELD = "practice_withheld"
"""Why rows that passed are out of scope after all: their practice had to be left out as a whole."""

_FIRST = ("in_extract", "kept", "quarantined")

NOT_SPOOLED = ("deaths", "merges", "care_homes")
"""Tables that are used and do not reach the register as rows of their own."""

Key = tuple[str, str, str]
"""Source table, canonical table, practice."""


@dataclass
class Entry:
    """Counts of one source, table and practice. A row that breaks several rules is one quarantined row."""

    rows_in: int = 0
    kept: int = 0
    quarantined: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def out_of_scope(self) -> int:
        """Rows left out for a reason that is no fault; every row has one reason."""
        return sum(self.reasons.values())

    def add(self, other: Entry) -> None:
        """Add the counts of `other`."""
        self.rows_in += other.rows_in
        self.kept += other.kept
        self.quarantined += other.quarantined
        self.rules.update(other.rules)
        self.reasons.update(other.reasons)

    def to_dict(self) -> dict[str, Any]:
        """Give the counts as plain values."""
        return {
            "rows_in": self.rows_in,
            "kept": self.kept,
            "quarantined": self.quarantined,
            "out_of_scope": self.out_of_scope,
            "rules": dict(sorted(self.rules.items())),
            "reasons": dict(sorted(self.reasons.items())),
        }


@dataclass
class Tally:
    """Counts of one part, as its rows pass by; `measured` counts a practice's values of a codelist, judged and bad."""

    entries: defaultdict[Key, Entry] = field(default_factory=lambda: defaultdict(Entry))
    measured: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    spooled: Counter[str] = field(default_factory=Counter)
    undated: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)

    def rows_in(self, source: str, table: str, practices: pl.DataFrame) -> None:
        """Count rows that came in: columns ``_practice`` and ``len``."""
        for practice, count in practices.iter_rows():
            self.entries[source, table, practice].rows_in += count

    def kept(self, source: str, table: str, practice: str, count: int, *, spooled: bool) -> None:
        """Count rows that were kept, and whether they went to the register as rows of their own."""
        self.entries[source, table, practice].kept += count
        if spooled:
            self.spooled[practice] += count

    def left(self, source: str, table: str, rest: pl.DataFrame, rules: Iterable[str], named: Iterable[str]) -> None:
        """Count rows that were not kept.

        Parameters
        ----------
        rest
            ``_practice``; ``_reason``, why a row is out of scope, null for a quarantined one; one boolean column per
            rule, true where it is broken; and columns that hold the name of a broken rule, or null.
        """
        for practice, reason, count in rest.group_by("_practice", "_reason").len().iter_rows():
            entry = self.entries[source, table, practice]
            if reason is None:
                entry.quarantined += count
            else:
                entry.reasons[reason] += count
        bad = rest.filter(pl.col("_reason").is_null())
        sums = bad.group_by("_practice").agg(pl.col(*rules).sum()) if bad.height else bad.clear()
        for row in sums.iter_rows(named=True):
            entry = self.entries[source, table, row.pop("_practice")]
            entry.rules.update({rule: count for rule, count in row.items() if count})
        for column in named:
            hits = bad.filter(pl.col(column).is_not_null()).group_by("_practice", column).len()
            for practice, rule, count in hits.iter_rows():
                self.entries[source, table, practice].rules[rule] += count


class Conservation:
    """The account of an ingest: parts are added as they are done, `close` checks it, the rest reads it."""

    def __init__(self, layout: str) -> None:
        self._entries: defaultdict[Key, Entry] = defaultdict(Entry)
        self._measured: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._spooled: Counter[str] = Counter()
        self._undated: Counter[str] = Counter()
        self._people: Counter[str] = Counter()
        self._source_rows: Counter[str] = Counter()
        self._parts: dict[str, str] = {}
        self.withheld: dict[str, str] = {}
        """Practices that must not reach the register, with the reason."""
        self.facts: dict[str, Any] = {"layout": layout}
        self.documents: dict[str, Any] = {}
        """Further documents of the snapshot, by file name: what an extract says that is about no person."""
        self.warnings: list[str] = []
        self.notes: dict[str, Any] = {}

    def add(self, tally: Tally, source_rows: Mapping[str, int]) -> None:
        """Add a part that was read to its end, with the rows its files hold by source."""
        for key, entry in tally.entries.items():
            self._entries[key].add(entry)
        for place, counts in tally.measured.items():
            self._measured[place].update(counts)
        self._spooled.update(tally.spooled)
        self._undated.update(tally.undated)
        self._people.update(tally.people)
        self._source_rows.update(source_rows)

    def lose_part(self, part: str, practices: Iterable[str], reason: str) -> None:
        """Note a part that could not be read to its end: nothing of its practices may be used."""
        self._parts[part] = reason
        self.withheld |= dict.fromkeys(practices, reason)

    def withhold(self, practice: str, reason: str) -> None:
        """Note a practice that must be left out although its rows were read."""
        self.withheld.setdefault(practice, reason)

    @property
    def measured(self) -> Mapping[tuple[str, str], Counter[str]]:
        """Per practice and codelist: values ``judged`` and ``implausible``."""
        return self._measured

    @property
    def entries(self) -> Mapping[Key, Entry]:
        """Counts by source, table and practice, before anything is withheld."""
        return self._entries

    def kept_rows(self) -> dict[str, dict[str, int]]:
        """Give the rows that went to the register by practice and canonical table, before anything is withheld."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (_, table, practice), entry in self._entries.items():
            if entry.kept and table not in NOT_SPOOLED:
                found[practice][table] += entry.kept
        return {practice: dict(tables) for practice, tables in found.items()}

    def check(self, spooled: Mapping[str, int]) -> None:
        """Refuse an account that does not add up; `spooled` counts the rows the register took, by practice.

        Raises
        ------
        DataContractError
            Rows are missing or double somewhere. That is a fault of ours: nothing may be built on such an ingest.
        """
        wrong = [
            f"{source} ({table}), practice {practice}: {entry.rows_in} in, {entry.kept} kept, {entry.quarantined} "
            f"quarantined, {entry.out_of_scope} out of scope"
            for (source, table, practice), entry in self._entries.items()
            if entry.rows_in != entry.kept + entry.quarantined + entry.out_of_scope
        ]
        counted: Counter[str] = Counter()
        for (source, _, _), entry in self._entries.items():
            counted[source] += entry.rows_in
        wrong += [
            f"{source}: its files hold {rows} rows, {counted[source]} are accounted for"
            for source, rows in self._source_rows.items()
            if rows != counted[source]
        ]
        wrong += [
            f"practice {practice}: {self._spooled[practice]} rows kept, {spooled.get(practice, 0)} in the register"
            for practice in sorted(set(self._spooled) | set(spooled))
            if practice not in self.withheld and self._spooled[practice] != spooled.get(practice, 0)
        ]
        if wrong:
            msg = (
                f"conservation: {len(wrong)} accounts do not add up, first: {wrong[0]}. Report this; nothing was kept."
            )
            raise DataContractError(msg)

    def describe(self, notes: Notes, extract_date: date) -> None:
        """Take over what the layout noticed, and warn where a source fails as a whole."""
        self.facts["extract_date"] = extract_date.isoformat()
        self._people.update(notes.people)
        self.notes = {
            "ignored_columns": {source: sorted(names) for source, names in sorted(notes.ignored_columns.items())},
            "files_not_read": dict(sorted(notes.files_not_read.items())),
            "altered": dict(sorted(notes.altered.items())),
        }
        for source, columns in self.notes["ignored_columns"].items():
            self.warnings.append(f"{source}: {len(columns)} columns are not in the contract and were not read")
        rows: Counter[str] = Counter()
        broken: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (source, _, _), entry in self._entries.items():
            rows[source] += entry.rows_in
            broken[source].update(entry.rules)
        for source, rules in sorted(broken.items()):
            for rule, count in sorted(rules.items()):
                if count == rows[source]:
                    self.warnings.append(
                        f"{source}: all {count} rows fail {rule}; are its headings what they should be?"
                    )

    def _settled(self) -> dict[Key, Entry]:
        """Give the counts with what passed of withheld practices out of scope."""
        settled: dict[Key, Entry] = {}
        for (source, table, practice), entry in sorted(self._entries.items()):
            mine = Entry()
            mine.add(entry)
            if practice in self.withheld and mine.kept:
                mine.reasons[WITHHELD] += mine.kept
                mine.kept = 0
            settled[source, table, practice] = mine
        return settled

    def totals(self) -> dict[str, dict[str, int]]:
        """Give rows in, kept, quarantined and out of scope by source table."""
        sources = sorted(set(self._source_rows) | {source for source, _, _ in self._entries})
        totals = {source: dict.fromkeys(("rows_in", "kept", "quarantined", "out_of_scope"), 0) for source in sources}
        for (source, _, _), entry in self._settled().items():
            for name in totals[source]:
                totals[source][name] += getattr(entry, name)
        return totals

    def to_dict(self) -> dict[str, Any]:
        """Give the document that lies beside the snapshot as ``conservation.json``: counts only."""
        sources: dict[str, Any] = {}
        for (source, table, practice), entry in self._settled().items():
            mine = sources.setdefault(source, {"total": Entry(), "kept_as": Counter(), "practices": {}})
            mine["total"].add(entry)
            mine["kept_as"].update({table: entry.kept} if entry.kept else {})
            mine["practices"].setdefault(practice, Entry()).add(entry)
        return {
            "schema": SCHEMA,
            "sources": {
                source: mine["total"].to_dict()
                | {
                    "kept_as": dict(sorted(mine["kept_as"].items())),
                    "practices": {practice: entry.to_dict() for practice, entry in mine["practices"].items()},
                }
                for source, mine in sources.items()
            },
            "persons": {name: self._people[name] for name in (*_FIRST, *sorted(set(self._people) - set(_FIRST)))},
            "recorded_date_missing": dict(sorted(self._undated.items())),
            "withheld": dict(sorted(self.withheld.items())),
            "parts_not_read": dict(sorted(self._parts.items())),
            "warnings": self.warnings,
            "notes": self.notes,
        }
