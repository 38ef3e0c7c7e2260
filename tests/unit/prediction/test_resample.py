"""Figures of resamples are those of the rows so weighed; binning costs nothing that can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation_twins import with_intervals
from pophealth.prediction.calibration import fit_logistic, logit
from pophealth.prediction.metrics import METRICS, Predictions
from pophealth.prediction.resample import FIGURES, Binned, Sample, bounds, exact, fit_many, resampled


def drawn(seed: int, rows: int, people: int) -> Sample:
    rng = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(2 - rng.normal(size=rows)))
    person = rng.permutation(np.arange(rows) % people).astype(np.int64)
    return Sample(rng.random(rows) < risk, risk, person)


def test_a_resample_has_the_figures_of_rows_so_weighed() -> None:
    sample = drawn(1, 900, 300)
    binned = Binned(sample.outcome, sample.risk, 2_000)  # a bin a row
    weight = sample.drawn(5, 0)
    found = dict(zip(FIGURES, binned.figures(binned.counted(weight)[None])[0], strict=True))
    wanted = dict(zip(FIGURES, exact(sample.outcome, sample.risk, weight), strict=True))
    for name in FIGURES[:-1]:
        assert found[name] == pytest.approx(wanted[name], abs=2e-7), name
    # the curve bends where it does in the sample, not where it would in the resample: it may differ a little
    assert found["ici"] == pytest.approx(wanted["ici"], abs=0.01)


def test_bins_change_no_figure_that_is_shown() -> None:
    sample = drawn(2, 40_000, 40_000)
    one = np.ones(sample.risk.size)
    binned = Binned(sample.outcome, sample.risk, 2_000)
    found, wanted = binned.figures(binned.counted(one)[None])[0], exact(sample.outcome, sample.risk)
    assert np.abs(found - wanted).max() < 1e-3


def test_draws_are_those_of_the_plain_way() -> None:
    """The same people are drawn as `with_intervals` draws them: bounds agree."""
    sample = drawn(3, 600, 200)
    plain = with_intervals(Predictions(sample.outcome, sample.risk, sample.person), replicates=40, seed=9)
    draws, _, _ = resampled(sample, {}, replicates=40, seed=9, at=np.zeros(0))
    for column, name in enumerate(FIGURES):
        if name in METRICS:
            assert bounds(draws[:, column]) == pytest.approx(plain[name][1:], abs=1e-9)


def test_people_are_drawn_with_all_their_rows() -> None:
    sample = drawn(4, 500, 50)
    weight = sample.drawn(1, 0)
    for person in range(50):
        assert np.unique(weight[sample.person == person]).size == 1
    few, many = drawn(5, 4_000, 100), drawn(5, 4_000, 4_000)
    spread = [np.std(resampled(one, {}, replicates=100, seed=2, at=np.zeros(0))[0][:, 4]) for one in (few, many)]
    assert spread[0] > 0.5 * spread[1]  # clusters never make a figure surer by themselves


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(5, 60), terms=st.integers(1, 3))
def test_many_fits_at_once_are_the_single_fits(seed: int, rows: int, terms: int) -> None:
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(rows), rng.normal(size=(rows, terms - 1))])
    weights = rng.integers(0, 4, (5, rows)).astype(np.float64)
    outcome = rng.random(rows) < 0.4
    many = fit_many(design, weights * outcome, weights)
    for weight, found in zip(weights, many, strict=True):
        single = fit_logistic(design, outcome, weight)
        if single is not None and np.isfinite(found).all() and np.abs(single).max() < 20:
            assert found == pytest.approx(single, abs=1e-6)
        elif single is not None:
            assert np.abs(single).max() >= 20 or not np.isfinite(found).all()


def test_one_class_and_nobody_have_no_figures_but_no_fault() -> None:
    risk = np.array([0.1, 0.2, 0.3])
    for outcome in (np.zeros(3, bool), np.ones(3, bool)):
        binned = Binned(outcome, risk, 10)
        found = dict(zip(FIGURES, binned.figures(binned.counted(np.ones(3))[None])[0], strict=True))
        assert np.isnan([found["auroc"], found["calibration_slope"], found["ici"]]).all()
        assert np.isfinite(found["brier"])
    binned = Binned(np.array([True, False, True]), risk, 10)
    assert np.isnan(binned.figures(binned.counted(np.zeros(3))[None])[0]).all()


def test_the_slope_of_shrunk_log_odds_is_what_they_were_shrunk_by() -> None:
    rng = np.random.default_rng(6)
    truth = 1 / (1 + np.exp(2 - rng.normal(size=60_000)))
    shrunk = 1 / (1 + np.exp(-logit(truth) / 2))
    found = dict(zip(FIGURES, exact(rng.random(truth.size) < truth, shrunk), strict=True))
    assert found["calibration_slope"] == pytest.approx(2.0, abs=0.06)
