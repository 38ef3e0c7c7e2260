"""A small model folder: few predictors, one fit, gates that a site of 2,000 people can pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MODEL = "emergency_admission_12m"
WHO = ("--by", "A. Tester", "--reason", "a test")
"""The words with which a test promotes."""
SMALL = """\
id      = "emergency_admission_12m"
version = 1
kind    = "binary"
title   = "Emergency admission or death within 12 months, small"
intended_use = "Tests."
population = "age_years >= 18"
subgroups  = ["sex", "network"]
list_lengths = [20, 50]
predictors = ["age_years", "sex", "imd_quintile", "emergency_admissions_12m", "long_term_conditions_count",
  "has_heart_failure", "has_copd", "sbp_latest_5y_mmhg"]

[outcome]
kind   = "emergency_admission_or_death"
months = 12
source = "test"

[index_dates]
every_months = 6
count        = 2

[[estimators]]
kind = "logistic"

[validation]
folds = 2
test_dates = 1
leave_one_network_out = true
bootstraps = 20
seed = 7

[gates]
min_auroc = {min_auroc}
min_events = 20

[monitoring]
psi_stop = 0.9
on_breach = "stop"
"""
RISING = """\
id      = "rising_risk"
version = 1
kind    = "change"
title   = "Change of the predicted risk"
intended_use = "Tests."
derived_from = "emergency_admission_12m"
steps_months = [6, 12]
population   = "age_years >= 18"
subgroups    = ["sex"]
list_lengths = [20]

[outcome]
kind   = "emergency_admission_or_death"
months = 12
source = "test"

[index_dates]
every_months = 6
count        = 3

[validation]
folds = 2
test_dates = 1
leave_one_network_out = false
bootstraps = 5
seed = 7
"""


def small_model(folder: Path, *, min_auroc: float = 0.55) -> Path:
    """Give a folder in `folder` that declares the small model, with its card."""
    return _written(folder / "emergency_admission_12m", SMALL.replace("{min_auroc}", str(min_auroc)))


def rising_model(folder: Path) -> Path:
    """Give a folder in `folder` that declares how the small model's risk moves."""
    return _written(folder / "rising_risk", RISING)


def _written(made: Path, text: str) -> Path:
    made.mkdir(parents=True, exist_ok=True)
    (made / "model.toml").write_text(text)
    (made / "card.md").write_text("# A small model\n\nFor tests only.\n")
    return made


def use(site: Any, *models: str, more: str = "") -> None:
    """Let runs of a site score with these models."""
    config = Path(site.config)
    names = ", ".join(f'"{name}"' for name in models)
    rules = 'rules = ["rising_risk", "frequent_attender"]'
    text = config.read_text().replace("threads = 2", f"threads = 2\n{rules}")
    config.write_text(f"{text}\n[models]\nuse = [{names}]\n{more}")


def promote(site: Any, pophealth: Any, model: str, version: int, *more: str) -> int:
    """Promote a version and give the exit code."""
    return int(pophealth("models", "promote", model, "--version", version, "--config", site.config, *WHO, *more))
