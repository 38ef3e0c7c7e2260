"""Gives measurements: what reviews find, in the units and with the comparators that records carry them in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pophealth.synthetic import hazards
from pophealth.synthetic.arrays import Bools, Days, Floats, Ints, spread
from pophealth.synthetic.codes import SYNTHETIC
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.roster import LIVED, Roster
from pophealth.synthetic.states import CVD, OLDEST
from pophealth.synthetic.volumes import Volume
from pophealth.synthetic.words import (
    AMBULATORY,
    CLINIC,
    COUNT,
    EGFR_UNIT,
    G_L,
    HOME,
    KG_M2,
    KG_M2_ALSO,
    LESS,
    MMHG,
    MMHG_ALSO,
    MMOL_L,
    MMOL_MOL,
    MORE,
    NONE,
    PERCENT,
    UMOL_L,
)
from pophealth.synthetic.world import LABORATORY_CODES, World

SPELT_OTHERWISE, UNIT_MISSING = 0.02, 0.01

# Pairs of codes of the shipped lists, by setting: systolic, diastolic.
PAIRS = {
    CLINIC: ("271649006", "271650006"),
    HOME: ("413606001", "271650006"),  # the list of diastolic codes holds none of its own for home
    AMBULATORY: ("314464000", "314465004"),
}
REVIEWED, BETWEEN_REVIEWS = 0.82, 0.30
"""Share of people with a long-term condition who have their yearly review, and how often a year they are measured beside."""
FOLLOWED_UP = 0.55
"""Share of raised clinic readings without a diagnosis that home or ambulatory readings follow within six months."""
MEAN_RATIO = 4.0
"""Total over HDL cholesterol of a person without deviation."""
LONG_TERM = (
    "hypertension",
    "diabetes",
    "coronary_heart_disease",
    "stroke",
    "tia",
    "chronic_kidney_disease",
    "atrial_fibrillation",
    "heart_failure",
    "peripheral_arterial_disease",
    "copd",
    "severe_mental_illness",
)


@dataclass(frozen=True)
class Visits:
    """Occasions on which somebody is measured, one place each."""

    who: Ints
    day: Days
    age: Floats


class Measurer:
    """Adds the measurements of a network's reviews to its ledger."""

    def __init__(self, rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, volume: Volume) -> None:
        self.rng, self.world, self.roster, self.ledger, self.volume = rng, world, roster, ledger, volume
        self.has = {name: roster.onset(world.states, name) for name in LONG_TERM}
        self.has["ndh"] = roster.onset(world.states, "non_diabetic_hyperglycaemia")
        self.long_term_since: Days = np.min([self.has[name] for name in LONG_TERM], axis=0)
        self.long_term: Bools = self.long_term_since <= roster.last
        self.lived = roster.kind == LIVED

    def add(
        self, visits: Visits, codelist: str, codes: tuple[str, ...], value: Floats, unit: int, **more: Ints
    ) -> None:
        """Add one measurement at each visit, its unit now and then missing or spelt in another way."""
        size = len(visits.who)
        drawn = self.rng.random(size, np.float32)
        spelt = {MMHG: MMHG_ALSO, KG_M2: KG_M2_ALSO}.get(unit, unit)
        units = np.where(drawn < SPELT_OTHERWISE, spelt, np.where(drawn > 1 - UNIT_MISSING, NONE, unit))
        place = self.world.measurements.of_list(codelist, codes).draw(self.rng, size)
        self.ledger.add("measurements", visits.who, visits.day, place=place, value=value, unit=units, **more)

    def some(self, visits: Visits, share: Floats | float) -> Visits:
        """Give a share of the visits."""
        chosen = self.rng.random(len(visits.who)) < share
        return Visits(visits.who[chosen], visits.day[chosen], visits.age[chosen])

    def had(self, visits: Visits, *names: str) -> Bools:
        """Give at which visits the person had one of some states."""
        first = np.min([self.has[name] for name in names], axis=0)
        return np.asarray(first[visits.who] <= visits.day)

    def visits(self) -> Visits:
        """Give everybody's reviews: nearly yearly with a long-term condition, now and then without."""
        roster, years = self.roster, self.volume.review_years
        age = roster.age_years(roster.last)
        rate = np.select([age >= 65, age >= 40, age >= 18], [0.42, 0.28, 0.14], 0.01) + 0.1 * (
            (roster.sex == 0) & (age >= 18) & (age < 45)
        )
        most = np.where(self.long_term, np.maximum(rate, BETWEEN_REVIEWS), rate)
        who, _ = spread(self.rng.poisson(most * self.volume.reviews_factor * self.lived * years))
        end = roster.timeline.last_day
        day = end - np.floor(self.rng.random(len(who)) * years * 365.25).astype(np.int32)
        wanted = np.where(self.long_term_since[who] <= day, most[who], rate[who])
        kept = self.rng.random(len(who)) * most[who] < wanted  # nobody is reviewed for what they do not have yet
        due, back = np.nonzero((self.long_term & self.lived)[:, None] & np.ones(max(round(years), 1), np.bool_))
        reviewed = self.rng.random(len(due)) < REVIEWED
        due, back = due[reviewed], back[reviewed]
        yearly = (end - np.floor(365.25 * back) - self.rng.integers(0, 350, len(due))).astype(np.int32)
        has_it = self.long_term_since[due] <= yearly
        who, day = np.concatenate([who[kept], due[has_it]]), np.concatenate([day[kept], yearly[has_it]])
        inside = (day > np.maximum(roster.birth[who], roster.timeline.first_day)) & (day <= roster.last[who])
        who, day = who[inside], day[inside]
        return Visits(who, day, (day - roster.birth[who]) / 365.25)

    def pressure(self, visits: Visits) -> None:
        """Add pairs of pressures, in clinic, at home and ambulatory, and what follows a raised one."""
        adult = visits.age >= 16
        seen = Visits(visits.who[adult], visits.day[adult], visits.age[adult])
        treated = self.had(seen, "hypertension")
        expected = 113 + 0.36 * (seen.age - 20) + self.roster.sbp_mmhg[seen.who]
        level = np.where(treated, 131 + 0.4 * (expected - 131), np.minimum(expected, 150))
        systolic = np.round(level + self.rng.normal(0.0, 7.5, len(seen.who)))
        diastolic = np.round(42 + 0.28 * systolic - 0.12 * (seen.age - 50) + self.rng.normal(0.0, 6.0, len(seen.who)))
        diastolic = np.minimum(diastolic, systolic - 12)
        at_home = treated & (self.rng.random(len(seen.who)) < 0.2)
        self._pair(seen, systolic, diastolic, np.where(at_home, HOME, CLINIC))
        raised = ((systolic >= 140) | (diastolic >= 90)) & ~treated
        followed = raised & (self.rng.random(len(seen.who)) < FOLLOWED_UP)
        after = seen.day[followed] + self.rng.integers(5, 160, int(followed.sum()))
        again = Visits(seen.who[followed], after, seen.age[followed])
        setting = np.where(self.rng.random(len(again.who)) < 0.85, HOME, AMBULATORY)
        calmer = self.rng.integers(4, 14, len(again.who))
        self._pair(again, systolic[followed] - calmer, diastolic[followed] - calmer // 2, setting)

    def _pair(self, visits: Visits, systolic: Floats, diastolic: Floats, setting: Ints) -> None:
        minute = 8 * 60 + 5 * self.rng.integers(0, 126, len(visits.who))
        timed = np.where(self.rng.random(len(visits.who)) < 0.9, minute, NONE)
        for place, codes in PAIRS.items():
            mine = setting == place
            here = Visits(visits.who[mine], visits.day[mine], visits.age[mine])
            said = np.where(self.rng.random(len(here.who)) < 0.85, place, NONE)
            for codelist, code, value in (("systolic_bp", codes[0], systolic), ("diastolic_bp", codes[1], diastolic)):
                held = np.clip(value[mine], 40, 260)
                self.add(here, codelist, (code,), held, MMHG, setting=said, minute=timed[mine])

    def blood(self, visits: Visits) -> None:
        """Add HbA1c, kidney function and cholesterol."""
        roster, rng = self.roster, self.rng
        diabetic, border = self.had(visits, "diabetes"), self.had(visits, "ndh")
        sugar = self.some(visits, np.select([diabetic, border, visits.age >= 40], [0.85, 0.7, 0.10], 0.01))
        ill, near = self.had(sugar, "diabetes"), self.had(sugar, "ndh")
        level = np.select([ill, near], [57.0, 44.0], 36.5)
        width = np.select([ill, near], [12.0, 1.6], 2.6)
        value = np.round(level + width * (0.8 * roster.hba1c[sugar.who] + 0.6 * rng.normal(size=len(sugar.who))))
        self.add(sugar, "hba1c", (), np.clip(value, 24, 150), MMOL_MOL)
        watched = self.had(visits, "hypertension", "diabetes", "chronic_kidney_disease", "heart_failure")
        kidney = self.some(visits, np.where(watched, 0.6, 0.12))
        weak = self.had(kidney, "chronic_kidney_disease")
        spread_out = 9 * roster.egfr[kidney.who] + 5 * rng.normal(size=len(kidney.who))
        egfr = np.round(np.where(weak, 46, 104 - 0.55 * np.maximum(kidney.age - 30, 0)) + spread_out)
        egfr = np.where(weak, np.clip(egfr, 8, 72), np.clip(egfr, 48, 125))
        over = egfr > 90
        self.add(
            kidney,
            "egfr",
            ("857971000000104",),
            np.where(over, 90, egfr),
            EGFR_UNIT,
            comparator=np.where(over, MORE, NONE),
        )
        creatinine = np.round(np.clip(7_600 / np.maximum(egfr, 8) + rng.normal(0.0, 4.0, len(egfr)), 35, 600))
        self.add(kidney, "serum_creatinine", ("1000731000000107",), creatinine, UMOL_L)
        self._haemoglobin(visits, watched)
        self._fats(visits)

    def _haemoglobin(self, visits: Visits, watched: Bools) -> None:
        roster, rng = self.roster, self.rng
        bled = self.some(visits, np.where(watched, 0.35, np.where(visits.age >= 16, 0.08, 0.01)))
        pale = roster.onset(self.world.states, "anaemia")[bled.who] <= bled.day
        usual = np.where(roster.sex[bled.who] == 1, 148.0, 134.0) - 0.15 * np.maximum(bled.age - 60, 0)
        level = np.round(usual - 26.0 * pale + rng.normal(0.0, 10.0, len(bled.who)))
        self.add(bled, "haemoglobin", (), np.clip(level, 45, 200), G_L)

    def _fats(self, visits: Visits) -> None:
        roster, rng = self.roster, self.rng
        fats = self.some(
            visits,
            np.where(self.long_term_since[visits.who] <= visits.day, 0.45, np.where(visits.age >= 40, 0.14, 0.02)),
        )
        total = np.round(
            np.clip(4.9 + 0.5 * roster.cholesterol_ratio[fats.who] + rng.normal(0, 0.6, len(fats.who)), 2.0, 11), 1
        )
        self.add(fats, "total_cholesterol", ("1005671000000105", "114711000000101"), total, MMOL_L)
        # the deviation that the hazard of an event hangs on, as a laboratory would report it
        ratio = np.clip(MEAN_RATIO + roster.cholesterol_ratio[fats.who] + rng.normal(0, 0.2, len(fats.who)), 1.2, 12)
        self.add(fats, "hdl_cholesterol", ("1005681000000107",), np.round(total / ratio, 1), MMOL_L)
        self.add(fats, "total_hdl_ratio", (), np.round(ratio, 1), COUNT)

    def risk(self, visits: Visits) -> None:
        """Add recorded ten-year risks of those without cardiovascular disease."""
        free = ~self.had(visits, "coronary_heart_disease", "stroke", "tia", "peripheral_arterial_disease")
        asked = free & (visits.age >= 40) & (visits.age < 85)
        seen = self.some(visits, np.where(asked, 0.22, np.where(free & (visits.age >= 25), 0.01, 0.0)))
        roster, who = self.roster, seen.who
        log_rate = (
            hazards.INTERCEPT[CVD]
            + hazards.AGE[CVD, np.clip(seen.age + 5, 0, OLDEST).astype(np.int64)]
            + hazards.MALE[CVD] * (roster.sex[who] == 1)
            + hazards.QUINTILE[CVD] * (3 - (roster.decile[who] + 1) // 2)
            + hazards.SMOKER[CVD] * (roster.smoker[who] == 2)
            + hazards.SBP_PER_MMHG * roster.sbp_mmhg[who]
            + hazards.RATIO_PER_UNIT * roster.cholesterol_ratio[who]
            + 0.5 * self.had(seen, "diabetes")
        )
        percent = 100 * -np.expm1(-120 * np.exp(log_rate + self.rng.normal(0.0, 0.15, len(who))))
        self.add(
            seen, "qrisk_score", ("1085871000000105", "718087004"), np.round(np.clip(percent, 0.1, 95), 1), PERCENT
        )

    def laboratory(self) -> None:
        """Add results of made-up laboratory tests, as many as the volume asks for."""
        rng, roster = self.rng, self.roster
        weight = self.lived * (1.0 + 2.0 * self.long_term)
        count = int(self.volume.laboratory_rows * len(roster))
        who, _ = spread(rng.multinomial(count, weight / weight.sum()))
        years = self.volume.review_years
        day = roster.timeline.last_day - np.floor(rng.random(len(who)) * years * 365.25).astype(np.int32)
        place = self.world.measurements.of_codes(LABORATORY_CODES, SYNTHETIC).draw(rng, len(who))
        value = np.round(np.exp(rng.normal(3.0, 0.8, len(who))), 1)
        low = rng.random(len(who)) < 0.02
        self.ledger.add(
            "measurements", who, day, place=place, value=value, unit=COUNT, comparator=np.where(low, LESS, NONE)
        )
