"""Gives ClinRisk's estimates of a missing body mass index, cholesterol ratio and systolic blood pressure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pophealth.scores._data import read_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FITTED_FROM_AGE = 30
"""Below it the estimates are extrapolated (clinical-scores.md section 3)."""

# The transforms of age / 10, women then men (scores/data/qrisk_estimators.csv).
_TRANSFORMS: dict[str, tuple[tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]], ...]] = {
    "bmi": ((lambda age: age**2, lambda age: age**3), (lambda age: age**3, lambda age: age**3 * np.log(age))),
    "ratio": (
        (lambda age: age**3, lambda age: age**3 * np.log(age)),
        (lambda age: np.log(age) - 1, lambda age: age**3),
    ),
    "sbp": ((lambda age: age**-2, lambda age: age**-1), (lambda age: age**3, lambda age: age**3 * np.log(age))),
}


class Known(NamedTuple):
    """What the estimators read. `smokes` is a current smoker, of any number; nobody here has cardiovascular disease."""

    sex: NDArray[np.int64]
    age_years: Floats
    ethnicity: NDArray[np.int64]
    smokes: NDArray[np.bool_]
    has_treated_hypertension: NDArray[np.bool_]
    has_type_2_diabetes: NDArray[np.bool_]


def estimate(what: str, known: Known) -> Floats:
    """Give the estimate of ``bmi`` (kg/m2), ``ratio`` or ``sbp`` (mmHg), unrounded.

    The equations also hold a term for existing cardiovascular disease; it is 0 here, since QRISK3 is not for those who
    have it.
    """
    tens = known.age_years / 10.0
    total = np.empty(tens.size)
    for sex, name in enumerate(("women", "men")):
        here = known.sex == sex
        figures = _figures(f"{what}_{name}")
        age_1, age_2 = (transform(tens[here]) for transform in _TRANSFORMS[what][sex])
        total[here] = (
            figures["intercept"]
            + np.array([value for term, value in figures.items() if term.startswith("ethnicity:")])[
                known.ethnicity[here]
            ]
            + figures["effect:age_1"] * (age_1 - figures["centre:age_1"])
            + figures["effect:age_2"] * (age_2 - figures["centre:age_2"])
            + figures["effect:smokes"] * known.smokes[here]
            + figures["effect:has_treated_hypertension"] * known.has_treated_hypertension[here]
            + figures["effect:has_type_2_diabetes"] * known.has_type_2_diabetes[here]
        )
    return total


@cache
def _figures(column: str) -> dict[str, float]:
    rows = read_table("qrisk_estimators")
    figures = {f"{row['part']}:{row['term']}": float(row[column]) for row in rows if row["part"] != "intercept"}
    return figures | {"intercept": next(float(row[column]) for row in rows if row["part"] == "intercept")}
