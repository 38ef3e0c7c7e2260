"""Gives coded events that follow from states and the course: diagnoses, resolving codes, falls, frailty, where people live."""

from __future__ import annotations

import numpy as np

from pophealth.synthetic.arrays import NEVER, Bools, Days, Ints, spread
from pophealth.synthetic.codes import Choice
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.roster import Roster
from pophealth.synthetic.states import State
from pophealth.synthetic.world import World

RECURRENT_FALLS_PER_YEAR = 0.32
FALLS_ASSESSED = 0.42
FRAILTY_FROM_DEFICITS = {"frailty_mild": 5.6, "frailty_moderate": 8.5, "frailty_severe": 12.2}
"""A clinician's impression of frailty follows the number of deficits, with an error of `FRAILTY_ERROR`."""
FRAILTY_ERROR, FRAILTY_CODED = 1.6, 0.72
SCALED = 0.12
"""Share of coded frailty that also has a level of the Clinical Frailty Scale."""


def add_diagnoses(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add a diagnosis for every state on the day it comes on, and the codes that resolve some."""
    for row, state in enumerate(world.states):
        who = np.flatnonzero(roster.onsets[row] <= roster.last)
        day = roster.onsets[row, who]
        usual, early, deficit = world.state_codes[state.id]
        place = usual.draw(rng, len(who))
        if early is not None:
            young = roster.age_years(roster.onsets[row])[who] < state.early_before
            place[young] = early.draw(rng, int(young.sum()))
        ledger.add("events", who, day, place=place)
        if deficit is not None:
            shown = np.isin(place, _places_of(world, f"efi_{state.deficit}"))
            unseen = who[~shown]
            ledger.add("events", unseen, day[~shown], place=deficit.draw(rng, len(unseen)))
        if state.resolved_by:
            _resolve(rng, world, roster, ledger, state, who[roster.fades[row, who]], row)


def _places_of(world: World, codelist: str) -> Ints:
    codes = world.library.get(codelist).codes.select("code", "code_system").rows()
    return np.array([world.events.place(code, system) for code, system in codes])


def _resolve(
    rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, state: State, who: Ints, row: int
) -> None:
    """Resolve a state some time before the extract ends, for those still there; where there is no room, it stands."""
    room = roster.timeline.last_day - 30 - roster.onsets[row, who]
    who = who[room > 60]
    room = room[room > 60]
    day = roster.onsets[row, who] + 30 + np.floor(rng.random(len(who)) * room).astype(np.int32)
    ledger.add("events", who, day, place=world.events.of_list(str(state.resolved_by)).draw(rng, len(who)))


def add_repeats(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger, count: int) -> None:
    """Add `count` later records of states that people have and that no code has resolved: problems are coded again and again."""
    rows = [row for row, state in enumerate(world.states) if state.register and not state.only_with]
    states, who = np.nonzero((roster.onsets[rows] <= roster.last - 60) & ~roster.fades[rows])
    if not len(who) or count <= 0:
        return
    chosen = rng.integers(0, len(who), count)
    person, state = who[chosen], np.array(rows)[states[chosen]]
    since = np.maximum(roster.onsets[state, person] + 30, roster.timeline.first_day)
    day = since + np.floor(rng.random(count) * np.maximum(roster.last[person] - since, 1)).astype(np.int32)
    place = np.zeros(count, np.int32)
    for row in rows:
        mine = state == row
        place[mine] = world.state_codes[world.states[row].id][0].draw(rng, int(mine.sum()))
    ledger.add("events", person, day, place=place)


def add_falls(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add later falls of those who fall, and risk assessments after some falls."""
    onset = roster.onset(world.states, "falls")
    since = np.maximum(onset, roster.timeline.first_day)
    years = np.maximum(roster.last - since, 0) / 365.25 * (onset < NEVER)
    who, _ = spread(rng.poisson(RECURRENT_FALLS_PER_YEAR * years))
    day = since[who] + np.floor(rng.random(len(who)) * np.maximum(roster.last[who] - since[who], 1)).astype(np.int32)
    ledger.add("events", who, day, place=world.events.of_list("falls", ("1912002", "279992002")).draw(rng, len(who)))
    assessed = rng.random(len(who)) < FALLS_ASSESSED
    after = day[assessed] + rng.integers(1, 90, int(assessed.sum()))
    code = world.events.of_list("falls_risk_assessment", ("414191008", "408555007"))
    ledger.add("events", who[assessed], after, place=code.draw(rng, int(assessed.sum())))


def deficits_on(world: World, roster: Roster, who: Ints, day: Days) -> Ints:
    """Give the number of frailty deficits on record for each of `who` on their `day`."""
    groups: dict[str, list[int]] = {}
    for row, state in enumerate(world.states):
        if state.deficit:
            groups.setdefault(state.deficit, []).append(row)
    count = np.zeros(len(who), np.int64)
    for rows in groups.values():
        count += roster.onsets[rows][:, who].min(axis=0) <= day
    return count


def add_frailty(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add frailty as clinicians code it at 65 and over, some of it twice as it grows, some with a level of the scale."""
    timeline = roster.timeline
    for back in (4.5, 1.5):
        day = timeline.last_day - np.floor(rng.random(len(roster)) * back * 365).astype(np.int32)
        asked = (roster.age_years(day) >= 65) & (day > timeline.first_day) & (rng.random(len(roster)) < FRAILTY_CODED)
        who = np.flatnonzero(asked)
        impression = deficits_on(world, roster, who, day[who]) + rng.normal(0.0, FRAILTY_ERROR, len(who))
        for name, grade in _grades(impression).items():
            frail = who[grade]
            ledger.add("events", frail, day[frail], place=world.events.one(name))
        _add_scale(rng, world, ledger, who, day[who], impression)


def _grades(impression: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, Bools]:
    limits = [*FRAILTY_FROM_DEFICITS.values(), np.inf]
    return {
        name: (impression >= limits[place]) & (impression < limits[place + 1])
        for place, name in enumerate(FRAILTY_FROM_DEFICITS)
    }


def _add_scale(
    rng: np.random.Generator,
    world: World,
    ledger: Ledger,
    who: Ints,
    day: Days,
    impression: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    level = np.select([impression >= 15, impression >= 13, impression >= 11, impression < 1.0], [9, 8, 7, 1], 0)
    scaled = (level > 0) & (rng.random(len(who)) < SCALED)
    for number in (1, 7, 8, 9):
        mine = scaled & (level == number)
        ledger.add("events", who[mine], day[mine], place=world.events.one(f"cfs_{number}"))


def add_homes(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add living status: care homes for good, stays there for a time, and coming home again."""
    who = np.flatnonzero(roster.care_home <= roster.last)
    nursing = rng.random(len(who)) < 0.45
    for name, mine in (("care_home_nursing", nursing), ("care_home_residential", ~nursing)):
        ledger.add("events", who[mine], roster.care_home[who[mine]], place=world.events.one(name))
        again = who[mine & (rng.random(len(who)) < 0.5)]
        ledger.add("events", again, roster.care_home[again] + 300, place=world.events.one(name))
    old = roster.age_years(roster.timeline.index_day) >= 70
    guests = np.flatnonzero(old & (rng.random(len(roster)) < 0.012))
    day = roster.timeline.index_day - rng.integers(20, 900, len(guests))
    at_home = day + 60 < roster.care_home[guests]
    guests, day = guests[at_home], day[at_home]
    ledger.add("events", guests, day, place=world.events.one("care_home_temporary"))
    home = rng.random(len(guests)) < 0.6
    back = world.events.of_list("lives_elsewhere", ("160943002",)).draw(rng, int(home.sum()))
    ledger.add("events", guests[home], day[home] + rng.integers(14, 60, int(home.sum())), place=back)


def add_palliative(rng: np.random.Generator, world: World, roster: Roster, ledger: Ledger) -> None:
    """Add the palliative care record that the course brought."""
    who = np.flatnonzero(roster.palliative <= roster.last)
    code: Choice = world.events.of_list("palliative_care", ("103735009", "713058002", "713673000"))
    ledger.add("events", who, roster.palliative[who], place=code.draw(rng, len(who)))
    again = who[rng.random(len(who)) < 0.5]
    ledger.add(
        "events", again, roster.palliative[again] + rng.integers(20, 200, len(again)), place=code.draw(rng, len(again))
    )
