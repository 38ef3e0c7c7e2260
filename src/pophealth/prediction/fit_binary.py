"""Gives scikit-learn estimators fitted to what happened within a number of months."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.errors import DataContractError
from pophealth.prediction.censoring import censoring_weights
from pophealth.prediction.estimators import Logistic, Trees

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LOGISTIC_SETTINGS: dict[str, Any] = {
    "C": 1.0,
    "C_among": [],
    "l1_ratio": 0.0,
    "max_iter": 500,
    "max_rows": 1_000_000,
}
"""Settings of the penalised logistic regression, by scikit-learn's names (a smaller C is a stronger penalty); `C_among`,
from which C is chosen by how unseen people are foretold (`penalty`); and the rows it learns from at most (`sampled`)."""
TREE_SETTINGS = {
    "learning_rate": 0.1,
    "max_iter": 100,
    "max_leaf_nodes": 15,
    "max_depth": 5,
    "min_samples_leaf": 100,
    "l2_regularization": 1.0,
    "max_bins": 255,
    "max_rows": 200_000,
}
"""Settings of the boosted trees, by scikit-learn's names, and the rows they learn from at most: shallow trees, so that an
explanation is soon made."""

LEAST_EVENTS = 20_000
"""Events that a sample keeps at least, where there are as many."""
EDGE = 1e-9  # months: a window's end may differ from the horizon by rounding


class Happened(NamedTuple):
    """What is known to have happened to some rows within the horizon.

    Attributes
    ----------
    known : bool array of shape (n_rows,)
        False for who was lost from sight before it could be known.
    event : bool array of shape (n_rows,)
    weight : float64 array of shape (n_rows,)
        The known stand in for the lost: inverse chance of not being lost.
    """

    known: Bools
    event: Bools
    weight: Floats


def happened_within(frame: pl.DataFrame, horizon: float) -> Happened:
    """Give what happened within the horizon. Where the frame says so (`ended_by`), who died first is known not to have it."""
    months = frame["months_at_risk"].to_numpy()
    event = frame["event"].to_numpy() & (months <= horizon + EDGE)
    seen = np.where(months >= horizon - EDGE, horizon, months)
    if "ended_by" in frame.columns:
        died = (frame["ended_by"].cast(pl.String) == "death").fill_null(value=False).to_numpy()
        seen = np.where(died & ~event, horizon, seen)
    weight = censoring_weights(seen, event, horizon)
    return Happened(weight > 0, event, weight)


def fit_logistic_body(matrix: Floats, event: Bools, weight: Floats | None, settings: Mapping[str, Any]) -> Logistic:
    """Give a penalised logistic regression.

    Raises
    ------
    DataContractError
        One class only, or no convergence.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    names = ("C", "l1_ratio", "max_iter")
    chosen = {name: value for name, value in {**LOGISTIC_SETTINGS, **settings}.items() if name in names}
    ridge = chosen["l1_ratio"] == 0
    # deficits and registers are nearly each other's columns: lbfgs is not there after 500 passes, Newton after 13
    estimator = LogisticRegression(**chosen, solver="newton-cholesky" if ridge else "saga", tol=1e-8, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            estimator.fit(matrix, event, sample_weight=weight)
        except ConvergenceWarning as fault:
            msg = f"logistic: no convergence in {chosen['max_iter']} steps. HINT: a stronger penalty (a smaller C)"
            raise DataContractError(msg) from fault
    return Logistic(estimator)


def fit_trees(matrix: Floats, event: Bools, weight: Floats | None, settings: Mapping[str, Any], *, seed: int) -> Trees:
    """Give boosted trees; every setting is fixed before, nothing is stopped early on rows of the same people."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    chosen = {name: value for name, value in {**TREE_SETTINGS, **settings}.items() if name != "max_rows"}
    estimator = HistGradientBoostingClassifier(
        **chosen, early_stopping=False, categorical_features=None, random_state=seed
    )
    return Trees(estimator.fit(matrix, event, sample_weight=weight))


def sampled(happened: Happened, most: int, seed: int) -> Happened:
    """Give at most about `most` rows of known outcome, chosen by chance, weighed so that they stand for all.

    Beyond some hundred thousand rows more of them say next to nothing new, and cost hours. Rare events are kept in a
    larger share than the rest: `LEAST_EVENTS` of them.
    """
    rows, events = int(happened.known.sum()), int((happened.known & happened.event).sum())
    if rows <= most:
        return happened
    share = max(most / rows, min(1.0, LEAST_EVENTS / max(events, 1), 0.5 * most / max(events, 1)))
    rest = (most - share * events) / (rows - events)
    chance = np.where(happened.event, share, rest)
    kept = happened.known & (np.random.default_rng(seed).random(happened.known.size) < chance)
    return Happened(kept, happened.event, np.where(kept, happened.weight * (rest / chance), 0.0))


def check_two_classes(happened: Happened, horizon: float) -> None:
    """Refuse rows of one class.

    Raises
    ------
    DataContractError
        Nobody, or everybody, of the rows of known outcome had the event.
    """
    rows = int(happened.known.sum())
    events = int(happened.event[happened.known].sum())
    if events in (0, rows):
        who = "nobody" if events == 0 else "everybody"
        msg = (
            f"training frame: of {rows:,} rows whose outcome within {horizon:g} months is known, {who} had the event. "
            "HINT: check that the source supplies the records the outcome is made of, and the index dates"
        )
        raise DataContractError(msg)
