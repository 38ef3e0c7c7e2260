"""Gives the people of a network as they lived: states scaled until the registers have England's size, then one true course."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pophealth.synthetic.arrays import Bools, Days, Floats, Ints, Timeline, stream
from pophealth.synthetic.bodies import Bodies, draw_bodies
from pophealth.synthetic.course import Course, March
from pophealth.synthetic.england import CARE_HOME_SHARE, QOF
from pophealth.synthetic.hazards import Fixed, fixed_parts
from pophealth.synthetic.onsets import DAYS_PER_YEAR, Liabilities, draw_liabilities, onset_days
from pophealth.synthetic.people import STRATA, People, draw_people
from pophealth.synthetic.states import CARE_HOME, CVD, CVD_STATES, OLDEST, OUTCOMES, PALLIATIVE, State

PASSES = 3
"""Times the course is walked to find the scales before it is walked for good."""


@dataclass(frozen=True)
class Lives:
    """Everybody of a network who was registered and the course they lived; `kept` are candidates that fill the quotas."""

    people: People
    bodies: Bodies
    onsets: Days
    fades: Bools
    fixed: Fixed
    course: Course
    kept: Ints
    registered: Bools
    timeline: Timeline


class Calibration:
    """Holds what does not change between passes; each pass walks the course and corrects the scales."""

    def __init__(
        self, states: tuple[State, ...], quota: Ints, timeline: Timeline, key: tuple[int, int], unobserved: float
    ) -> None:
        self.states, self.quota, self.timeline, self.key, self.unobserved = states, quota, timeline, key, unobserved
        self.rows = {state.id: row for row, state in enumerate(states)}
        self.people = draw_people(stream(*self.key, "people"), quota, timeline)
        self.bodies = draw_bodies(stream(*self.key, "bodies"), self.people)
        self.liabilities: Liabilities = draw_liabilities(stream(*self.key, "liabilities"), states, self.people)
        self.scale = np.ones(len(states))
        self.hazard_scale = np.ones(len(OUTCOMES))
        self.hazard_scale[CVD] = min(1.0, 12 / timeline.years)  # else a long history alone would exceed the registers
        self.critical: dict[int, Floats] = {}
        self.age = (timeline.index_day - self.people.birth) / DAYS_PER_YEAR

    def walk(self) -> Lives:
        """Walk the course once with the scales as they stand."""
        onsets = onset_days(self.states, self.people, self.liabilities.threshold, self.scale, self.timeline)
        fixed = fixed_parts(
            stream(*self.key, "fixed"),
            self.people,
            self.bodies.sbp_mmhg,
            self.bodies.cholesterol_ratio,
            self.hazard_scale,
            self.unobserved,
        )
        luck = (stream(*self.key, "strikes"), stream(*self.key, "details"))
        course = March(self.states, self.people, onsets, fixed, self.timeline, luck).walk()
        registered = self._here() & (course.death > self.timeline.index_day)
        available = np.bincount(self.people.stratum[registered], minlength=STRATA)
        kept = fill(self.people.stratum, registered, lend(self.quota, available))
        return Lives(
            self.people, self.bodies, onsets, self.liabilities.fades, fixed, course, kept, registered, self.timeline
        )

    def _here(self) -> Bools:
        step = self.timeline.index_step
        return (self.people.entry <= step) & (self.people.leave >= step)

    def correct(self, onsets: Days | None, course: Course | None, listed: Ints) -> None:
        """Set the scales so that the registers of `listed` candidates have England's size."""
        for row, state in enumerate(self.states):
            if state.register and state.id not in CVD_STATES:
                self._scale_by_age(row, state, onsets, listed)
        self._scale_events(["coronary_heart_disease"], course, listed)
        self._scale_events(["stroke", "tia"], course, listed)
        if course is not None:
            index_day = self.timeline.index_day
            palliative = (course.palliative[listed] <= index_day).sum() / QOF["PC"].share
            residents = (course.care_home[listed] <= index_day).sum() / CARE_HOME_SHARE
            for outcome, implied in ((PALLIATIVE, palliative), (CARE_HOME, residents)):
                self.hazard_scale[outcome] *= np.clip(len(listed) / max(implied, 1.0), 0.4, 2.5)

    def _scale_by_age(self, row: int, state: State, onsets: Days | None, listed: Ints) -> None:
        register = QOF[str(state.register)]
        counted = listed[self.age[listed] >= register.from_age]
        target = register.share * len(counted)
        eligible = counted[~self.liabilities.fades[row, counted]]
        index_day = self.timeline.index_day
        if onsets is not None and state.unless:
            eligible = eligible[onsets[self.rows[state.unless], eligible] > index_day]
        if onsets is not None and state.only_with:
            eligible = eligible[onsets[self.rows[state.only_with], eligible] <= index_day]
        if state.only_with and onsets is None:
            self.scale[row] = 0.3
            return
        if row not in self.critical:
            everyone = np.arange(len(self.people))
            self.critical[row] = self.liabilities.threshold[row] / self._curve(row, self.age, everyone)
        self.scale[row] = _cut(self.critical[row][eligible], target)

    def _curve(self, row: int, age: Floats, who: Ints) -> Floats:
        ages = np.arange(OLDEST + 1, dtype=np.float64)
        curves = self.states[row].curve
        women, men = (np.interp(age, ages, curves[sex]) for sex in (0, 1))
        share: Floats = np.maximum(np.where(self.people.sex[who] == 1, men, women), 1e-12)
        return share

    def _scale_events(self, names: list[str], course: Course | None, listed: Ints) -> None:
        """Scale what people had before they came, given the events that the course itself brought."""
        rows = [self.rows[name] for name in names]
        struck = np.zeros(len(self.people), np.bool_)
        if course is not None:
            kinds = [CVD_STATES.index(name) for name in names]
            here = np.isin(course.event_kind, kinds) & (course.event_day <= self.timeline.index_day)
            struck[course.event_person[here]] = True
        target = QOF[str(self.states[rows[0]].register)].share * len(listed) - struck[listed].sum()
        free = listed[~struck[listed]]
        age = (self.timeline.ends[self.people.entry[free]] - self.people.birth[free]) / DAYS_PER_YEAR
        critical = np.stack([self.liabilities.threshold[row, free] / self._curve(row, age, free) for row in rows])
        self.scale[rows] = _cut(critical.min(axis=0), target)


def live(
    states: tuple[State, ...], quota: Ints, timeline: Timeline, key: tuple[int, int], unobserved: float = 1.0
) -> Lives:
    """Give the people of one network and the course they lived.

    Parameters
    ----------
    key
        Seed and number of the network.
    unobserved
        Factor of the standard deviations of what no record shows.
    """
    calibration = Calibration(states, quota, timeline, key, unobserved)
    everyone = np.flatnonzero(calibration._here())
    calibration.correct(None, None, everyone)
    for _ in range(PASSES):
        lives = calibration.walk()
        calibration.correct(lives.onsets, lives.course, lives.kept[lives.registered[lives.kept]])
    return calibration.walk()


def fill(stratum: Ints, registered: Bools, quota: Ints) -> Ints:
    """Give the candidates, in order, up to the one that fills each stratum's quota; nobody is chosen by what happened to them."""
    order = np.argsort(stratum, kind="stable")
    sorted_stratum, counted = stratum[order], registered[order].astype(np.int64)
    running = np.cumsum(counted) - counted
    first = np.searchsorted(sorted_stratum, np.arange(STRATA))
    before = running - np.append(running, 0)[np.minimum(first, len(running))][sorted_stratum]
    return np.sort(order[before < quota[sorted_stratum]])


def lend(quota: Ints, available: Ints) -> Ints:
    """Give the quotas with what a stratum cannot fill taken over by the nearest younger ones of the same sex that can."""
    wanted = np.minimum(quota, available)
    for stratum in np.flatnonzero(quota > available):
        short = int(quota[stratum] - available[stratum])
        for other in range(int(stratum) - 2, -1, -2):
            taken = min(short, int(available[other] - wanted[other]))
            wanted[other] += taken
            short -= taken
    return wanted


def _cut(critical: Floats, target: float) -> float:
    """Give the scale at which `target` people have reached their critical scale."""
    place = int(np.clip(round(target), 0, max(len(critical) - 1, 0)))
    if len(critical) == 0 or place == 0:
        return 1e-9
    around = np.partition(critical, [place - 1, place])[[place - 1, place]]
    return float(min(around.mean(), 50.0))
