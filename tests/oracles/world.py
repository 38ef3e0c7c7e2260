"""Gives small made-up worlds: people over practices, records with every awkwardness, codelists, a medicine map.

A world is made by a seeded generator from one number, so a failing test names the world and can be run again. The same
world is written through the product's own register and then read by both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from oracles.hospital_world import hospital_rows
from pophealth.reference import CodelistLibrary
from pophealth.reference.codelists import Codelist
from pophealth.register import Snapshot, open_writer
from pophealth.register.layout import SCHEMAS

CODES = tuple(f"SYN:{number}" for number in range(14))
"""Codes of events and measurements alike: the same concept can stand in both tables."""
MEDICINES = tuple(f"SYN:M{number}" for number in range(10))
CODED_LISTS = ("c_wide", "c_some", "c_other", "c_one", "c_absent")
MEDICINE_LISTS = ("m_wide", "m_some", "m_other", "m_one", "m_absent")
ICD_LISTS = ("c_icd", "c_mixed", "c_both")
EMPTY = "c_empty"
"""A pointer nobody filled: whatever reads it is unknown."""
VALUES = (-5.0, 0.0, 0.1, 0.2, 0.3, 1.0, 47.5, 48.0, 89.9999999, 90.0, 120.0, 140.0, 140.00000000000003, 1e9)
SUPPLIES = (None, 0, 1, 7, 28, 56, 84, 254, 255, 256, 300, 366)
EDGES = (
    *(
        date(year, month, day)
        for year in (2019, 2020, 2023, 2024)
        for month, day in ((1, 31), (2, 28), (3, 30), (3, 31), (4, 1), (4, 2), (8, 31), (12, 31))
    ),
    date(2020, 2, 29),
    date(2024, 2, 29),
)
"""Days on which a window can open or close by a day."""
CALENDAR_FROM = date(1932, 1, 1)
"""First day of which it is known whether it was a working day; people have rows from before."""
GAPS = (1, 7, 14, 28, 31, 90)
"""Days that declarations ask of the distance between rows, and that rows are apart."""
INDEX_DATES = (*EDGES, date(2021, 6, 15), date(2024, 5, 31))


@dataclass(frozen=True)
class World:
    """Rows by practice and table, and the facts a feature is declared against."""

    tables: dict[str, dict[str, pl.DataFrame]]
    library: CodelistLibrary
    medicine_map: pl.DataFrame
    bank_holidays: pl.DataFrame
    """Column day."""

    def write(self, root: Path) -> Snapshot:
        """Give the snapshot that the product's writer makes of it below `root`."""
        with open_writer(root) as writer:
            for practice, tables in self.tables.items():
                for name, frame in tables.items():
                    writer.spool(name, practice, frame)
            return writer.finish(facts={"extract_date": "2026-12-31"}, documents={})

    def rows_of(self, patient: str, tables: set[str]) -> list[str]:
        """Give one made-up person's rows as text, to stand in a failing test's message."""
        shown: list[str] = []
        for practice in self.tables.values():
            for name in sorted(tables & set(practice)):
                mine = practice[name].filter(pl.col("patient_id") == patient)
                for row in mine.drop("patient_id").to_dicts():
                    said = (f"{column}={value}" for column, value in row.items() if value is not None)
                    shown.append(f"  {name}: {', '.join(said)}")
        return shown


def codelist(name: str, codes: list[tuple[str, str]], categories: Sequence[str | None] | None = None) -> Codelist:
    """Give a codelist of (code system, code), perhaps with categories."""
    frame = pl.DataFrame(
        {
            "code": [code for _, code in codes],
            "code_system": [system for system, _ in codes],
            "term": [None] * len(codes),
            "category": categories or [None] * len(codes),
        },
        schema={"code": pl.String, "code_system": pl.String, "term": pl.String, "category": pl.String},
    )
    return Codelist(name, name, "1", "made up", "none", frame, pointer=not codes)


def make_world(number: int) -> World:
    """Give world `number`: its size, its codelists and its rows all follow from that."""
    rng = np.random.default_rng([20_251, number])
    people = int(rng.choice([1, 3, 12, 40, 90]))
    practices = [f"A8100{place}" for place in range(1, int(rng.integers(1, 4)) + 1)]
    tables = {}
    for place, practice in enumerate(practices):
        count = people if place == 0 else int(rng.integers(0, people + 1))
        tables[practice] = practice_rows(rng, practice, count)
    return World(tables, CodelistLibrary(_codelists(rng)), _medicine_map(rng), _bank_holidays(rng))


def _bank_holidays(rng: np.random.Generator) -> pl.DataFrame:
    """Days near the edges, weekends among them: a holiday on a Saturday takes no working day away."""
    days = {edge + timedelta(days=int(rng.integers(-9, 10))) for edge in EDGES}
    return pl.DataFrame({"day": sorted(days)}, schema={"day": pl.Date})


def practice_rows(
    rng: np.random.Generator,
    practice: str,
    count: int,
    codes: tuple[tuple[str, str], ...] = (),
    medicines: tuple[tuple[str, str], ...] = (),
    values: Callable[[str], float] | None = None,
) -> dict[str, pl.DataFrame]:
    """Give one practice's tables.

    Parameters
    ----------
    codes, medicines
        (code system, code) that rows carry; left out, those of this module, and now and then the same text in another
        system.
    values
        Value of a measurement by its code; left out, few values that tie and stand on bounds.
    """
    ids = [hashlib.sha256(f"{practice} {place}".encode()).hexdigest()[:32] for place in range(count)]
    codes = codes or (*(("SYNTHETIC", code) for code in CODES), ("CTV3", CODES[0]), ("CTV3", CODES[1]))
    medicines = medicines or (*(("SYNTHETIC", code) for code in MEDICINES), ("dm+d", MEDICINES[0]))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("events", "measurements", "medications")}
    for patient in ids:
        days = _days_of_person(rng)
        busy = float(rng.choice([0.0, 0.3, 1.0, 1.0, 3.0]))
        rows["events"] += [_coded(rng, patient, days, codes) for _ in range(rng.poisson(8 * busy))]
        for _ in range(rng.poisson(10 * busy)):
            row = _coded(rng, patient, days, codes)
            value = values(row["code"]) if values else float(rng.choice(VALUES))
            twins = 1 if rng.random() < 0.75 else 3  # equal values of one day, said in other words
            rows["measurements"] += [row | measured(rng) | {"value": value} for _ in range(twins)]
        rows["medications"] += [
            _coded(rng, patient, days, medicines) | issue(rng) for _ in range(rng.poisson(12 * busy))
        ]
    made = {name: frame_of(name, found) for name, found in rows.items()} | hospital_rows(rng, ids, _days_of_person)
    made["patients"] = patients_of(rng, ids)
    made["registrations"] = registrations_of(practice, ids)
    return {name: frame for name, frame in made.items() if frame.height or name in ("patients", "registrations")}


def frame_of(table: str, rows: list[dict[str, Any]], name: str = "") -> pl.DataFrame:
    """Give rows as a frame of the table's canonical columns, each with a record id of its own, in no order."""
    named = [{"record_id": f"{name or table}-{place}"} | row for place, row in enumerate(rows)]
    return pl.DataFrame(named, schema=SCHEMAS[table]) if named else pl.DataFrame(schema=SCHEMAS[table])


def _days_of_person(rng: np.random.Generator) -> list[date]:
    """Few days, so that rows meet on them: edges, days around edges, days a declared gap apart, and 1900 to the future."""
    edges = [EDGES[place] for place in rng.integers(0, len(EDGES), 3)]
    around = [EDGES[place] + timedelta(days=int(rng.integers(-40, 41))) for place in rng.integers(0, len(EDGES), 3)]
    apart = [day + timedelta(days=int(rng.choice(GAPS)) + int(rng.choice([0, 0, 1]))) for day in (*edges, *around)]
    apart += [day - timedelta(days=int(rng.choice(GAPS))) for day in edges]
    far = [date(2010, 1, 1) + timedelta(days=int(days)) for days in rng.integers(0, 6_000, 2)]
    odd = (date(1900, 1, 2), date(1931, 7, 4), date(2031, 1, 1))
    return [*edges, *around, *apart, *far, pick(rng, *odd)]


def _coded(
    rng: np.random.Generator, patient: str, days: list[date], codes: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    day = days[int(rng.integers(0, len(days)))]
    system, code = codes[int(rng.integers(0, len(codes)))]
    lag = int(rng.choice([0, 0, 0, 1, 3, 20, 253, 254, 255, 256, 400, 5_000, -30]))
    recorded = None if rng.random() < 0.25 else max(day + timedelta(days=lag), date(1900, 1, 2))
    return {"patient_id": patient, "date": day, "recorded_date": recorded, "code": code, "code_system": system}


def measured(rng: np.random.Generator) -> dict[str, Any]:
    times = (None, None, time(8, 30), time(8, 30, 1), time(8, 30, 0, 500), time(0, 0), time(23, 59, 59))
    return {
        "time": times[int(rng.integers(0, len(times)))],
        "unit": pick(rng, "u", "u", " U", "", None, "v", "mmHg", "MM[Hg]"),
        "comparator": pick(rng, None, None, "=", "<", "<=", ">", ">="),
        "setting": pick(rng, None, "clinic", "home", "ambulatory"),
    }


def issue(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "quantity": pick(rng, None, 0.0, 28.0, 56.0, 7.5, 100.0),
        "days_supply": pick(rng, *SUPPLIES),
        "is_repeat": pick(rng, None, True, True, False),
    }


def pick(rng: np.random.Generator, *choices: Any) -> Any:
    return choices[int(rng.integers(0, len(choices)))]


def patients_of(rng: np.random.Generator, ids: list[str]) -> pl.DataFrame:
    births = [
        date(1920, 2, 29),
        date(1952, 2, 29),
        date(2000, 2, 29),
        date(1960, 3, 31),
        date(1990, 4, 1),
        date(2018, 12, 31),
    ]
    rows = [
        {"patient_id": patient, "birth_date": pick(rng, *births), "sex": pick(rng, "female", "male", "not_known")}
        for patient in ids
    ]
    return pl.DataFrame(rows, schema=SCHEMAS["patients"])


def registrations_of(practice: str, ids: list[str]) -> pl.DataFrame:
    rows = [
        {"patient_id": one, "practice_code": practice, "start_date": date(2000, 1, 1), "registration_type": "regular"}
        for one in ids
    ]
    return pl.DataFrame(rows, schema=SCHEMAS["registrations"])


def _codelists(rng: np.random.Generator) -> dict[str, Codelist]:
    def some(pool: tuple[str, ...], count: int) -> list[tuple[str, str]]:
        return [("SYNTHETIC", str(code)) for code in rng.choice(pool, count, replace=False)]

    icd = [("ICD-10", code) for code in ("Q1", "Q10.2", "Q21", "R05.X")]
    numbers = [str(number) for number in rng.integers(0, 4, 10)]
    wide = some(MEDICINES, 7)
    return {
        "c_wide": codelist("c_wide", [*some(CODES, 9), ("CTV3", CODES[1])]),
        "c_some": codelist("c_some", some(CODES, 4)),
        "c_other": codelist("c_other", some(CODES, 3)),
        "c_one": codelist("c_one", some(CODES, 1)),
        "c_absent": codelist("c_absent", [("SYNTHETIC", "SYN:NOBODY")]),
        "c_icd": codelist("c_icd", icd),
        "c_both": codelist("c_both", [*some(CODES, 6), *icd[:1], *icd[3:]]),
        "c_mixed": codelist("c_mixed", [*some(CODES, 3), *icd[1:3]]),
        EMPTY: codelist(EMPTY, []),
        "m_wide": codelist("m_wide", wide, numbers[:7]),
        "m_some": codelist("m_some", some(MEDICINES, 3), ["1", "2", "3"]),
        "m_other": codelist("m_other", some(MEDICINES, 3)),
        "m_one": codelist("m_one", [("dm+d", MEDICINES[0])], ["2"]),
        "m_absent": codelist("m_absent", [("SYNTHETIC", "SYN:MNOBODY")], ["3"]),
        "m_dose": codelist("m_dose", wide, [pick(rng, "0.1", "0.3", "1.5", "2") for _ in wide]),
    }


def _medicine_map(rng: np.random.Generator) -> pl.DataFrame:
    """Products of one substance, of two, of none; substances of several products; chapters given, or not."""
    names, chapters = ["alpha", "beta", "gamma", "delta"], (None, "0212000B0", "0501013B0", "1304000X0")
    rows = [
        (code, "SYNTHETIC", str(substance), pick(rng, *chapters))
        for code in MEDICINES[:9]
        for substance in rng.choice(names, int(rng.choice([0, 1, 1, 2])), replace=False)
    ]
    rows.append((MEDICINES[0], "dm+d", "alpha", "0212000B0"))
    return pl.DataFrame(rows, schema=["code", "code_system", "substance", "bnf_code"], orient="row")
