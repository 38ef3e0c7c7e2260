"""Gives the truth: how likely, month by month, people are admitted, die, enter a care home or have a cardiovascular event.

A log monthly hazard is the sum of what is recorded about a person (age, sex, deprivation, smoking, body, states, number of
frailty deficits, emergency admissions of the last 12 months) and an unobserved part, normal with the standard deviation
`UNOBSERVED`, that no record shows. All numbers are this generator's own; they say nothing about the world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pophealth.synthetic.arrays import Floats, Ints
from pophealth.synthetic.people import People
from pophealth.synthetic.states import CVD, OLDEST, OUTCOMES

# In the order of OUTCOMES: admission, death, care_home, cvd, palliative.
INTERCEPT = np.array([-6.05, -8.06, -10.85, -8.3, -9.4])
MALE = np.array([0.05, 0.25, -0.25, 0.40, 0.10])
QUINTILE = np.array([0.09, 0.07, 0.00, 0.07, 0.03])
"""For each fifth of deprivation below the middle one."""
SMOKER = np.array([0.18, 0.35, 0.10, 0.50, 0.30])
"""For current smokers; former smokers have a third of it."""
DEFICIT = np.array([0.16, 0.06, 0.10, 0.015, 0.06])
"""For each frailty deficit recorded."""
RECENT = np.array([0.85, 0.30, 0.45, 0.10, 0.45])
"""For ``log(1 + emergency admissions in the last 12 months)``, at most six of them counted."""
UNOBSERVED = np.array([0.55, 0.35, 0.40, 0.35, 0.30])
"""Standard deviation of the part of a person's log hazard that nothing recorded shows; its mean factor is 1."""
SHARED = 0.6
"""Correlation, squared root of it, between the unobserved parts of one person's outcomes."""
NETWORK = 0.08
"""Standard deviation between networks of the log hazard of admission; part of the unobserved."""
RESIDENT = np.array([0.20, 0.85, 0.0, 0.0, 0.40])
"""From entry to a care home on."""
PALLIATIVE_CARE = np.array([0.60, 2.20, 0.20, -0.20, 0.0])
"""From the first palliative care record on."""
SBP_PER_MMHG, RATIO_PER_UNIT = 0.014, 0.16
"""For systolic pressure and total to HDL cholesterol above what the age expects; cardiovascular events only."""
ETHNICITY_CVD = np.array([0.0, 0.0, 0.25, -0.15, 0.0])

CVD_KINDS = np.array([0.54, 0.29, 0.17])
"""Share of coronary, stroke and TIA among cardiovascular events, in the order of `CVD_STATES`."""
CVD_ADMITTED = np.array([0.75, 0.90, 0.45])
"""Share of each kind that is admitted as an emergency: that adds to the hazard of admission."""
MOST_RECENT = 6
EVENT_SHARE_ADMITTED = float(CVD_KINDS @ CVD_ADMITTED)

_AGES = (0, 1, 5, 12, 18, 30, 45, 60, 70, 80, 90, 120)
_BY_AGE = {
    "admission": (1.7, 1.3, -0.2, -0.85, -0.2, -0.2, -0.15, 0.1, 0.4, 0.85, 1.3, 1.6),
    "death": (-2.2, -5.0, -5.4, -5.2, -4.0, -3.2, -1.9, -0.6, 0.25, 1.15, 2.1, 4.2),
    "care_home": (-30, -30, -30, -30, -30, -8, -4.0, -1.6, 0.0, 1.2, 2.3, 3.0),
    "cvd": (-30, -30, -30, -10, -6.0, -2.6, -1.0, 0.0, 0.55, 1.05, 1.45, 2.0),
    "palliative": (-4, -4.5, -4.5, -4.5, -4.0, -2.8, -1.4, -0.3, 0.4, 1.1, 1.8, 2.4),
}
AGE = np.stack([np.interp(np.arange(OLDEST + 1), _AGES, _BY_AGE[outcome]) for outcome in OUTCOMES])
"""Part of the log hazard by outcome and whole years of age."""
RECENT_TABLE = RECENT[:, None] * np.log1p(np.arange(MOST_RECENT + 1))[None, :]


@dataclass(frozen=True)
class Fixed:
    """What does not change in a person's life: the recorded part without age and states, and the unobserved part."""

    recorded: Floats
    unobserved: Floats


def fixed_parts(
    rng: np.random.Generator,
    people: People,
    sbp_deviation: Floats,
    ratio_deviation: Floats,
    scale: Floats,
    unobserved_scale: float = 1.0,
) -> Fixed:
    """Give the parts of every candidate's log hazards that stay, outcomes by row.

    Parameters
    ----------
    scale
        One factor per outcome, by which calibration turns a hazard up or down.
    unobserved_scale
        Factor of the standard deviations of the unobserved part; with 0 all of a hazard is on record.
    """
    smoking = np.where(people.smoker == 2, 1.0, np.where(people.smoker == 1, 1 / 3, 0.0))
    recorded = (
        (INTERCEPT + np.log(scale))[:, None]
        + MALE[:, None] * people.sex[None, :]
        + QUINTILE[:, None] * (3 - people.quintile)[None, :]
        + SMOKER[:, None] * smoking[None, :]
    )
    recorded[CVD] += SBP_PER_MMHG * sbp_deviation + RATIO_PER_UNIT * ratio_deviation + ETHNICITY_CVD[people.ethnicity]
    shared, own = rng.normal(size=len(people)), rng.normal(size=(len(OUTCOMES), len(people)))
    deviation = UNOBSERVED * unobserved_scale
    drawn = deviation[:, None] * (SHARED * shared[None, :] + np.sqrt(1 - SHARED**2) * own)
    unobserved = drawn - deviation[:, None] ** 2 / 2
    unobserved[0] += rng.normal() * NETWORK * unobserved_scale
    return Fixed(recorded, unobserved)


def recent_part(recent: Ints) -> Floats:
    """Give the part that recent emergency admissions add, outcomes by row."""
    return RECENT_TABLE[:, np.minimum(recent, MOST_RECENT)]
