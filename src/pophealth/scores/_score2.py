"""Gives ten-year risk by the SCORE2 family's equations: a linear sum, a baseline survival, a regional recalibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pophealth.scores._columns import absent, places, truths
from pophealth.scores._data import read_table
from pophealth.scores._reading import read_female
from pophealth.scores._score2_inputs import REGION, REGIONS

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags

    Floats = NDArray[np.float64]

LOG_OF_CERTAIN = 50.0
"""Of a cumulative hazard so large that the risk is 1 to the last digit."""


def risk_percent(score: str, inputs: pl.DataFrame, terms: Mapping[str, Floats], flags: Flags) -> Floats:
    """Give the risk in percent, NaN where sex or a term is unknown.

    Parameters
    ----------
    score
        Name of the equation in the data file.
    terms
        Transformed and centred predictors by name; ``age`` is what the terms ``<name> x age`` are multiplied by.
    """
    female, known = read_female(inputs, flags)
    region = places(inputs, REGION.name)
    flags.add("imputed", REGION.name, region < 0)
    sums = np.zeros(inputs.height)
    for name, (women, men) in _figures(score, "coefficient").items():
        first, _, second = name.partition(" x ")
        sums = sums + np.where(female, women, men) * terms[first] * (terms[second] if second else 1.0)
    baseline = _figures(score, "baseline")
    survival, shift = (np.where(female, *baseline[name]) for name in ("survival", "shift"))
    scales = _figures(score, "recalibration")
    scale_1, scale_2 = (
        np.array([scales[f"{word} {which}"] for word in REGIONS])[np.maximum(region, 0), (~female).astype(np.int64)]
        for which in ("scale_1", "scale_2")
    )
    # ln(-ln(1 - r)) of the uncalibrated risk r = 1 - survival ^ exp(sum) is this sum, without the loss of digits
    hazard = sums + shift + np.log(-np.log(survival))
    # an absurd measurement ends at 100, not in an overflow
    log_hazard = np.minimum(scale_1 + scale_2 * hazard, LOG_OF_CERTAIN)
    return np.where(known, -100.0 * np.expm1(-np.exp(log_hazard)), np.nan)


def as_term(inputs: pl.DataFrame, name: str, flags: Flags) -> Floats:
    """Give a flag as 1 and 0, NaN (and noted as missing) where unknown."""
    missing = absent(inputs, name)
    flags.add("missing", name, missing)
    return np.where(missing, np.nan, truths(inputs, name).astype(np.float64))


def note_where(inputs: pl.DataFrame, name: str, flags: Flags, *, value: bool) -> None:
    """Note as not_applicable those of whom the flag `name` is known to be `value`."""
    flags.add("not_applicable", name, ~absent(inputs, name) & (truths(inputs, name) == value))


def _figures(score: str, part: str) -> dict[str, tuple[float, float]]:
    """Give the figures of women and men by term."""
    rows = [row for row in read_table("score2") if row["score"] == score and row["part"] == part]
    return {row["term"]: (float(row["women"]), float(row["men"])) for row in rows}
