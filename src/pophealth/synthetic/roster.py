"""Gives the roster: everybody the extract of a network holds, where they live and when they were registered with whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.synthetic.arrays import NEVER, Bools, Days, Floats, Ints, Timeline, pick
from pophealth.synthetic.calibrate import Lives
from pophealth.synthetic.places import Places
from pophealth.synthetic.planted import Guests
from pophealth.synthetic.states import CVD_STATES, State

LIVED, PLANTED, VISITOR = 0, 1, 2
"""How a person came into the extract: by the simulated course, as a rule's archetype, only as a temporary or private patient."""
VISITOR_SHARE = 0.006
"""Visitors per registered patient."""
UNSURE_SEX = 0.0004
"""Share of people whose sex is on record as indeterminate or not known."""
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Roster:
    """Everybody, one place each, in the order of the extract. `onsets` and `fades` hold states by row.

    `sex`: 0 female, 1 male, 2 indeterminate, 3 not known. `area` is a place in the network's areas, -1 for none on record.
    `guest` is a planted person's place among the guests, `candidate` a simulated one's among the candidates; else -1.
    """

    kind: Ints
    candidate: Ints
    guest: Ints
    birth: Days
    sex: Ints
    decile: Ints
    area: Ints
    ethnicity: Ints
    smoker: Ints
    practice: Ints
    start: Days
    end: Days
    died: Days
    onsets: Days
    fades: Bools
    care_home: Days
    palliative: Days
    sbp_mmhg: Floats
    cholesterol_ratio: Floats
    bmi_kg_m2: Floats
    hba1c: Floats
    egfr: Floats
    timeline: Timeline

    def __len__(self) -> int:
        return len(self.birth)

    @cached_property
    def last(self) -> Days:
        """Last day of a person's records."""
        return np.minimum(np.minimum(self.died, self.end - 1), self.timeline.last_day)

    @cached_property
    def guest_places(self) -> Ints:
        """Place of each planted person, in the order they were drawn."""
        places = np.flatnonzero(self.kind == PLANTED)
        return places[np.argsort(self.guest[places])]

    def age_years(self, day: int | Days) -> Floats:
        """Give age on a day, as a fraction of years."""
        return (day - self.birth) / DAYS_PER_YEAR

    def onset(self, states: tuple[State, ...], name: str) -> Days:
        """Give the day a state comes on."""
        days: Days = self.onsets[next(row for row, state in enumerate(states) if state.id == name)]
        return days


class _Mixer:
    """Brings columns of candidates, guests and visitors together, in one shuffled order."""

    def __init__(self, rng: np.random.Generator, lives: Lives, guests: int) -> None:
        kept = lives.kept
        visitors = max(2, round(VISITOR_SHARE * int(lives.registered[kept].sum())))
        seen = rng.choice(kept, visitors)  # a visitor looks like somebody, and is nobody
        self.source = np.concatenate([kept, np.zeros(guests, np.int64), seen])
        self.kind = np.repeat([LIVED, PLANTED, VISITOR], [len(kept), guests, visitors])
        self.order = rng.permutation(len(self.kind))
        self.lived = self.kind == LIVED
        self.guest = np.where(self.kind == PLANTED, np.arange(len(self.kind)) - len(kept), -1)

    def of(self, values: npt.NDArray[Any], planted: npt.NDArray[Any] | int = 0) -> npt.NDArray[Any]:
        """Give a column of candidates for everybody; planted people have their own value."""
        taken: npt.NDArray[Any] = values[self.source]
        taken[self.kind == PLANTED] = planted
        return self.shuffled(taken)

    def happened(self, days: Days) -> Days:
        """Give what happened to candidates; to nobody else did it happen."""
        return self.shuffled(np.where(self.lived, days[self.source], NEVER).astype(np.int32))

    def shuffled(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give a column in the order of the extract."""
        mixed: npt.NDArray[Any] = values[self.order]
        return mixed


def make_roster(
    rng: np.random.Generator, states: tuple[State, ...], lives: Lives, guests: Guests, places: Places
) -> Roster:
    """Give everybody of a network, shuffled: nobody's place says how they came into it."""
    mixer = _Mixer(rng, lives, len(guests.birth))
    people, course, bodies = lives.people, lives.course, lives.bodies
    birth = people.birth[mixer.source]
    birth[mixer.kind == PLANTED] = guests.birth
    start, end = _stays(rng, lives, mixer.kind, mixer.source, birth)
    decile, sex, kind = (
        mixer.of(people.decile, guests.decile),
        mixer.of(people.sex, guests.sex),
        mixer.shuffled(mixer.kind),
    )
    unsure = (rng.random(len(kind)) < UNSURE_SEX) & (kind != PLANTED)
    return Roster(
        kind=kind,
        candidate=mixer.shuffled(np.where(mixer.lived, mixer.source, -1)),
        guest=mixer.shuffled(mixer.guest),
        birth=mixer.shuffled(birth),
        sex=np.where(unsure, rng.integers(2, 4, len(kind)), sex),
        decile=decile,
        area=places.draw_areas(rng, decile),
        ethnicity=mixer.of(people.ethnicity),
        smoker=mixer.of(people.smoker),
        practice=places.draw_practices(rng, decile),
        start=mixer.shuffled(start),
        end=mixer.shuffled(end),
        died=mixer.happened(course.death),
        onsets=np.stack([mixer.happened(days) for days in _with_events(states, lives)]),
        fades=np.stack([mixer.shuffled(row[mixer.source] & mixer.lived) for row in lives.fades]),
        care_home=mixer.happened(course.care_home),
        palliative=mixer.happened(course.palliative),
        sbp_mmhg=mixer.of(bodies.sbp_mmhg),
        cholesterol_ratio=mixer.of(bodies.cholesterol_ratio),
        bmi_kg_m2=mixer.of(bodies.bmi_kg_m2),
        hba1c=mixer.of(bodies.hba1c_mmol_mol),
        egfr=mixer.of(bodies.egfr),
        timeline=lives.timeline,
    )


def _with_events(states: tuple[State, ...], lives: Lives) -> list[Days]:
    """Give onset days with those of coronary disease, stroke and TIA that the course itself brought."""
    rows = [days.copy() for days in lives.onsets]
    course = lives.course
    for row, state in enumerate(states):
        if state.id in CVD_STATES:
            mine = course.event_kind == CVD_STATES.index(state.id)
            np.minimum.at(rows[row], course.event_person[mine], course.event_day[mine])
    return rows


def _stays(rng: np.random.Generator, lives: Lives, kind: Ints, source: Ints, birth: Days) -> tuple[Days, Days]:
    """Give first day registered and first day no longer registered of everybody's main stay."""
    timeline = lives.timeline
    entry, leave = lives.people.entry[source], lives.people.leave[source]
    share = rng.random(len(kind))
    came = timeline.day_in(np.maximum(entry - 1, 0), share)
    before = timeline.first_day - np.floor(share * 25 * DAYS_PER_YEAR).astype(np.int32)
    start = np.where(entry == 0, before, came)
    planted = timeline.index_day - rng.integers(400, 4000, len(kind))
    start = np.where(kind == PLANTED, planted, start)
    start = np.maximum(start, birth + rng.integers(0, 20, len(kind)))
    known = timeline.ends[np.minimum(entry, timeline.steps)]  # a newborn is registered by the step it enters in
    start = np.where(kind == LIVED, np.minimum(start, np.maximum(known, birth)), start)
    start = np.where(kind == VISITOR, timeline.index_day - rng.integers(5, 80, len(kind)), start)
    left = timeline.ends[np.minimum(leave, timeline.steps)] + 1 + rng.integers(0, 27, len(kind))
    end = np.where((kind == LIVED) & (leave < timeline.steps), left, NEVER)
    end = np.where(kind == VISITOR, start + pick(rng, np.ones(80), len(kind)) + 14, end)
    died = np.where(kind == LIVED, lives.course.death[source], NEVER)
    end = np.where((died < NEVER) & (died <= end), died + 1 + rng.integers(0, 14, len(kind)), end)
    return start.astype(np.int32), np.where(end > timeline.last_day, NEVER, end).astype(np.int32)
