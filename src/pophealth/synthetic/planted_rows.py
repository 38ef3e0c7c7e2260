"""Gives the records of planted people: each archetype's own, by days before the index date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import time
from typing import Any

import numpy as np

from pophealth.errors import DeclarationError
from pophealth.synthetic import hospital, words
from pophealth.synthetic.arrays import NEVER, Bools, Ints, day_number
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.planted import Archetype, Guests
from pophealth.synthetic.roster import Roster
from pophealth.synthetic.world import World
from pophealth.synthetic.write import OUTCOMES, PROGRAMMES, TYPES_OF_REFERRAL
from pophealth.terms import contract_year_of, contract_year_start


def silent_people(world: World, roster: Roster, guests: Guests) -> Bools:
    """Give which people are planted to have no ethnicity on record."""
    silent = np.zeros(len(roster), np.bool_)
    quiet = np.array([not world.archetypes[place].ethnicity for place in guests.archetype], np.bool_)
    silent[roster.guest_places[quiet]] = True
    return silent


def add_planted(world: World, roster: Roster, ledger: Ledger, guests: Guests) -> None:
    """Add what the archetypes say.

    Raises
    ------
    CodelistError
        An archetype names a codelist that does not exist, or a code that is not in it.
    DeclarationError
        An archetype names an unknown medicine, unit, method or other word.
    """
    for number, archetype in enumerate(world.archetypes):
        who = roster.guest_places[guests.archetype == number]
        if len(who):
            for record in archetype.records:
                _add(world, roster, ledger, archetype, who, record)


def _add(world: World, roster: Roster, ledger: Ledger, archetype: Archetype, who: Ints, record: dict[str, Any]) -> None:
    for turn in range(int(record.get("times", 1))):
        day = roster.timeline.index_day - int(record["days_before"]) - turn * int(record.get("every_days", 28))
        if record.get("in_contract_year"):
            day = max(day, day_number(contract_year_start(contract_year_of(roster.timeline.index_date))))
        days = np.full(len(who), day, np.int32)
        for columns in _rows(world, archetype, record, day, roster.timeline.index_day):
            ledger.add(record["table"], who, days, **columns | record.get("columns", {}))


def _rows(
    world: World, archetype: Archetype, record: dict[str, Any], day: int, index_day: int
) -> Iterator[dict[str, Any]]:
    """Give the columns of each row that one record of an archetype stands for."""
    table = record["table"]
    if table == "medications":
        supply, repeat = int(record.get("days_supply", 28)), int(record.get("is_repeat", True))
        for place in _medicines(world, archetype, record):
            yield {"place": place, "supply": supply, "repeat": repeat}
    elif table in ("events", "measurements"):
        book = world.events if table == "events" else world.measurements
        more = _measured(world, archetype, record) if table == "measurements" else {}
        for codelist in record.get("codelists", [record.get("codelist")]):
            yield {"place": book.one(codelist, record.get("code")), **more}
    elif table == "spells":
        stay = int(record.get("stay_days", 0))
        diagnoses = {
            f"diagnosis_{position:02d}": world.diagnoses.index(code)
            for position, code in enumerate(record.get("diagnoses", ()), start=1)
        }
        method = _place(archetype, hospital.METHODS, record.get("method", "21"))
        discharge = day + stay if day + stay <= index_day else int(NEVER)
        yield {"method": method, "discharge": discharge, "destination": 0 if discharge < NEVER else -1, **diagnoses}
    elif table == "next_tests":
        due = index_day + int(record["due_in_days"])
        yield {"programme": _place(archetype, PROGRAMMES, record["programme"]), "due": due}
    else:
        yield _contact(archetype, record)


def _contact(archetype: Archetype, record: dict[str, Any]) -> dict[str, Any]:
    """Give the columns of an attendance, an outpatient appointment, a referral or an appointment; what is not said is missing."""
    labels: dict[str, tuple[str, Sequence[str]]] = {
        "outcome": ("outcome", OUTCOMES),
        "specialty": ("specialty", hospital.SPECIALTIES),
        "referral_type": ("kind", TYPES_OF_REFERRAL),
        "category": ("category", (*hospital.CATEGORIES, hospital.HOME_ROUND)),
        "status": ("status", hospital.STATUSES),
        "mode": ("mode", hospital.MODES),
        "staff_role": ("role", hospital.ROLES),
    }
    columns: dict[str, Any] = {
        column: _place(archetype, known, record[key]) for key, (column, known) in labels.items() if key in record
    }
    if record["table"] == "outpatients":
        columns["attended"] = int(record.get("attended", True))
    if record["table"] == "referrals":
        columns["urgent"] = int(record.get("urgent", False))
    return columns


def _place(archetype: Archetype, known: Sequence[str], word: str) -> int:
    if word not in known:
        msg = f"archetype {archetype.rule}: {word!r} is not one of {', '.join(known)}"
        raise DeclarationError(msg)
    return known.index(word)


def _medicines(world: World, archetype: Archetype, record: dict[str, Any]) -> list[int]:
    """Give a product of each substance the record names, and of each codelist."""
    by_substance = {product.substance: product.place for product in reversed(world.products)}
    named = record.get("medicines", ())
    unknown = sorted(set(named) - set(by_substance))
    if unknown:
        msg = f"archetype {archetype.rule}: no product of {', '.join(unknown)} in world/medicines.csv"
        raise DeclarationError(msg)
    lists = record.get("codelists", [record["codelist"]] if "codelist" in record else [])
    listed = [world.medications.one(codelist, record.get("code")) for codelist in lists]
    return [by_substance[name] for name in named] + listed


def _measured(world: World, archetype: Archetype, record: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {"value": float(record["value"])}
    for name, labels in (
        ("unit", world.units),
        ("comparator", words.COMPARATORS),
        ("setting", words.SETTINGS),
    ):
        if name in record:
            columns[name] = _place(archetype, labels, record[name])
    if "time" in record:
        at = time.fromisoformat(record["time"])
        columns["minute"] = at.hour * 60 + at.minute
    return columns
