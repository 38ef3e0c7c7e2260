"""Calibration: the regressions are statsmodels' own, the curve finds a bend, recalibration repairs and shrinks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm

from pophealth.prediction.calibration import (
    calibration_curve,
    calibration_of,
    expit,
    fit_logistic,
    logit,
)


def sample(
    size: int = 20_000, intercept: float = 0.0, slope: float = 1.0, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Risks, and outcomes of which the log odds are `intercept + slope * logit(risk)`."""
    rng = np.random.default_rng(seed)
    risk = rng.beta(1.2, 8, size)
    return rng.random(size) < expit(intercept + slope * logit(risk)), risk


def test_the_small_regression_is_statsmodels() -> None:
    outcome, risk = sample(3_000)
    weight = np.random.default_rng(2).integers(0, 4, risk.size)
    design = np.column_stack([np.ones(risk.size), logit(risk)])
    ours = fit_logistic(design, outcome, weight.astype(float))
    theirs = sm.GLM(outcome.astype(float), design, family=sm.families.Binomial(), freq_weights=weight).fit()
    assert ours == pytest.approx(theirs.params, abs=1e-7)


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.4, 1.0), (0.0, 0.6), (-0.3, 1.3)])
def test_a_known_distortion_is_found(intercept: float, slope: float) -> None:
    outcome, risk = sample(60_000, intercept, slope)
    found = calibration_of(outcome, risk, np.ones(risk.size, np.int64))
    assert found.slope == pytest.approx(slope, abs=0.06)
    if slope == 1.0:
        assert found.intercept == pytest.approx(intercept, abs=0.05)
    truth = float(np.abs(expit(intercept + slope * logit(risk)) - risk).mean())
    assert found.ici == pytest.approx(truth, abs=0.006)


def test_the_curve_follows_a_bend_no_line_can() -> None:
    rng = np.random.default_rng(4)
    risk = rng.uniform(0.01, 0.99, 80_000)
    truth = np.where(risk < 0.5, risk, 0.5)
    outcome = rng.random(risk.size) < truth
    curve = calibration_curve(outcome, risk, np.ones(risk.size, np.int64), at=np.array([0.2, 0.9]))
    assert curve is not None
    assert curve == pytest.approx([0.2, 0.5], abs=0.04)


def test_one_class_has_no_calibration() -> None:
    found = calibration_of(np.zeros(5, bool), np.full(5, 0.1), np.ones(5, np.int64))
    assert found.in_the_large == pytest.approx(-0.1)
    assert all(math.isnan(value) for value in (found.intercept, found.slope, found.ici))
    constant = calibration_of(np.array([True, False] * 50), np.full(100, 0.25), np.ones(100, np.int64))
    assert constant.intercept == pytest.approx(logit(np.array([0.5]))[0] - logit(np.array([0.25]))[0])
    assert math.isnan(constant.slope)
