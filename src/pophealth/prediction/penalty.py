"""Gives how strongly a logistic regression is held back: what foretells best people whom it did not learn from.

Many predictors and few events make risks that are too extreme (a calibration slope below 1). How strong a penalty mends
that depends on the rows, so it is chosen among those a specification names, on the rows to learn from alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from pophealth.prediction.calibration import EDGE
from pophealth.prediction.estimators import Logistic

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Fit = Callable[[float, Bools], Logistic]
"""Fits with a strength (scikit-learn's C: the smaller, the stronger) to some rows."""


def chosen_strength(
    among: Sequence[float], matrix: Floats, event: Bools, weight: Floats | None, fold: npt.NDArray[np.int64], fit: Fit
) -> float:
    """Give the C whose log loss is lowest when each fold's people are foretold from the other folds'.

    Of equals, and where no part has people with and without the event to learn from, the strongest penalty.
    """
    weights = np.ones(event.size) if weight is None else weight
    best, least = min(among), np.inf
    for strength in sorted(among):
        loss = _unseen_loss(strength, matrix, event, weights, fold, fit)
        if loss < least:
            best, least = strength, loss
    return best


def _unseen_loss(
    strength: float, matrix: Floats, event: Bools, weights: Floats, fold: npt.NDArray[np.int64], fit: Fit
) -> float:
    """Give the weighted log loss of rows foretold by fits that saw none of their people; infinite where there are none."""
    loss, whole = 0.0, 0.0
    for part in np.unique(fold).tolist():
        here = fold == part
        if np.unique(event[~here]).size < 2:
            continue
        body = fit(strength, ~here)
        risk = np.clip(body.risk(body.raw(matrix[here]), 0.0), EDGE, 1 - EDGE)
        losses = -np.where(event[here], np.log(risk), np.log1p(-risk))
        loss += float((losses * weights[here]).sum())
        whole += float(weights[here].sum())
    return loss / whole if whole else np.inf
