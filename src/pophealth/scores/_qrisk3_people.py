"""Gives the people a QRISK3 batch is about: missing values stood in for as stated, ranges checked, all of it flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pophealth.scores._columns import absent, numbers, places, truths, within
from pophealth.scores._qrisk3_equation import AGES, FLAGS, People, centre
from pophealth.scores._qrisk3_estimators import FITTED_FROM_AGE, Known, estimate

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags as FlagList

    Floats = NDArray[np.float64]
    Truths = NDArray[np.bool_]
    Places = NDArray[np.int64]

# Accepted ranges: clinical-scores.md section 3 (table). BMI is moved to 20 to 40, as the 2017 convention has it; the
# others are refused outside, as the published program's range checks do.
BMI_CLAMPED_TO = (20.0, 40.0)
RATIO = (1.0, 11.0)
SBP = (70.0, 210.0)
SBP_SD = (0.0, 40.0)
TOWNSEND = (-7.0, 11.0)

_MEASURED = {"bmi": "bmi_kg_m2", "ratio": "total_hdl_ratio", "sbp": "sbp_mmhg"}
_RANGES = {"total_hdl_ratio": RATIO, "sbp_mmhg": SBP, "sbp_sd_mmhg": SBP_SD, "townsend": TOWNSEND}


def people_of(inputs: pl.DataFrame, flags: FlagList, *, estimate_missing: bool) -> tuple[People, Truths]:
    """Give the batch with every value finite, and for whom there is a risk at all; what was done goes into `flags`."""
    sex, age, ok = _sex_and_age(inputs, flags)
    ethnicity, smoking = (_label(inputs, name, flags) for name in ("qrisk_ethnicity", "qrisk_smoking"))
    bits = np.zeros(inputs.height, dtype=np.int64)
    measured = {name: numbers(inputs, name) for name in _MEASURED.values()}
    if estimate_missing:
        known = Known(
            sex,
            age,
            ethnicity,
            smoking >= 2,  # light, moderate, heavy
            truths(inputs, "has_treated_hypertension"),
            truths(inputs, "has_type_2_diabetes"),
        )
        _estimate(measured, known, ok, flags)
    for name, values in measured.items():
        flags.add("missing", name, np.isnan(values))
    measured["sbp_sd_mmhg"] = _stood_in(inputs, "sbp_sd_mmhg", centre("sbp_sd_mmhg")[sex], flags)
    measured["townsend"] = _stood_in(inputs, "townsend", np.zeros(inputs.height), flags)
    ok &= _in_range(measured, flags)
    for bit, name in enumerate(FLAGS):
        bits |= _flag(inputs, name, sex, flags).astype(np.int64) << bit
    _note_not_advised(bits, flags)
    return People(sex, age.astype(np.int64), ethnicity, smoking, bits, **measured), ok


def _sex_and_age(inputs: pl.DataFrame, flags: FlagList) -> tuple[Places, Floats, Truths]:
    sex, age = places(inputs, "sex"), numbers(inputs, "age_years")
    fits = within(age, AGES.start, AGES.stop - 1)
    flags.add("missing", "sex", sex < 0)
    flags.add("missing", "age_years", np.isnan(age))
    flags.add("out_of_range", "age_years", ~np.isnan(age) & ~fits)
    ok = (sex >= 0) & fits
    return np.maximum(sex, 0), np.where(fits, age, AGES.start), ok


def _label(inputs: pl.DataFrame, name: str, flags: FlagList) -> Places:
    """Give the place of a label; a missing one is the first: white or not stated, non-smoker."""
    place = places(inputs, name)
    flags.add("imputed", name, place < 0)
    return np.maximum(place, 0)


def _estimate(measured: dict[str, Floats], known: Known, ok: Truths, flags: FlagList) -> None:
    """Put ClinRisk's estimates where a measurement is missing and sex and age are known."""
    estimated = np.zeros(ok.size, dtype=np.bool_)
    for what, name in _MEASURED.items():
        missing = np.isnan(measured[name]) & ok
        if missing.any():
            guess = estimate(what, Known._make([column[missing] for column in known]))
            measured[name] = measured[name].copy()
            measured[name][missing] = guess
            flags.add("imputed", name, missing)
            estimated |= missing
    flags.add("not_applicable", "estimators_under_30", estimated & (known.age_years < FITTED_FROM_AGE))


def _stood_in(inputs: pl.DataFrame, name: str, value: Floats, flags: FlagList) -> Floats:
    given = numbers(inputs, name)
    missing = np.isnan(given)
    flags.add("imputed", name, missing)
    return np.where(missing, value, given)


def _in_range(measured: dict[str, Floats], flags: FlagList) -> Truths:
    """Give where every measurement is accepted; clamp the body mass index, make refused values harmless."""
    bmi = measured["bmi_kg_m2"]
    sound = (bmi > 0) & np.isfinite(bmi)
    flags.add("out_of_range", "bmi_kg_m2", ~sound & ~np.isnan(bmi))
    clamped = np.clip(bmi, *BMI_CLAMPED_TO)
    flags.add("clamped", "bmi_kg_m2", sound & (clamped != bmi))
    measured["bmi_kg_m2"] = np.where(sound, clamped, BMI_CLAMPED_TO[0])
    for name, (low, high) in _RANGES.items():
        values = measured[name]
        fits = within(values, low, high)
        flags.add("out_of_range", name, ~fits & ~np.isnan(values))
        measured[name] = np.where(fits, values, low)
        sound = sound & fits
    return sound


def _flag(inputs: pl.DataFrame, name: str, sex: Places, flags: FlagList) -> Truths:
    """Give a condition; missing is taken as absent. Erectile dysfunction stands in the men's equation only."""
    true, missing = truths(inputs, name), absent(inputs, name)
    if name == "has_erectile_dysfunction":
        flags.add("not_applicable", name, true & (sex == 0))
        true, missing = true & (sex == 1), missing & (sex == 1)
    flags.add("imputed", name, missing)
    return true


def _note_not_advised(bits: Places, flags: FlagList) -> None:
    """Note where the formula gives a figure and guidance advises against it (clinical-scores.md section 3, NG238)."""
    has = {name: (bits >> bit & 1).astype(np.bool_) for bit, name in enumerate(FLAGS)}
    for name in ("has_ckd_3_to_5", "has_type_1_diabetes"):
        flags.add("not_applicable", name, has[name])
    flags.add("not_applicable", "both_types_of_diabetes", has["has_type_1_diabetes"] & has["has_type_2_diabetes"])
