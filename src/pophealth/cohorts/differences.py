"""Gives how two lists of one rule differ, with the reason for each person: years against each other, systems too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pophealth.cohorts.masks import NOT_CONSIDERED, STATUSES, Judgement, judge
from pophealth.cohorts.questions import Questions
from pophealth.terms import Status

if TYPE_CHECKING:
    from collections.abc import Collection

    from pophealth.cohorts.questions import Bools
    from pophealth.declare import CohortRule

LISTED = STATUSES.index(Status.LISTED.value)


@dataclass(frozen=True)
class Change:
    """One person on one list and not on the other, and why."""

    patient_id: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """Two lists of one rule.

    Attributes
    ----------
    both
        People on both lists.
    entrants, leavers
        People only on the second list, only on the first.
    """

    rule_id: str
    both: int
    entrants: tuple[Change, ...]
    leavers: tuple[Change, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """Give how many entered and left, by reason; most frequent first."""
        return {name: _tally(getattr(self, name)) for name in ("entrants", "leavers")}

    def to_dict(self) -> dict[str, Any]:
        """Give the difference as plain values, people named by pseudonym."""
        people = {
            name: [{"patient_id": change.patient_id, "reason": change.reason} for change in getattr(self, name)]
            for name in ("entrants", "leavers")
        }
        return {"rule_id": self.rule_id, "both": self.both, "by_reason": self.counts(), **people}


def _tally(changes: tuple[Change, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.reason] = counts.get(change.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def between_years(
    rule: CohortRule, first: tuple[str, pl.DataFrame] | None, second: tuple[str, pl.DataFrame] | None
) -> Difference:
    """Give who enters and leaves a rule's list when one contract year's rule replaces another's.

    Parameters
    ----------
    first, second
        A year and the frame described for that year (the same people, in any order); None where the rule does not run.
    """
    if first is None or second is None:
        year, frame = first or second or ("", pl.DataFrame())
        judged = judge(rule, Questions(frame), year)
        reason = (
            "the rule does not run in the first year" if first is None else "the rule does not run in the second year"
        )
        changes = tuple(Change(person, reason) for person in frame.filter(judged.status == LISTED)["patient_id"])
        return Difference(rule.id, 0, changes if first is None else (), changes if second is None else ())
    (year, one), (later, two) = first, second
    one, two = one.sort("patient_id"), two.sort("patient_id")
    before, after = judge(rule, Questions(one), year), judge(rule, Questions(two), later)
    was, now = before.status == LISTED, after.status == LISTED
    people = two["patient_id"]
    return Difference(
        rule.id,
        int((was & now).sum()),
        _changes(people, ~was & now, lambda row: _turned(rule, before, after, row)),
        _changes(people, was & ~now, lambda row: _turned(rule, before, after, row)),
    )


def between_systems(rule: CohortRule, frame: pl.DataFrame, contract_year: str, theirs: Collection[str]) -> Difference:
    """Give who is only on our list (entrants) and only on another system's (leavers), with our reason for each.

    Parameters
    ----------
    theirs
        Pseudonyms that the other system lists.
    """
    judged = judge(rule, Questions(frame), contract_year)
    ours = judged.status == LISTED
    them = frame["patient_id"].is_in(list(theirs)).to_numpy()
    strangers = sorted(set(theirs) - set(frame["patient_id"]))
    absent = tuple(Change(person, "not registered in this network on the index date") for person in strangers)
    return Difference(
        rule.id,
        int((ours & them).sum()),
        _changes(frame["patient_id"], ours & ~them, lambda row: f"listed: {_named(rule, judged, row, 'include')}"),
        _changes(frame["patient_id"], ~ours & them, lambda row: _why_not(rule, judged, row)) + absent,
    )


def _changes(people: pl.Series, which: Bools, reason: Any) -> tuple[Change, ...]:
    return tuple(Change(people[int(row)], reason(int(row))) for row in np.flatnonzero(which))


def _word(judged: Judgement, criterion: str, row: int) -> str:
    answer = judged.answers[criterion]
    return "unknown" if answer.unknown[row] else "true" if answer.true[row] else "false"


def _turned(rule: CohortRule, before: Judgement, after: Judgement, row: int) -> str:
    """Give the criteria whose answer changed, each as ``name: false to true``."""
    words = {c.id: (_word(before, c.id, row), _word(after, c.id, row)) for c in rule.criteria}
    turned = [f"{name}: {old} to {new}" for name, (old, new) in words.items() if old != new]
    return "; ".join(turned) or f"{STATUSES[before.status[row]]} to {STATUSES[after.status[row]]}"


def _named(rule: CohortRule, judged: Judgement, row: int, part: str, word: str = "true") -> str:
    return ", ".join(c.id for c in rule.criteria if c.part == part and _word(judged, c.id, row) == word)


def _why_not(rule: CohortRule, judged: Judgement, row: int) -> str:
    status = STATUSES[judged.status[row]]
    if status == NOT_CONSIDERED:
        return f"not considered: {_named(rule, judged, row, 'include', 'false')} does not hold"
    if status == Status.UNKNOWN.value:
        return f"unknown: {_named(rule, judged, row, 'include', 'unknown')}"
    part = {Status.EXCLUDED.value: "exclude", Status.MET.value: "met_when", Status.ADJUSTED.value: "adjust"}[status]
    return f"{status}: {_named(rule, judged, row, part)}"
