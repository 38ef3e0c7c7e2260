"""Gives planted people: for every rule a few archetypes that it must find in every network, whatever chance brings.

An archetype is a file ``archetypes/<service>/<rule_id>.toml``: who (age, sex, deprivation) and records by days before the index
date. Nothing else is on a planted person's record but background noise, so that nothing exempts them. To guarantee a new rule
its members, add its file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pophealth.declare.window import months_before
from pophealth.errors import DeclarationError
from pophealth.synthetic.arrays import Days, Ints, Timeline, day_number

ARCHETYPES = Path(__file__).parent / "archetypes"
PEOPLE_PER_ARCHETYPE = 2
CROWDED = 0.2
"""Share of a network above which only one person an archetype is planted."""

_KEYS = frozenset({"rule", "people", "age", "sex", "deciles", "ethnicity", "records"})
_ANY_RECORD = frozenset({"table", "days_before", "in_contract_year", "times", "every_days", "columns"})
_CODED = frozenset({"codelist", "codelists", "code"})
_RECORD_KEYS: dict[str, frozenset[str]] = {
    "events": _CODED,
    "measurements": _CODED | {"value", "unit", "comparator", "setting", "time"},
    "medications": _CODED | {"medicines", "days_supply", "is_repeat"},
    "spells": frozenset({"method", "stay_days", "diagnoses"}),
    "attendances": frozenset({"outcome"}),
    "outpatients": frozenset({"specialty", "attended"}),
    "referrals": frozenset({"specialty", "referral_type", "urgent"}),
    "appointments": frozenset({"category", "status", "mode", "staff_role"}),
    "next_tests": frozenset({"programme", "due_in_days"}),
}
"""Keys of a record of each table, beside those of any."""
_SEXES = {"female": (0,), "male": (1,), "any": (0, 1)}


@dataclass(frozen=True)
class Archetype:
    """A person whom one rule must find. `records` are tables of the file as they stand, checked for unknown keys."""

    rule: str
    people: int
    age: tuple[int, int]
    sexes: tuple[int, ...]
    deciles: tuple[int, int]
    ethnicity: bool
    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Guests:
    """Planted people of one network, one place each; `archetype` is a place in the loaded archetypes."""

    archetype: Ints
    stratum: Ints
    birth: Days
    sex: Ints
    decile: Ints


def load_archetypes() -> tuple[Archetype, ...]:
    """Give every archetype, by rule.

    Raises
    ------
    DeclarationError
        A file names another rule than its name says, or holds an unknown key.
    """
    paths = sorted(ARCHETYPES.rglob("*.toml"), key=lambda path: path.stem)
    return tuple(_archetype(path) for path in paths)


def _archetype(path: Path) -> Archetype:
    table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    records = tuple(table.get("records", ()))
    unknown = set(table) - _KEYS
    for record in records:
        unknown |= set(record) - _ANY_RECORD - _RECORD_KEYS.get(str(record.get("table")), frozenset())
    if unknown or table.get("rule") != path.stem or table.get("sex", "any") not in _SEXES:
        msg = f"archetype {path.parent.name}/{path.name}: unknown keys {sorted(unknown)}, or rule is not the file name"
        raise DeclarationError(msg)
    first, last = table["age"]
    low, high = table.get("deciles", (1, 10))
    people = int(table.get("people", PEOPLE_PER_ARCHETYPE))
    return Archetype(
        table["rule"],
        people,
        (first, last),
        _SEXES[table.get("sex", "any")],
        (low, high),
        bool(table.get("ethnicity", True)),
        records,
    )


def draw_guests(
    rng: np.random.Generator, archetypes: tuple[Archetype, ...], timeline: Timeline, patients: int
) -> Guests:
    """Give the planted people of a network; they are part of the number of patients asked for.

    Without archetypes there are none.
    """
    if not archetypes:
        none = np.empty(0, np.int64)
        return Guests(none, none, none.astype(np.int32), none, none)
    numbers = np.array([archetype.people for archetype in archetypes])
    if numbers.sum() > CROWDED * patients:
        numbers = np.minimum(numbers, 1)
    which = np.repeat(np.arange(len(archetypes)), numbers)
    age = np.array([rng.integers(archetypes[place].age[0], archetypes[place].age[1] + 1) for place in which])
    sex = np.array([rng.choice(archetypes[place].sexes) for place in which])
    decile = np.array([rng.integers(archetypes[place].deciles[0], archetypes[place].deciles[1] + 1) for place in which])
    birthdays = [day_number(months_before(timeline.index_date, 12 * int(years))) for years in age]
    birth = np.array(birthdays) - rng.integers(20, 340, len(which))  # well inside the year of age
    return Guests(which, age * 2 + sex, birth.astype(np.int32), sex, decile)


def make_room(quota: Ints, guests: Guests) -> Ints:
    """Give the quotas less the planted people, each in their own stratum or, where that is empty, the fullest."""
    left = quota.copy()
    for stratum in guests.stratum:
        left[stratum if left[stratum] > 0 else int(np.argmax(left))] -= 1
    return left
