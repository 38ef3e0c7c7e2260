"""Gives an order that keeps a share of the places for a group, and says which floors a site has set and why it may.

One floor, for the most deprived fifth, is usual. A floor by a protected characteristic (sex, ethnicity, age ...) treats
people differently for what they are: it needs the reference of the approval that allows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.errors import ConfigError

DEPRIVATION = "imd_quintile"
"""The one column that a floor may use without an approval: it says where somebody lives, not what somebody is."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Floor:
    """At least `share` of the places of every role go to people whose `column` is one of `values`, while any wait.

    Raises
    ------
    ConfigError
        The column is not deprivation and no approval is referred to.
    """

    share: float = 0.0
    column: str = DEPRIVATION
    values: tuple[str, ...] = ("1",)
    approval_reference: str | None = None

    def __post_init__(self) -> None:
        if self.share and self.column != DEPRIVATION and not self.approval_reference:
            msg = f"config planning.floors: a floor by {self.column} needs approval_reference, the approval that allows it"
            raise ConfigError(msg)

    def holds(self) -> pl.Expr:
        """Give whether a person belongs to the group; somebody of whom it is not known does not."""
        return pl.col(self.column).cast(pl.String).is_in(list(self.values)).fill_null(value=False)


def order_with_floors(groups: Sequence[Mask], shares: Sequence[float], size: int) -> npt.NDArray[np.int64]:
    """Give the rows of a queue of `size` in an order of which every beginning keeps the floors, and is else unchanged.

    Parameters
    ----------
    groups
        For each floor, who of the queue belongs to its group.
    shares
        For each floor, the share of every beginning that is kept; a group that has nobody left keeps nothing.

    Returns
    -------
    array
        Row numbers. One floor is kept exactly; each further one may be one place late, because two groups can be owed
        the same place.
    """
    active = [(group, share) for group, share in zip(groups, shares, strict=True) if share > _LEAST and group.any()]
    if not active:
        return np.arange(size)
    if len(active) == 1:
        return _with_one(*active[0])
    return _with_many(active, size)


def _with_one(group: Mask, share: float) -> npt.NDArray[np.int64]:
    """Give the order under one floor: the i-th of the group stands where it stood, or where the floor owes it a place.

    Of the first p places the group is owed ``ceil(share x p)``: its i-th person comes at ``floor((i - 1) / share) + 1``
    at the latest.
    """
    first, rest = np.flatnonzero(group), np.flatnonzero(~group)
    latest = np.floor(np.arange(first.size) / share + _SLACK)
    places = np.minimum(first, latest).astype(np.int64)
    order = np.empty(group.size, np.int64)
    taken = np.zeros(group.size, np.bool_)
    order[places], taken[places] = first, True
    order[~taken] = rest
    return order


_LEAST = 1e-6
"""A share below this owes nobody a place in a queue of a million."""

_SLACK = 1e-9
"""A share such as 0.1 is no exact number: a place owed at 2.9999999999 is owed at 3."""


def _with_many(active: list[tuple[Mask, float]], size: int) -> npt.NDArray[np.int64]:
    order = np.empty(size, np.int64)
    free = np.ones(size, np.bool_)
    members = [np.flatnonzero(group) for group, _ in active]
    nexts, taken = [0] * len(active), [0] * len(active)
    first_free = 0
    for place in range(size):
        row = None
        for floor, (_, share) in enumerate(active):
            while nexts[floor] < members[floor].size and not free[members[floor][nexts[floor]]]:
                nexts[floor] += 1
            owed = math.ceil(share * (place + 1) - _SLACK)
            if taken[floor] < owed and nexts[floor] < members[floor].size:
                row = int(members[floor][nexts[floor]])
                break
        if row is None:
            while not free[first_free]:
                first_free += 1
            row = first_free
        order[place], free[row] = row, False
        for floor, (group, _) in enumerate(active):
            taken[floor] += int(group[row])
    return order
