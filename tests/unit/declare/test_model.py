"""A model's declaration is read strictly: what nobody knows is refused by name, what is shipped is whole."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pophealth.declare.model import OUTCOMES, parse_model
from pophealth.declare.model_parts import IndexDates, Validation
from pophealth.declare.window import months_before
from pophealth.errors import DeclarationError
from pophealth.features import load_features

MODELS = Path(__file__).resolve().parents[3] / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.toml"))

TABLE: dict[str, Any] = {
    "id": "m",
    "version": 1,
    "kind": "binary",
    "title": "A model",
    "intended_use": "tests",
    "population": "age_years >= 18",
    "predictors": ["age_years", "has_copd"],
    "outcome": {"kind": "emergency_admission", "months": 12, "source": "tests"},
    "index_dates": {"every_months": 6, "count": 2},
    "estimators": [{"kind": "logistic"}],
}


def changed(**values: Any) -> dict[str, Any]:
    return deepcopy(TABLE) | values


def test_what_is_not_said_has_a_value_that_is_said_in_one_place() -> None:
    spec = parse_model(TABLE, folder_name="m")
    assert spec.validation == Validation()
    assert spec.subgroups == ("age_band", "sex", "ethnicity", "imd_quintile", "network")
    assert spec.gates == {}
    assert spec.monitoring.on_breach == "warn"
    assert not spec.is_survival


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"colour": "red"}, "unknown keys \\['colour'\\]"),
        ({"title": ""}, "missing keys \\['title'\\]"),
        ({"id": "other"}, "folder's name"),
        ({"kind": "oracle"}, "kind is one of"),
        ({"version": True}, "version: expected a whole number"),
        ({"outcome": {"kind": "luck", "months": 12, "source": "s"}}, "unknown outcome 'luck'"),
        ({"outcome": {"kind": "care_home_entry", "months": 0, "source": "s"}}, "months"),
        ({"outcome": {"kind": "care_home_entry", "months": 12}}, "missing keys \\['source'\\]"),
        ({"predictors": ["age_years", "age_years"]}, "each once; found \\['age_years'\\]"),
        ({"curved": ["bmi"]}, "curved is a list of predictors; 1 are none, first 'bmi'"),
        ({"curved": "age_years"}, "curved is a list of predictors"),
        ({"estimators": [{"kind": "cox"}]}, "kind 'binary' takes logistic"),
        ({"estimators": [{"kind": "forest"}]}, "unknown estimator 'forest'"),
        ({"estimators": [{"kind": "stack"}]}, "one beside a stack"),
        ({"estimators": [{"kind": "logistic", "C": 1}]}, "unknown keys \\['C'\\]"),
        ({"subgroups": ["shoe_size"]}, "unknown subgroups \\['shoe_size'\\]"),
        ({"gates": {"min_luck": 1}}, "unknown gate 'min_luck'"),
        ({"gates": {"min_auroc": [0.7, 0.8]}}, "min_auroc takes a number"),
        ({"gates": {"calibration_slope": 1.0}}, "calibration_slope takes \\[lowest, highest\\]"),
        ({"validation": {"folds": 1}}, "folds: expected a whole number from 2"),
        ({"validation": {"leave_one_network_out": 1}}, "expected true or false"),
        ({"monitoring": {"on_breach": "ignore"}}, "on_breach is 'warn' or 'stop'"),
        ({"monitoring": {"psi_warn": 0}}, "psi_warn must be numbers above 0"),
        ({"index_dates": {"every_months": 6, "count": 2, "start": 1}}, "unknown keys \\['start'\\]"),
        ({"derived_from": "n"}, "belong to kind 'change'"),
    ],
)
def test_what_nobody_knows_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(DeclarationError, match=named):
        parse_model(changed(**values), folder_name="m")


def test_a_change_model_names_its_source_and_has_no_estimator() -> None:
    table = {key: value for key, value in TABLE.items() if key not in ("predictors", "estimators")}
    table |= {"kind": "change", "derived_from": "n", "steps_months": [12, 6]}
    assert parse_model(table, folder_name="m").steps_months == (6, 12)
    with pytest.raises(DeclarationError, match="unknown keys \\['estimators'\\]"):
        parse_model(table | {"estimators": TABLE["estimators"]}, folder_name="m")
    with pytest.raises(DeclarationError, match="derived_from"):
        parse_model({key: value for key, value in table.items() if key != "derived_from"}, folder_name="m")


@given(
    extract=st.dates(date(2005, 1, 1), date(2040, 12, 31)),
    lag=st.integers(0, 90),
    months=st.sampled_from([1, 12, 60]),
    every=st.integers(1, 24),
    count=st.integers(1, 6),
)
def test_no_window_ends_after_what_is_known(extract: date, lag: int, months: int, every: int, count: int) -> None:
    days = IndexDates(every, count).before(extract, lag_days=lag, outcome_months=months)
    assert len(days) == count
    assert list(days) == sorted(set(days))
    ends = [months_before(day, -months) for day in days]
    assert max(ends) <= extract - timedelta(days=lag)
    assert max(ends) > extract - timedelta(days=lag + 4)  # as late as can be: only a month's end may clip it


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_models_are_whole(folder: Path) -> None:
    table = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    spec = parse_model(table, folder_name=folder.name)
    features = load_features()
    assert [name for name in spec.predictors if name not in features] in ([], ["age_years", "sex", "imd_quintile"])
    assert "ethnicity_latest" not in spec.predictors, "ethnicity is a subgroup of the report, not a predictor"
    assert "network" in spec.subgroups
    assert table["outcome"]["source"]
    card = (folder / "card.md").read_text("utf-8")
    for heading in ("## For whom", "## Not for", "## What it foretells", "## Limits"):
        assert heading in card, f"{folder.name}/card.md lacks {heading}"


def test_the_models_asked_for_are_there() -> None:
    assert {folder.name for folder in FOLDERS} == {
        "emergency_admission_12m",
        "emergency_admission_only_12m",
        "care_home_entry_12m",
        "cvd_event_5y",
        "rising_risk",
    }
    assert all(entry.source for entry in OUTCOMES.values())
