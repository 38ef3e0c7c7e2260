"""Gives one network: its people, the course they lived, their records, written as one part a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pophealth.synthetic import background, diagnoses, hospital, medicines, weights
from pophealth.synthetic.arrays import Timeline, stream
from pophealth.synthetic.calibrate import Lives, live
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.measures import Measurer
from pophealth.synthetic.numbers import block_size, nhs_numbers
from pophealth.synthetic.people import quotas
from pophealth.synthetic.persons import deaths_table, opt_outs_table, patients_table, person_ids, registrations_table
from pophealth.synthetic.places import Places, make_places
from pophealth.synthetic.planted import Guests, draw_guests, make_room
from pophealth.synthetic.planted_rows import add_planted, silent_people
from pophealth.synthetic.roster import Roster, make_roster
from pophealth.synthetic.truth import Reach, reach_of, write_truth
from pophealth.synthetic.volumes import Volume
from pophealth.synthetic.world import World
from pophealth.synthetic.write import table_of, write_part

LARGEST_EXTRACT = 1.7
"""People in an extract per registered patient, at most: it bounds the block of NHS numbers of a network."""
REPEATED = 0.3
"""Share of the background that is a state coded again; the rest is made-up concepts."""
RECORD_TABLES = (
    "events",
    "medications",
    "measurements",
    "spells",
    "attendances",
    "appointments",
    "outpatients",
    "referrals",
    "next_tests",
)


@dataclass(frozen=True)
class Order:
    """What was asked for, the same for all networks."""

    patients: int
    seed: int
    timeline: Timeline
    volume: Volume
    unobserved: float
    planted: bool


@dataclass(frozen=True)
class Made:
    """What one network came to."""

    places: Places
    people: int
    registered: int
    planted: Counter[str]
    rows: dict[str, int]
    reach: Reach | None
    without_nhs_number: int
    residents: int


def make_network(out: Path, world: World, order: Order, number: int) -> Made:
    """Make network `number` and write its parts; it is the same whatever other networks are made."""
    timeline, seed = order.timeline, order.seed

    def luck(what: str) -> np.random.Generator:
        return stream(seed, number, what)

    places = make_places(luck("places"), number, order.patients)
    guests = draw_guests(luck("guests"), world.archetypes if order.planted else (), timeline, order.patients)
    room = make_room(quotas(order.patients), guests)
    lives = live(world.states, room, timeline, (seed, number), order.unobserved)
    roster = make_roster(luck("roster"), world.states, lives, guests, places)
    ledger = Ledger(roster.birth, roster.last)
    fill_ledger(ledger, world, order, number, lives, roster, guests)
    ids = person_ids(number, len(roster))
    numbers = nhs_numbers(number, block_size(int(order.patients * LARGEST_EXTRACT)), len(roster))
    parts = {
        "patients": patients_table(roster, places, ids, numbers),
        "registrations": registrations_table(luck("registrations"), roster, places, ids),
        "deaths": deaths_table(roster, ids),
        "opt_outs": opt_outs_table(luck("opt_outs"), roster, ids),
    }
    name = f"{places.network}.parquet"
    rows = {table: write_part(out / table / name, columns) for table, columns in parts.items()}
    keys = pa.array(ids)
    for table in RECORD_TABLES:
        sheet = ledger.sheets.pop(table)
        columns = table_of(table, sheet, luck(f"{table} recorded"), world, keys, number, timeline.last_day)
        rows[table] = write_part(out / table / name, columns)
    write_truth(out / "truth" / places.network, lives, roster, ids)
    rules = Counter(world.archetypes[place].rule for place in guests.archetype)
    here = (roster.kind != 2) & (roster.last >= timeline.index_day) & (roster.died > timeline.index_day)
    return Made(
        places=places,
        people=len(roster),
        registered=int((here & (roster.end > timeline.index_day)).sum()),
        planted=rules,
        rows=rows,
        reach=reach_of(lives),
        without_nhs_number=sum(text is None for text in numbers),
        residents=int(((roster.care_home <= timeline.index_day) & here).sum()),
    )


def fill_ledger(
    ledger: Ledger, world: World, order: Order, number: int, lives: Lives, roster: Roster, guests: Guests
) -> None:
    """Make every row of a network, background noise last: it brings the record to the length asked for."""
    volume = order.volume

    def luck(what: str) -> np.random.Generator:
        return stream(order.seed, number, what)

    diagnoses.add_diagnoses(luck("diagnoses"), world, roster, ledger)
    diagnoses.add_falls(luck("falls"), world, roster, ledger)
    diagnoses.add_frailty(luck("frailty"), world, roster, ledger)
    diagnoses.add_homes(luck("homes"), world, roster, ledger)
    diagnoses.add_palliative(luck("palliative"), world, roster, ledger)
    repeats = medicines.add_medicines(luck("medicines"), world, roster, ledger, volume)
    measurer = Measurer(luck("measurements"), world, roster, ledger, volume)
    visits = measurer.visits()
    measurer.pressure(visits)
    measurer.blood(visits)
    measurer.risk(visits)
    weights.add_weights(measurer, visits)
    weights.add_checks(measurer)
    measurer.laboratory()
    silent = silent_people(world, roster, guests)
    background.add_background(luck("background"), world, roster, ledger, silent, repeats)
    hospital.add_spells(luck("spells"), world, roster, ledger, lives, volume)
    hospital.add_contacts(luck("contacts"), world, roster, ledger, volume, repeats)
    add_planted(world, roster, ledger, guests)
    wanted = volume.records_per_person * len(roster) - ledger.height()
    diagnoses.add_repeats(luck("repeats"), world, roster, ledger, int(wanted * REPEATED))
    background.add_noise(
        luck("noise"), world, roster, ledger, volume.records_per_person * len(roster) - ledger.height()
    )
