"""Gives what happens to people month by month: the hazards act, and what has happened changes the hazards."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pophealth.synthetic import hazards
from pophealth.synthetic.arrays import NEVER, Days, Floats, Ints, Timeline
from pophealth.synthetic.hazards import Fixed
from pophealth.synthetic.people import People
from pophealth.synthetic.states import ADMISSION, CARE_HOME, CVD, CVD_STATES, DEATH, OLDEST, OUTCOMES, PALLIATIVE, State

CARE_DEFICIT = "requirement_for_care"


@dataclass
class Course:
    """What happened. Rows of `admissions` and `events` are parallel arrays; `kind` is -1 or a place in `CVD_STATES`."""

    death: Days
    care_home: Days
    palliative: Days
    admission_person: Ints
    admission_day: Days
    admission_kind: Ints
    event_person: Ints
    event_day: Days
    event_kind: Ints
    hazard_person: Ints
    hazard_step: Ints
    hazard: Floats


@dataclass
class _Log:
    person: list[Ints] = field(default_factory=list)
    day: list[Days] = field(default_factory=list)
    kind: list[Ints] = field(default_factory=list)
    hazard: list[Floats] = field(default_factory=list)

    def add(self, person: Ints, day: Ints, kind: Ints, hazard: Floats | None = None) -> None:
        self.person.append(person)
        self.day.append(day.astype(np.int32))
        self.kind.append(kind)
        if hazard is not None:
            self.hazard.append(hazard)

    def arrays(self) -> tuple[Ints, Days, Ints]:
        if not self.person:
            return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int64)
        return np.concatenate(self.person), np.concatenate(self.day), np.concatenate(self.kind)


class March:
    """Walks everybody through the months of a timeline; the same streams give the same course."""

    def __init__(
        self,
        states: tuple[State, ...],
        people: People,
        onsets: Days,
        fixed: Fixed,
        timeline: Timeline,
        rngs: tuple[np.random.Generator, np.random.Generator],
    ) -> None:
        self.states, self.people, self.timeline = states, people, timeline
        self.strikes, self.details = rngs  # apart, so that what happens to one person does not change another's luck
        size = len(people)
        self.log_hazard = fixed.recorded + fixed.unobserved
        self.chance = np.zeros((len(OUTCOMES), size), np.float32)
        self.recent = np.zeros(size, np.int64)
        self.active, self.changed = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        self.death, self.care_home, self.palliative = (np.full(size, NEVER, np.int32) for _ in range(3))
        self.admissions, self.events, self.changes = _Log(), _Log(), _Log()
        self.has_state = np.zeros((len(CVD_STATES), size), np.bool_)
        self._prepare_age()
        self._prepare_jumps(onsets)
        self._entering, self._leaving = (_by_step(steps, timeline.steps) for steps in (people.entry, people.leave))
        self._admitted_in: list[Ints] = []

    def _prepare_age(self) -> None:
        ages = _ages(self.people.birth, self.timeline)
        self.age = ages[0].astype(np.int64)
        self.log_hazard += hazards.AGE[:, np.clip(self.age, 0, OLDEST)]
        self._birthdays = [np.flatnonzero(ages[month] != ages[month - 1]) for month in range(1, 13)]

    def _prepare_jumps(self, onsets: Days) -> None:
        """Lay out, by step, what each state that comes on adds to the log hazards; what came before entry counts at once."""
        persons, steps, deltas, care = [], [], [], []
        rows: dict[str | None, list[int]] = {}
        for row, state in enumerate(self.states):
            rows.setdefault(state.deficit, []).append(row)
        seen = {name: onsets[places].min(axis=0) for name, places in rows.items()}
        for row, state in enumerate(self.states):
            who = np.flatnonzero(onsets[row] < NEVER)
            delta = np.repeat(state.weights[:, None], len(who), axis=1)
            if state.deficit:
                earlier = [other for other in rows[state.deficit] if other < row]
                first = onsets[row, who] == seen[state.deficit][who]
                first &= (onsets[earlier][:, who] != onsets[row, who]).all(axis=0)
                delta += hazards.DEFICIT[:, None] * first[None, :]
            persons.append(who)
            steps.append(self.timeline.step_known(onsets[row][who]))
            care.append(np.full(len(who), state.deficit == CARE_DEFICIT))
            deltas.append(delta)
            if state.id in CVD_STATES:
                self.has_state[CVD_STATES.index(state.id), who] = True
        self.cared_for = seen[CARE_DEFICIT]
        self.deficit_day = {name: seen[name] for name in ("ischaemic_heart_disease", "cerebrovascular_disease")}
        person, step, delta = np.concatenate(persons), np.concatenate(steps), np.concatenate(deltas, axis=1)
        known = step <= self.people.entry[person]
        for outcome in range(len(OUTCOMES)):
            self.log_hazard[outcome] += np.bincount(person[known], delta[outcome, known], minlength=len(self.people))
        later = np.flatnonzero(~known & (step < self.timeline.steps))
        later = later[np.argsort(step[later], kind="stable")]
        self._jump_person, self._jump_delta = person[later], delta[:, later]
        self._jump_edges = np.searchsorted(step[later], np.arange(self.timeline.steps + 1))
        self._care_jump = np.full(len(self.people), -1, np.int64)
        coming = np.flatnonzero(np.concatenate(care)[later])
        self._care_jump[self._jump_person[coming]] = coming

    def walk(self) -> Course:
        """Walk all steps and give what happened."""
        for step in range(self.timeline.steps):
            self._change(step)
            self._refresh(step)
            self._happen(step)
        admission, event, change = self.admissions.arrays(), self.events.arrays(), self.changes.arrays()
        hazard = np.concatenate(self.changes.hazard, axis=1)
        return Course(self.death, self.care_home, self.palliative, *admission, *event, change[0], change[2], hazard)

    def _change(self, step: int) -> None:
        """Bring people's states up to the beginning of a step, and mark those whose hazards are no longer what they were."""
        ageing = self._birthdays[(step - 1) % 12] if step else np.empty(0, np.int64)
        older = np.clip(self.age[ageing] + 1, 0, OLDEST)
        self.log_hazard[:, ageing] += hazards.AGE[:, older] - hazards.AGE[:, np.clip(self.age[ageing], 0, OLDEST)]
        self.age[ageing] += 1
        first, last = self._jump_edges[step], self._jump_edges[step + 1]
        coming = self._jump_person[first:last]
        for outcome in range(len(OUTCOMES)):
            np.add.at(self.log_hazard[outcome], coming, self._jump_delta[outcome, first:last])
        fading = self._admitted_in[step - 13] if step > 12 else np.empty(0, np.int64)
        np.add.at(self.recent, fading, -1)
        entering, leaving = self._entering[step], self._leaving[step]
        self.active[entering] = True
        self.active[leaving] = False
        self.chance[:, leaving] = 0.0
        for who in (ageing, coming, fading, entering):
            self.changed[who] = True

    def _refresh(self, step: int) -> None:
        who = np.flatnonzero(self.changed & self.active)
        self.changed[:] = False
        rate = np.exp(self.log_hazard[:, who] + hazards.recent_part(self.recent[who]))
        rate[CARE_HOME, self.care_home[who] < NEVER] = 0.0
        rate[PALLIATIVE, self.palliative[who] < NEVER] = 0.0
        self.chance[:, who] = -np.expm1(-rate)
        rate[ADMISSION] += hazards.EVENT_SHARE_ADMITTED * rate[CVD]
        self.changes.add(who, who, np.full(len(who), step), rate[:PALLIATIVE].astype(np.float32))

    def _happen(self, step: int) -> None:
        hit = self.strikes.random(self.chance.shape, np.float32) < self.chance
        who = np.flatnonzero(hit.any(axis=0))
        shares = self.details.random((len(OUTCOMES), len(who)), np.float32)
        day = np.stack([self.timeline.day_in(np.full(len(who), step), share) for share in shares])
        struck = hit[:, who]
        last = np.where(struck[DEATH], day[DEATH], NEVER)
        day = np.minimum(day, last[None, :])
        self.changed[who] = True
        self._enter_home(who[struck[CARE_HOME]], day[CARE_HOME, struck[CARE_HOME]])
        self._become_palliative(who[struck[PALLIATIVE]], day[PALLIATIVE, struck[PALLIATIVE]])
        admitted = [who[struck[ADMISSION]]]
        self.admissions.add(admitted[0], day[ADMISSION, struck[ADMISSION]], np.full(len(admitted[0]), -1))
        admitted.append(self._suffer(who[struck[CVD]], day[CVD, struck[CVD]]))
        self._admitted_in.append(np.concatenate(admitted))
        np.add.at(self.recent, self._admitted_in[-1], 1)
        dead = who[struck[DEATH]]
        self.death[dead] = day[DEATH, struck[DEATH]]
        self.active[dead] = False
        self.chance[:, dead] = 0.0

    def _enter_home(self, who: Ints, day: Days) -> None:
        self.care_home[who] = day
        fresh = self.cared_for[who] > day
        self.log_hazard[:, who] += hazards.RESIDENT[:, None] + hazards.DEFICIT[:, None] * fresh[None, :]
        ahead = self._care_jump[who[fresh]]
        self._jump_delta[:, ahead[ahead >= 0]] -= hazards.DEFICIT[
            :, None
        ]  # a deficit counts once, whatever shows it first

    def _become_palliative(self, who: Ints, day: Days) -> None:
        self.palliative[who] = day
        self.log_hazard[:, who] += hazards.PALLIATIVE_CARE[:, None]

    def _suffer(self, who: Ints, day: Days) -> Ints:
        """Have cardiovascular events; give those admitted for one."""
        drawn = self.details.random((2, len(who)))
        kind = np.minimum(np.searchsorted(np.cumsum(hazards.CVD_KINDS), drawn[0]), len(CVD_STATES) - 1)
        self.events.add(who, day, kind)
        weights = {state.id: state.weights for state in self.states}
        for number, name in enumerate(CVD_STATES):
            first = who[(kind == number) & ~self.has_state[number, who]]
            group = self.deficit_day["ischaemic_heart_disease" if number == 0 else "cerebrovascular_disease"]
            fresh = group[first] == NEVER
            self.log_hazard[:, first] += weights[name][:, None] + hazards.DEFICIT[:, None] * fresh[None, :]
            group[first[fresh]] = 0
            self.has_state[number, first] = True
        admitted = drawn[1] < hazards.CVD_ADMITTED[kind]
        struck: Ints = who[admitted]
        self.admissions.add(struck, day[admitted], kind[admitted])
        return struck


def _ages(birth: Days, timeline: Timeline) -> Ints:
    """Give whole years of age at the beginning of the first 13 steps, steps by row; before birth they are negative."""
    born = birth.astype("datetime64[D]")
    born_month = born.astype("datetime64[M]")
    born_on = (born - born_month.astype("datetime64[D]")).astype(np.int16)
    born_month_number = born_month.astype(np.int64)
    ages = []
    for end in timeline.ends[:13].astype("datetime64[D]"):
        month = end.astype("datetime64[M]")
        day = (end - month.astype("datetime64[D]")).astype(np.int16)
        ages.append((month.astype(np.int64) - born_month_number - (born_on > day)) // 12)
    return np.stack(ages)


def _by_step(steps: Ints, count: int) -> list[Ints]:
    """Give, for each step, the places whose step it is."""
    order = np.argsort(steps, kind="stable")
    edges = np.searchsorted(steps[order], np.arange(count + 1))
    return [order[edges[step] : edges[step + 1]] for step in range(count)]
