"""Gives sums of published weights over conditions, added as whole numbers so that the order of adding is no matter."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pophealth.scores._columns import many_truths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags


class Conditions(NamedTuple):
    """Conditions of a batch, true or false in `has`, unknown in `unknown`; null in either is never a number."""

    has: dict[str, NDArray[np.bool_]]
    unknown: NDArray[np.bool_]


def read_conditions(inputs: pl.DataFrame, names: Sequence[str], flags: Flags) -> Conditions:
    """Give the flags ``has_<name>``; a row with a missing one is unknown as a whole, and says which."""
    has, missing = many_truths(inputs, [f"has_{name}" for name in names])
    unknown = np.zeros(inputs.height, dtype=np.bool_)
    for column, where in missing.items():
        flags.add("missing", column, where)
        unknown |= where
    return Conditions({name: has[f"has_{name}"] for name in names}, unknown)


def weighted_sum(conditions: Conditions, weights: Mapping[str, str]) -> NDArray[np.float64]:
    """Give the sum of `weights` (decimal text, as printed) over the conditions a row has; NaN where one is unknown."""
    digits = max(-int(Decimal(text).as_tuple().exponent) for text in weights.values())
    total = np.zeros(conditions.unknown.size, dtype=np.int64)
    for name, text in weights.items():
        total += conditions.has[name] * int(Decimal(text).scaleb(digits))
    return np.where(conditions.unknown, np.nan, total / 10**digits)
