"""Gives how well predicted risks tell people apart and how close they are, with bootstrap intervals.

Rows are person-times: one person may stand at several index dates. Every resample draws people, with all their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pophealth.errors import DataContractError
from pophealth.kernels.discrimination import auroc

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """Predicted risks beside what happened.

    Attributes
    ----------
    outcome : bool array of shape (n_rows,)
    risk : float64 array of shape (n_rows,)
        Predicted risk, from 0 to 1.
    person : int64 array of shape (n_rows,)
        Number of the person a row is about, from 0 on.

    Raises
    ------
    DataContractError
        Lengths differ, or a risk is missing or outside 0 to 1.
    """

    outcome: Bools
    risk: Floats
    person: Counts

    def __post_init__(self) -> None:
        if not self.outcome.shape == self.risk.shape == self.person.shape:
            sizes = ", ".join(f"{column.size:,}" for column in (self.outcome, self.risk, self.person))
            msg = f"predictions: outcome, risk and person differ in length: {sizes}"
            raise DataContractError(msg)
        bad = int((~((self.risk >= 0) & (self.risk <= 1))).sum())
        if bad:
            msg = f"predictions: {bad:,} of {self.risk.size:,} risks are missing or outside 0 to 1"
            raise DataContractError(msg)

    def only(self, rows: Bools) -> Predictions:
        """Give some of the rows; people are numbered anew."""
        _, person = np.unique(self.person[rows], return_inverse=True)
        return Predictions(self.outcome[rows], self.risk[rows], person.astype(np.int64))

    @property
    def people(self) -> int:
        """Number of different people."""
        return int(self.person.max()) + 1 if self.person.size else 0


Metric = Callable[[Bools, Floats, Counts], float]
"""A figure of outcome, risk and whole-number weights of rows."""


def auroc_of(outcome: Bools, risk: Floats, weight: Counts) -> float:
    """Give the area under the ROC curve; NaN for one class."""
    return auroc(outcome, risk, weight)


def auprc_of(outcome: Bools, risk: Floats, weight: Counts) -> float:
    """Give the average precision: the area under the precision-recall curve, as a sum of steps; NaN without an event."""
    order = np.argsort(-risk, kind="stable")
    ordered, weighed = risk[order], weight[order]
    hits = np.cumsum(weighed * outcome[order])
    found = np.cumsum(weighed)
    last = np.append(ordered[1:] != ordered[:-1], True) if risk.size else np.zeros(0, bool)
    hits, found = hits[last], found[last]
    if not hits.size or hits[-1] == 0:
        return float("nan")
    precision = np.divide(hits, found, out=np.zeros(hits.size), where=found > 0)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])


def brier_of(outcome: Bools, risk: Floats, weight: Counts) -> float:
    """Give the mean squared distance of risk from outcome (Brier 1950); NaN without a row."""
    whole = weight.sum()
    return float((weight * (risk - outcome) ** 2).sum() / whole) if whole else float("nan")


def scaled_brier_of(outcome: Bools, risk: Floats, weight: Counts) -> float:
    """Give 1 less the Brier score over that of everybody's mean: 0 says no more than the mean, 1 everything."""
    whole = weight.sum()
    mean = (weight * outcome).sum() / whole if whole else float("nan")
    worst = mean * (1 - mean)
    return 1 - brier_of(outcome, risk, weight) / worst if worst > 0 else float("nan")


METRICS: Mapping[str, Metric] = {
    "auroc": auroc_of,
    "auprc": auprc_of,
    "brier": brier_of,
    "scaled_brier": scaled_brier_of,
}
