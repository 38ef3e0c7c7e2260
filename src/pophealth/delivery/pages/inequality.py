"""Gives where a need stays open for one group of people more than for another, by more than chance would explain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pophealth.delivery.pages import words

LEAST_PEOPLE = 20
"""Smaller groups are not compared: a share of a handful of people says nothing."""

SURE = 2.576
"""Half width of the interval in standard errors: 99 %, since many rules are compared at once."""

_WHITE = ("white", "White people")
COMPARED: tuple[tuple[str, tuple[str, str], tuple[str, str]], ...] = (
    ("imd_quintile", ("1", "most deprived fifth"), ("5", "least deprived fifth")),
    ("sex", ("female", "women and girls"), ("male", "men and boys")),
    ("ethnicity", ("asian", "Asian people"), _WHITE),
    ("ethnicity", ("black", "Black people"), _WHITE),
    ("ethnicity", ("mixed", "people of mixed ethnicity"), _WHITE),
    ("ethnicity", ("other", "people of other ethnicity"), _WHITE),
)
"""Grouping, and the two groups that are compared, each with its words."""


@dataclass(frozen=True)
class Gap:
    """Two groups and one rule: the share of each whose need is open, the difference and its interval, in points."""

    rule_id: str
    title: str
    service: str
    one: str
    other: str
    one_open: int
    one_people: int
    other_open: int
    other_people: int

    @property
    def shares(self) -> tuple[float, float]:
        """Share of each group whose need is open."""
        return self.one_open / self.one_people, self.other_open / self.other_people

    @property
    def points(self) -> float:
        """Difference in percentage points."""
        one, other = self.shares
        return 100 * (one - other)

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of the difference in percentage points (Newcombe's, from two Wilson intervals)."""
        one, other = self.shares
        low_one, high_one = _wilson(self.one_open, self.one_people)
        low_other, high_other = _wilson(self.other_open, self.other_people)
        low = math.hypot(one - low_one, high_other - other)
        high = math.hypot(high_one - one, other - low_other)
        return 100 * (one - other - low), 100 * (one - other + high)

    @property
    def certain_points(self) -> float:
        """How far the interval stays away from no difference; 0 if it does not."""
        low, high = self.interval
        return max(low, -high, 0.0)


def _wilson(count: int, people: int) -> tuple[float, float]:
    share, square = count / people, SURE * SURE
    middle = (share + square / (2 * people)) / (1 + square / people)
    half = SURE / (1 + square / people) * math.sqrt(share * (1 - share) / people + square / (4 * people * people))
    return middle - half, middle + half


def gaps_of(rules: dict[str, dict[str, Any]]) -> list[Gap]:
    """Give the gaps that chance does not explain, the widest first.

    The share is of people whose need is met or open: whoever a rule does not consider, leaves out or takes off is in
    neither group. Rules that nobody has met (registers of people, not gaps in care) are not compared.
    """
    found = []
    for rule_id, rule in rules.items():
        steps = [step["step"] for step in rule["attrition"]]
        if rule.get("not_computable") or not rule["met"] or "listed" not in steps or "met" not in steps:
            continue
        at = steps.index("listed"), steps.index("met")
        for grouping, one, other in COMPARED:
            counts = rule["attrition_by_group"].get(grouping, {})
            if one[0] in counts and other[0] in counts:
                gap = _gap(rule_id, rule, (one, other), counts, at)
                if gap is not None and gap.certain_points > 0:
                    found.append(gap)
    return sorted(found, key=lambda gap: (-gap.certain_points, gap.rule_id, gap.one))


def _gap(
    rule_id: str, rule: dict[str, Any], pair: tuple[Any, Any], counts: dict[str, list[int]], at: tuple[int, int]
) -> Gap | None:
    one, other = ((counts[group][at[0]], counts[group][at[0]] + counts[group][at[1]]) for group, _ in pair)
    if min(one[1], other[1]) < LEAST_PEOPLE:
        return None
    return Gap(rule_id, rule["title"], rule["service"], pair[0][1], pair[1][1], *one, *other)


def sentence(gap: Gap) -> str:
    """Give a gap as a sentence."""
    one, other = (words.percent(share, 1) for share in gap.shares)
    return f"{gap.title}: open for {one} ({gap.one}) against {other} ({gap.other})"
