"""People whose risks follow a written formula, as training frames; and model specifications small enough for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from pophealth.declare.model import ModelSpec, OutcomeSpec
from pophealth.declare.model_parts import EstimatorSpec, IndexDates, Monitoring, Validation

PREDICTORS = ("age_years", "bmi_latest_kg_m2", "sex", "has_diabetes", "emergency_admissions_12m")


def people(size: int = 4_000, *, seed: int = 1, months: int = 12, lost: float = 0.05) -> pl.DataFrame:
    """People with a fifth of the body mass indices missing; log hazard rises with age, male sex, diabetes, admissions."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 95, size)
    bmi = np.round(rng.normal(27, 5, size), 1)
    sex = rng.choice(["female", "male", "other"], size, p=[0.5, 0.47, 0.03])
    diabetes = rng.random(size) < 0.12
    admissions = rng.poisson(0.3, size)
    log_hazard = -7.6 + 0.05 * age + 0.02 * (bmi - 27) + 0.3 * (sex == "male") + 0.6 * diabetes + 0.5 * admissions
    time = rng.exponential(np.exp(-log_hazard)) * 12.0 / months + 1e-3
    leaves = np.where(rng.random(size) < lost, rng.uniform(0.1, months, size), float(months))
    event = (time <= leaves) & (time <= months)
    return pl.DataFrame(
        {
            "patient_id": [f"{number:032x}" for number in range(size)],
            "network_code": "U12345",
            "practice_code": "A12345",
            "index_date": dt.date(2024, 4, 1),
            "fold": (np.arange(size) % 5).astype(np.int8),
            "event": event,
            "months_at_risk": np.minimum(np.minimum(time, leaves), months),
            "age_years": age.astype(np.int16),
            "bmi_latest_kg_m2": pl.Series(np.where(rng.random(size) < 0.2, np.nan, bmi)).fill_nan(None),
            "sex": pl.Series(sex).cast(pl.Categorical),
            "has_diabetes": diabetes,
            "emergency_admissions_12m": admissions.astype(np.uint16),
        }
    )


def spec_of(
    *kinds: str,
    predictors: tuple[str, ...] = PREDICTORS,
    months: int = 12,
    settings: dict[str, dict[str, Any]] | None = None,
) -> ModelSpec:
    """A specification with these estimators."""
    return ModelSpec(
        id="for_tests",
        version=3,
        kind="survival" if set(kinds) & {"cox", "weibull", "discrete_hazard"} else "binary",
        title="For tests",
        intended_use="Tests",
        outcome=OutcomeSpec("emergency_admission", months),
        population="true",
        index_dates=IndexDates(6, 1),
        predictors=predictors,
        estimators=tuple(EstimatorSpec(kind, (settings or {}).get(kind, {})) for kind in kinds),
        validation=Validation(),
        subgroups=(),
        list_lengths=(50,),
        gates={},
        monitoring=Monitoring(),
    )


SMALL_TREES = {"max_iter": 12, "min_samples_leaf": 20, "max_depth": 4}
"""Trees that are soon grown."""
