"""Gives the frame a model is made from: everyone of its population at each index date, with what came of them after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pophealth.cohorts import compile_predicate
from pophealth.errors import DataContractError
from pophealth.features import evaluate_dates
from pophealth.population import registered
from pophealth.prediction.outcome import follow_up, outcomes_after
from pophealth.prediction.split import with_folds
from pophealth.reference import working_day_counts
from pophealth.runs.objections import left_out
from pophealth.runs.training_ground import ETHNICITY, Ground, open_ground
from pophealth.terms import contract_year_of

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.declare.model import ModelSpec, OutcomeSpec
    from pophealth.reference import CodelistLibrary
    from pophealth.register import Bucket

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

KEYS = ("patient_id", "network_code", "practice_code", "index_date")
AGE_BANDS = (18, 40, 65, 75, 85)
AGE_LABELS = ("0 to 17", "18 to 39", "40 to 64", "65 to 74", "75 to 84", "85 and over")
NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Gathered:
    """The rows of a training, and how many rows were left out, or lost from sight, for what reason."""

    frame: pl.DataFrame
    left_out: dict[str, int]


def silent(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def training_frame(config: Config, spec: ModelSpec, progress: Progress = silent) -> pl.DataFrame:
    """Give the training frame of a model: one row per person of its population and index date.

    Columns: patient_id, network_code and practice_code on the date, index_date, fold (int8), event, months_at_risk,
    ended_by, the predictors in their order, ``group_<name>`` for each subgroup but the network. Ordered by date and
    person. Each row's predictors are what the line computes on its index date. Who left before the window's end without
    an event stays in, as censored.

    Raises
    ------
    ConfigError, DeclarationError, DataContractError
        As `open_ground`; or an index date has nobody of the population.
    """
    return gather(open_ground(config, spec), progress).frame


def gather(ground: Ground, progress: Progress = silent) -> Gathered:
    """Give the rows of a training, made one network at a time and practice by practice."""
    networks = ground.networks
    kept: list[pl.DataFrame] = []
    counts = dict.fromkeys(("opted out since", "not in the population", "left before the outcome was known"), 0)
    for done, practices in enumerate(networks.values()):
        progress("records", done, len(networks))
        made = [rows for practice, days in practices.items() for rows in practice_rows(ground, practice, days, counts)]
        if made:
            kept.append(pl.concat(made, rechunk=True))
    progress("records", len(networks), len(networks))
    rows = sum(part.height for part in kept)
    if not rows:
        msg = f"model {ground.spec.id}: nobody of its population was registered on any of its index dates"
        raise DataContractError(msg)
    frame = with_folds(pl.concat(kept, rechunk=True), ground.spec.validation)
    del kept
    absent = sorted(set(ground.index_dates) - set(frame["index_date"].unique().to_list()))
    if absent:
        msg = (
            f"model {ground.spec.id}: on {len(absent)} of {len(ground.index_dates)} index dates nobody of its population "
            f"was registered, first {absent[0]}; the history is shorter than [index_dates] asks for"
        )
        raise DataContractError(msg)
    names = [*KEYS, "fold", "event", "months_at_risk", "ended_by", *ground.spec.predictors, *group_columns(ground.spec)]
    return Gathered(frame.select(names).sort("index_date", "patient_id"), counts)


def group_columns(spec: ModelSpec) -> list[str]:
    """Give the columns that say which subgroup a row is of."""
    return [f"group_{name}" for name in spec.subgroups if name != "network"]


def practice_rows(
    ground: Ground, practice: str, days: tuple[date, ...], counts: dict[str, int]
) -> Iterator[pl.DataFrame]:
    """Give the rows of a practice, one frame per index date; features of all dates come from one pass over its records."""
    bucket = ground.snapshot.bucket(practice)
    known = [described.with_columns(index_date=pl.lit(day)) for day, described in described_at(ground, bucket, days)]
    if not known:
        return
    objecting = left_out([bucket], ground.objections, ground.extract_date)["opted_out"]
    counts["opted out since"] += sum(int(part["patient_id"].is_in(objecting.implode()).sum()) for part in known)
    known = [part.filter(~pl.col("patient_id").is_in(objecting.implode())) for part in known]
    whole = sum(part.height for part in known)
    inside = compile_predicate(ground.spec.population, set(known[0].columns))
    known = [part.filter(inside) for part in known]
    counts["not in the population"] += whole - sum(part.height for part in known)
    happened = _outcomes(ground, bucket, pl.concat([part.select("patient_id", "index_date") for part in known]))
    for part in known:
        rows = part.join(happened, on=["patient_id", "index_date"], how="left", maintain_order="left")
        counts["left before the outcome was known"] += int((rows["ended_by"] == "left").sum())
        yield _columns(ground, rows)


def described_at(ground: Ground, bucket: Bucket, days: tuple[date, ...]) -> Iterator[tuple[date, pl.DataFrame]]:
    """Give everyone registered with a practice on each day with the columns the model reads, as the line describes them."""
    plan = ground.feature_plan
    frames = evaluate_dates(
        plan,
        bucket.shards_for(plan.reads),
        bucket.people,
        list(days),
        [contract_year_of(day) for day in days],
        archive=bucket.archive,
        working_days=working_day_counts(),
    )
    for day, features in zip(days, frames, strict=True):
        people, _ = registered(
            bucket.people,
            bucket.registrations,
            bucket.opt_outs,
            index_date=day,
            practice=bucket.practice,
            legal_basis=ground.config.site.legal_basis,
            areas=ground.areas,
        )
        yield day, pl.concat([people, features[people["person"].to_numpy()]], how="horizontal")


def _outcomes(ground: Ground, bucket: Bucket, rows: pl.DataFrame) -> pl.DataFrame:
    regular = pl.col("registration_type").cast(pl.String) == "regular"
    return outcomes_after(
        rows,
        ground.spec.outcome,
        known_to=ground.known_to,
        happened=happened_in(ground.spec.outcome, ground.library, bucket),
        deaths=bucket.people.select("patient_id", "death_date"),
        followed_to=follow_up(rows, bucket.registrations.filter(regular)),
    )


def happened_in(declared: OutcomeSpec, library: CodelistLibrary, bucket: Bucket) -> pl.DataFrame:
    """Give patient_id and date of every record of a practice that counts as the outcome (deaths apart)."""
    outcome = declared.catalogue
    parts = [pl.DataFrame(schema={"patient_id": pl.String, "date": pl.Date})]
    columns = pl.col("patient_id").cast(pl.String), pl.col("date").cast(pl.Date)
    if outcome.admission:
        spells = bucket.archive("spells").filter(pl.col("method").cast(pl.String).str.starts_with("2"))
        parts.append(spells.rename({"admission_date": "date"}).select(columns).collect())
    if outcome.codelists:
        codes = library.get("+".join(outcome.codelists)).codes
        wanted = codes.select(pl.col("code").cast(pl.String), pl.col("code_system").cast(pl.String)).unique()
        events = bucket.archive("events").with_columns(pl.col("code", "code_system").cast(pl.String))
        parts.append(events.join(wanted.lazy(), on=["code", "code_system"], how="semi").select(columns).collect())
    return pl.concat(parts)


def _columns(ground: Ground, rows: pl.DataFrame) -> pl.DataFrame:
    day: Any = rows["index_date"][0] if rows.height else None
    networks = ground.network_of(day) if day is not None else {}
    code = networks.get(rows["practice_code"][0], "") if rows.height else ""
    groups = {f"group_{name}": _group(name, rows) for name in ground.spec.subgroups if name != "network"}
    base = rows.select(
        "patient_id",
        pl.lit(code).alias("network_code"),
        "practice_code",
        "index_date",
        "event",
        "months_at_risk",
        "ended_by",
        *ground.spec.predictors,
    )
    return base.with_columns(**groups)


def _group(name: str, rows: pl.DataFrame) -> pl.Series:
    """Give the subgroup of each row, in words; what is not on record is a group of its own."""
    if name == "age_band":
        place = np.searchsorted(np.array(AGE_BANDS), rows["age_years"].to_numpy(), side="right")
        return pl.Series(place.astype(np.uint8)).cat.to(pl.Enum(AGE_LABELS))
    column = rows[{"sex": "sex", "ethnicity": ETHNICITY, "imd_quintile": "imd_quintile"}[name]].cast(pl.String)
    if name == "sex":
        column = column.replace({"not_known": NOT_KNOWN})
    return column.fill_null(NOT_KNOWN)
