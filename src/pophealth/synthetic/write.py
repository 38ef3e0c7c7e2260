"""Gives the Parquet parts of a network: rows in order, texts as dictionaries, the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pophealth.synthetic import hospital, measures
from pophealth.synthetic.arrays import NEVER, Days, Ints
from pophealth.synthetic.codes import CodeBook
from pophealth.synthetic.ledger import LAGGING, Sheet, in_order, recorded_days
from pophealth.synthetic.world import World

ROW_GROUP = 262_144
RECORD_LETTER = {
    "events": "E",
    "medications": "M",
    "measurements": "V",
    "spells": "S",
    "attendances": "A",
    "appointments": "P",
    "outpatients": "T",
    "referrals": "R",
}
PROGRAMMES = ("bowel", "breast", "cervical")
TYPES_OF_REFERRAL = ("routine", "urgent suspected cancer")
DEPARTMENTS = ("01", "02", "03")
OUTCOMES = ("admitted", "discharged")

Table = dict[str, pa.Array]


def write_part(path: Path, columns: Table) -> int:
    """Write one part and give its number of rows; texts that repeat are dictionary-encoded, and read back as plain text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    repeated = [name for name, values in columns.items() if pa.types.is_dictionary(values.type)]
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=1,
        use_dictionary=repeated,
        row_group_size=ROW_GROUP,
        dictionary_pagesize_limit=1 << 26,
        store_schema=False,  # else a reader would be handed dictionaries where the contract says text
    )
    return int(table.num_rows)


def texts(places: Ints, labels: Sequence[str]) -> pa.Array:
    """Give texts by place in a list; a negative place is null. Only labels that are used are kept."""
    used = np.flatnonzero(np.bincount(places[places >= 0], minlength=len(labels)))
    renamed = np.full(len(labels) + 1, -1, np.int32)  # the last one stands for every negative place
    renamed[used] = np.arange(len(used), dtype=np.int32)
    index = renamed[places]
    kept = pa.array([labels[place] for place in used.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), kept)


def dates(days: Days | Ints, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Give dates; days that never come, and those marked missing, are null."""
    absent = days >= NEVER if missing is None else missing | (days >= NEVER)
    return pa.array(days.astype(np.int32), pa.int32(), mask=absent if absent.any() else None).view(pa.date32())


def record_ids(letter: str, number: int, count: int) -> pa.Array:
    """Give ids of fixed width that count up through a network's table: letter, four digits, eight digits."""
    head = f"{letter}{number:04d}".encode()
    width = len(head) + 8
    text = np.empty((count, width), np.uint8)
    text[:, : len(head)] = np.frombuffer(head, np.uint8)
    rest = np.arange(1, count + 1, dtype=np.int64)
    for place in range(width - 1, len(head) - 1, -1):
        text[:, place] = ord("0") + rest % 10
        rest //= 10
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def table_of(
    name: str, sheet: Sheet, rng: np.random.Generator, world: World, patient_ids: pa.Array, number: int, last_day: int
) -> Table:
    """Give a sheet as the columns of its canonical table, rows by person and day."""
    person, day = sheet.column("person", 0), sheet.column("day", 0)
    order = in_order(person, day)

    def column(key: str, missing: Any = -1) -> npt.NDArray[Any]:
        return sheet.column(key, missing)[order]

    person, day = person[order], day[order]
    columns: Table = {"patient_id": pa.DictionaryArray.from_arrays(pa.array(person.astype(np.int32)), patient_ids)}
    if name in RECORD_LETTER:
        columns["record_id"] = record_ids(RECORD_LETTER[name], number, len(person))
    if name in LAGGING:
        recorded, undated = recorded_days(rng, day, last_day)
        columns |= {"date": dates(day), "recorded_date": dates(recorded, undated)}
        columns |= _coded(world, name, column("place"))
    columns |= _COLUMNS[name](world, day, column)
    return columns


def _coded(world: World, name: str, places: Ints) -> Table:
    book: CodeBook = getattr(world, name)
    systems = sorted(set(book.systems))
    of_place = np.array([systems.index(system) for system in book.systems], np.int32)
    return {"code": texts(places, book.codes), "code_system": texts(of_place[places], systems)}


def _events(_world: World, _day: Days, _column: Any) -> Table:
    return {}


def _medications(_world: World, _day: Days, column: Any) -> Table:
    supply, repeat = column("supply"), column("repeat")
    absent = supply < 0
    return {
        "quantity": pa.array(np.where(absent, 28, supply).astype(np.float64)),
        "days_supply": pa.array(supply.astype(np.int16), mask=absent),
        "is_repeat": pa.array(repeat == 1, mask=repeat < 0),
    }


def _measurements(_world: World, _day: Days, column: Any) -> Table:
    minute = column("minute")
    time = pa.array(minute.astype(np.int64) * 60_000_000, pa.int64(), mask=minute < 0).view(pa.time64("us"))
    return {
        "time": time,
        "value": pa.array(column("value", 0.0).astype(np.float64)),
        "unit": texts(column("unit"), measures.UNITS),
        "comparator": texts(column("comparator"), measures.COMPARATORS),
        "setting": texts(column("setting"), measures.SETTINGS),
    }


def _spells(world: World, day: Days, column: Any) -> Table:
    codes = [reason.code for reason in world.reasons]
    head = {
        "admission_date": dates(day),
        "discharge_date": dates(column("discharge", NEVER)),
        "method": texts(column("method"), hospital.METHODS),
        "destination": texts(column("destination"), hospital.DESTINATIONS),
    }
    names = [f"diagnosis_{position + 1:02d}" for position in range(hospital.MOST_DIAGNOSES)]
    return head | {name: texts(column(name), codes) for name in names}


def _attendances(_world: World, day: Days, column: Any) -> Table:
    return {
        "date": dates(day),
        "department_type": texts(column("department"), DEPARTMENTS),
        "outcome": texts(column("outcome"), OUTCOMES),
    }


def _appointments(_world: World, day: Days, column: Any) -> Table:
    return {
        "date": dates(day),
        "category": texts(column("category"), (*hospital.CATEGORIES, hospital.HOME_ROUND)),
        "status": texts(column("status"), hospital.STATUSES),
        "mode": texts(column("mode"), hospital.MODES),
        "staff_role": texts(column("role"), hospital.ROLES),
    }


def _outpatients(_world: World, day: Days, column: Any) -> Table:
    return {
        "date": dates(day),
        "specialty": texts(column("specialty"), hospital.SPECIALTIES),
        "attended": pa.array(column("attended", 0).astype(np.bool_)),
    }


def _referrals(_world: World, day: Days, column: Any) -> Table:
    return {
        "date": dates(day),
        "specialty": texts(column("specialty"), hospital.SPECIALTIES),
        "referral_type": texts(column("kind"), TYPES_OF_REFERRAL),
        "is_urgent_suspected_cancer": pa.array(column("urgent", 0).astype(np.bool_)),
    }


def _next_tests(_world: World, _day: Days, column: Any) -> Table:
    return {"programme": texts(column("programme"), PROGRAMMES), "due_date": dates(column("due", 0))}


_COLUMNS = {
    "events": _events,
    "medications": _medications,
    "measurements": _measurements,
    "spells": _spells,
    "attendances": _attendances,
    "appointments": _appointments,
    "outpatients": _outpatients,
    "referrals": _referrals,
    "next_tests": _next_tests,
}
