"""Gives the tables about persons: who they are, where registered, when they died, what they opted out of."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pophealth.synthetic.arrays import NEVER, Days, Ints, day_number
from pophealth.synthetic.places import UNRANKED_AREA, Places
from pophealth.synthetic.roster import LIVED, PLANTED, VISITOR, Roster
from pophealth.synthetic.write import Table, dates, texts

SEXES = ("female", "male", "indeterminate", "not_known")
TYPES = ("regular", "temporary", "private", "other")
REGULAR, TEMPORARY, PRIVATE, OTHER = range(len(TYPES))
VINTAGE = 2021
EARLIER_STAY, TEMPORARY_STAY = 0.07, 0.004
"""Share of people who were with another practice of the network before, and who were a temporary patient of one for a time."""
TYPE_1, NATIONAL = 0.025, 0.045
"""Share of people with a type 1 and with a national opt-out (assumption, K)."""
WITHDRAWN = 0.06
OPT_OUTS_FROM = (2018, 5, 25)
"""First day of the national data opt-out."""


def person_ids(number: int, count: int) -> list[str]:
    """Give the source's own keys: they hold nothing but the network's number and a running number."""
    return [f"S{number:04d}-{place:07d}" for place in range(count)]


def patients_table(roster: Roster, places: Places, ids: list[str], nhs_numbers: list[str | None]) -> Table:
    """Give `patients`."""
    areas = (*places.area_codes, UNRANKED_AREA)
    known = roster.area >= 0
    return {
        "patient_id": pa.array(ids),
        "nhs_number": pa.array(nhs_numbers, pa.string()),
        "birth_date": dates(roster.birth),
        "sex": texts(roster.sex, SEXES),
        "lsoa_code": texts(roster.area, areas),
        "lsoa_vintage": pa.array(np.full(len(roster), VINTAGE, np.int16), mask=~known),
    }


def registrations_table(rng: np.random.Generator, roster: Roster, places: Places, ids: list[str]) -> Table:
    """Give `registrations`: everybody's main stay, earlier ones with another practice, and short ones elsewhere."""
    everyone = np.arange(len(roster))
    kind = np.where(roster.kind == VISITOR, np.where(rng.random(len(roster)) < 0.85, TEMPORARY, PRIVATE), REGULAR)
    main = (everyone, roster.practice, roster.start, roster.end, kind)
    moved = np.flatnonzero((rng.random(len(roster)) < EARLIER_STAY) & (roster.kind != VISITOR))
    moved = moved[roster.start[moved] > roster.birth[moved] + 400]
    length = rng.integers(200, 2_500, len(moved))
    came = np.maximum(roster.start[moved] - length, roster.birth[moved] + 1)
    before = (moved, _other(rng, roster, moved, places), came, roster.start[moved], np.full(len(moved), REGULAR))
    away = np.flatnonzero((rng.random(len(roster)) < TEMPORARY_STAY) & (roster.kind == LIVED))
    begun = roster.last[away] - rng.integers(40, 700, len(away))
    away, begun = away[begun > roster.start[away]], begun[begun > roster.start[away]]
    until = np.minimum(begun + rng.integers(5, 85, len(away)), roster.last[away])
    short = (away, _other(rng, roster, away, places), begun, until, np.full(len(away), TEMPORARY))
    stays: list[tuple[Ints, ...]] = [main, before, short]
    person, practice, start, end, types = (np.concatenate([stay[column] for stay in stays]) for column in range(5))
    order = np.lexsort((start, person))
    return {
        "patient_id": pa.DictionaryArray.from_arrays(pa.array(person[order].astype(np.int32)), pa.array(ids)),
        "practice_code": texts(practice[order], places.practices),
        "start_date": dates(start[order]),
        "end_date": dates(end[order]),
        "registration_type": texts(types[order], TYPES),
    }


def _other(rng: np.random.Generator, roster: Roster, who: Ints, places: Places) -> Ints:
    """Give another practice of the network than a person's own."""
    count = len(places.practices)
    return (roster.practice[who] + rng.integers(1, count, len(who))) % count


def deaths_table(roster: Roster, ids: list[str]) -> Table:
    """Give `deaths` known by the last day."""
    who = np.flatnonzero(roster.died <= roster.timeline.last_day)
    return {"patient_id": pa.array([ids[place] for place in who], pa.string()), "death_date": dates(roster.died[who])}


def opt_outs_table(rng: np.random.Generator, roster: Roster, ids: list[str]) -> Table:
    """Give `opt_outs`; planted people have none, since a rule must find them."""
    first = day_number(roster.timeline.index_date.replace(*OPT_OUTS_FROM))
    parts: list[tuple[Ints, Ints]] = []
    for kind, share in enumerate((TYPE_1, NATIONAL)):
        who = np.flatnonzero((rng.random(len(roster)) < share) & (roster.kind != PLANTED))
        parts.append((who, np.full(len(who), kind)))
    who, kinds = (np.concatenate(column) for column in zip(*parts, strict=True))
    begin: Days = first + np.floor(rng.random(len(who)) * (roster.timeline.index_day - first)).astype(np.int32)
    begin = np.maximum(begin, roster.birth[who])
    withdrawn = rng.random(len(who)) < WITHDRAWN
    until = (
        begin + 1 + np.floor(rng.random(len(who)) * np.maximum(roster.timeline.index_day - begin, 1)).astype(np.int32)
    )
    return {
        "patient_id": pa.array([ids[place] for place in who], pa.string()),
        "opt_out_type": texts(kinds, ("type_1", "national")),
        "start_date": dates(begin),
        "end_date": dates(np.where(withdrawn, until, NEVER)),
    }
