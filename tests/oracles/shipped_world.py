"""Gives a made-up world in which the codes of every shipped declaration occur, around the edges of its windows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from oracles.hospital_world import hospital_rows
from oracles.world import World, codelist, frame_of, issue, measured, patients_of, pick, registrations_of
from pophealth.declare import CODED_TABLES, Feature
from pophealth.reference import CodelistLibrary

PRACTICES = {"A81001": 90, "A81002": 30}
ASKED = (
    (date(2024, 4, 30), "2024-25"),
    (date(2025, 1, 31), "2024-25"),
    (date(2025, 3, 31), "2024-25"),
    (date(2025, 9, 30), "2025-26"),
)
"""Early in a contract year, at the end of January, on a year's last day, and in the middle of the next."""
OFFSETS = (
    0,
    1,
    5,
    21,
    22,
    28,
    40,
    90,
    184,
    300,
    364,
    365,
    366,
    400,
    731,
    913,
    1_276,
    1_277,
    2_006,
    2_007,
    3_000,
    6_000,
)
"""Days before an index date."""
MOST_CODES = 3
"""Codes of a list that occur in rows: enough to see that a list is more than one code."""


def shipped_world(features: Mapping[str, Feature], shipped: CodelistLibrary) -> World:
    """Give the world of `features`; a pointer among their codelists is filled with one synthetic code."""
    rng = np.random.default_rng(20_251_031)
    names = sorted({name for feature in features.values() for name in feature.codelists})
    filled = {name: shipped.get(name) for name in shipped.ids}
    for name in names:
        if not filled[name].is_filled:
            code = ("ICD-10", "Q10") if name.endswith("_icd10") else ("SYNTHETIC", f"SYN:{name}")
            filled[name] = codelist(name, [code], ["1"])  # the category: what a daily dose multiplies by
    library = CodelistLibrary(filled)
    tables = {practice: _practice(rng, practice, count, features, library) for practice, count in PRACTICES.items()}
    return World(tables, library, _medicine_map(rng, tables), pl.DataFrame({"day": [date(2024, 12, 25)]}))


def _practice(
    rng: np.random.Generator, practice: str, count: int, features: Mapping[str, Feature], library: CodelistLibrary
) -> dict[str, pl.DataFrame]:
    ids = [hashlib.sha256(f"{practice} {place}".encode()).hexdigest()[:32] for place in range(count)]
    made = hospital_rows(rng, ids, lambda rng: [_day(rng) for _ in range(12)])
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in CODED_TABLES}
    for patient in ids:
        for feature in features.values():
            for table in sorted(set(feature.tables) & set(CODED_TABLES)):
                meets = {"paired_with", "followed_by"} & set(feature.options)  # pairs have to meet on a day
                bursts = 3 if meets else 1
                for _ in range(bursts if rng.random() < 0.35 else 0):
                    rows[table] += _rows(rng, patient, feature, table, library)
    spells = [made["spells"], *(frame_of("spells", rows.pop("diagnoses"), "diagnosed"),)]
    made |= {name: frame_of(name, found) for name, found in rows.items()}
    made["spells"] = pl.concat(spells)
    for name, feature in features.items():
        if "where" in feature.options:
            (table,) = feature.tables
            some = [_contact(rng, patient, feature) for patient in ids if rng.random() < 0.5]
            made[table] = pl.concat([made[table], frame_of(table, some, name)])
    made |= {"patients": patients_of(rng, ids), "registrations": registrations_of(practice, ids)}
    return {name: frame for name, frame in made.items() if frame.height}


def _day(rng: np.random.Generator) -> date:
    day: date = pick(rng, *ASKED)[0]
    return day - timedelta(days=int(pick(rng, *OFFSETS)))


def _rows(
    rng: np.random.Generator, patient: str, feature: Feature, table: str, library: CodelistLibrary
) -> list[dict[str, Any]]:
    """Give a few rows of one feature: of its codelists, near one another, so that pairs and successions occur."""
    first = _day(rng)
    made: list[dict[str, Any]] = []
    for place, expression in enumerate(feature.codelist_expressions):
        codes = library.get(expression).codes.select("code_system", "code").rows()
        codes = [(system, code) for system, code in codes if (system == "ICD-10") == (table == "diagnoses")]
        for _ in range(int(rng.integers(0, 3)) if codes else 0):
            system, code = codes[int(rng.integers(0, min(len(codes), MOST_CODES)))]
            day = first + timedelta(days=int(pick(rng, 0, 0, 0, -3, 7, 20, -40)))
            if table == "diagnoses":
                stay = {
                    "admission_date": day,
                    "method": pick(rng, "11", "21", feature.options.get("method", "2") + "2")[:2],
                }
                made.append(
                    {"patient_id": patient, f"diagnosis_{pick(rng, 1, 1, 2):02d}": code.replace(".", "")} | stay
                )
                continue
            recorded = pick(rng, None, day, day, day + timedelta(days=int(pick(rng, 1, 30, 300))))
            row = {"patient_id": patient, "date": day, "recorded_date": recorded, "code": code, "code_system": system}
            if table == "measurements":
                row |= measured(rng) | {
                    "value": _value(rng, feature, place),
                    "unit": pick(rng, None, feature.unit, feature.unit),
                }
            made.append(row | (issue(rng) if table == "medications" else {}))
    return made


def _value(rng: np.random.Generator, feature: Feature, place: int) -> float:
    """Give a value on, inside or beyond the declared bounds, or around the thresholds."""
    bounds = feature.options.get("between", (0, 200))
    low, high = bounds[min(place, len(bounds) - 1)] if isinstance(bounds[0], (list, tuple)) else bounds
    edges = [low, high, low - 1, high + 1, *feature.options.get("at_least", ()), *feature.options.get("meets", ())]
    inside = [round(float(low + (high - low) * part), 1) for part in rng.random(8)]
    return float(pick(rng, *[edge for edge in edges if np.isfinite(edge)], *inside))


def _contact(rng: np.random.Generator, patient: str, feature: Feature) -> dict[str, Any]:
    row: dict[str, Any] = {"patient_id": patient, "date": _day(rng)}
    for column, allowed in feature.options["where"].items():
        row[column] = pick(rng, *(allowed if isinstance(allowed, (list, tuple)) else [allowed]))
    return row


def _medicine_map(rng: np.random.Generator, tables: dict[str, dict[str, pl.DataFrame]]) -> pl.DataFrame:
    """Give each product that occurs one of eighteen substances, in a chapter of its own, or none."""
    issued = pl.concat([practice["medications"].select("code_system", "code") for practice in tables.values()])
    products = issued.unique().sort("code_system", "code").rows()
    rows = [
        (code, system, f"substance {number}", None if number == 0 else f"{number:02d}01010AA")
        for system, code in products
        if (number := int(rng.integers(0, 18)))
    ]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("code", "code_system", "substance", "bnf_code"), pl.String), orient="row"
    )
