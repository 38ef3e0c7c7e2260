"""Gives what figures of many networks say together: a mean, how much networks differ, what a further one may show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pophealth.prediction.metrics import Floats


class Summary(NamedTuple):
    """A random-effects summary.

    Attributes
    ----------
    mean, low, high
        Mean over networks with its interval.
    next_low, next_high
        Interval in which the true figure of a further network is expected; NaN for fewer than three networks.
    tau
        Standard deviation of true figures between networks.
    i2
        Share of the spread that chance within networks does not explain, from 0 to 1.
    networks
        Networks that had a figure.
    """

    mean: float
    low: float
    high: float
    next_low: float
    next_high: float
    tau: float
    i2: float
    networks: int


def random_effects(estimates: Floats, standard_errors: Floats, *, level: float = 0.95) -> Summary:
    """Give the random-effects summary of estimates with their standard errors.

    Between-network variance after DerSimonian and Laird (Control Clin Trials 1986;7:177), interval of the mean after
    Hartung and Knapp (Stat Med 2001;20:3875), never narrower than the plain one, interval of a further network after
    Higgins, Thompson and Spiegelhalter (J R Stat Soc A 2009;172:137).

    Parameters
    ----------
    estimates, standard_errors : float64 arrays of shape (n_networks,)
        On a scale where chance is about normal. A network without a finite pair, or with no error, is left out.

    Returns
    -------
    Summary
        NaN where no network has a figure; with one, its own interval.
    """
    from scipy.special import ndtri, stdtrit  # quantiles of Student's t and of the normal

    known = np.isfinite(estimates) & np.isfinite(standard_errors) & (standard_errors > 0)
    values, variances = estimates[known], standard_errors[known] ** 2
    count = int(known.sum())
    nan = float("nan")
    if count == 0:
        return Summary(nan, nan, nan, nan, nan, nan, nan, 0)
    tail = 0.5 + level / 2
    if count == 1:
        reach = float(ndtri(tail) * np.sqrt(variances[0]))
        return Summary(float(values[0]), float(values[0]) - reach, float(values[0]) + reach, nan, nan, nan, nan, 1)
    tau2, spread = between_variance(values, variances)
    weights = 1 / (variances + tau2)
    mean = float((weights * values).sum() / weights.sum())
    inflation = max(1.0, float((weights * (values - mean) ** 2).sum() / (count - 1)))
    error = float(np.sqrt(inflation / weights.sum()))
    reach = float(stdtrit(count - 1, tail)) * error
    next_reach = float(stdtrit(count - 2, tail) * np.sqrt(tau2 + 1 / weights.sum())) if count > 2 else nan
    i2 = max(0.0, (spread - (count - 1)) / spread) if spread > 0 else 0.0
    return Summary(
        mean, mean - reach, mean + reach, mean - next_reach, mean + next_reach, float(np.sqrt(tau2)), i2, count
    )


def between_variance(values: Floats, variances: Floats) -> tuple[float, float]:
    """Give the variance between networks by the method of moments, never below 0, and Cochran's Q it comes from."""
    weights = 1 / variances
    fixed = (weights * values).sum() / weights.sum()
    spread = float((weights * (values - fixed) ** 2).sum())
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    return (max(0.0, (spread - (values.size - 1)) / scale) if scale > 0 else 0.0), spread


def spread_of(draws: Floats) -> float:
    """Give the standard deviation of resampled estimates: the standard error; NaN when fewer than two are known."""
    known = draws[np.isfinite(draws)]
    return float(known.std(ddof=1)) if known.size > 1 else float("nan")
