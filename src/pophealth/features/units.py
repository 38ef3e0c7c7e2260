"""Gives, for the unit of a feature, by what a number in another unit is to be multiplied."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Spellings of one and the same unit; no conversion stands here that was not read with its source, so all factors are 1.
SPELLINGS: dict[str, frozenset[str]] = {
    "mmHg": frozenset({"mmhg", "mm hg", "mm[hg]", "millimetre of mercury", "millimeter mercury column"}),
    "%": frozenset({"%", "percent", "per cent", "{percent}"}),
    "ug/g": frozenset({"ug/g", "μg/g", "mcg/g", "microgram/g", "microgram per gram"}),
    "kg/m2": frozenset({"kg/m2", "kg/m^2", "kg/sq.m", "kilogram per square meter"}),
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
