"""The columns of models: what a rule can read before any model is in use is what the shipped models make."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pophealth.declare.model import parse_model
from pophealth.declare.predicted import SHIPPED, columns_of_model, flags_column, not_in_use

MODELS = Path(__file__).parents[3] / "models"


def test_shipped_columns_are_those_of_the_shipped_models() -> None:
    specs = [
        parse_model(tomllib.loads(path.read_text()), folder_name=path.parent.name)
        for path in sorted(MODELS.glob("*/model.toml"))
    ]
    assert {spec.id: columns_of_model(spec) for spec in specs} == SHIPPED


def test_every_column_begins_with_its_models_id() -> None:
    assert all(column.startswith(f"{model}_") for model, columns in SHIPPED.items() for column in columns)


def test_columns_of_models_in_use_wait_for_nothing() -> None:
    waits = not_in_use({"emergency_admission_12m"})
    assert waits["rising_risk_12m_ago"] == "model rising_risk not in use"
    assert waits[flags_column("rising_risk")] == "model rising_risk not in use"
    assert "emergency_admission_12m_risk" not in waits
