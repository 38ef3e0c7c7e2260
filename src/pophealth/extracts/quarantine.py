"""Gives the rules a row must pass to be kept, table by table, as expressions: its contract's, and those of plausibility."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from pophealth.extracts.codes import RESTRICTED, CodeBook
from pophealth.extracts.columns import UNREADABLE
from pophealth.extracts.plausible import Bounds, pair_rule, paired
from pophealth.tables import DATE_COLUMN, DIAGNOSES, EXTRACT_TABLES, RECORD_TABLES
from pophealth.terms import EARLIEST_DAY

FUTURE, PLACEHOLDER, BEFORE_BIRTH, AFTER_DEATH = "future", "1900_or_earlier", "before_birth", "after_death"
UNKNOWN_PERSON = "unknown_person"
BOOKED_LATER = "booked_after_extract"

BOOKINGS = ("appointments", "outpatients")
"""Tables whose rows may lie ahead of the extract without being wrong: they are bookings, and out of scope."""

# Which dates of a table must not be: after the extract, on or before 1900-01-01, before birth, after death.
_NOT: dict[tuple[str, str], tuple[str, ...]] = {
    **{
        (table, DATE_COLUMN[table]): (PLACEHOLDER, BEFORE_BIRTH, AFTER_DEATH) + (() if table in BOOKINGS else (FUTURE,))
        for table in RECORD_TABLES
        if table != "next_tests"
    },
    **{(table, "recorded_date"): (FUTURE,) for table in ("events", "medications", "measurements")},
    ("spells", "discharge_date"): (FUTURE,),
    ("next_tests", "due_date"): (PLACEHOLDER,),
    ("registrations", "start_date"): (PLACEHOLDER, FUTURE),
    ("merges", "merged_date"): (PLACEHOLDER, FUTURE),
    ("deaths", "death_date"): (PLACEHOLDER, BEFORE_BIRTH),
    ("patients", "birth_date"): (PLACEHOLDER, FUTURE),
}


@dataclass(frozen=True)
class Measures:
    """What every row is held against, whatever part it comes from."""

    extract_date: date
    synthetic: bool
    section_251: bool
    values: bool
    recording_lag_days: int
    codes: CodeBook
    bounds: Bounds


def date_rules(table: str, extract_date: date) -> dict[str, pl.Expr]:
    """Give the rules on a table's dates. Birth and death of the person stand in ``_birth`` and ``_death``."""
    rules: dict[str, pl.Expr] = {}
    for (mine, name), kinds in _NOT.items():
        if mine != table:
            continue
        day = pl.col(name)
        passes = {
            FUTURE: day <= extract_date,
            PLACEHOLDER: day > EARLIEST_DAY,
            BEFORE_BIRTH: day >= pl.col("_birth"),
            AFTER_DEATH: day <= pl.col("_death"),
        }
        rules |= {f"{name}|{kind}": passes[kind] for kind in kinds}
    return rules


@cache
def _row_rules(table: str) -> dict[str, pl.Expr]:
    return EXTRACT_TABLES[table].row_rules()


def contract_rules(table: str, columns: list[str]) -> dict[str, pl.Expr]:
    """Give the contract's rules, with one more for each column that holds values nobody can read.

    Parameters
    ----------
    columns
        Columns of the typed frame; those that begin with `columns.UNREADABLE` mark the values.
    """
    rules = dict(_row_rules(table))
    for mark in columns:
        if mark.startswith(UNREADABLE):
            name = mark.removeprefix(UNREADABLE)
            rules[f"{name}|unreadable"] = ~pl.col(mark)
            if f"{name}|nullability" in rules:  # a value that is there and unreadable is not missing as well
                rules[f"{name}|nullability"] |= pl.col(mark)
    return rules


def marked(frame: pl.DataFrame, table: str, measures: Measures, moments: pl.DataFrame) -> pl.DataFrame:
    """Give `frame` with the columns that `all_rules` and `scope` read beside those of the contract.

    Parameters
    ----------
    moments
        Moments at which a pair of blood pressure readings is in doubt (`plausible.suspects`).
    """
    if "code" in frame.columns:
        wrong = measures.codes.judged(frame)
        if wrong.height:
            frame = frame.join(wrong, on=["code_system", "code"], how="left", maintain_order="left")
    if table == "measurements" and measures.values:
        frame = paired(measures.bounds.placed(frame), moments)
    if "recorded_date" in frame.columns:  # a stand-in for "not known": the day of the event is used, and counted
        stated = pl.col("recorded_date") > EARLIEST_DAY
        frame = frame.with_columns(recorded_date=pl.when(stated).then("recorded_date"))
    if table == "spells":
        dotted = [name for name in DIAGNOSES if name in frame.columns]
        frame = frame.with_columns(pl.col(dotted).str.replace_all(".", "", literal=True))
    return frame


def all_rules(table: str, columns: list[str], measures: Measures) -> dict[str, pl.Expr]:
    """Give every rule of a table, over what `marked` gives for a frame of these columns; null passes."""
    rules = contract_rules(table, columns) | date_rules(table, measures.extract_date)
    rules[UNKNOWN_PERSON] = pl.col("_known")
    if table == "measurements" and measures.values:
        rules |= measures.bounds.rules() | pair_rule(measures.bounds)
    return {name: rule.fill_null(value=True) for name, rule in rules.items()}


def named_rules(columns: list[str]) -> list[str]:
    """Give the columns that hold the name of a broken rule: of the layout, of the person, of the code."""
    return [name for name in ("_fails", "_person_rule", "judgement") if name in columns]


def early_scope(table: str, columns: list[str], measures: Measures) -> pl.Expr:
    """Give why a row is left out before anything else is looked at: an objection, or a code that may not be held."""
    reason = pl.col("_person_scope").cast(pl.String)
    if "judgement" in columns:
        reason = pl.coalesce(reason, pl.when(pl.col("judgement") == RESTRICTED).then(pl.lit(RESTRICTED)))
    diagnoses = measures.codes.restricted_diagnoses() if table == "spells" else []
    present = [name for name in DIAGNOSES if name in columns]
    if diagnoses and present:
        held = pl.any_horizontal(pl.col(name).is_in(diagnoses) for name in present)
        reason = pl.coalesce(reason, pl.when(held).then(pl.lit(RESTRICTED)))
    return reason


def late_scope(table: str, columns: list[str], measures: Measures) -> pl.Expr:
    """Give why a row that passes every rule is still left out; null where it is kept."""
    reasons: list[pl.Expr] = [pl.col("_scope")] if "_scope" in columns else []
    if table in BOOKINGS:
        reasons.append(pl.when(pl.col("date") > measures.extract_date).then(pl.lit(BOOKED_LATER)))
    reasons.append(pl.when(pl.col("_practice").is_null()).then(pl.lit("no_practice")))
    return pl.coalesce(reasons)
