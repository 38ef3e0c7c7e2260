"""Gives what the line says of a few patients whose records are written by hand: register, features, scores, one frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pophealth.config import Config, load_config
from pophealth.features import compile_plan
from pophealth.line import Task, describe
from pophealth.plan import Plan, make_plan
from pophealth.reference import load_library
from pophealth.register import open_writer
from pophealth.register.layout import SCHEMAS
from pophealth.terms import LegalBasis

PRACTICE = "A81001"
_DATES = frozenset({"date", "recorded_date", "admission_date", "discharge_date", "birth_date"})
_HEAD = "# title: {0}\n# version: test\n# source: made up\n# licence: none\ncode,code_system,term,category\n"


def cells(text: str) -> list[list[str]]:
    """Give the cells of a small table; a line that begins with # says something."""
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def site(folder: Path, more: str = "") -> Config:
    """Give a site that fills every pointer with one made-up code, ``SYN:<list>``, and accepts no licence."""
    (folder / "lists").mkdir(parents=True)
    shipped = load_library()
    for name in shipped.ids:
        if not shipped.get(name).is_filled:
            # Z71.4 stands in the pack's list of alcohol problems: an ICD-10 pointer has to hold something of ICD-10
            code = "Z714,ICD-10" if name.endswith("_icd10") else f"SYN:{name},SYNTHETIC"
            (folder / "lists" / f"{name}.csv").write_text(f"{_HEAD.format(name)}{code},Made up,1\n", "utf-8")
    (folder / "config.toml").write_text(
        '[site]\nname = "t"\npurpose = "development"\n[extract]\nlayout = "canonical"\npath = "x"\n[extract.supplies]\n'
        'events = ["SNOMED", "SYNTHETIC"]\nmedications = ["dm+d", "SYNTHETIC"]\nmeasurements = ["SNOMED", "SYNTHETIC"]\n'
        f'spells = true\nattendances = true\nappointments = true\n[reference]\ncodelists = ["lists"]\n{more}',
        "utf-8",
    )
    return load_config(folder / "config.toml")


def walk(
    config: Config,
    root: Path,
    people: str,
    records: dict[str, str],
    index_date: date,
    contract_year: str,
    also: Iterable[str] = (),
) -> tuple[pl.DataFrame, Plan]:
    """Give the frame of a network of one practice and the plan it was made with.

    Parameters
    ----------
    people
        Lines ``name | birth date | sex``, or with a date of registration after them.
    records
        By table, lines ``name | codelist | date``, for measurements with value and unit, for medications with days'
        supply after them; a codelist stands for its first code. Spells are ``name | admitted | discharged | method |
        codes``, appointments ``name | date | status``.
    also
        Features to compute beside those the plan asks for.
    """
    library = load_library(*config.reference.codelists)
    named = [cell for row in cells(people) for cell in [row]]
    patients = [{"patient_id": row[0], "birth_date": row[1], "sex": row[2]} for row in named]
    regular = {"practice_code": PRACTICE, "registration_type": "regular"}
    stays = [
        {"patient_id": row[0], "start_date": date.fromisoformat(row[3] if len(row) > 3 else "2000-01-01")} | regular
        for row in named
    ]
    with open_writer(root) as writer:
        writer.spool("patients", PRACTICE, _spooled("patients", patients))
        writer.spool("registrations", PRACTICE, _spooled("registrations", stays))
        for table, text in records.items():
            rows = [_row(table, row, library) | {"record_id": str(number)} for number, row in enumerate(cells(text))]
            writer.spool(table, PRACTICE, _spooled(table, rows))
        snapshot = writer.finish(facts={"extract_date": index_date.isoformat()}, documents={})
    plan = make_plan(config, snapshot, contract_year)
    if unread := set(also) & set(plan.features) - set(plan.feature_plan.columns):
        names = (*plan.feature_plan.columns, *sorted(unread))
        supplies, concepts = config.extract.supplies, snapshot.concepts
        made = compile_plan(names, plan.features, library, supplies, concepts, snapshot.units, plan.medicine_map)
        plan = replace(plan, feature_plan=made)
    task = Task("U00001", (PRACTICE,), index_date, LegalBasis.SECTION_251, None, {})
    frame, _ = describe(task, plan, {PRACTICE: snapshot.bucket(PRACTICE)})
    return frame, plan


def _row(table: str, row: list[str], library: Any) -> dict[str, Any]:
    who, what, *rest = row
    if table == "spells":
        first, last, method, codes = what, *rest
        given: dict[str, Any] = {"admission_date": first, "discharge_date": last or None, "method": method}
        given |= {f"diagnosis_{place:02d}": code for place, code in enumerate(codes.split(), 1)}
    elif table == "appointments":
        given = {"date": what, "status": rest[0]}
    else:
        system, code = library.get(what).codes.select("code_system", "code").row(0)
        given = {"code_system": system, "code": code, "date": rest[0]}
        if table == "measurements":
            given |= {"value": float(rest[1]), "unit": rest[2] or None}
        if table == "medications" and len(rest) > 1:
            given |= {"days_supply": int(rest[1])}
    return {"patient_id": who} | given


def _spooled(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Give rows in the columns a practice's table has; what is not said is null."""
    schema = SCHEMAS[table]
    read = [
        {
            name: date.fromisoformat(value) if name in _DATES and isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    return pl.DataFrame({name: [row.get(name) for row in read] for name in schema}, schema=schema)
