"""The area under the curve is the share of pairs in order; a replicate is that of its weights, whoever draws them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.kernels.discrimination import BLOCK, auroc, auroc_bootstrap

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), max_size=25)


def area_by_pairs(outcome: list[bool], score: list[float], weight: list[int]) -> float:
    """The slow, obvious twin: every pair of an event and a non-event."""
    rows = list(zip(outcome, score, weight, strict=True))
    wins = total = 0.0
    for event, one, times in rows:
        for other, two, often in rows:
            if event and not other:
                total += times * often
                wins += times * often * (1.0 if one > two else 0.5 if one == two else 0.0)
    return wins / total if total else math.nan


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_area_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int, int]]) -> None:
    outcome, score, weight = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    got = auroc(np.array(outcome, bool), np.array(score, float), np.array(weight, np.int64))
    assert got == pytest.approx(area_by_pairs(outcome, score, weight), abs=1e-12, nan_ok=True)


def sample(size: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(size)
    score = rng.normal(size=size)
    if ties:
        score = np.round(score, 1)
    return rng.random(size) < 1 / (1 + np.exp(1 - score)), score


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("mode", ["poisson", "multinomial"])
def test_replicates_are_the_same_whatever_else_is_computed(mode: str, ties: bool) -> None:
    outcome, score = sample(3 * BLOCK + 17, ties=ties)
    many = auroc_bootstrap(outcome, score, replicates=7, seed=5, mode=mode)  # type: ignore[arg-type]
    few = auroc_bootstrap(outcome, score, replicates=3, seed=5, mode=mode)  # type: ignore[arg-type]
    assert many[:3].tolist() == few.tolist()
    assert len(set(many.tolist())) == 7
    assert auroc_bootstrap(outcome, score, replicates=3, seed=6, mode=mode).tolist() != few.tolist()  # type: ignore[arg-type]


def test_a_tie_of_two_rows_alike_changes_no_replicate() -> None:
    """The path without ties and the path with them give the same numbers: two equal non-events in a row are a tie."""
    outcome, score = sample(2 * BLOCK, ties=False)
    order = np.argsort(score)
    plain = auroc_bootstrap(outcome[order], score[order], replicates=5, seed=1)
    negative = np.flatnonzero(~outcome[order][:-1] & ~outcome[order][1:])[0]
    tied = score[order].copy()
    tied[negative + 1] = tied[negative]
    assert auroc_bootstrap(outcome[order], tied, replicates=5, seed=1).tolist() == plain.tolist()


@pytest.mark.parametrize("ties", [True, False])
def test_both_modes_spread_as_resampling_does(ties: bool) -> None:
    """Mean and spread of 600 replicates agree with plain resampling by an independent generator, within their noise."""
    outcome, score = sample(1_500, ties=ties)
    rng = np.random.default_rng(9)
    plain = []
    for _ in range(600):
        rows = rng.integers(0, outcome.size, outcome.size)
        plain.append(auroc(outcome[rows], score[rows]))
    spread = float(np.std(plain))
    for mode in ("poisson", "multinomial"):
        got = auroc_bootstrap(outcome, score, replicates=600, seed=3, mode=mode)  # type: ignore[arg-type]
        assert abs(float(np.mean(got)) - float(np.mean(plain))) < 4 * spread / math.sqrt(600)
        assert float(np.std(got)) == pytest.approx(spread, rel=0.15)


def test_one_class_has_no_area_and_bad_input_is_named() -> None:
    assert math.isnan(auroc(np.zeros(3, bool), np.arange(3.0)))
    assert math.isnan(auroc(np.zeros(0, bool), np.zeros(0)))
    assert np.isnan(auroc_bootstrap(np.ones(5, bool), np.arange(5.0), replicates=2, seed=1)).all()
    with pytest.raises(ValueError, match="1 missing values of 3"):
        auroc(np.zeros(3, bool), np.array([0.0, np.nan, 1.0]))
    with pytest.raises(ValueError, match="one length"):
        auroc(np.zeros(3, bool), np.zeros(2))
