"""Figures agree with independent packages; intervals resample people, not rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from evaluation_twins import with_intervals
from pophealth.errors import DataContractError
from pophealth.prediction.metrics import (
    METRICS,
    Predictions,
    auprc_of,
    auroc_of,
    brier_of,
    scaled_brier_of,
)

ROWS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.integers(0, 3)), max_size=30
)


@settings(max_examples=120, deadline=None)
@given(ROWS)
def test_weighted_figures_are_those_of_repeated_rows(rows: list[tuple[bool, float, int]]) -> None:
    outcome = np.array([row[0] for row in rows], bool)
    risk = np.array([row[1] for row in rows], float)
    weight = np.array([row[2] for row in rows], np.int64)
    repeated, copies = np.repeat(outcome, weight), np.repeat(risk, weight)
    if repeated.any() and not repeated.all():
        assert auroc_of(outcome, risk, weight) == pytest.approx(roc_auc_score(repeated, copies), abs=1e-12)
        assert auprc_of(outcome, risk, weight) == pytest.approx(average_precision_score(repeated, copies), abs=1e-12)
        expected = 1 - brier_score_loss(repeated, copies) / (repeated.mean() * (1 - repeated.mean()))
        assert scaled_brier_of(outcome, risk, weight) == pytest.approx(expected, abs=1e-12)
    if repeated.size:
        assert brier_of(outcome, risk, weight) == pytest.approx(
            brier_score_loss(repeated, copies, pos_label=True), abs=1e-12
        )
    else:
        assert all(math.isnan(metric(outcome, risk, weight)) for metric in METRICS.values())


def made(people: int, times: int, seed: int = 3) -> Predictions:
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), times)
    risk = np.repeat(rng.beta(1, 6, people), times)
    return Predictions(np.repeat(rng.random(people) < risk[::times], times), risk, person)


def test_copies_of_the_same_people_do_not_narrow_an_interval() -> None:
    once = with_intervals(made(600, 1), replicates=200, seed=5)
    thrice = with_intervals(made(600, 3), replicates=200, seed=5)
    for name in METRICS:
        assert thrice[name].estimate == pytest.approx(once[name].estimate)
        assert thrice[name].high - thrice[name].low == pytest.approx(once[name].high - once[name].low, rel=1e-9)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """90 % intervals of 60 samples of known risk hold the Brier score's expectation; 43 to 60 of them is within chance."""
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        risk = rng.beta(1, 4, 400)
        outcome = rng.random(400) < risk
        found = with_intervals(
            Predictions(outcome, risk, np.arange(400)), {"brier": brier_of}, replicates=200, level=0.9
        )
        held += found["brier"].low <= 4 / (5 * 6) <= found["brier"].high
    assert 43 <= held <= 60


def test_bad_predictions_are_named_without_a_value() -> None:
    one = np.zeros(2, bool)
    with pytest.raises(DataContractError, match="1 of 2 risks"):
        Predictions(one, np.array([0.5, np.nan]), np.arange(2))
    with pytest.raises(DataContractError, match="differ in length: 2, 3, 2"):
        Predictions(one, np.zeros(3), np.arange(2))
