"""Gives people's bodies: pressure, cholesterol and weight against what their age expects (shapes: assumption, K)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pophealth.synthetic.arrays import Floats
from pophealth.synthetic.people import People


@dataclass(frozen=True)
class Bodies:
    """Lasting deviations from what a person's age expects, one place per candidate."""

    sbp_mmhg: Floats
    cholesterol_ratio: Floats
    bmi_kg_m2: Floats
    hba1c_mmol_mol: Floats
    egfr: Floats


def draw_bodies(rng: np.random.Generator, people: People) -> Bodies:
    """Give bodies that go with the vascular trait and, for weight, with deprivation."""
    own = rng.normal(size=(5, len(people)))
    vascular = people.factors[1]
    return Bodies(
        sbp_mmhg=10.0 * (0.4 * vascular + 0.92 * own[0]),
        cholesterol_ratio=0.9 * (0.35 * vascular + 0.94 * own[1]),
        bmi_kg_m2=5.0 * (0.45 * vascular + 0.89 * own[2]) + 0.12 * (5.5 - people.decile),
        hba1c_mmol_mol=own[3],
        egfr=own[4] - 0.4 * vascular,
    )
