"""Gives the hospital and contact rows of a made-up practice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pophealth.register.layout import SCHEMAS

METHODS = ("11", "12", "21", "22", "2A", "2B", "2E", "2F", "31", "82")
DIAGNOSED = ("Q10", "Q102", "Q1", "Q21", "Q219", "R05X", "R05", "R060", "Z999")
STAYS = (None, 0, 0, 1, 2, 9, 40, 4_000)
"""Days in hospital; None: still there."""


def hospital_rows(
    rng: np.random.Generator, ids: list[str], days_of: Callable[[np.random.Generator], list[date]]
) -> dict[str, pl.DataFrame]:
    """Give spells, attendances, appointments, outpatients, referrals and recall dates."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("spells", "attendances", "appointments", "outpatients", "referrals", "next_tests")
    }
    for patient in ids:
        days = days_of(rng)
        rows["spells"] += _spells(rng, patient, days)
        for table, make in _CONTACTS.items():
            rows[table] += [
                {"patient_id": patient, "date": _pick(rng, *days), **make(rng)} for _ in range(int(rng.poisson(3)))
            ]
        rows["next_tests"] += [
            {
                "patient_id": patient,
                "programme": _pick(rng, "bowel", "breast", "cervical"),
                "due_date": _pick(rng, *days),
            }
            for _ in range(int(rng.poisson(1)))
        ]
    return {name: _frame(name, found) for name, found in rows.items()}


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    named = [{"record_id": f"{table}-{place:05d}"} | row for place, row in enumerate(rows)]
    if "record_id" not in SCHEMAS[table]:
        named = rows
    return pl.DataFrame(named, schema=SCHEMAS[table]) if named else pl.DataFrame(schema=SCHEMAS[table])


def _spells(rng: np.random.Generator, patient: str, days: list[date]) -> list[dict[str, Any]]:
    """Some stays begin on the very day the one before ended, or a few days later."""
    made: list[dict[str, Any]] = []
    for _ in range(int(rng.choice([0, 1, 3, 7]))):
        began = _pick(rng, *days)
        ended_before = made[-1]["discharge_date"] if made else None
        if ended_before is not None and rng.random() < 0.5:
            began = ended_before + timedelta(days=int(rng.choice([0, 0, 1, 28, 30, 31, 90])))
        stay = _pick(rng, *STAYS)
        ended = None if stay is None else began + timedelta(days=stay)
        row = {"patient_id": patient, "admission_date": began, "discharge_date": ended, "method": _pick(rng, *METHODS)}
        for position in rng.choice(20, int(rng.integers(0, 5)), replace=False):
            row[f"diagnosis_{position + 1:02d}"] = _pick(rng, *DIAGNOSED)
        if rng.random() < 0.5:
            row["diagnosis_01"] = _pick(rng, *DIAGNOSED)
        made.append(row)
    return made


def _attendance(rng: np.random.Generator) -> dict[str, Any]:
    return {"department_type": _pick(rng, None, "01", "02", "03"), "outcome": _pick(rng, None, "home", "admitted")}


def _appointment(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "category": _pick(rng, None, "acute", "routine"),
        "status": _pick(rng, None, "booked", "attended", "did_not_attend", "cancelled"),
        "mode": _pick(rng, None, "telephone", "face to face"),
        "staff_role": _pick(rng, None, "GP", "nurse"),
    }


def _outpatient(rng: np.random.Generator) -> dict[str, Any]:
    return {"specialty": _pick(rng, None, "100", "300"), "attended": _pick(rng, None, True, False)}


def _referral(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "specialty": _pick(rng, None, "100", "300"),
        "referral_type": _pick(rng, None, "urgent", "routine"),
        "is_urgent_suspected_cancer": _pick(rng, None, True, False),
    }


_CONTACTS = {
    "attendances": _attendance,
    "appointments": _appointment,
    "outpatients": _outpatient,
    "referrals": _referral,
}


def _pick(rng: np.random.Generator, *choices: Any) -> Any:
    return choices[int(rng.integers(0, len(choices)))]
