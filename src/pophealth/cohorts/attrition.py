"""Gives the way from everybody registered to the listed, step by step, and whom each step removes more of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.cohorts.masks import DECIDED_BY, Judgement, ids_of, part_bits
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
    """Everybody's group under each grouping, packed into one number so that a step is counted once for all of them."""

    names: dict[str, tuple[str, ...]]
    packed: npt.NDArray[np.int32]

    def count(self, kept: npt.NDArray[np.bool_]) -> dict[str, dict[str, int]]:
        """Give, by grouping and group, how many of `kept` there are."""
        shape = tuple(len(labels) for labels in self.names.values())
        cells = np.bincount(self.packed[kept], minlength=int(np.prod(shape))).reshape(shape)
        counts: dict[str, dict[str, int]] = {}
        for axis, (grouping, labels) in enumerate(self.names.items()):
            others = tuple(other for other in range(len(shape)) if other != axis)
            counts[grouping] = dict(zip(labels, cells.sum(axis=others).tolist(), strict=True))
        return counts


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
    packed = np.zeros(frame.height, np.int32)
    for column in (column for column in labels if column in frame.columns):
        if column == "age_years":
            ages = frame[column].fill_null(-1).to_numpy()
            number = np.where(ages < 0, len(bands), np.searchsorted(AGE_BANDS, ages, side="right"))
        else:
            places = {label: place for place, label in enumerate(labels[column])}
            text = frame[column].cast(pl.String)
            number = text.replace_strict(places, default=len(places), return_dtype=pl.Int32).to_numpy()
        packed = packed * (len(labels[column]) + 1) + number.astype(np.int32)
        names[GROUPINGS[column]] = (*labels[column], NOT_KNOWN)
    return Groups(names, packed)


def attrition_of(rule: CohortRule, judged: Judgement, groups: Groups | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the steps in the columns of `ATTRITION`, and of `BY_GROUP` (no rows without `groups`)."""
    steps: list[tuple[str, str | None, npt.NDArray[np.bool_], int]] = []
    left = np.ones(judged.status.size, np.bool_)
    steps.append(("registered", None, left, 0))
    for name in ids_of(rule, "include"):
        answer = judged.answers[name]
        left = left & (answer.true | answer.unknown)
        steps.append(("include", name, left, int((left & answer.unknown).sum())))
    ends = (*DECIDED_BY.values(), Status.UNKNOWN, Status.LISTED)
    steps += [(status.value, None, judged.has_status(status), 0) for status in ends]
    whole = [(step, name, int(kept.sum()), unknown) for step, name, kept, unknown in steps]
    parts = [
        (step, name, grouping, group, people)
        for step, name, kept, _ in (steps if groups is not None and groups.names else [])
        for grouping, counts in groups.count(kept).items()  # type: ignore[union-attr]
        for group, people in counts.items()
    ]
    return pl.DataFrame(whole, schema=ATTRITION, orient="row"), pl.DataFrame(parts, schema=BY_GROUP, orient="row")


def near_misses_of(rule: CohortRule, judged: Judgement) -> int:
    """Give how many have exactly one include criterion false, the others true, and nothing else against them."""
    include = part_bits(rule, "include")
    false = include & ~(judged.criteria_true | judged.criteria_unknown)
    one = (false != 0) & ((false & (false - np.uint64(1))) == 0)
    known = (judged.criteria_unknown & include) == 0
    against = (judged.criteria_true & part_bits(rule, *DECIDED_BY)) != 0
    return int((one & known & ~against).sum())
