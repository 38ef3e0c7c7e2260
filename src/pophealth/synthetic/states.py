"""Gives the declared states: how often at which age, with which codes, and what follows from them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pophealth.synthetic.arrays import Floats, day_number

WORLD = Path(__file__).parent / "world"
FACTORS = ("general", "vascular", "mental", "lung")
"""Hidden traits that make states come together in a person."""
ETHNICITIES = ("white", "mixed", "asian", "black", "other")
OUTCOMES = ("admission", "death", "care_home", "cvd", "palliative")
"""What happens to people month by month, in the order of every array of hazards."""
ADMISSION, DEATH, CARE_HOME, CVD, PALLIATIVE = range(5)
CVD_STATES = ("coronary_heart_disease", "stroke", "tia")
"""States that come on by an event of the simulated course, not by age alone."""
OLDEST = 120


@dataclass(frozen=True)
class State:
    """One state, as `world/states.toml` declares it.

    `curve` holds, for women and men, the share of living people who have the state by whole years of age, before its scale.
    """

    id: str
    codelist: str
    codes: tuple[str, ...]
    early_codes: tuple[str, ...]
    early_before: int
    register: str | None
    deficit: str | None
    deficit_codes: tuple[str, ...]
    resolved_by: str | None
    resolved_share: float
    not_before: int | None
    unless: str | None
    only_with: str | None
    level: float
    curve: Floats
    deprivation: float
    ethnicity: Floats
    loadings: Floats
    weights: Floats


def load_states() -> tuple[State, ...]:
    """Give every declared state, in the order of the file."""
    tables: dict[str, dict[str, Any]] = tomllib.loads((WORLD / "states.toml").read_text("utf-8"))
    return tuple(_state(name, table) for name, table in tables.items())


def _state(name: str, table: dict[str, Any]) -> State:
    resolved = table.get("resolved", {})
    early = table.get("early_codes", {})
    not_before: date | None = table.get("not_before")
    deficit = table.get("deficit")
    return State(
        id=name,
        codelist=table.get("codelist") or f"efi_{deficit}",
        codes=tuple(table["codes"]),
        early_codes=tuple(early.get("codes", ())),
        early_before=int(early.get("before_age", 0)),
        register=table.get("register"),
        deficit=deficit,
        deficit_codes=tuple(table.get("deficit_codes", table["codes"])),
        resolved_by=resolved.get("codelist"),
        resolved_share=float(resolved.get("share", 0.0)),
        not_before=None if not_before is None else day_number(not_before),
        unless=table.get("unless"),
        only_with=table.get("only_with"),
        level=float(table.get("level", 1.0)),
        curve=_curve(table),
        deprivation=float(table.get("deprivation", 0.0)),
        ethnicity=np.array([table.get("ethnicity", {}).get(group, 1.0) for group in ETHNICITIES]),
        loadings=np.array([table.get("factors", {}).get(factor, 0.0) for factor in FACTORS]),
        weights=np.array([table.get("weights", {}).get(outcome, 0.0) for outcome in OUTCOMES]),
    )


def _curve(table: dict[str, Any]) -> Floats:
    """Give two rows, women and men, that rise strictly with age so that an age can be read off a share."""
    ages = np.arange(OLDEST + 1)
    rise = 1.0 / (1.0 + np.exp((table["middle_age"] - ages) / table["spread_years"]))
    rise = np.where(ages >= table["from_age"], rise, 0.0) + 1e-9 * ages
    male = float(table.get("male", 1.0))
    return np.stack([rise * 2 / (1 + male), rise * 2 * male / (1 + male)])
