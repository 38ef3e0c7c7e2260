"""Gives what an offer changed: a randomised comparison where a holdout drew, a discontinuity at the cut-off where none did.

Both are estimates of the effect of being offered (intention to treat), not of taking part. Nothing here knows where its
numbers come from: plain arrays in, an estimate with its interval out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pophealth.errors import DataContractError

Array = npt.NDArray[np.float64]

Z_95 = 1.959963984540054
"""Quantile of the normal distribution that an interval of 95 % reaches to."""

SMALLEST_ARM = 20
"""People on each side below which no estimate is given: its interval would say nothing."""


@dataclass(frozen=True)
class Estimate:
    """An effect with its 95 % interval, and what it rests on.

    `effect` is the outcome with the offer less the outcome without it: a difference of shares where the outcome is yes
    or no, of means otherwise. `bandwidth` is null where none was used.
    """

    design: str
    effect: float
    low: float
    high: float
    with_offer: int
    without_offer: int
    mean_with_offer: float
    mean_without_offer: float
    method: str
    bandwidth: float | None = None


def randomised(outcome: Array, offered: npt.NDArray[np.bool_]) -> Estimate:
    """Give the difference between people offered and people whom the holdout drew.

    A yes-or-no outcome has Newcombe's hybrid score interval (Statistics in Medicine 1998;17:873-890, method 10), which
    holds at small counts and never leaves -1 to 1; any other outcome has the interval of unequal variances.

    Parameters
    ----------
    outcome
        One number a person, without missing ones; 0 and 1 where it is yes or no.
    offered
        True for those not drawn.

    Raises
    ------
    DataContractError
        Fewer than `SMALLEST_ARM` people in an arm.
    """
    arms = outcome[offered], outcome[~offered]
    _refuse_small(arms[0].size, arms[1].size, "the randomised comparison")
    means = float(arms[0].mean()), float(arms[1].mean())
    effect = means[0] - means[1]
    if np.isin(outcome, (0.0, 1.0)).all():
        (low_1, high_1), (low_0, high_0) = (_wilson(mean, arm.size) for mean, arm in zip(means, arms, strict=True))
        low = effect - math.hypot(means[0] - low_1, high_0 - means[1])
        high = effect + math.hypot(high_1 - means[0], means[1] - low_0)
        method = "difference of shares, Newcombe hybrid score interval"
    else:
        error = math.sqrt(sum(float(arm.var(ddof=1)) / arm.size for arm in arms))
        low, high = effect - Z_95 * error, effect + Z_95 * error
        method = "difference of means, unequal variances"
    return Estimate("randomised", effect, low, high, arms[0].size, arms[1].size, *means, method)


def discontinuity(
    running: Array, outcome: Array, bandwidth: float | None = None, clusters: npt.NDArray[np.int64] | None = None
) -> Estimate:
    """Give the jump of the outcome at the cut-off: two straight lines, triangular weights, a robust (HC1) interval.

    Parameters
    ----------
    running
        Distance to the cut-off in slots: 0 and above were offered, below were not.
    outcome
        One number an offer, without missing ones.
    bandwidth
        Distance at which weights end. Without one it is ``1.84 x sd(running) x n^(-1/5)``, the pilot bandwidth of
        Imbens and Kalyanaraman (Review of Economic Studies 2012;79:933-959, section 4.2).
    clusters
        Numbers of people where one may stand for several offers: their errors then count together.

    Raises
    ------
    DataContractError
        Fewer than `SMALLEST_ARM` offers within the bandwidth on a side, or all of a side at one distance.
    """
    width = bandwidth if bandwidth is not None else _pilot_bandwidth(running)
    near = np.abs(running) < width
    x, y = running[near], outcome[near]
    above = x >= 0
    _refuse_small(int(above.sum()), int((~above).sum()), f"the comparison at the cut-off (bandwidth {width:g})")
    if np.unique(x[above]).size < 2 or np.unique(x[~above]).size < 2:
        msg = "evaluation: all offers of a side stand at one distance from the cut-off; no line can be drawn"
        raise DataContractError(msg)
    weights = 1 - np.abs(x) / width
    design = np.column_stack([np.ones_like(x), above, x, x * above])
    groups = np.arange(x.size) if clusters is None else clusters[near]
    effects, covariance = _weighted_least_squares(design, y, weights, groups)
    effect, error = float(effects[1]), math.sqrt(float(covariance[1, 1]))
    sides = float(effects[0] + effects[1]), float(effects[0])
    return Estimate(
        "discontinuity",
        effect,
        effect - Z_95 * error,
        effect + Z_95 * error,
        int(above.sum()),
        int((~above).sum()),
        *sides,
        "local linear, triangular weights, robust interval (HC1)",
        float(width),
    )


def _pilot_bandwidth(running: Array) -> float:
    if running.size < 2:
        return 0.0
    return float(1.84 * running.std(ddof=1) * running.size ** (-1 / 5))


def _weighted_least_squares(
    design: Array, outcome: Array, weights: Array, groups: npt.NDArray[np.int64]
) -> tuple[Array, Array]:
    """Give coefficients and their robust covariance; errors of one group are added before they are squared."""
    bread = np.linalg.inv(design.T @ (design * weights[:, None]))
    effects = bread @ (design.T @ (weights * outcome))
    scores = design * (weights * (outcome - design @ effects))[:, None]
    _, group = np.unique(groups, return_inverse=True)
    summed = np.zeros((group.max() + 1, design.shape[1]))
    np.add.at(summed, group, scores)
    n, k, g = outcome.size, design.shape[1], summed.shape[0]
    correction = n / (n - k) if g == n else g / (g - 1) * (n - 1) / (n - k)
    return effects, bread @ (summed.T @ summed) @ bread * correction


def _wilson(share: float, n: int) -> tuple[float, float]:
    middle = share + Z_95**2 / (2 * n)
    spread = Z_95 * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return (middle - spread) / (1 + Z_95**2 / n), (middle + spread) / (1 + Z_95**2 / n)


def _refuse_small(one: int, other: int, what: str) -> None:
    if min(one, other) < SMALLEST_ARM:
        msg = f"evaluation: {what} needs {SMALLEST_ARM} people on each side; one side has fewer"
        raise DataContractError(msg)
