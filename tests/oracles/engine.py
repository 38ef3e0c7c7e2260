"""Gives the product's answers and the oracle's to the same features of the same world, as frames to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from oracles.sql import oracle
from oracles.world import CALENDAR_FROM, World
from pophealth.config import Supplies
from pophealth.declare import Feature
from pophealth.features import compile_plan, evaluate
from pophealth.features.evaluate import evaluate_dates
from pophealth.reference import CodelistLibrary
from pophealth.register import Snapshot

SYSTEMS = ("SNOMED", "dm+d", "ICD-10", "CTV3", "LOINC", "SYNTHETIC")
EVERYTHING = Supplies(
    events=SYSTEMS,
    medications=SYSTEMS,
    measurements=SYSTEMS,
    spells=True,
    attendances=True,
    appointments=True,
    outpatients=True,
    referrals=True,
    next_tests=True,
    deaths=True,
    medicine_map=True,
)


def columns_of(features: Mapping[str, Feature]) -> dict[str, Feature]:
    """Give every output column with the feature that makes it."""
    return {column: feature for feature in features.values() for column in feature.outputs}


def engine_answers(
    snapshot: Snapshot,
    features: Mapping[str, Feature],
    world: World,
    asked: Sequence[tuple[date, str]],
    *,
    each: bool = False,
) -> list[pl.DataFrame]:
    """Give, for each (index date, contract year), one row per person of the snapshot with every output column.

    Parameters
    ----------
    asked
        Dates in ascending order.
    each
        Ask for every date by itself instead of for all in one pass.
    """
    columns = columns_of(features)
    plan = compile_plan(
        sorted(columns), columns, world.library, EVERYTHING, snapshot.concepts, snapshot.units, world.medicine_map
    )
    known = working_day_counts(world.bank_holidays)
    answers: list[list[pl.DataFrame]] = []
    for practice in snapshot.practices:
        bucket = snapshot.bucket(practice)
        shards, people, extra = bucket.shards, bucket.people, {"archive": bucket.archive, "working_days": known}
        if each:
            frames = [evaluate(plan, shards, people, day, year, **extra) for day, year in asked]
        else:
            days, years = [day for day, _ in asked], [year for _, year in asked]
            frames = list(evaluate_dates(plan, shards, people, days, years, **extra))
        answers.append([frame.with_columns(people["patient_id"]) for frame in frames])
    return [pl.concat(frames).sort("patient_id") for frames in zip(*answers, strict=True)]


def working_day_counts(bank_holidays: pl.DataFrame) -> npt.NDArray[np.int32]:
    """Give, by day since 1900-01-01, how many working days there were up to and with it; -1 where none is known."""
    days = np.datetime64("1900-01-01") + np.arange(65_536)
    works = np.is_busday(days, holidays=bank_holidays["day"].to_numpy().astype("datetime64[D]"))
    return np.where(days < np.datetime64(CALENDAR_FROM), -1, np.cumsum(works)).astype(np.int32)


def oracle_answer(
    database: duckdb.DuckDBPyConnection,
    feature: Feature,
    features: Mapping[str, Feature],
    library: CodelistLibrary,
    index_date: date,
    contract_year: str,
) -> pl.DataFrame:
    """Give one row per person with the feature's columns; all null where it is unknown."""
    if is_unknown(feature, features, library):
        outputs = ", ".join(f'NULL AS "{column}"' for column in feature.outputs)
        query = f"SELECT patient_id, {outputs} FROM patients"
    else:
        query = oracle(feature, index_date, contract_year, features)
    answer: pl.DataFrame = database.sql(f"SELECT * FROM ({query}) ORDER BY patient_id").pl()
    return answer


def is_unknown(feature: Feature, features: Mapping[str, Feature], library: CodelistLibrary) -> bool:
    """Whether a codelist of the feature, or of one it is made of, has no code that could be found in each of its tables."""
    columns = columns_of(features)
    for name in feature.codelists:
        codelist = library.get(name)
        if not codelist.is_filled or ("diagnoses" in feature.tables and "ICD-10" not in codelist.systems):
            return True
    return any(is_unknown(columns[column], features, library) for column in feature.inputs)


def plain(series: pl.Series, kind: str) -> list[Any]:
    """Give a column as Python values that compare exactly; a float as its bits."""
    if kind == "float":
        bits = series.cast(pl.Float64).to_numpy().view(np.int64) if len(series) else np.empty(0, np.int64)
        return [None if missing else int(bit) for bit, missing in zip(bits, series.is_null(), strict=True)]
    kinds: dict[str, Any] = {"int": pl.Int64, "bool": pl.Boolean, "date": pl.Date, "category": pl.String}
    return series.cast(kinds.get(kind, pl.List(pl.String))).to_list()


def differences(given: pl.DataFrame, expected: pl.DataFrame, feature: Feature) -> list[tuple[str, str, Any, Any]]:
    """Give (patient, column, engine's value, oracle's value) wherever they differ; types are compared too."""
    assert given["patient_id"].to_list() == expected["patient_id"].to_list()
    found: list[tuple[str, str, Any, Any]] = []
    for column, kind in feature.outputs.items():
        _check_type(given[column], kind, column)
        ours, theirs = plain(given[column], kind), plain(expected[column], kind)
        found += [
            (given["patient_id"][place], column, given[column][place], expected[column][place])
            for place, (one, two) in enumerate(zip(ours, theirs, strict=True))
            if one != two
        ]
    return found


def _check_type(series: pl.Series, kind: str, column: str) -> None:
    dtype = series.dtype
    right = {
        "float": dtype == pl.Float64,
        "int": dtype.is_integer(),
        "bool": dtype == pl.Boolean,
        "date": dtype == pl.Date,
        "category": isinstance(dtype, pl.Enum),
        "text_list": dtype == pl.List(pl.String),
    }[kind]
    assert right, f"{column}: declared {kind}, the engine gives {dtype}"
