"""Gives the columns that models in use add to the line: every one begins with its model's id."""

from __future__ import annotations

from pophealth.declare.model import ModelSpec

SHIPPED: dict[str, tuple[str, ...]] = {
    "emergency_admission_12m": ("emergency_admission_12m_risk",),
    "emergency_admission_only_12m": ("emergency_admission_only_12m_risk",),
    "care_home_entry_12m": ("care_home_entry_12m_risk",),
    "cvd_event_5y": ("cvd_event_5y_risk",),
    "rising_risk": (
        "rising_risk_6m_ago",
        "rising_risk_change_6m",
        "rising_risk_12m_ago",
        "rising_risk_change_12m",
    ),
}
"""Columns of the models in ``models/``, so that a rule that reads one can say which model a site would have to use."""


def risk_column(model_id: str) -> str:
    """Give the column of a model's predicted risk, from 0 to 1 within the model's months; null outside its population."""
    return f"{model_id}_risk"


def flags_column(model_id: str) -> str:
    """Give the column that says of each person what to know of the risk: empty, ``imputed`` or ``not_applicable``."""
    return f"{model_id}_flags"


def columns_of_model(spec: ModelSpec) -> tuple[str, ...]:
    """Give the columns with numbers that a model makes.

    A change model gives, per step back, the risk then (``<id>_6m_ago``) and how much it moved since (``<id>_change_6m``).
    """
    if spec.kind != "change":
        return (risk_column(spec.id),)
    steps = ((f"{spec.id}_{months}m_ago", f"{spec.id}_change_{months}m") for months in spec.steps_months)
    return tuple(name for pair in steps for name in pair)


def not_in_use(used: set[str]) -> dict[str, str]:
    """Give the columns of shipped models that are not among `used`, with the reason why they cannot be computed."""
    return {
        column: f"model {model_id} not in use"
        for model_id, columns in SHIPPED.items()
        if model_id not in used
        for column in (*columns, flags_column(model_id))
    }
