"""Gives hospital care: admitted spells with their diagnoses, emergency attendances, outpatients, referrals, appointments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.synthetic.arrays import NEVER, Days, Floats, Ints, pick, spread
from pophealth.synthetic.calibrate import Lives
from pophealth.synthetic.diagnoses import deficits_on
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.roster import LIVED, PLANTED, VISITOR, Roster
from pophealth.synthetic.states import CVD_STATES
from pophealth.synthetic.volumes import Volume
from pophealth.synthetic.world import Reason, World

# Admission methods, destinations and specialties as read in the reference pack (patients/artificial_hes; those that begin
# with 2 are emergencies: features/hospital.toml).
EMERGENCY = (("21", "22", "28", "24", "23", "2A"), (0.79, 0.10, 0.06, 0.03, 0.01, 0.01))
PLANNED = (("11", "12", "13"), (0.45, 0.25, 0.30))
MATERNITY = (("31",), (1.0,))
METHODS = tuple(dict.fromkeys(EMERGENCY[0] + PLANNED[0] + MATERNITY[0]))
USUAL_HOME, DIED, ELSEWHERE = "19", "79", "51"
DESTINATIONS = (USUAL_HOME, DIED, ELSEWHERE)
SPECIALTIES = ("110", "130", "100", "300", "320", "501", "502", "330", "420", "340", "301", "120")
MOST_DIAGNOSES = 12
SECONDARY = 0.75
"""Chance that a state somebody has is coded as a secondary diagnosis of a spell."""
ELECTIVE_PER_YEAR, BIRTHS_PER_YEAR, ATTENDANCES_PER_YEAR, OUTPATIENTS_PER_YEAR, REFERRALS_PER_YEAR = (
    0.10,
    0.055,
    0.22,
    1.1,
    0.25,
)
CATEGORIES = ("General consultation routine", "General consultation acute", "Planned clinics", "Clinical triage")
HOME_ROUND = "Patient contact during care home round"
STATUSES = ("attended", "did_not_attend", "cancelled", "booked")
MODES = ("face_to_face", "telephone", "online", "home_visit")
ROLES = ("gp", "other_practice_staff")


def add_spells(
    rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, lives: Lives, volume: Volume
) -> None:
    """Add the emergency admissions of the true course, and planned and maternity ones of the last years."""
    place = np.full(len(lives.people), -1, np.int64)
    lived = np.flatnonzero(roster.kind == LIVED)
    place[roster.candidate[lived]] = lived
    course = lives.course
    who = place[course.admission_person]
    here = (who >= 0) & (course.admission_day <= roster.last[who])
    emergencies = who[here], course.admission_day[here], course.admission_kind[here]
    _spells(rng, world, roster, ledger, "emergency", *emergencies)
    planned, day = _contacts(rng, roster, Need(world, roster, 1.0, 0.12), ELECTIVE_PER_YEAR, volume.elective_years)
    _spells(rng, world, roster, ledger, "elective", planned, day, np.full(len(planned), -1))
    age = roster.age_years(roster.last)
    fertile = (roster.sex == 0) & (age >= 18) & (age < 44)
    born, day = _contacts(rng, roster, None, BIRTHS_PER_YEAR * fertile, min(volume.elective_years, 4.0))
    _spells(rng, world, roster, ledger, "maternity", born, day, np.full(len(born), -1))
    _attend(rng, roster, ledger, volume, emergencies[0], emergencies[1])


class Need:
    """How much care somebody needs: `base`, and `each` for every frailty deficit they have, or will have, by some day."""

    def __init__(self, world: World, roster: Roster, base: float, each: Floats | float) -> None:
        self.world, self.roster, self.base = world, roster, base
        self.each = np.broadcast_to(np.asarray(each, np.float64), (len(roster),))

    def on(self, who: Ints, day: Days) -> Floats:
        """Give the need of each of `who` on their `day`."""
        return np.asarray(self.base + self.each[who] * deficits_on(self.world, self.roster, who, day))


def _contacts(
    rng: np.random.Generator, roster: Roster, need: Need | None, per_year: Floats | float, years: float
) -> tuple[Ints, Days]:
    """Give contacts of people while registered, by a yearly rate times their need then, within the last years of the extract.

    They are drawn by the need of the last day, which is the greatest, and kept by that of their own day.
    """
    oldest = roster.timeline.last_day - np.int32(years * 365.25)
    since = np.maximum(oldest, np.maximum(roster.start, roster.timeline.first_day))
    length = np.maximum(roster.last - since, 0)
    rate = per_year * (roster.kind != PLANTED) * np.where(roster.kind == VISITOR, 0.3, 1.0)
    most = np.ones(len(roster)) if need is None else need.on(np.arange(len(roster)), roster.last)
    who, _ = spread(rng.poisson(rate * most * length / 365.25))
    day = since[who] + 1 + np.floor(rng.random(len(who)) * length[who]).astype(np.int32)
    if need is None:
        return who, day
    kept = rng.random(len(who)) * most[who] < need.on(who, day)
    return who[kept], day[kept]


def _spells(
    rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, use: str, who: Ints, day: Days, kind: Ints
) -> None:
    codes, weights = {"emergency": EMERGENCY, "elective": PLANNED, "maternity": MATERNITY}[use]
    method = np.array([METHODS.index(code) for code in codes])[pick(rng, np.array(weights), len(who))]
    age = (day - roster.birth[who]) / 365.25
    short = {"emergency": 0.32, "elective": 0.72, "maternity": 0.2}[use]
    mean = np.clip(2.0 + age / 14.0, 2.0, 9.0) if use == "emergency" else np.full(len(who), 2.5)
    stay = np.where(rng.random(len(who)) < short, 0, rng.geometric(1 / mean))
    stay = np.minimum(stay, 120)
    died = roster.died[who] <= day + stay
    discharge = np.where(died, roster.died[who], day + stay)
    still_in = discharge > roster.timeline.last_day
    elsewhere = (age > 75) & (rng.random(len(who)) < 0.06)
    destination = np.select([died, elsewhere], [1, 2], 0)
    diagnoses = _diagnoses(rng, world, roster, use, who, day, kind)
    ledger.add(
        "spells",
        who,
        day,
        method=method,
        discharge=np.where(still_in, NEVER, discharge),
        destination=np.where(still_in, -1, destination),
        **{f"diagnosis_{position + 1:02d}": diagnoses[:, position] for position in range(MOST_DIAGNOSES)},
    )


def _diagnoses(
    rng: np.random.Generator, world: World, roster: Roster, use: str, who: Ints, day: Days, kind: Ints
) -> Ints:
    """Give a primary diagnosis that fits each person and secondary ones they have: places in `world.diagnoses`, -1 for none."""
    reasons = world.reasons
    mains = [place for place, reason in enumerate(reasons) if reason.use == use]
    weight = np.stack([_fit(world, roster, reasons[place], who, day, kind) for place in mains])
    edges = np.cumsum(weight, axis=0)
    drawn = rng.random(len(who)) * edges[-1]
    primary = np.array(mains)[np.minimum((edges <= drawn[None, :]).sum(axis=0), len(mains) - 1)]
    found = np.full((len(who), MOST_DIAGNOSES), -1, np.int64)
    found[:, 0] = np.where(edges[-1] > 0, primary, -1)
    filled = np.ones(len(who), np.int64)
    for place, reason in enumerate(reasons):
        if reason.use == "also":
            has = _fit(world, roster, reason, who, day, kind) > 0
            has &= (rng.random(len(who)) < SECONDARY) & (filled < MOST_DIAGNOSES)
            rows = np.flatnonzero(has)
            found[rows, filled[rows]] = place
            filled[rows] += 1
    of_reason = np.array([world.diagnoses.index(reason.code) for reason in reasons] + [-1])
    coded: Ints = of_reason[found]
    return coded


def _fit(world: World, roster: Roster, reason: Reason, who: Ints, day: Days, kind: Ints) -> npt.NDArray[np.float64]:
    """Give the weight of a reason for each spell, 0 where it does not fit the person."""
    event, _, state = reason.needs.rpartition(":")
    if event:
        return np.where(kind == CVD_STATES.index(state), reason.weight, 0.0)
    age = (day - roster.birth[who]) / 365.25
    fits = (age >= reason.from_age) & (age < reason.to_age + 1) & (kind < 0 if reason.use == "emergency" else True)
    if reason.sex != "any":
        fits &= roster.sex[who] == ("female", "male").index(reason.sex)
    if state != "any":
        fits &= roster.onset(world.states, state)[who] <= day
    return np.where(fits, reason.weight, 0.0)


def _attend(
    rng: np.random.Generator, roster: Roster, ledger: Ledger, volume: Volume, admitted: Ints, day: Days
) -> None:
    """Add attendances at emergency departments: those that ended in admission, and others by age and deprivation."""
    through = rng.random(len(admitted)) < 0.8
    recent = day > roster.timeline.last_day - np.int32(volume.attendance_years * 365.25)
    ledger.add("attendances", admitted[through & recent], day[through & recent], department=0, outcome=0)
    age = roster.age_years(roster.last)
    rate = (
        ATTENDANCES_PER_YEAR
        * np.exp(0.1 * (5.5 - roster.decile) / 2)
        * np.select([age < 5, age < 30, age > 75], [1.7, 1.15, 1.5], 0.9)
    )
    who, when = _contacts(rng, roster, None, rate, volume.attendance_years)
    ledger.add("attendances", who, when, department=rng.integers(0, 3, len(who)), outcome=1)


def add_contacts(
    rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, volume: Volume, repeats: Ints
) -> None:
    """Add outpatient appointments, referrals and appointments at the practice."""
    age = roster.age_years(roster.last)
    # medicines come with what they are for: their number is spread over the deficits of the last day
    deficits = deficits_on(world, roster, np.arange(len(roster)), roster.last)
    ill = Need(world, roster, 0.5, 0.10 + 0.10 * repeats / np.maximum(deficits, 1))
    who, day = _contacts(rng, roster, ill, OUTPATIENTS_PER_YEAR, volume.outpatient_years)
    ledger.add(
        "outpatients",
        who,
        day,
        specialty=pick(rng, np.linspace(2, 1, len(SPECIALTIES)), len(who)),
        attended=rng.random(len(who)) < 0.92,
    )
    who, day = _contacts(rng, roster, ill, REFERRALS_PER_YEAR, volume.outpatient_years)
    ledger.add(
        "referrals",
        who,
        day,
        specialty=pick(rng, np.linspace(2, 1, len(SPECIALTIES)), len(who)),
        kind=0,
        urgent=rng.random(len(who)) < 0.08,
    )
    rate = np.select([age < 5, age < 18, age < 45, age < 65, age < 80], [4.5, 2.2, 3.8, 5.5, 8.5], 10.0)
    rate = rate * volume.appointments_factor
    ill = Need(world, roster, 0.7 + 0.3 * ill.base, 0.3 * ill.each)
    who, day = _contacts(rng, roster, ill, rate, volume.appointment_years)
    resident = roster.care_home[who] <= day
    category = pick(rng, np.array([0.55, 0.2, 0.15, 0.1]), len(who))
    ledger.add(
        "appointments",
        who,
        day,
        category=np.where(resident & (rng.random(len(who)) < 0.6), len(CATEGORIES), category),
        status=pick(rng, np.array([0.88, 0.06, 0.05, 0.01]), len(who)),
        mode=pick(rng, np.array([0.62, 0.28, 0.06, 0.04]), len(who)),
        role=pick(rng, np.array([0.48, 0.52]), len(who)),
    )
