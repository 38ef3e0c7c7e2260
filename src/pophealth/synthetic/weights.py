"""Gives body mass index and the yearly checks of people with severe mental illness."""

from __future__ import annotations

import numpy as np

from pophealth.synthetic.arrays import Bools, Ints
from pophealth.synthetic.england import QOF
from pophealth.synthetic.measures import Measurer, Visits
from pophealth.synthetic.words import COUNT, KG_M2

OBESE_FROM, OBESE_FROM_MINORITY = 30.0, 27.5
"""Body mass index from which the obesity register counts, for ethnic minorities from the second (service-specs 11.1)."""
WEIGHED_LATELY = 0.95
"""Share of the recorded obese who were weighed in the last 12 months."""
CHECKED = 0.58
"""Share of people with severe mental illness who have all six checks in a year (service-specs 11.4: 55 to 60 %)."""


def add_weights(measurer: Measurer, visits: Visits) -> None:
    """Add body mass index: as many people are recorded as obese as QOF counts, the other obese were not weighed."""
    roster, rng = measurer.roster, measurer.rng
    age = roster.age_years(roster.last)
    index = 24.2 + 0.075 * np.clip(age - 18, 0, 40) - 0.08 * np.maximum(age - 72, 0) + roster.bmi_kg_m2
    limit = np.where(roster.ethnicity == 0, OBESE_FROM, OBESE_FROM_MINORITY)
    obese = index >= limit
    weighed = _weighed(measurer, obese)
    index = np.where(obese, np.maximum(index, limit + 0.6), np.clip(index, 15.5, limit - 0.6))
    seen = measurer.some(visits, 0.5)
    may = (measurer.lived & ~obese | weighed)[seen.who] & (seen.age >= 16)
    lately = np.flatnonzero(weighed & (rng.random(len(roster)) < WEIGHED_LATELY))
    who = np.concatenate([seen.who[may], lately])
    day = np.concatenate([seen.day[may], roster.timeline.last_day - rng.integers(0, 350, len(lately))])
    value = np.round(index[who] + np.clip(rng.normal(0.0, 0.25, len(who)), -0.5, 0.5), 1)
    weighings = Visits(who, day, (day - roster.birth[who]) / 365.25)
    measurer.add(weighings, "bmi", ("60621009",), value, KG_M2)
    coded = lately[rng.random(len(lately)) < 0.25]
    place = measurer.world.events.of_list("obesity", ("414915002", "162864005")).draw(rng, len(coded))
    measurer.ledger.add("events", coded, roster.timeline.last_day - rng.integers(0, 1_500, len(coded)), place=place)


def _weighed(measurer: Measurer, obese: Bools) -> Bools:
    """Give which obese adults have their weight on record: among the registered as many as England's register holds."""
    roster, register = measurer.roster, QOF["OB"]
    adult = measurer.lived & (roster.age_years(roster.timeline.index_day) >= register.from_age)
    here = (roster.last >= roster.timeline.index_day) & adult
    known_to_practice = measurer.rng.random(len(roster)) - 0.4 * measurer.long_term
    order = np.argsort(np.where(here & obese, known_to_practice, np.inf), kind="stable")
    chosen = np.zeros(len(roster), np.bool_)
    chosen[order[: min(round(register.share * int(here.sum())), int((here & obese).sum()))]] = True
    gone = adult & ~here & obese & (measurer.rng.random(len(roster)) < 0.5)
    weighed: Bools = chosen | gone
    return weighed


def add_checks(measurer: Measurer) -> None:
    """Add the six checks of severe mental illness, all in one visit, and alcohol scores of some other people."""
    roster, rng, world = measurer.roster, measurer.rng, measurer.world
    ill = np.flatnonzero(measurer.lived & (measurer.has["severe_mental_illness"] <= roster.last - 200))
    checked = ill[rng.random(len(ill)) < CHECKED]
    day = roster.timeline.last_day - rng.integers(0, 340, len(checked))
    there = day <= roster.last[checked]
    checked, day = checked[there], day[there]
    visits = Visits(checked, day.astype(np.int32), (day - roster.birth[checked]) / 365.25)
    measurer.pressure(visits)
    for codelist, codes in (
        ("smi_check_bmi", ("698094009",)),
        ("smi_check_bp", ("171222001",)),
        ("smi_check_lipid", ("121868005",)),
        ("smi_check_glucose", ("43396009",)),
        ("smi_check_smoking", ()),
        ("smi_check_alcohol", ()),
    ):
        place = world.events.of_list(codelist, codes).draw(rng, len(checked))
        measurer.ledger.add("events", checked, day, place=place)
    _add_alcohol(measurer)


def _add_alcohol(measurer: Measurer) -> None:
    roster, rng = measurer.roster, measurer.rng
    adult = measurer.lived & (roster.age_years(roster.last) >= 18)
    asked: Ints = np.flatnonzero(adult & (rng.random(len(roster)) < 0.12))
    place = measurer.world.measurements.of_list("smi_check_alcohol").draw(rng, len(asked))
    score = np.minimum(rng.poisson(3.5, len(asked)), 12).astype(np.float64)
    day = roster.timeline.last_day - rng.integers(0, 700, len(asked))
    measurer.ledger.add("measurements", asked, day, place=place, value=score, unit=COUNT)
