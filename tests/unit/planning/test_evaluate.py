"""An effect that is known because it was made: found by both designs, inside their intervals as often as they promise."""

from __future__ import annotations

import numpy as np
import pytest

from pophealth.errors import DataContractError
from pophealth.planning.evaluate import discontinuity, randomised

TRUE_EFFECT = -0.08


def drawn_world(seed: int, people: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Yes-or-no outcomes of which being offered takes 8 points off, drawn at random."""
    rng = np.random.default_rng(seed)
    offered = rng.random(people) < 0.8
    risk = np.clip(rng.beta(2, 6, people) + TRUE_EFFECT * offered + 0.08, 0, 1)
    return (rng.random(people) < risk).astype(float), offered


def ordered_world(seed: int, people: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes that worsen along the order, with a jump where the places end."""
    rng = np.random.default_rng(seed)
    running = rng.uniform(-1_000, 1_000, people).round()
    risk = 0.4 + 0.0001 * running + TRUE_EFFECT * (running >= 0)
    return running, (rng.random(people) < risk).astype(float)


def test_the_randomised_comparison_finds_the_effect_that_was_made() -> None:
    found = [randomised(*drawn_world(seed)) for seed in range(200)]
    assert np.mean([estimate.effect for estimate in found]) == pytest.approx(TRUE_EFFECT, abs=0.005)
    covered = np.mean([estimate.low <= TRUE_EFFECT <= estimate.high for estimate in found])
    assert 0.91 <= covered <= 0.99
    assert {estimate.design for estimate in found} == {"randomised"}


def test_the_discontinuity_finds_the_effect_and_a_plain_difference_does_not() -> None:
    worlds = [ordered_world(seed) for seed in range(200)]
    found = [discontinuity(*world) for world in worlds]
    assert np.mean([estimate.effect for estimate in found]) == pytest.approx(TRUE_EFFECT, abs=0.01)
    covered = np.mean([estimate.low <= TRUE_EFFECT <= estimate.high for estimate in found])
    assert 0.91 <= covered <= 0.99
    plain = [float(y[x >= 0].mean() - y[x < 0].mean()) for x, y in worlds]
    assert abs(np.mean(plain) - TRUE_EFFECT) > 0.05


def test_no_effect_is_found_where_there_is_none() -> None:
    rng = np.random.default_rng(1)
    found = [
        discontinuity(x := rng.uniform(-50, 50, 1_000), (rng.random(1_000) < 0.3 + 0.001 * x).astype(float))
        for _ in range(100)
    ]
    assert np.mean([estimate.low <= 0 <= estimate.high for estimate in found]) >= 0.88


def test_the_bandwidth_is_said_and_can_be_chosen() -> None:
    x, y = ordered_world(3)
    chosen = discontinuity(x, y, bandwidth=200.0)
    assert chosen.bandwidth == 200.0
    assert chosen.with_offer + chosen.without_offer == int((np.abs(x) < 200).sum())
    pilot = discontinuity(x, y).bandwidth
    assert pilot == pytest.approx(1.84 * x.std(ddof=1) * x.size ** (-0.2))


def test_the_robust_interval_is_that_of_an_independent_reckoning() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    x, y = ordered_world(5, 800)
    width = 400.0
    near = np.abs(x) < width
    above = (x[near] >= 0).astype(float)
    design = np.column_stack([np.ones(near.sum()), above, x[near], x[near] * above])
    fitted = statsmodels.WLS(y[near], design, weights=1 - np.abs(x[near]) / width).fit(cov_type="HC1")
    found = discontinuity(x, y, bandwidth=width)
    assert found.effect == pytest.approx(fitted.params[1], rel=1e-9)
    assert (found.high - found.low) / 2 == pytest.approx(1.959963984540054 * fitted.bse[1], rel=1e-9)


def test_offers_of_one_person_are_not_counted_as_two_people() -> None:
    x, y = ordered_world(7, 500)
    twice = np.tile(np.arange(500), 2)
    doubled = discontinuity(np.tile(x, 2), np.tile(y, 2), 500.0, twice)
    alone = discontinuity(x, y, 500.0)
    assert doubled.effect == pytest.approx(alone.effect)
    assert doubled.high - doubled.low == pytest.approx(alone.high - alone.low, rel=0.02)


def test_newcombe_keeps_its_worked_example() -> None:
    # Newcombe 1998, Statistics in Medicine 17:873-890, table II: 56/70 against 48/80, method 10: 0.0524 to 0.3339
    outcome = np.concatenate([np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32])])
    found = randomised(outcome, np.repeat([True, False], [70, 80]))
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


def test_numbers_have_the_interval_of_means() -> None:
    rng = np.random.default_rng(2)
    offered = np.repeat([True, False], 500)
    found = randomised(rng.poisson(np.where(offered, 1.0, 1.5)).astype(float), offered)
    assert found.low < -0.5 < found.high < 0
    assert found.method.startswith("difference of means")


def test_too_few_people_give_no_estimate() -> None:
    with pytest.raises(DataContractError, match="20 people on each side"):
        randomised(np.ones(30), np.arange(30) < 25)
    with pytest.raises(DataContractError, match="20 people on each side"):
        discontinuity(np.arange(-5.0, 40.0), np.ones(45), 50.0)
    with pytest.raises(DataContractError, match="at one distance"):
        discontinuity(np.repeat([-1.0, 3.0], 30), np.ones(60), 10.0)
