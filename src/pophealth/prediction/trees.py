"""Gives boosted trees as leaves with the conditions that lead to them; refuses trees that point outside themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pophealth.errors import IntegrityError
from pophealth.kernels.trees import Paths

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

NODE_FIELDS = frozenset(
    {"value", "count", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf"}
)


def check_trees(estimator: HistGradientBoostingClassifier, *, columns: int, what: str) -> None:
    """Refuse trees whose nodes point outside: scikit-learn follows them without looking.

    Raises
    ------
    IntegrityError
        A child does not come after its parent inside the tree (so that walking ends), a node asks for a column the model
        does not have or for a category, a value is not finite, or no row was counted in a node.
    """
    for number, (predictor,) in enumerate(estimator._predictors):
        nodes = predictor.nodes
        wrong = _fault(nodes, columns)
        if wrong:
            msg = f"{what}: tree {number} of {len(estimator._predictors)} {wrong}; the model was not written by us"
            raise IntegrityError(msg)


def _fault(nodes: Any, columns: int) -> str:
    if nodes.ndim != 1 or not nodes.size or not NODE_FIELDS.issubset(nodes.dtype.names or ()):
        return "is not a table of nodes"
    inner = nodes["is_leaf"] == 0
    place = np.arange(nodes.size)[inner]
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        if (child <= place).any() or (child >= nodes.size).any():
            return f"has a {side} child outside itself"
    feature = nodes["feature_idx"][inner]
    if (feature < 0).any() or (feature >= columns).any():
        return f"asks for a column beyond the {columns} of the model"
    if nodes["is_categorical"][inner].any():
        return "splits by category, which this package never does"
    if not np.isfinite(nodes["value"]).all() or np.isnan(nodes["num_threshold"][inner]).any():
        return "holds a value that is not a number"
    if (nodes["count"] == 0).any():
        return "has a node that no training row reached"
    return ""


def paths_of(estimator: HistGradientBoostingClassifier) -> Paths:
    """Give every leaf of every tree: its value and, for each column asked for on the way, one interval.

    A column asked for twice has the intersection of both intervals, and the product of the shares of training rows that
    went the same way.
    """
    starts, columns, lows, highs, missing, shares, values = [0], [], [], [], [], [], []
    for (predictor,) in estimator._predictors:
        for value, conditions in _leaves(predictor.nodes):
            values.append(value)
            for column, (low, high, takes_missing, share) in conditions.items():
                columns.append(column)
                lows.append(low)
                highs.append(high)
                missing.append(takes_missing)
                shares.append(share)
            starts.append(len(columns))
    return Paths(
        np.array(starts, np.int64),
        np.array(columns, np.int64),
        np.array(lows, np.float64),
        np.array(highs, np.float64),
        np.array(missing, np.bool_),
        np.array(shares, np.float64),
        np.array(values, np.float64),
    )


Condition = tuple[float, float, bool, float]


def _leaves(nodes: Any) -> list[tuple[float, dict[int, Condition]]]:
    """Give (value, conditions) of each leaf of one tree, from a walk with a stack."""
    found: list[tuple[float, dict[int, Condition]]] = []
    waiting: list[tuple[int, dict[int, Condition]]] = [(0, {})]
    while waiting:
        place, conditions = waiting.pop()
        node = nodes[place]
        if node["is_leaf"]:
            found.append((float(node["value"]), conditions))
            continue
        column, threshold = int(node["feature_idx"]), float(node["num_threshold"])
        low, high, takes_missing, share = conditions.get(column, (-np.inf, np.inf, True, 1.0))
        to_left = bool(node["missing_go_to_left"])
        for child, interval, takes in (
            (int(node["left"]), (low, min(high, threshold)), takes_missing and to_left),
            (int(node["right"]), (max(low, threshold), high), takes_missing and not to_left),
        ):
            went = share * float(nodes[child]["count"]) / float(node["count"])
            waiting.append((child, {**conditions, column: (*interval, takes, went)}))
    return found
