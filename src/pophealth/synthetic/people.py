"""Gives the candidates of a network: who might be registered on the index date, born, entered and, perhaps, left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pophealth.declare.window import months_before
from pophealth.synthetic.arrays import Days, Floats, Ints, Timeline, day_number
from pophealth.synthetic.england import REGISTERED, band_of
from pophealth.synthetic.states import ETHNICITIES, FACTORS

OLDEST_AGE = 104
STRATA = 2 * (OLDEST_AGE + 1)
"""Sex and whole years of age on the index date: stratum = age * 2 + sex, 0 for women, 1 for men."""

JOINING = 0.045
"""Share of people who come to a practice in a year."""
LEAVING = 0.015
"""Share who leave it in a year: rarer than in reality, so that the extract stays near the size that was asked for."""
# A first guess of yearly mortality by age, for the number of candidates only: Gompertz, about that of England (K).
_MORTALITY = (-10.1, 0.0925)


@dataclass(frozen=True)
class People:
    """Candidates, one place each. `entry` and `leave` are steps; a candidate is registered from its entry to its leave."""

    birth: Days
    sex: Ints
    stratum: Ints
    decile: Ints
    ethnicity: Ints
    entry: Ints
    leave: Ints
    factors: Floats
    smoker: Ints

    def __len__(self) -> int:
        return len(self.birth)

    @cached_property
    def quintile(self) -> Ints:
        """Fifth of deprivation, 1 the most deprived."""
        return (self.decile + 1) // 2


def quotas(patients: int) -> Ints:
    """Give how many of `patients` people each stratum holds, by largest remainder on England's list."""
    shares = np.zeros(STRATA)
    for band, counts in REGISTERED.items():
        first, last = band_of(band)
        ages = np.arange(first, last + 1)
        within = 0.68 ** (ages - first) if first == 95 else np.ones(len(ages))
        for sex, count in enumerate(counts):
            shares[ages * 2 + sex] = count * within / within.sum()
    wanted = shares / shares.sum() * patients
    counted: Ints = np.floor(wanted).astype(np.int64)
    short = patients - int(counted.sum())
    counted[np.argsort(counted - wanted, kind="stable")[:short]] += 1
    return counted


def draw_people(rng: np.random.Generator, quota: Ints, timeline: Timeline) -> People:
    """Give enough candidates that, once some have died or left, every stratum can fill its quota."""
    stays = _share_that_stays(timeline)
    spare = 3.0 * np.sqrt(quota * (1 - stays)) / stays + (quota > 0)
    very_old = np.where(np.arange(STRATA) // 2 >= 88, 1.3, 1.01)  # where the guess of mortality is at its worst
    number = np.ceil(quota / stays * very_old + spare + 3 * (quota > 0)).astype(np.int64)
    stratum = np.repeat(np.arange(STRATA), number)
    stratum = stratum[rng.permutation(len(stratum))]
    age, sex = stratum // 2, stratum % 2
    birth = _births(rng, age, timeline)
    entry = _entries(rng, birth, timeline)
    decile = _deciles(rng, age, (quota / np.maximum(number, 1))[stratum])
    gone = rng.geometric(LEAVING / 12, len(age))
    return People(
        birth=birth,
        sex=sex,
        stratum=stratum,
        decile=decile,
        ethnicity=_ethnicity(rng, age, decile),
        entry=entry,
        leave=np.minimum(entry + gone, timeline.steps + 1),
        factors=_factors(rng, decile),
        smoker=_smoking(rng, age, decile),
    )


def _share_that_stays(timeline: Timeline) -> Floats:
    """Give, by stratum, a guess of the share of candidates who are alive and still registered on the index date."""
    age = np.repeat(np.arange(OLDEST_AGE + 1), 2).astype(np.float64)
    years = np.arange(timeline.years)[:, None]
    lived = np.maximum(age[None, :] - years - 0.5, 0)
    hazard = np.exp(_MORTALITY[0] + _MORTALITY[1] * lived) + LEAVING
    still = np.exp(-JOINING * years)  # share of people who were here that long ago
    share: Floats = np.exp(-(np.minimum(hazard, 1.2) * still).sum(axis=0))
    return share


def _births(rng: np.random.Generator, age: Ints, timeline: Timeline) -> Days:
    birthdays = np.array(
        [day_number(months_before(timeline.index_date, 12 * years)) for years in range(OLDEST_AGE + 2)], np.int64
    )
    latest, earliest = birthdays[age], birthdays[age + 1] + 1
    return (earliest + np.floor(rng.random(len(age)) * (latest - earliest + 1))).astype(np.int32)


def _entries(rng: np.random.Generator, birth: Days, timeline: Timeline) -> Ints:
    """Give the step each candidate is registered from: 0, a later one for those who came, birth for those born since."""
    back = np.ceil(rng.exponential(12 / JOINING, len(birth))).astype(np.int64)
    came = np.maximum(timeline.index_step - back, 0)
    born = timeline.step_known(birth)
    at_birth = rng.random(len(birth)) < 0.85
    entry = np.where((birth > timeline.first_day) & at_birth, born, np.maximum(came, born))
    return np.minimum(entry, timeline.index_step)


def _deciles(rng: np.random.Generator, age: Ints, weight: Floats) -> Ints:
    """Give deciles of equal weight, 1 the most deprived tenth; older people live in less deprived areas."""
    order = np.argsort(rng.normal(0.0, 1.0, len(age)) + 0.008 * (age - 42), kind="stable")
    decile = np.empty(len(age), np.int64)
    decile[order] = np.minimum(np.cumsum(weight[order]) * 10 / max(weight.sum(), 1.0), 9.999).astype(np.int64) + 1
    return decile


def _ethnicity(rng: np.random.Generator, age: Ints, decile: Ints) -> Ints:
    """Give groups as places in `ETHNICITIES`; networks differ widely in their mix (shares: assumption, K)."""
    network = np.exp(rng.normal(-0.15, 0.6))
    odds = network * 0.19 * np.exp(-0.018 * (age - 42) - 0.07 * (decile - 5.5))
    minority = rng.random(len(age)) < np.minimum(odds, 0.75)
    groups = np.searchsorted(np.cumsum([0.16, 0.50, 0.22]), rng.random(len(age)), side="right") + 1
    return np.where(minority, np.minimum(groups, len(ETHNICITIES) - 1), 0)


def _factors(rng: np.random.Generator, decile: Ints) -> Floats:
    """Give the hidden traits; the general one is worse where deprivation is."""
    traits = rng.normal(0.0, 1.0, (len(FACTORS), len(decile))).astype(np.float32)
    traits[0] += ((5.5 - decile) * 0.05).astype(np.float32)
    return traits


def _smoking(rng: np.random.Generator, age: Ints, decile: Ints) -> Ints:
    """Give 0 never, 1 former, 2 current smokers (shares: assumption, K)."""
    adult = age >= 16
    now = np.clip(0.15 + 0.018 * (5.5 - decile) - 0.0022 * np.maximum(age - 55, 0), 0.02, 0.4)
    ever = np.clip(now + 0.08 + 0.0055 * np.maximum(age - 20, 0), 0, 0.62)
    drawn = rng.random(len(age))
    return np.where(adult & (drawn < now), 2, np.where(adult & (drawn < ever), 1, 0))
