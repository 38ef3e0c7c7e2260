"""Gives the way from everybody registered to the listed, step by step, and whom each step removes more of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.cohorts.masks import DECIDED_BY, STATUSES, Judgement, ids_of, part_bits
from pophealth.terms import Status

if TYPE_CHECKING:
    from pophealth.declare import CohortRule

ATTRITION: dict[str, pl.DataType] = {
    "step": pl.String(),
    "criterion": pl.String(),
    "people": pl.Int64(),
    "unknown": pl.Int64(),
}
BY_GROUP: dict[str, pl.DataType] = {
    "step": pl.String(),
    "criterion": pl.String(),
    "grouping": pl.String(),
    "group": pl.String(),
    "people": pl.Int64(),
}

AGE_BANDS = (18, 40, 65, 75, 85)
"""Ages at which a new band begins: 0 to 17, 18 to 39, 40 to 64, 65 to 74, 75 to 84, 85 and over."""
NOT_KNOWN = "not known"
GROUPINGS = {
    "imd_quintile": "imd_quintile",
    "sex": "sex",
    "age_years": "age_band",
    "ethnicity_latest": "ethnicity",
}
"""Columns that people are grouped by, with the name of the grouping."""


@dataclass(frozen=True)
class Groups:
    """Everybody's group under each grouping, packed into one number so that all of them are counted in one pass."""

    names: dict[str, tuple[str, ...]]
    packed: npt.NDArray[np.int64]

    @property
    def number(self) -> int:
        """Give how many groups there are under all groupings."""
        return sum(len(labels) for labels in self.names.values())

    def count(self, numbers: npt.NDArray[np.uint8], most: int) -> npt.NDArray[np.int64]:
        """Give how many people hold each number from 0 to `most`: a row for all of them, then one a group."""
        shape = tuple(len(labels) for labels in self.names.values())
        cells = np.bincount(self.packed * (most + 1) + numbers, minlength=int(np.prod(shape)) * (most + 1))
        cells = cells.reshape((*shape, most + 1))
        axes = range(len(shape))
        groups = [cells.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes]
        return np.concatenate([cells.sum(axis=tuple(axes)).reshape(1, -1), *groups])


def groups_of(frame: pl.DataFrame) -> Groups:
    """Give the groups of everybody of `frame`: deprivation quintile, sex, age band, ethnicity group (where it is there)."""
    bands = [
        f"{low} to {high - 1}" if high else f"{low} and over"
        for low, high in zip((0, *AGE_BANDS), (*AGE_BANDS, 0), strict=True)
    ]
    labels = {
        "imd_quintile": [str(quintile) for quintile in range(1, 6)],
        "sex": ["female", "male", "indeterminate", "not_known"],
        "age_years": bands,
        "ethnicity_latest": ["white", "mixed", "asian", "black", "other"],
    }
    names: dict[str, tuple[str, ...]] = {}
    packed = np.zeros(frame.height, np.int64)
    for column in (column for column in labels if column in frame.columns):
        if column == "age_years":
            ages = frame[column].fill_null(-1).to_numpy()
            number = np.where(ages < 0, len(bands), np.searchsorted(AGE_BANDS, ages, side="right"))
        else:
            places = {label: place for place, label in enumerate(labels[column])}
            text = frame[column].cast(pl.String)
            number = text.replace_strict(places, default=len(places), return_dtype=pl.Int32).to_numpy()
        packed = packed * (len(labels[column]) + 1) + number.astype(np.int64)
        names[GROUPINGS[column]] = (*labels[column], NOT_KNOWN)
    return Groups(names, packed)


STEPS = (*DECIDED_BY.values(), Status.UNKNOWN, Status.LISTED)
"""What the steps after the include criteria count, in their order."""


@dataclass(frozen=True)
class Steps:
    """The steps of one rule: name, criterion, people of whom the criterion is unknown; and who is left at each.

    `people` has a row a step and a column for everybody, then one a group.
    """

    names: list[str]
    criteria: list[str | None]
    unknown: list[int]
    people: npt.NDArray[np.int64]


def steps_of(rule: CohortRule, judged: Judgement, groups: Groups) -> Steps:
    """Give the way from everybody registered to the listed."""
    include = ids_of(rule, "include")
    passed = np.zeros(judged.status.size, np.uint8)
    left = np.ones(judged.status.size, np.bool_)
    unknown = []
    for name in include:
        answer = judged.answers[name]
        left &= answer.true | answer.unknown
        passed += left.view(np.uint8)
        unknown.append(int(np.count_nonzero(left & answer.unknown)))
    # one number says all of a person: how many include criteria were passed, and from all of them on the status
    place = passed + judged.status - (judged.status > 0)
    counted = groups.count(place, len(include) + len(STATUSES) - 2)
    at_least = counted[:, ::-1].cumsum(axis=1)[:, ::-1]
    ends = [len(include) + STATUSES.index(status.value) - 1 for status in STEPS]
    return Steps(
        ["registered", *("include" for _ in include), *(status.value for status in STEPS)],
        [None, *include, *(None for _ in STEPS)],
        [0, *unknown, *(0 for _ in STEPS)],
        np.concatenate([at_least[:, : len(include) + 1], counted[:, ends]], axis=1).T,
    )


def attrition_frames(found: list[Steps], groups: Groups) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the steps of several rules, one after the other, in the columns of `ATTRITION`, and of `BY_GROUP`."""
    if not found:
        return pl.DataFrame(schema=ATTRITION), pl.DataFrame(schema=BY_GROUP)
    named = [(grouping, group) for grouping, labels in groups.names.items() for group in labels]
    people = np.concatenate([steps.people for steps in found])
    whole = pl.DataFrame(
        {
            "step": [name for steps in found for name in steps.names],
            "criterion": [name for steps in found for name in steps.criteria],
            "people": people[:, 0],
            "unknown": [number for steps in found for number in steps.unknown],
        },
        schema=ATTRITION,
    )
    step, group = np.repeat(np.arange(whole.height), len(named)), np.tile(np.arange(len(named)), whole.height)
    parts = {
        "step": whole["step"].gather(step),
        "criterion": whole["criterion"].gather(step),
        "grouping": pl.Series([grouping for grouping, _ in named], dtype=pl.String).gather(group),
        "group": pl.Series([name for _, name in named], dtype=pl.String).gather(group),
        "people": people[:, 1:].reshape(-1),
    }
    return whole, pl.DataFrame(parts, schema=BY_GROUP)


def near_misses_of(rule: CohortRule, judged: Judgement) -> int:
    """Give how many have exactly one include criterion false, the others true, and nothing else against them."""
    include = part_bits(rule, "include")
    against = (judged.criteria_unknown & include) | (judged.criteria_true & part_bits(rule, *DECIDED_BY))
    false = include & ~judged.criteria_true
    one = (false != 0) & ((false & (false - 1)) == 0)
    return int(np.count_nonzero(one & (against == 0)))
