"""Gives the QRISK3-2017 equations over arrays: both sexes at once, by tables of the whole years of age."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pophealth.scores._data import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

AGES = range(25, 85)
"""Whole years for which the equations were fitted (clinical-scores.md section 3)."""

ETHNICITIES = (
    "white_or_not_stated",
    "indian",
    "pakistani",
    "bangladeshi",
    "other_asian",
    "black_caribbean",
    "black_african",
    "chinese",
    "other",
)
SMOKING = ("non", "ex", "light", "moderate", "heavy")
FLAGS = (
    "has_atrial_fibrillation",
    "on_atypical_antipsychotic",
    "on_corticosteroids",
    "has_erectile_dysfunction",
    "has_migraine",
    "has_rheumatoid_arthritis",
    "has_ckd_3_to_5",
    "has_severe_mental_illness",
    "has_systemic_lupus",
    "has_treated_hypertension",
    "has_type_1_diabetes",
    "has_type_2_diabetes",
    "has_family_history_cvd",
)

_CHUNK = 16_384  # rows at a time: a dozen temporaries of float64 then stay in a processor's second-level cache


class People(NamedTuple):
    """The inputs of a batch, all finite; `sex` is 0 for women, 1 for men, `flags` a bit per place in `FLAGS`."""

    sex: Places
    age_years: Places
    ethnicity: Places
    smoking: Places
    flags: Places
    bmi_kg_m2: Floats
    total_hdl_ratio: Floats
    sbp_mmhg: Floats
    sbp_sd_mmhg: Floats
    townsend: Floats


class _Tables(NamedTuple):
    """Coefficients, gathered by row: a sex, a sex and age, or a sex and a set of flags.

    The linear predictor is a constant of the age, plus each measurement times a slope of the age, plus what categories
    and flags add; all of these depend on sex and age alone, so they are worked out once for 2 x 60 ages.
    """

    log_survival: Floats
    ethnicity: Floats
    ratio: Floats
    sd: Floats
    constant: Floats
    age_1: Floats
    age_2: Floats
    smoking: Floats
    bmi_1: Floats
    bmi_2: Floats
    sbp: Floats
    townsend: Floats
    flags: Floats
    flags_age_1: Floats
    flags_age_2: Floats


def risk_percent(people: People) -> Floats:
    """Give the ten-year risk in percent, as 100 x (1 - survival ^ exp(linear predictor))."""
    risk = np.empty(people.sex.size)
    for start in range(0, risk.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        risk[rows] = _risk_of_chunk(People._make([column[rows] for column in people]))
    return risk


def _risk_of_chunk(people: People) -> Floats:
    tables = _tables()
    cell = people.sex * len(AGES) + (people.age_years - AGES.start)
    flags = people.sex * 2 ** len(FLAGS) + people.flags
    total = tables.constant[cell]
    total += tables.ethnicity[people.sex * len(ETHNICITIES) + people.ethnicity]
    total += tables.smoking[cell * len(SMOKING) + people.smoking]
    total += tables.flags[flags]
    total += tables.flags_age_1[flags] * tables.age_1[cell]
    total += tables.flags_age_2[flags] * tables.age_2[cell]
    bmi = people.bmi_kg_m2 / 10.0
    bmi_1 = 1.0 / (bmi * bmi)
    total += bmi_1 * tables.bmi_1[cell]
    total += bmi_1 * np.log(bmi) * tables.bmi_2[cell]
    total += people.sbp_mmhg * tables.sbp[cell]
    total += people.townsend * tables.townsend[cell]
    total += people.total_hdl_ratio * tables.ratio[people.sex]
    total += people.sbp_sd_mmhg * tables.sd[people.sex]
    survival: Floats = np.exp(np.exp(total) * tables.log_survival[people.sex])
    return 100.0 * (1.0 - survival)


def centre(term: str) -> Floats:
    """Give the mean that a term is centred on, of women and of men."""
    return _figures("centre", term)


def _figures(part: str, term: str, times: str = "") -> Floats:
    """Give the figures of a term for women and men; zero where the term is not in an equation."""
    for row in read_table("qrisk3"):
        if (row["part"], row["term"], row["times"]) == (part, term, times):
            return np.array([float(row["women"] or 0), float(row["men"] or 0)])
    return np.zeros(2)


def _ages() -> tuple[Floats, Floats]:
    """Give the two centred fractional polynomials of age, by sex and age: women age^-2, age; men age^-1, age^3."""
    tens = np.array(AGES) / 10.0
    age_1 = np.stack([tens**-2, tens**-1]) - centre("age_1")[:, None]
    age_2 = np.stack([tens, tens**3]) - centre("age_2")[:, None]
    return age_1, age_2


@cache
def _tables() -> _Tables:
    age_1, age_2 = _ages()

    def slope(part: str, term: str) -> Floats:
        """Give what one unit of a term adds, by sex and age: its effect and its interactions with age."""
        alone, with_1, with_2 = (_figures(part, term, times)[:, None] for times in ("", "age_1", "age_2"))
        return alone + with_1 * age_1 + with_2 * age_2

    def by_sex(part: str, terms: tuple[str, ...], times: str = "") -> Floats:
        return np.stack([_figures(part, term, times) for term in terms], axis=1)

    slopes = {term: slope("effect", term) for term in ("bmi_1", "bmi_2", "sbp_mmhg", "townsend")}
    slopes |= {term: _figures("effect", term)[:, None] for term in ("total_hdl_ratio", "sbp_sd_mmhg")}
    constant = _figures("effect", "age_1")[:, None] * age_1 + _figures("effect", "age_2")[:, None] * age_2
    constant = constant - sum(slopes[term] * centre(term)[:, None] for term in slopes)
    sets = (np.arange(2 ** len(FLAGS))[:, None] >> np.arange(len(FLAGS)) & 1).astype(np.float64)
    with_flags = [(by_sex("effect", FLAGS, times) @ sets.T).ravel() for times in ("", "age_1", "age_2")]
    smoking = np.stack([slope("smoking", label) for label in SMOKING], axis=2)
    tables = _Tables(
        log_survival=np.log(_figures("baseline_survival", "10_years")),
        ethnicity=by_sex("ethnicity", ETHNICITIES).ravel(),
        ratio=slopes["total_hdl_ratio"].ravel(),
        sd=slopes["sbp_sd_mmhg"].ravel(),
        constant=constant.ravel(),
        age_1=age_1.ravel(),
        age_2=age_2.ravel(),
        smoking=smoking.ravel(),
        bmi_1=slopes["bmi_1"].ravel(),
        bmi_2=slopes["bmi_2"].ravel(),
        sbp=slopes["sbp_mmhg"].ravel(),
        townsend=slopes["townsend"].ravel(),
        flags=with_flags[0],
        flags_age_1=with_flags[1],
        flags_age_2=with_flags[2],
    )
    for table in tables:
        table.setflags(write=False)
    return tables
