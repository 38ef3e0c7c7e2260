"""What trainings are checked against: the true risks of generated people, under the pseudonyms the register gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pophealth.config import load_config
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.pseudonyms import pseudonyms, purpose_key
from pophealth.runs.intake import ingest
from pophealth.runs.keys import initialise_keys, read_key
from pophealth.synthetic import generate, true_risks

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.declare.model import ModelSpec

INDEX_DATE = date(2025, 1, 31)
MODELS = Path(__file__).resolve().parents[1] / "models"


def make_site(
    folder: Path,
    *,
    networks: int,
    patients: int,
    seed: int = 7,
    years: int = 10,
    key: int = 1,
    records: int = 60,
    unobserved: float = 1.0,
    planted: bool = True,
) -> Config:
    """Give the configuration of a generated site with a register.

    The key is fixed: folds hang on pseudonyms, and a test that finds something must find it again.
    """
    generate(
        folder,
        networks=networks,
        patients=patients,
        seed=seed,
        index_date=INDEX_DATE,
        years=years,
        records_per_person=records,
        unobserved=unobserved,
        planted=planted,
    )
    initialise_keys(folder / "keys")
    (folder / "keys" / "site.key").write_bytes(bytes([key]) * 32)
    config = load_config(folder / "config.toml")
    ingest(config)
    return config


def pseudonyms_of(folder: Path, config: Config) -> pl.DataFrame:
    """Give source_id and patient_id of everybody in the extract."""
    people = pl.concat([pl.read_parquet(path) for path in sorted((folder / "patients").glob("*.parquet"))])
    people = people.select(pl.col("patient_id").cast(pl.String), pl.col("nhs_number").cast(pl.String))
    known_by = people.select(pl.coalesce("nhs_number", "patient_id")).to_series()
    key = purpose_key(read_key(config.site.key_file), config.site.purpose)
    return pl.DataFrame({"source_id": people["patient_id"], "patient_id": pseudonyms(key, known_by.to_list())})


TOLD_BY = {
    "emergency_admission_or_death": ("admission", "death"),
    "emergency_admission": ("admission",),
    "care_home_entry": ("care_home",),
    "cvd_event": ("cvd",),
}
"""Hazards that an outcome follows from."""
ENDED_BY_DEATH = ("emergency_admission", "care_home_entry")
"""Outcomes that do not come to who dies first; in survival models death censors instead."""


def truth_at(
    folder: Path, config: Config, day: date, outcome: str = "emergency_admission_or_death", months: int = 12
) -> pl.DataFrame:
    """Give, for everybody who was simulated and followed on a day, patient_id and the risk of an outcome within some months.

    `true_risk` knows everything; `recorded_risk` what follows from records alone, which is all that a model can know. Where
    death ends the time at risk without the outcome, it is the chance that the outcome comes before it.
    """
    networks = sorted(path.stem for path in (folder / "truth").glob("U?????.parquet"))
    risks = pl.concat([true_risks(folder, network, day, months) for network in networks])

    def any_of(ending: str) -> pl.Expr:
        none = [1 - pl.col(f"{hazard}{ending}") for hazard in TOLD_BY[outcome]]
        chance = 1 - pl.reduce(lambda one, other: one * other, none)
        if outcome not in ENDED_BY_DEATH:
            return chance
        mine, others = (-(1 - risk.clip(0, 1 - 1e-12)).log() for risk in (chance, pl.col(f"death{ending}")))
        whole = mine + others  # hazards that keep their proportion share the chance that either comes
        return pl.when(whole > 0).then(mine / whole * (1 - (-whole).exp())).otherwise(0.0)

    return (
        risks.select(
            pl.col("patient_id").cast(pl.String).alias("source_id"),
            true_risk=any_of(""),
            recorded_risk=any_of("_recorded"),
        )
        .join(pseudonyms_of(folder, config), on="source_id")
        .drop("source_id")
    )


def quick(spec: ModelSpec, *kinds: str, bootstraps: int = 20, **validation: object) -> ModelSpec:
    """Give a model that is soon trained: these estimators, few resamples, few and small trees."""
    small = {"gradient_boosting": {"max_iter": 20, "max_leaf_nodes": 7}}
    chosen = kinds or tuple(estimator.kind for estimator in spec.estimators)
    return replace(
        spec,
        estimators=tuple(EstimatorSpec(kind, small.get(kind, {})) for kind in chosen),
        validation=replace(spec.validation, bootstraps=bootstraps, **validation),
    )
