"""Gives who can have an eGFR, with creatinine in the unit the equations were printed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pophealth.scores._reading import read_female, read_number
from pophealth.scores._shared_inputs import age, creatinine

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags

UMOL_L_PER_MG_DL = 88.4
"""Creatinine: 1 mg/dL = 88.4 umol/L (clinical-scores.md section 9)."""


class Kidneys(NamedTuple):
    """A batch: NaN where a number is missing or refused. `known` is false where the sex is not known."""

    age_years: NDArray[np.float64]
    umol_l: NDArray[np.float64]
    female: NDArray[np.bool_]
    known: NDArray[np.bool_]

    @property
    def mg_dl(self) -> NDArray[np.float64]:
        """Creatinine in mg/dL."""
        return self.umol_l / UMOL_L_PER_MG_DL

    def by_sex(self, female: float, male: float) -> NDArray[np.float64]:
        """Give one constant for each person, by sex."""
        return np.where(self.female, female, male)


def read_kidneys(inputs: pl.DataFrame, flags: Flags) -> Kidneys:
    """Give the batch of the inputs `age_years`, `sex` and `creatinine_umol_l`."""
    age_years = read_number(inputs, age(), flags)
    female, known = read_female(inputs, flags)
    return Kidneys(age_years, read_number(inputs, creatinine(), flags), female, known)
