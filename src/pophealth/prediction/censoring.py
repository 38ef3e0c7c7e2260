"""Gives the weights that stand in for people who were lost from sight, and concordance with its interval."""

from __future__ import annotations

import numpy as np
import polars as pl

from pophealth.declare.model import ModelSpec
from pophealth.kernels.concordance import harrell, uno
from pophealth.kernels.discrimination import poisson_weights
from pophealth.prediction.lists import interval
from pophealth.prediction.metrics import Bools, Counts, Floats


def censoring_weights(months: Floats, event: Bools, horizon: float) -> Floats:
    """Give inverse-probability-of-censoring weights at a horizon (Graf and others, Stat Med 1999;18:2529).

    Who had the event counts by the inverse of the chance of not being censored before it, who was seen to the horizon by
    that of not being censored at all; who was lost before counts nothing: the others stand for them.
    """
    times, place = np.unique(months, return_inverse=True)
    lost = ~event & (months < horizon)
    gone = np.bincount(place, lost, times.size)
    events = np.bincount(place, event, times.size)
    everyone = np.bincount(place, minlength=times.size)
    at_risk = months.size - np.concatenate([[0.0], np.cumsum(everyone)[:-1]]) - events  # events come first
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.where(at_risk > 0, 1.0 - gone / at_risk, 1.0)
    before = np.concatenate([[1.0], np.cumprod(steps)[:-1]])[place]
    with np.errstate(divide="ignore"):
        return np.where(lost | (before <= 0), 0.0, 1.0 / before)


def weights_of(frame: pl.DataFrame, spec: ModelSpec) -> Floats | None:
    """Give the weights of rows with event, months_at_risk and ended_by at the model's horizon; None where all are 1.

    A binary model asks what happened, and who died without the event is known not to have had it; a survival model asks
    for the event were there no other end, and death censors.
    """
    horizon = float(spec.outcome.months)
    months, event = frame["months_at_risk"].to_numpy(), frame["event"].to_numpy()
    if not spec.is_survival and "ended_by" in frame.columns:
        died = (frame["ended_by"].cast(pl.String) == "death").to_numpy()
        months = np.where(died & ~event, horizon, months)
    weight = censoring_weights(months, event, horizon)
    return None if (weight == 1).all() else weight


def concordances(
    months: Floats, event: Bools, risk: Floats, person: Counts, *, replicates: int, seed: int
) -> dict[str, dict[str, float | None]]:
    """Give Harrell's and Uno's concordance with intervals over resamples of people."""
    draws = np.full((replicates, 2), np.nan)
    people = int(person.max()) + 1 if person.size else 0
    for replicate in range(replicates):
        rows = np.repeat(np.arange(person.size), poisson_weights(people, seed=seed, replicate=replicate)[person])
        draws[replicate] = (
            harrell(months[rows], event[rows], risk[rows]).concordance,
            uno(months[rows], event[rows], risk[rows]),
        )
    return {
        "harrell": interval(harrell(months, event, risk).concordance, draws[:, 0]),
        "uno": interval(uno(months, event, risk), draws[:, 1]),
    }
