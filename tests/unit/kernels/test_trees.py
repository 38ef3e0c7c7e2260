"""Tree contributions equal Shapley's own sum over coalitions, and shap's tree explainer."""

from __future__ import annotations

import warnings
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from pophealth.kernels.trees import Paths, base_of, contributions_of
from pophealth.prediction.trees import paths_of


def grown(size: int = 600, columns: int = 6, *, seed: int = 1, **settings: object) -> tuple[object, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(size, columns)).round(1)
    matrix[:, 1] = matrix[:, 1] > 0
    matrix[rng.random(matrix.shape) < 0.15] = np.nan
    drive = np.nan_to_num(matrix)
    outcome = rng.random(size) < 1 / (1 + np.exp(-drive[:, 0] * (1 + drive[:, 1]) + drive[:, 2]))
    chosen = {"max_iter": 8, "min_samples_leaf": 10, "early_stopping": False, "random_state": 1} | settings
    with threadpool_limits(1):
        return HistGradientBoostingClassifier(**chosen).fit(matrix, outcome), matrix


def value_of(paths: Paths, row: np.ndarray, known: set[int]) -> float:
    """The slow twin's game: a leaf counts where known columns lead to it, unknown ones by the share of training rows."""
    whole = 0.0
    for leaf in range(paths.value.size):
        part = paths.value[leaf]
        for place in range(paths.starts[leaf], paths.starts[leaf + 1]):
            number = row[paths.column[place]]
            if int(paths.column[place]) not in known:
                part *= paths.share[place]
            elif np.isnan(number):
                part *= paths.takes_missing[place]
            else:
                part *= paths.low[place] < number <= paths.high[place]
        whole += part
    return whole


def by_hand(paths: Paths, row: np.ndarray) -> np.ndarray:
    size = row.size
    parts = np.zeros(size)
    for column in range(size):
        others = [other for other in range(size) if other != column]
        for count in range(size):
            weight = factorial(count) * factorial(size - count - 1) / factorial(size)
            for known in combinations(others, count):
                gain = value_of(paths, row, {*known, column}) - value_of(paths, row, set(known))
                parts[column] += weight * gain
    return parts


@pytest.mark.parametrize("rows", [3, 600], ids=["fewer rows than patterns", "patterns worked out once"])
def test_contributions_are_shapley_values(rows: int) -> None:
    model, matrix = grown(columns=5, max_iter=3, max_leaf_nodes=12)
    paths = paths_of(model)
    found = contributions_of(paths, matrix[:rows])
    for row in range(3):
        assert found[row] == pytest.approx(by_hand(paths, matrix[row]), abs=1e-12)


@pytest.mark.parametrize("settings_of", [{}, {"max_depth": 3}, {"max_leaf_nodes": 31, "min_samples_leaf": 2}])
def test_contributions_are_those_of_shap(settings_of: dict[str, int]) -> None:
    model, matrix = grown(size=800, columns=8, seed=2, **settings_of)
    paths = paths_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap draws colours with functions that matplotlib will drop
        import shap
    theirs = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    expected = theirs.shap_values(matrix)
    assert contributions_of(paths, matrix) == pytest.approx(expected, abs=1e-9)
    start = float(model._baseline_prediction.ravel()[0])
    assert start + base_of(paths) == pytest.approx(float(np.ravel(theirs.expected_value)[0]), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 31), st.integers(1, 40))
def test_contributions_and_base_sum_to_the_log_odds(seed: int, leaves: int, least: int) -> None:
    model, matrix = grown(200, 4, seed=seed, max_leaf_nodes=leaves, min_samples_leaf=least, max_iter=3)
    paths = paths_of(model)
    start = float(model._baseline_prediction.ravel()[0]) + base_of(paths)
    with threadpool_limits(1):
        raw = model.decision_function(matrix)
    assert contributions_of(paths, matrix).sum(axis=1) + start == pytest.approx(raw, abs=1e-12)


def test_a_tree_of_one_leaf_adds_nothing() -> None:
    model, matrix = grown(40, 3, min_samples_leaf=40)
    paths = paths_of(model)
    assert paths.column.size == 0
    assert not contributions_of(paths, matrix).any()
    assert contributions_of(paths, matrix[:0]).shape == (0, 3)


def test_a_column_that_is_not_there_is_refused() -> None:
    model, matrix = grown()
    with pytest.raises(ValueError, match="ask for column 5 of 2"):
        contributions_of(paths_of(model), matrix[:, :2])


def test_read_only_columns_compile_nothing_anew() -> None:
    from pophealth.kernels import trees

    model, matrix = grown()
    paths = paths_of(model)
    contributions_of(paths, matrix)
    before = len(trees._contributions.signatures)
    frozen = np.asfortranarray(matrix)
    frozen.setflags(write=False)
    contributions_of(paths, frozen)
    assert len(trees._contributions.signatures) == before
