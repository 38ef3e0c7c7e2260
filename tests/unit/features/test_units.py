"""A number counts when its unit is the feature's, however a laboratory or a record system spells it."""

from __future__ import annotations

import numpy as np
import pytest

from pophealth.declare import NUMBER_KINDS
from pophealth.features import load_features
from pophealth.features.units import SPELLINGS, factors

SAME = """
mmHg          | mmHg, mm Hg, mm[Hg], MMHG
%             | %, percent, per cent
ug/g          | ug/g, µg/g, μg/g, mcg/g
ug/L          | ug/L, µg/l, ng/mL, mcg/L
ng/L          | ng/L, ng/l, pg/mL
kg            | kg, KG, kgs, kilogram
kg/m2         | kg/m2, kg/m², kg/m^2, Kg/m2
umol/L        | umol/L, umol/l, µmol/L, μmol/l, micromol/L, UMOL/L
mmol/L        | mmol/L, mmol/l, MMOL/L, millimol/L
mmol/mol      | mmol/mol, mmol/mol Hb, MMOL/MOL
mg/mmol       | mg/mmol, MG/MMOL, mg/mmol creat
mL/min/1.73m2 | mL/min/1.73m2, ml/min/1.73m2, mL/min/1.73m², mL/min/1.73 m^2, mL/min/{1.73_m2}, ml/min/1.73sq m
g/L           | g/L, g/l, G/L
U/L           | U/L, u/l, IU/L, iu/l, [iU]/L
10^9/L        | 10^9/L, 10*9/L, x10^9/L, x 10^9/L, 10⁹/L, x10⁹/L, 10*3/uL
"""
OTHER = """
umol/L        | mg/dL, mmol/L, umol
mmol/L        | mg/dL, mmol/mol, umol/L
mmol/mol      | %, mmol/L
mg/mmol       | mg/g, mg/L, g/mol
mL/min/1.73m2 | mL/min, mL/s
g/L           | g/dL, mg/L
U/L           | ukat/L, nkat/L
10^9/L        | 10^12/L, /uL, 10^6/L
kg            | lb, st, g
kg/m2         | kg, lb/in2
mmHg          | kPa, cmH2O
"""


def cases(text: str) -> list[tuple[str, str]]:
    rows = [line.split("|") for line in text.strip().splitlines()]
    return [(unit.strip(), spelling.strip()) for unit, spellings in rows for spelling in spellings.split(",")]


@pytest.mark.parametrize(("unit", "spelling"), cases(SAME))
def test_a_spelling_of_the_unit_is_the_unit(unit: str, spelling: str) -> None:
    assert factors(unit, ["", spelling, f" {spelling} "])[:3].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("unit", "spelling"), cases(OTHER))
def test_another_unit_is_passed_over_not_converted(unit: str, spelling: str) -> None:
    assert np.isnan(factors(unit, ["", spelling])[1])


def test_no_spelling_means_two_units() -> None:
    spellings = [spelling for of_unit in SPELLINGS.values() for spelling in of_unit]
    assert len(spellings) == len(set(spellings))


def test_every_unit_that_a_feature_reads_numbers_in_has_its_spellings() -> None:
    read = {
        feature.unit
        for feature in load_features().values()
        if feature.unit and (feature.kind in NUMBER_KINDS or "between" in feature.options)
    }
    assert read - {"days", "features", "groups"} <= set(SPELLINGS)
