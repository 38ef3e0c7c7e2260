"""Gives issues of medicines that follow from states: repeats every 28 or 56 days, short courses now and then."""

from __future__ import annotations

import numpy as np

from pophealth.synthetic.arrays import Bools, Days, Floats, Ints, spread
from pophealth.synthetic.diagnoses import deficits_on
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.roster import DAYS_PER_YEAR, LIVED, Roster
from pophealth.synthetic.volumes import Volume
from pophealth.synthetic.world import Regimen, World

STOPPED = 0.08
"""Share of repeats that were stopped at some time in the stretch that is on record."""
SUPPLY_MISSING, REPEAT_MISSING = 0.02, 0.01
READINESS, LEVEL, PER_DEFICIT = 0.9, 0.25, 0.15
"""How readily people are given medicines, as log odds: standard deviation, mean, and what each frailty deficit adds. The shares
of `world/regimens.csv` are those of a person with neither."""
SKIPPED = 0.03
"""Share of issues that were not asked for."""
READY_YEARS = 3.5
"""Deficits count that were there so long before the extract: what somebody will have says nothing of what they were given."""
OLD_SUPPLY = 168
"""Days from issue to issue, and of supply, in the part of the history that holds one issue in half a year."""


def add_medicines(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, volume: Volume) -> Ints:
    """Add issues, and give how many medicines each person has on repeat on their last day."""
    repeats = np.zeros(len(roster), np.int64)
    then = np.full(len(roster), roster.timeline.last_day - round(READY_YEARS * DAYS_PER_YEAR), np.int32)
    deficits = deficits_on(world, roster, np.arange(len(roster)), then)
    readiness = np.exp(rng.normal(LEVEL, READINESS, len(roster)) + PER_DEFICIT * np.minimum(deficits, 14))
    taken: dict[str, Bools] = {}
    for regimen in world.regimens:
        who, since = _takers(rng, world, roster, regimen, readiness)
        already = taken.setdefault(regimen.medicine_class, np.zeros(len(roster), np.bool_))
        fresh = ~already[who]
        who, since = who[fresh], since[fresh]
        place = world.medicine_classes[regimen.medicine_class].draw(rng, len(who))
        if not regimen.is_repeat:
            _add_courses(rng, roster, ledger, volume, who, place)
            continue
        already[who] = True
        repeats[who] += _add_repeats(rng, roster, ledger, volume, who, since, place)
    return repeats


def _takers(
    rng: np.random.Generator, world: World, roster: Roster, regimen: Regimen, readiness: Floats
) -> tuple[Ints, Days]:
    """Give who is issued the regimen's class, and since when they could be."""
    age = roster.age_years(roster.last)
    may = (roster.kind == LIVED) & (age >= regimen.from_age) & (age <= regimen.to_age)
    if regimen.state == "any":
        since = np.full(len(roster), roster.timeline.first_day, np.int32)
    else:
        row = next(row for row, state in enumerate(world.states) if state.id == regimen.state)
        since = roster.onsets[row]
        may &= (since <= roster.last) & ~roster.fades[row]
    # odds, not shares, grow with readiness: a share of 0.9 stays one
    odds = regimen.share / (1 - regimen.share) * readiness
    who = np.flatnonzero(may & (rng.random(len(roster), np.float32) < odds / (1 + odds)))
    return who, np.maximum(since[who], roster.birth[who]) + rng.integers(0, 60, len(who), np.int32)


def _add_repeats(
    rng: np.random.Generator, roster: Roster, ledger: Ledger, volume: Volume, who: Ints, since: Days, place: Ints
) -> Bools:
    """Add repeat issues; give which of them still run on their person's last day."""
    last, end = roster.last[who], roster.timeline.last_day
    window = np.int32(end - volume.medication_years * DAYS_PER_YEAR)
    oldest = np.int32(end - volume.issue_years * DAYS_PER_YEAR)
    begun_before = (since < oldest) & (since > roster.timeline.first_day)
    ledger.add(
        "medications",
        who[begun_before],
        since[begun_before],
        place=place[begun_before],
        supply=np.full(int(begun_before.sum()), 28),
        repeat=1,
    )
    interval = np.where(rng.random(len(who)) < 0.4, 28, 56)
    asked_at = rng.random(len(who))
    old_first = np.maximum(since, oldest) + np.where(since < oldest, np.floor(asked_at * OLD_SUPPLY), 0).astype(
        np.int32
    )
    old = np.maximum((window - 1 - old_first) // OLD_SUPPLY + 1, 0)
    row, number = spread(old)
    _add_issues(
        rng, roster, ledger, who[row], old_first[row] + number * OLD_SUPPLY, place[row], np.full(len(row), OLD_SUPPLY)
    )
    first = np.maximum(since, window) + np.floor(asked_at * interval).astype(np.int32)
    stopped = rng.random(len(who)) < STOPPED
    until = np.where(stopped, window + np.floor(rng.random(len(who)) * (end - window)).astype(np.int32), end)
    until = np.minimum(until, last)
    issues = np.maximum((until - first) // interval + 1, 0)
    row, number = spread(issues)
    _add_issues(rng, roster, ledger, who[row], first[row] + number * interval[row], place[row], interval[row])
    running: Bools = ~stopped & (issues > 0)
    return running


def _add_issues(
    rng: np.random.Generator, roster: Roster, ledger: Ledger, who: Ints, day: Days, place: Ints, supply: Ints
) -> None:
    """Add issues about the days they are due, but those not asked for."""
    asked = rng.random(len(who), np.float32) >= SKIPPED
    who, day, place, supply = who[asked], day[asked], place[asked], supply[asked]
    drawn = rng.random(len(who), np.float32)
    ledger.add(
        "medications",
        who,
        np.minimum(day + rng.integers(-2, 3, len(who)), roster.timeline.last_day),
        place=place,
        supply=np.where(drawn < SUPPLY_MISSING, -1, supply),
        repeat=np.where(drawn > 1 - REPEAT_MISSING, -1, 1),
    )


def _add_courses(
    rng: np.random.Generator, roster: Roster, ledger: Ledger, volume: Volume, who: Ints, place: Ints
) -> None:
    """Add short courses that are not on repeat, two of them on average in as long as every issue is on record."""
    row, _ = spread(rng.poisson(2.0 * volume.issue_years / volume.medication_years, len(who)))
    back = np.floor(rng.random(len(row)) * volume.issue_years * DAYS_PER_YEAR).astype(np.int32)
    supply = rng.choice(np.array([5, 7, 14, 28]), len(row))
    ledger.add("medications", who[row], roster.timeline.last_day - back, place=place[row], supply=supply, repeat=0)
