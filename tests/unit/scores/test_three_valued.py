"""Three-valued truth and open points, against Python's None taken as unknown."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest

from pophealth.scores._three_valued import Points, Truth, above, at_least, below

VALUES = (True, False, None)


def truth_of(*values: bool | None) -> Truth:
    return Truth(np.array([v is True for v in values]), np.array([v is None for v in values]))


def spoken(item: Truth) -> list[bool | None]:
    return item.series("x").to_list()


def slow_and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


@pytest.mark.parametrize(("left", "right"), list(product(VALUES, VALUES)))
def test_and_or_not_follow_kleene(left: bool | None, right: bool | None) -> None:
    both = slow_and(left, right)
    negated = {True: False, False: True, None: None}
    either = negated[slow_and(negated[left], negated[right])]
    assert spoken(truth_of(left) & truth_of(right)) == [both]
    assert spoken(truth_of(left) | truth_of(right)) == [either]
    assert spoken(~truth_of(left)) == [negated[left]]


def test_comparisons_with_nothing_are_unknown() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan])
    assert spoken(at_least(values, 2)) == [False, True, True, None]
    assert spoken(above(values, 2)) == [False, False, True, None]
    assert spoken(below(values, 2)) == [True, False, False, None]
    assert spoken(below(values, np.array([np.nan, 9.0, 9.0, 9.0]))) == [None, True, True, None]


def test_points_stay_open_and_bands_are_given_where_decided() -> None:
    total = Points(4)
    total.add(2, truth_of(True, True, False, None))
    total.add(1, truth_of(False, None, None, True))
    assert total.series("x").to_list() == [2, None, None, None]
    assert total.low.tolist() == [2, 2, 0, 1]
    assert total.high.tolist() == [2, 3, 1, 3]
    assert total.bands("x", (2,), ("little", "much")).to_list() == ["much", "much", "little", None]
    assert total.bands("x", (2,), ("little", "much")).dtype == pl.Enum(["little", "much"])
