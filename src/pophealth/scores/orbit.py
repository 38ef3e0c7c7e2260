"""Gives ORBIT: points for the risk of bleeding on an anticoagulant in atrial fibrillation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._cha2ds2 import IN_FIBRILLATION, note_no_fibrillation
from pophealth.scores._shared_inputs import age, applies, egfr, flag, sex

if TYPE_CHECKING:
    import polars as pl

    from pophealth.scores._flags import Flags
    from pophealth.scores._three_valued import Truth

# Haemoglobin under 130 (men) or 120 g/L (women), or haematocrit under 40 or 36 %, or anaemia: 2; age from 75: 1;
# bleeding: 2; eGFR under 60: 1; antiplatelet: 1. Low 0-2, medium 3, high 4-7 (clinical-scores.md section 9).
HAEMOGLOBIN_BELOW = (120.0, 130.0)
HAEMATOCRIT_BELOW = (36.0, 40.0)
AGE_FROM = 75
EGFR_BELOW = 60.0
CATEGORIES = ("low", "medium", "high")
CATEGORY_FROM = (3, 4)


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `orbit` and `orbit_category` of prepared inputs; the category also where what is known decides it."""
    import polars as pl

    from pophealth.scores._columns import absent, truths
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number
    from pophealth.scores._three_valued import Points, at_least, below, truth

    flags = Flags(inputs.height)
    total = Points(inputs.height)
    total.add(1, at_least(read_number(inputs, AGE, flags), AGE_FROM))
    total.add(2, _reduced_haemoglobin(inputs, flags))
    total.add(2, truth(inputs, "has_bleeding_history", flags))
    total.add(1, below(read_number(inputs, EGFR, flags), EGFR_BELOW))
    total.add(1, truth(inputs, "on_antiplatelet", flags))
    note_no_fibrillation(inputs, flags)
    name = ANTICOAGULATED.name
    flags.add("not_applicable", name, ~truths(inputs, name) & ~absent(inputs, name))
    bands = total.bands("orbit_category", CATEGORY_FROM, CATEGORIES)
    return pl.DataFrame([total.series("orbit"), bands, flags.series("orbit_flags")])


def _reduced_haemoglobin(inputs: pl.DataFrame, flags: Flags) -> Truth:
    """Give whose haemoglobin is reduced. Haematocrit is another measure of the same: it is not missed beside haemoglobin."""
    import numpy as np

    from pophealth.scores._reading import read_female, read_number
    from pophealth.scores._three_valued import Truth, below, truth

    female, known = read_female(inputs, flags)
    anaemia = truth(inputs, "has_anaemia", flags)
    haemoglobin = read_number(inputs, HAEMOGLOBIN, flags, note_missing=False)
    haematocrit = read_number(inputs, HAEMATOCRIT, flags, note_missing=False)
    low, low_crit = (
        below(values, np.where(known, np.where(female, *bounds), np.nan))
        for values, bounds in ((haemoglobin, HAEMOGLOBIN_BELOW), (haematocrit, HAEMATOCRIT_BELOW))
    )
    measured = Truth(low.true | low_crit.true, low.unknown & low_crit.unknown)
    flags.add("missing", HAEMOGLOBIN.name, np.isnan(haemoglobin) & np.isnan(haematocrit) & ~anaemia.true)
    return measured | anaemia


AGE = age()
EGFR = egfr("Latest estimated glomerular filtration rate; under 60 is a point")
HAEMOGLOBIN = Input(
    "haemoglobin_g_l",
    "float",
    "g/L",
    missing="no score, unless haematocrit is known or anaemia on record",
    feature="haemoglobin_latest_g_l",
    description="Latest haemoglobin in g/L, never in g/dL; above 0",
)
HAEMATOCRIT = Input(
    "haematocrit_percent",
    "float",
    "%",
    missing="no effect where haemoglobin is known",
    needed=False,
    optional=True,
    feature="haematocrit_latest_percent",
    description="Latest haematocrit in percent; above 0",
)
ANTICOAGULATED = applies(
    "on_anticoagulant", "An oral anticoagulant now; false is flagged not_applicable", feature="on_anticoagulant_6m"
)

SCORE = Score(
    id="orbit",
    title="ORBIT, bleeding risk on an anticoagulant in atrial fibrillation",
    version="2015",
    source="O'Brien and others, Eur Heart J 2015;36:3258; as in clinical-scores.md section 9; NICE NG196 prefers it",
    licence="Published points, free to use",
    range=(0.0, 7.0),
    direction="higher is worse",
    inputs=(
        AGE,
        sex("Recorded sex: bounds of haemoglobin differ", missing="no score, unless anaemia is on record"),
        HAEMOGLOBIN,
        HAEMATOCRIT,
        flag("has_anaemia", "Anaemia, on record", missing="no score, unless haemoglobin or haematocrit is reduced"),
        flag("has_bleeding_history", "Bleeding, ever (in the line: gastrointestinal, intracranial)"),
        EGFR,
        flag("on_antiplatelet", "An antiplatelet medicine now", feature="on_antiplatelet_6m"),
        IN_FIBRILLATION,
        ANTICOAGULATED,
    ),
    outputs=(
        Output("orbit", "int", "points", "Points, 0 to 7; null where an item is unknown"),
        Output("orbit_category", "category", None, "low 0 to 2, medium 3, high 4 to 7; null unless decided"),
    ),
    primary_output="orbit",
    compute=compute,
)
