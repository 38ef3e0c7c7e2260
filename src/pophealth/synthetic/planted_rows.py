"""Gives the records of planted people: each archetype's own, by days before the index date."""

from __future__ import annotations

from datetime import time
from typing import Any

import numpy as np

from pophealth.errors import DeclarationError
from pophealth.synthetic import measures
from pophealth.synthetic.arrays import Bools, Ints, day_number
from pophealth.synthetic.ledger import Ledger
from pophealth.synthetic.planted import Archetype, Guests
from pophealth.synthetic.roster import Roster
from pophealth.synthetic.world import World
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
        An archetype's record is of a table that is not among the coded ones and gives no columns, or names an unknown medicine.
    """
    for number, archetype in enumerate(world.archetypes):
        who = roster.guest_places[guests.archetype == number]
        if len(who):
            for record in archetype.records:
                _add(world, roster, ledger, archetype, who, record)


def _add(world: World, roster: Roster, ledger: Ledger, archetype: Archetype, who: Ints, record: dict[str, Any]) -> None:
    index_date = roster.timeline.index_date
    day = roster.timeline.index_day - int(record["days_before"])
    if record.get("in_contract_year"):
        day = max(day, day_number(contract_year_start(contract_year_of(index_date))))
    days = np.full(len(who), day, np.int32)
    table = record["table"]
    if table == "medications":
        for place in _medicines(world, archetype, record):
            supply, repeat = int(record.get("days_supply", 28)), int(record.get("is_repeat", True))
            ledger.add(table, who, days, place=place, supply=supply, repeat=repeat)
    elif table in ("events", "measurements"):
        book = world.events if table == "events" else world.measurements
        for codelist in record.get("codelists", [record.get("codelist")]):
            columns = _measured(record) if table == "measurements" else {}
            ledger.add(table, who, days, place=book.one(codelist, record.get("code")), **columns)
    elif "columns" in record:
        ledger.add(table, who, days, **record["columns"])
    else:
        msg = f"archetype {archetype.rule}: a record of {table} needs columns"
        raise DeclarationError(msg)


def _medicines(world: World, archetype: Archetype, record: dict[str, Any]) -> list[int]:
    """Give a product of each substance the record names."""
    by_substance = {product.substance: product.place for product in reversed(world.products)}
    unknown = sorted(set(record["medicines"]) - set(by_substance))
    if unknown:
        msg = f"archetype {archetype.rule}: no product of {', '.join(unknown)} in world/medicines.csv"
        raise DeclarationError(msg)
    return [by_substance[name] for name in record["medicines"]]


def _measured(record: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {"value": float(record["value"])}
    for name, labels in (
        ("unit", measures.UNITS),
        ("comparator", measures.COMPARATORS),
        ("setting", measures.SETTINGS),
    ):
        if name in record:
            columns[name] = labels.index(record[name])
    if "time" in record:
        at = time.fromisoformat(record["time"])
        columns["minute"] = at.hour * 60 + at.minute
    return columns
