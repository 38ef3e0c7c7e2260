"""Rows of a training made up on the spot, with the risks they were drawn from."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pophealth.declare.model import parse_model

SPEC = parse_model(
    {
        "id": "m",
        "version": 1,
        "kind": "binary",
        "title": "A model",
        "intended_use": "tests",
        "population": "age_years >= 18",
        "predictors": ["age_years", "has_copd"],
        "outcome": {"kind": "emergency_admission", "months": 12, "source": "tests"},
        "index_dates": {"every_months": 12, "count": 2},
        "estimators": [{"kind": "logistic"}],
        "subgroups": ["network"],
        "validation": {"bootstraps": 20},
    },
    folder_name="m",
)


def rows_with(count: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Give rows of one date with the predictors of `SPEC`, and the true risk of each."""
    rng = np.random.default_rng(seed)
    age, copd = rng.integers(18, 95, count), rng.random(count) < 0.3
    truth = 1 / (1 + np.exp(5 - 0.05 * age - 0.8 * copd))
    event = rng.random(count) < truth
    frame = pl.DataFrame(
        {
            "patient_id": [f"p{number:06d}" for number in range(count)],
            "network_code": [f"U0000{number % 3}" for number in range(count)],
            "practice_code": "A81001",
            "index_date": date(2020, 1, 31),
            "event": event,
            "months_at_risk": np.where(event, 6.0, 12.0),
            "ended_by": np.where(event, "event", "window"),
            "age_years": age.astype(np.int16),
            "has_copd": copd,
            "risk": truth,
        }
    )
    return frame, truth
