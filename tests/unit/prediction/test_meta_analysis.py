"""Random effects: as statsmodels says, and what holds whatever the numbers are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pophealth.prediction.meta_analysis import random_effects


@pytest.mark.parametrize("seed", range(5))
def test_as_statsmodels(seed: int) -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    rng = np.random.default_rng(seed)
    error = rng.uniform(0.05, 0.3, 9)
    values = rng.normal(0.5, 0.2, 9) + rng.normal(size=9) * error
    found = random_effects(values, error)
    peer = combine_effects(values, error**2, method_re="chi2", use_t=True)
    assert found.mean == pytest.approx(peer.mean_effect_re, abs=1e-12)
    assert found.tau**2 == pytest.approx(max(peer.tau2, 0.0), abs=1e-12)
    inflated = max(peer.sd_eff_w_re_hksj, peer.sd_eff_w_re)  # never narrower than the plain interval
    from scipy.special import stdtrit

    assert found.high - found.mean == pytest.approx(stdtrit(8, 0.975) * inflated, rel=1e-9)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1)), min_size=1, max_size=12))
def test_the_mean_lies_between_and_a_further_network_is_less_sure(pairs: list[tuple[float, float]]) -> None:
    values, errors = (np.array(column) for column in zip(*pairs, strict=True))
    found = random_effects(values, errors)
    assert values.min() - 1e-9 <= found.mean <= values.max() + 1e-9
    assert found.low <= found.mean <= found.high
    if len(pairs) > 2:
        assert found.tau >= 0
        assert found.next_low <= found.mean <= found.next_high


def test_networks_without_a_figure_are_left_out() -> None:
    found = random_effects(np.array([0.5, math.nan, 0.7]), np.array([0.1, 0.1, math.nan]))
    assert found.networks == 1
    assert (found.mean, found.low) == (0.5, pytest.approx(0.5 - 1.959964 * 0.1, abs=1e-6))
    assert random_effects(np.array([math.nan]), np.array([0.1])).networks == 0


def test_networks_that_agree_have_no_spread() -> None:
    found = random_effects(np.full(5, 0.8), np.full(5, 0.05))
    assert (found.tau, found.i2) == (0.0, 0.0)
    assert found.mean == pytest.approx(0.8)
