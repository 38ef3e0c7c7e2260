"""Gives, for the unit of a feature, by what a number in another unit is to be multiplied."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Spellings of one and the same unit: UCUM (as FHIR and Synthea write it), the words of SNOMED CT's units of presentation, and
# what laboratory messages print. No conversion stands here that was not read with its source, so all factors are 1: a
# haemoglobin in g/dL or a creatinine in mg/dL is not read as the feature's unit, and passed over.
SPELLINGS: dict[str, frozenset[str]] = {
    "mmHg": frozenset({"mmhg", "mm hg", "mm[hg]", "millimetre of mercury", "millimeter mercury column"}),
    "%": frozenset({"%", "percent", "per cent", "{percent}"}),
    "ug/g": frozenset({"ug/g", "μg/g", "mcg/g", "microgram/g", "microgram per gram"}),
    "ug/L": frozenset({"ug/l", "μg/l", "mcg/l", "microgram/l", "micrograms/l", "microgram per litre", "ng/ml"}),
    "ug/h": frozenset({"ug/h", "μg/h", "mcg/h", "ug/hr", "μg/hr", "microgram/hour", "micrograms/hour"}),
    "ng/L": frozenset({"ng/l", "pg/ml", "nanogram/l", "nanogram per litre"}),
    "kg/m2": frozenset({"kg/m2", "kg/m^2", "kg/m*2", "kg/sq.m", "kg/sqm", "kg m-2", "kilogram per square meter"}),
    "kg": frozenset({"kg", "kgs", "kilogram", "kilograms", "kilogramme"}),
    "umol/L": frozenset(
        {"umol/l", "μmol/l", "mcmol/l", "micromol/l", "micromole/l", "micromoles/l", "micromole per litre"}
    ),
    "mmol/L": frozenset({"mmol/l", "mmoles/l", "millimol/l", "millimole/l", "millimoles/l", "millimole per litre"}),
    "mmol/mol": frozenset(
        {"mmol/mol", "mmol/mol hb", "mmol/mol{hb}", "mmols/mol", "millimole/mole", "millimole per mole"}
    ),
    "mg/mmol": frozenset(
        {"mg/mmol", "mg/mmol creat", "mg/mmol{creat}", "mg/mmol creatinine", "milligram per millimole"}
    ),
    "mL/min/1.73m2": frozenset(
        {
            "ml/min/1.73m2",
            "ml/min/1.73m^2",
            "ml/min/1.73 m2",
            "ml/min/1.73 m^2",
            "ml/min/1.73sq m",
            "ml/min/1.73sqm",
            "ml/min/{1.73_m2}",
            "ml/min/{1.73m2}",
            "ml/min/1.73*m2",
            "ml/min per 1.73m2",
        }
    ),
    "mL/min": frozenset({"ml/min", "ml/minute", "millilitre per minute"}),
    "g/L": frozenset({"g/l", "gm/l", "gram/l", "grams/l", "gram per litre"}),
    # catalytic activity: international and enzyme units are the same amount (UCUM U and [IU] of enzyme activity)
    "U/L": frozenset({"u/l", "iu/l", "[iu]/l", "units/l", "unit/l", "unit per litre", "international unit per litre"}),
    "10^9/L": frozenset(
        {
            "10^9/l",
            "10*9/l",
            "x10^9/l",
            "x10*9/l",
            "x 10^9/l",
            "10e9/l",
            "x10e9/l",
            "109/l",  # superscripts become plain figures
            "x109/l",
            "10^3/ul",  # the same number: a million microlitres to the litre
            "10*3/ul",
            "10^3/μl",
        }
    ),
}


def factors(unit: str | None, units: Sequence[str]) -> npt.NDArray[np.float64]:
    """Give one factor per unit of the snapshot: 1 for the feature's own unit, however spelt, and for none given.

    Parameters
    ----------
    unit
        The feature's unit; None accepts every unit as it stands.
    units
        The snapshot's units in order of their numbers; number 0 is the empty text, no unit given.

    Returns
    -------
    float64 array, read-only, of ``max(len(units), 256)`` places; NaN for a unit that cannot be read as the feature's.
    """
    found = np.full(max(len(units), 256), 1.0 if unit is None else np.nan)
    found[0] = 1.0
    for number, text in enumerate(units):
        if unit is not None and (not text.strip() or _same(unit, text)):
            found[number] = 1.0
    found.flags.writeable = False
    return found


def _same(unit: str, text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    return plain == unit.casefold() or plain in SPELLINGS.get(unit, frozenset())
