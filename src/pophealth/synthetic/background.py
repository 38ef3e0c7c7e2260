"""Gives what is on most records: ethnicity, smoking, reviews, declines, screening, plans and noise."""

from __future__ import annotations

import numpy as np

from pophealth.synthetic.arrays import NEVER, Bools, Days, Ints, spread
from pophealth.synthetic.diagnoses import deficits_on
from pophealth.synthetic.hospital import SPECIALTIES
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.roster import PLANTED, VISITOR, Roster
from pophealth.synthetic.states import ETHNICITIES
from pophealth.synthetic.words import LESS, NONE, UG_G
from pophealth.synthetic.world import SMOKING_CODES, World

ETHNICITY_RECORDED = 0.93
NOT_STATED_AFTER, NEVER_STATED = 0.03, 0.25
"""Share of stated ethnicities followed by "not stated", and of unrecorded ones where it was asked and refused."""

SMOKING_ASKED_YEARS = 4.0

SCREENED = 0.69
"""Cervical coverage (service-specs 11.4)."""


GENERAL_SURGERY = SPECIALTIES.index("100")


def add_background(
    rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, silent: Bools, repeats: Ints
) -> None:
    """Add everything of this module.

    Parameters
    ----------
    silent
        Planted people whose archetype wants no ethnicity on record.
    repeats
        How many medicines on repeat each person has.
    """
    add_ethnicity(rng, world, roster, ledger, silent)
    add_smoking(rng, world, roster, ledger)
    add_screening(rng, world, roster, ledger)
    add_reviews(rng, world, roster, ledger, repeats)
    add_offers(rng, world, roster, ledger)
    add_cancer_pathway(rng, world, roster, ledger)


def _recent(rng: np.random.Generator, roster: Roster, who: Ints, years: float) -> Days:
    """Give a day for each of `who` within the last years of the extract; who is gone by then, is not seen on it."""
    days: Days = roster.timeline.last_day - np.floor(rng.random(len(who)) * years * 365.25).astype(np.int32)
    return days


def _some(rng: np.random.Generator, mask: Bools, share: float) -> Ints:
    return np.flatnonzero(mask & (rng.random(len(mask)) < share))


def add_ethnicity(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, silent: Bools) -> None:
    """Add stated ethnicity for most, "not stated" after it for some, and refusals without one."""
    asked = rng.random(len(roster)) < ETHNICITY_RECORDED
    stated = np.where(roster.kind == PLANTED, ~silent, asked & (roster.kind != VISITOR))
    lived = roster.timeline.last_day - np.maximum(roster.start, roster.birth)
    day = np.maximum(roster.start, roster.birth) + np.floor(rng.random(len(roster)) * np.maximum(lived, 1) * 0.8)
    day = day.astype(np.int32)
    for group, name in enumerate(ETHNICITIES):
        who = np.flatnonzero(stated & (roster.ethnicity == group))
        ledger.add("events", who, day[who], place=world.events.of_list(f"ethnicity_{name}").draw(rng, len(who)))
    refused = world.events.of_list("ethnicity_not_stated", ("1024701000000100", "763726001"))
    later = np.flatnonzero(stated & (roster.kind != PLANTED) & (rng.random(len(roster)) < NOT_STATED_AFTER))
    after = day[later] + 1 + np.floor(rng.random(len(later)) * np.maximum(roster.last[later] - day[later], 1))
    ledger.add("events", later, after.astype(np.int32), place=refused.draw(rng, len(later)))
    never = np.flatnonzero(~stated & ~silent & (rng.random(len(roster)) < NEVER_STATED))
    ledger.add("events", never, day[never], place=refused.draw(rng, len(never)))


def add_smoking(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add smoking status of current and former smokers, asked for every few years, and assessments of it."""
    adult = (roster.age_years(roster.last) >= 16) & (roster.kind != PLANTED)
    for status, codes in SMOKING_CODES.items():
        who = _some(rng, adult & (roster.smoker == status), 0.8)
        place = world.events.of_codes(codes, "SNOMED").draw(rng, len(who))
        day = _recent(rng, roster, who, SMOKING_ASKED_YEARS)
        for turn in range(1 + int(roster.timeline.years / SMOKING_ASKED_YEARS)):
            then = day - np.int32(turn * SMOKING_ASKED_YEARS * 365.25)
            old_enough = (then > roster.timeline.first_day) & (then - roster.birth[who] >= 16 * 365.25)
            ledger.add("events", who[old_enough], then[old_enough], place=place[old_enough])
    assessed = _some(rng, adult, 0.16)
    place = world.events.of_list("smi_check_smoking").draw(rng, len(assessed))
    ledger.add("events", assessed, _recent(rng, roster, assessed, 2.0), place=place)


def add_screening(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add cervical samples, declines, third invitations and hysterectomies, and when people are next due."""
    age = roster.age_years(roster.last)
    women = (roster.sex == 0) & (age >= 25) & (age < 70) & (roster.kind != PLANTED)
    taken = _some(rng, women, SCREENED)
    interval = np.where(age[taken] < 50, 3.0, 5.0)
    sampled = roster.timeline.last_day - np.floor(rng.random(len(taken)) * (interval + 0.4) * 365.25).astype(np.int32)
    smear = world.events.of_list("cervical_smear")
    ledger.add("events", taken, sampled, place=smear.draw(rng, len(taken)))
    again = rng.random(len(taken)) < 0.7
    older = sampled[again] - np.floor(interval[again] * 365.25).astype(np.int32)
    young_then = (older - roster.birth[taken[again]]) / 365.25 >= 24.5
    ledger.add("events", taken[again][young_then], older[young_then], place=smear.draw(rng, int(young_then.sum())))
    late = np.setdiff1d(np.flatnonzero(women), taken)
    for name, share in (("cervical_screening_declined", 0.10), ("cervical_third_invite", 0.12)):
        who = late[rng.random(len(late)) < share]
        ledger.add("events", who, _recent(rng, roster, who, 2.0), place=world.events.of_list(name).draw(rng, len(who)))
    gone = _some(rng, women & (age >= 40), 0.04)
    none_left = world.events.of_list("cervical_screening_not_applicable").draw(rng, len(gone))
    ledger.add("events", gone, _recent(rng, roster, gone, 8.0), place=none_left)
    due = _some(rng, women, 0.6)
    ledger.add("next_tests", due, roster.last[due], programme=2, due=_due(rng, roster, due))
    bowel = _some(rng, (age >= 50) & (age < 75) & (roster.kind != PLANTED), 0.6)
    ledger.add("next_tests", bowel, roster.last[bowel], programme=0, due=_due(rng, roster, bowel))
    breast = _some(rng, (roster.sex == 0) & (age >= 50) & (age < 71) & (roster.kind != PLANTED), 0.6)
    ledger.add("next_tests", breast, roster.last[breast], programme=1, due=_due(rng, roster, breast))


def _due(rng: np.random.Generator, roster: Roster, who: Ints) -> Days:
    return (roster.last[who] + rng.integers(-500, 1_000, len(who))).astype(np.int32)


def add_reviews(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, repeats: Ints) -> None:
    """Add medication reviews, structured ones for those they are meant for, and care plans of residents."""
    alive = roster.kind != PLANTED
    resident = (roster.care_home <= roster.last) & (roster.care_home < NEVER)
    plain = _some(rng, alive & (repeats > 0), 0.55)
    usual = world.events.of_list("medication_review", ("314530002", "182836005", "719329004"))
    ledger.add("events", plain, _recent(rng, roster, plain, 1.3), place=usual.draw(rng, len(plain)))
    structured = world.events.of_list("structured_medication_review")
    frail = deficits_on(world, roster, np.arange(len(roster)), roster.last) >= 10
    meant_for = (
        (alive & (repeats >= 10), 0.42),
        (alive & resident, 0.45),
        (alive & frail, 0.35),
        (alive & (repeats >= 5), 0.08),
    )
    for mask, share in meant_for:
        who = _some(rng, mask, share)
        ledger.add("events", who, _recent(rng, roster, who, 1.0), place=structured.draw(rng, len(who)))
    for name, mask, share in (
        ("structured_medication_review_declined", alive & (repeats >= 5), 0.03),
        ("pcsp_agreed", alive & resident, 0.74),
        ("pcsp_reviewed", alive & resident, 0.55),
        ("pcsp_declined", alive & resident, 0.03),
        ("care_home_alignment_declined", alive & resident, 0.02),
    ):
        who = _some(rng, mask, share)
        ledger.add("events", who, _recent(rng, roster, who, 0.9), place=world.events.of_list(name).draw(rng, len(who)))


def add_offers(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add social prescribing, and what people decline or cannot take."""
    adult = (roster.age_years(roster.last) >= 18) & (roster.kind != PLANTED)
    need = 0.012 + 0.003 * np.maximum(5.5 - roster.decile, 0)
    referred = np.flatnonzero(adult & (rng.random(len(roster)) < need * 2.0))
    place = world.events.of_list("social_prescribing_referral").draw(rng, len(referred))
    ledger.add("events", referred, _recent(rng, roster, referred, 1.6), place=place)
    for name, share, codes in (
        ("social_prescribing_declined", 0.003, ()),
        ("statin_declined", 0.02, ()),
        ("statin_intolerance", 0.008, ("117241000000100",)),
        ("statin_contraindication_persisting", 0.003, ("293432006",)),
        ("statin_contraindication_expiring", 0.003, ("315363002",)),
        ("bp_monitoring_declined", 0.005, ()),
    ):
        who = _some(rng, adult & (roster.age_years(roster.last) >= 40), share)
        place = world.events.of_list(name, codes).draw(rng, len(who))
        ledger.add("events", who, _recent(rng, roster, who, 2.5), place=place)


def add_cancer_pathway(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add urgent lower gastro-intestinal referrals, most with a FIT in the three weeks before."""
    referred = _some(rng, (roster.age_years(roster.last) >= 35) & (roster.kind != PLANTED), 0.012)
    day = _recent(rng, roster, referred, 1.5)
    urgent = world.events.of_list("lower_gi_urgent_referral", ("892201000000106", "276401000000108"))
    ledger.add("events", referred, day, place=urgent.draw(rng, len(referred)))
    ledger.add("referrals", referred, day, specialty=GENERAL_SURGERY, kind=1, urgent=1)
    tested = rng.random(len(referred)) < 0.80
    fit = world.measurements.of_list("fit_test").draw(rng, int(tested.sum()))
    value = np.round(np.exp(rng.normal(2.6, 1.3, int(tested.sum()))), 0)
    low = value < 4
    before = day[tested] - rng.integers(0, 20, int(tested.sum()))
    ledger.add(
        "measurements",
        referred[tested],
        before,
        place=fit,
        value=np.where(low, 4.0, np.minimum(value, 400.0)),
        unit=UG_G,
        comparator=np.where(low, LESS, NONE),
    )
    for name, share in (("fit_declined", 0.25), ("fit_not_indicated", 0.25)):
        who = referred[~tested & (rng.random(len(referred)) < share)]
        later = day[np.searchsorted(referred, who)]
        ledger.add("events", who, later, place=world.events.of_list(name).draw(rng, len(who)))


def add_noise(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, count: int) -> None:
    """Add `count` made-up concepts, more for those who have more to do with their practice."""
    weight = rng.gamma(1.4, 1.0, len(roster)) * (0.4 + roster.age_years(roster.last) / 60.0)
    weight[roster.kind == VISITOR] *= 0.1
    since = np.where(roster.kind == VISITOR, roster.start, np.maximum(roster.timeline.first_day, roster.birth))
    weight *= np.clip((roster.last - since) / max(roster.timeline.index_day - roster.timeline.first_day, 1), 0.02, 1.0)
    who, _ = spread(rng.multinomial(max(count, 0), weight / weight.sum()))
    day = since[who] + np.floor(rng.random(len(who)) * np.maximum(roster.last[who] - since[who] + 1, 1)).astype(
        np.int32
    )
    ledger.add("events", who, day, place=world.filler.draw(rng, len(who)))
