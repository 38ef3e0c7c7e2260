"""Gives the order of a rule's list: by tier, then what `rank_by` says, then patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.cohorts.predicate import split_order
from pophealth.cohorts.questions import computed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pophealth.declare import CohortRule

NO_TIER_LAST = 127
"""Stands for tier 0 (none of them) in an order, after every number a tier can have."""
EXACT = (pl.Null, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.Float32, pl.Float64)
"""Types every value of which is exact as float64; of others it is the rank that counts."""

Numbers = npt.NDArray[np.float64]


class Orders:
    """What the people of one frame are ordered by: every term of every rule as numbers, computed once a wording.

    A number stands for a value, higher for higher; nothing known is NaN, which comes last in either direction.
    """

    def __init__(self, frame: pl.DataFrame, rules: Iterable[CohortRule], contract_year: str) -> None:
        bound = [(rule, split_order(rule.bind(term, contract_year))[0]) for rule in rules for term in rule.rank_by]
        made = computed(frame, {sql: rule for rule, sql in reversed(bound)})
        self._numbers = {sql: _numbers(made[sql]) for sql in made.columns}
        self._patient = frame["patient_id"].rank("ordinal").to_numpy()
        self._contract_year = contract_year

    def of(self, rule: CohortRule, who: npt.NDArray[np.int64], tier: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
        """Give the places in `who` (rows of the frame, with the tier of each) in the order of the rule's list."""
        keys: list[npt.NDArray[np.generic]] = [self._patient[who]]
        for term in reversed(rule.rank_by):
            sql, descending = split_order(rule.bind(term, self._contract_year))
            number = self._numbers[sql][who]
            keys.append(-number if descending else number)
        keys.append(np.where(tier == 0, np.int8(NO_TIER_LAST), tier))
        return np.lexsort(keys)


def _numbers(values: pl.Series) -> Numbers:
    """Give values as numbers in their own order, nulls as NaN."""
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Enum):
        values = values.to_physical()
    exact = values.dtype in EXACT and not (values.dtype.is_float() and values.is_nan().any())
    numbers = values if exact else values.rank("dense")
    return numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
