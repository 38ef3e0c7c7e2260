"""Gives the Parquet parts of a network: rows in order, texts as dictionaries, the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pophealth.synthetic import hospital, words
from pophealth.synthetic.arrays import NEVER, Days, Ints
from pophealth.synthetic.codes import CodeBook
from pophealth.synthetic.ledger import LAGGING, Sheet, in_order, recorded_days
from pophealth.synthetic.world import World

ROW_GROUP = 262_144
"""Rows of a row group, at most."""
REPEATS = 3
"""Times a text must stand in a row group, on average, to be worth a dictionary."""
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
    height = len(next(iter(columns.values())))
    groups = max(-(-height // ROW_GROUP), 1)
    size = max(-(-height // groups), 1)
    plain = {name for name, values in columns.items() if not _repeats(values, groups)}
    empty = {name: _plain(values[:0]) if name in plain else _compact(values[:0]) for name, values in columns.items()}
    writer = pq.ParquetWriter(
        path,
        pa.table(empty).schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in columns if name not in plain],
        dictionary_pagesize_limit=1 << 26,
        store_schema=False,
    )
    with writer:
        for group in range(groups):
            pieces = {name: values.slice(group * size, size) for name, values in columns.items()}
            arrays = [_plain(piece) if name in plain else _compact(piece) for name, piece in pieces.items()]
            writer.write_table(pa.table(arrays, names=list(columns)), row_group_size=size)
    return height


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _repeats(values: pa.Array, groups: int) -> bool:
    """Give whether a column's texts repeat often enough for a dictionary.

    The writer gives up a dictionary that saves nothing or holds a text twice, and then leaves bytes behind that differ from
    run to run: it must never come to that.
    """
    if not pa.types.is_dictionary(values.type):
        return False
    used = len(np.unique(values.indices.fill_null(-1).to_numpy()))
    return used * REPEATS * groups <= len(values) or used <= 1 < len(values)


def _compact(values: pa.Array) -> pa.Array:
    """Give a dictionary column with only the texts that are used."""
    places = values.indices.fill_null(-1).to_numpy()
    return texts(places, values.dictionary)


def texts(places: Ints, labels: Sequence[str] | pa.Array) -> pa.Array:
    """Give texts by place in a list of different ones; a negative place is null. Only labels that are used are kept."""
    used = np.flatnonzero(np.bincount(places[places >= 0], minlength=len(labels)))
    renamed = np.full(len(labels) + 1, -1, np.int32)  # the last one stands for every negative place
    renamed[used] = np.arange(len(used), dtype=np.int32)
    index = renamed[places]
    all_labels = labels if isinstance(labels, pa.Array) else pa.array(list(labels), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), all_labels.take(pa.array(used)))


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


def _measurements(world: World, _day: Days, column: Any) -> Table:
    minute = column("minute")
    time = pa.array(minute.astype(np.int64) * 60_000_000, pa.int64(), mask=minute < 0).view(pa.time64("us"))
    return {
        "time": time,
        "value": pa.array(column("value", 0.0).astype(np.float64)),
        "unit": texts(column("unit"), world.units),
        "comparator": texts(column("comparator"), words.COMPARATORS),
        "setting": texts(column("setting"), words.SETTINGS),
    }


def _spells(world: World, day: Days, column: Any) -> Table:
    head = {
        "admission_date": dates(day),
        "discharge_date": dates(column("discharge", NEVER)),
        "method": texts(column("method"), hospital.METHODS),
        "destination": texts(column("destination"), hospital.DESTINATIONS),
    }
    names = [f"diagnosis_{position + 1:02d}" for position in range(hospital.MOST_DIAGNOSES)]
    return head | {name: texts(column(name), world.diagnoses) for name in names}


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
