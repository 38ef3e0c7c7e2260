"""Gives, for every person and state, the day it comes on: people's hidden traits against the state's curve by age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pophealth.synthetic.arrays import NEVER, Bools, Days, Floats, Timeline, upper_tail
from pophealth.synthetic.people import People
from pophealth.synthetic.states import CVD_STATES, FACTORS, OLDEST, State

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Liabilities:
    """How readily each state comes, states by row: it has come once ``scale x curve(age)`` reaches `threshold`.

    `fades` marks the records that a resolving code follows.
    """

    threshold: Floats
    fades: Bools


def draw_liabilities(rng: np.random.Generator, states: tuple[State, ...], people: People) -> Liabilities:
    """Give thresholds from hidden traits, deprivation and ethnicity; low means early and likely."""
    loadings = np.stack([state.loadings for state in states])
    own = np.sqrt(1.0 - (loadings**2).sum(axis=1))
    threshold = np.empty((len(states), len(people)), np.float32)
    fades = np.zeros((len(states), len(people)), np.bool_)
    for row, state in enumerate(states):
        z = own[row] * rng.standard_normal(len(people), np.float32)
        for factor in range(len(FACTORS)):
            if loadings[row, factor]:
                z += np.float32(loadings[row, factor]) * people.factors[factor]
        readiness = np.exp(state.deprivation * (3 - people.quintile)) * state.ethnicity[people.ethnicity] * state.level
        threshold[row] = upper_tail(z) / readiness
        if state.resolved_share:
            fades[row] = rng.random(len(people)) < state.resolved_share / (1 + state.resolved_share)
    return Liabilities(threshold, fades)


def onset_days(states: tuple[State, ...], people: People, threshold: Floats, scale: Floats, timeline: Timeline) -> Days:
    """Give the day each state comes on, states by row; `NEVER` where it does not.

    Coronary disease, stroke and TIA come on by age only until a person is registered: from then on they are events of the
    course.
    """
    days = np.full(threshold.shape, NEVER, np.int32)
    ages = np.arange(OLDEST + 1, dtype=np.float64)
    entry_day = timeline.ends[people.entry]
    for row, state in enumerate(states):
        for sex in (0, 1):
            who = np.flatnonzero((people.sex == sex) & (threshold[row] < scale[row] * state.curve[sex, -1]))
            age = np.interp(threshold[row, who] / scale[row], state.curve[sex], ages)
            days[row, who] = people.birth[who] + 1 + np.floor(age * DAYS_PER_YEAR).astype(np.int32)
        if state.not_before is not None:
            _move(days[row], threshold[row], state.not_before)
        if state.id in CVD_STATES:
            days[row][days[row] > entry_day] = NEVER
    return days


def _move(days: Days, threshold: Floats, not_before: int) -> None:
    """Record anew, within three years after `not_before`, what came before it: a register does not look further back."""
    early = days <= not_before
    share = np.mod(threshold[early] * 7919.0, 1.0)
    days[early] = not_before + 1 + np.floor(share * 1095).astype(np.int32)
