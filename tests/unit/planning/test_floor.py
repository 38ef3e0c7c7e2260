"""The order that keeps a floor: against a slow twin that gives one place after the other."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.planning.floor import order_with_floors


def slow_order(group: list[bool], share: float) -> list[int]:
    """One place after the other: to the group where it is owed one, else to whoever is next."""
    first = [row for row, here in enumerate(group) if here]
    rest = [row for row, here in enumerate(group) if not here]
    order: list[int] = []
    taken = 0
    for place in range(1, len(group) + 1):
        owed = taken < math.ceil(share * place - 1e-9)
        from_first = bool(first) and (owed or not rest or first[0] < rest[0])
        order.append(first.pop(0) if from_first else rest.pop(0))
        taken += from_first
    return order


GROUPS = st.lists(st.booleans(), max_size=60)
SHARES = st.one_of(st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.7, 1.0]), st.floats(0.01, 1))


@settings(max_examples=200, deadline=None)
@given(GROUPS, SHARES)
def test_one_floor_is_the_slow_order(group: list[bool], share: float) -> None:
    order = order_with_floors([np.array(group, np.bool_)], [share], len(group))
    assert order.tolist() == (slow_order(group, share) if any(group) else list(range(len(group))))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60), SHARES)
def test_two_floors_are_kept_to_within_a_place(people: list[tuple[bool, bool]], share: float) -> None:
    groups = [np.array([person[floor] for person in people], np.bool_) for floor in (0, 1)]
    shares = [share / 2, share / 2]
    order = order_with_floors(groups, shares, len(people))
    assert sorted(order.tolist()) == list(range(len(people)))
    for group, kept in zip(groups, shares, strict=True):
        have = np.cumsum(group[order])
        for place in range(1, len(people) + 1):
            assert have[place - 1] >= min(math.ceil(kept * place - 1e-9) - 1, int(group.sum()))


def test_a_share_of_nothing_changes_nothing() -> None:
    for nothing in (0.0, 5e-324, 1e-7):
        assert order_with_floors([np.array([False, True])], [nothing], 2).tolist() == [0, 1]
    assert order_with_floors([], [], 3).tolist() == [0, 1, 2]
