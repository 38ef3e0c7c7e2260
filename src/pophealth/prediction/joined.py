"""Gives a simple stack of candidates from risks that each foretold without having seen the people: weights, and its own risks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from pophealth.prediction.calibration import expit, fit_logistic, logit
from pophealth.prediction.metrics import Bools, Floats


class Weights(NamedTuple):
    """``logit(risk) = intercept + sum of weight * logit(risk of a candidate)``; no weight is below 0."""

    intercept: float
    by_name: dict[str, float]

    def risk(self, risks: Mapping[str, Floats]) -> Floats:
        """Give the stack's risks from those of its candidates."""
        whole = np.full(next(iter(risks.values())).size, self.intercept)
        for name, weight in self.by_name.items():
            whole += weight * logit(risks[name])
        return expit(whole)


def weigh(risks: Mapping[str, Floats], outcome: Bools, weight: Floats) -> Weights | None:
    """Give the weights that foretell best, by logistic regression on log odds; None where they have no finite values.

    A candidate whose weight would be below 0 is weighed 0 (Breiman, Machine Learning 1996;24:49: weights that are not
    negative make a stack that holds up).
    """
    used = list(risks)
    while used:
        design = np.column_stack([np.ones(outcome.size), *(logit(risks[name]) for name in used)])
        found = fit_logistic(design, outcome, weight)
        if found is None:
            return None
        worst = int(found[1:].argmin())
        if found[1 + worst] >= 0:
            by_name = dict(zip(used, found[1:].tolist(), strict=True))
            return Weights(float(found[0]), {name: by_name.get(name, 0.0) for name in risks})
        used.pop(worst)
    return None


def stacked_risks(risks: Mapping[str, Floats], outcome: Bools, weight: Floats, fold: pl.Series) -> Floats | None:
    """Give the stack's risk of each row, its weights learnt from the rows of other people's folds."""
    made = np.empty(outcome.size)
    for number in fold.unique().to_list():
        mine = (fold == number).to_numpy()
        found = weigh({name: risk[~mine] for name, risk in risks.items()}, outcome[~mine], weight[~mine])
        if found is None:
            return None
        made[mine] = found.risk({name: risk[mine] for name, risk in risks.items()})
    return made
