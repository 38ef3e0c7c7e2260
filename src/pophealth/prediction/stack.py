"""Gives a stack: a few estimators joined by a logistic regression on raw scores they gave people they had not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from pophealth.errors import DataContractError
from pophealth.prediction.calibration import fit_logistic
from pophealth.prediction.fit_binary import Happened
from pophealth.prediction.fitted import Body, Stacked

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FitMember = Callable[[str, Bools | None], Body]
"""Fits an estimator of a kind to some rows (None: to all)."""
RawOf = Callable[[Body, Bools], Floats]
"""Gives the raw scores of some rows."""


def fit_stack(
    kinds: Sequence[str], fold: npt.NDArray[np.int64], happened: Happened, fit_member: FitMember, raw_scores: RawOf
) -> Stacked:
    """Give members fitted to all rows, weighed by how their raw scores of unseen people foretold the event.

    Every fold is scored by members that saw the others only; all rows of a person are in one fold. A member whose weight
    would be negative is weighed 0: it says nothing that the others do not.

    Raises
    ------
    DataContractError
        There is one fold only, or the raw scores have no finite weights.
    """
    parts = np.unique(fold)
    if parts.size < 2:
        msg = f"stack: needs people in at least 2 folds, found {parts.size}"
        raise DataContractError(msg)
    unseen = np.empty((fold.size, len(kinds)))
    for part in parts.tolist():
        here = fold == part
        for place, kind in enumerate(kinds):
            unseen[here, place] = raw_scores(fit_member(kind, ~here), here)
    intercept, weights = _weigh(unseen[happened.known], happened)
    members = tuple((kind, fit_member(kind, None)) for kind in kinds)
    return Stacked(members, weights, intercept)


def _weigh(unseen: Floats, happened: Happened) -> tuple[float, tuple[float, ...]]:
    event, weight = happened.event[happened.known], happened.weight[happened.known]
    used = list(range(unseen.shape[1]))
    while used:
        design = np.column_stack([np.ones(event.size), unseen[:, used]])
        found = fit_logistic(design, event, weight)
        if found is None:
            msg = f"stack: the raw scores of {len(used)} members have no finite weights. HINT: members that differ, more events"
            raise DataContractError(msg)
        worst = int(found[1:].argmin())
        if found[1 + worst] >= 0:
            weights = dict(zip(used, found[1:].tolist(), strict=True))
            return float(found[0]), tuple(float(weights.get(place, 0.0)) for place in range(unseen.shape[1]))
        used.pop(worst)
    msg = "stack: no member foretells the event in people it did not see"
    raise DataContractError(msg)
