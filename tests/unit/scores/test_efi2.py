"""eFI2: the published sum, thresholds from both sides, levels that exclude each other, what is missing and weighs."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores import compute, load_score
from pophealth.scores._data import read_table
from pophealth.scores.efi2 import COGNITION, EXCLUSIVE, PREDICTORS


def row(*true: str, age_years: int | None = 80, **values: bool | None) -> dict[str, object]:
    person = {f"has_{name}": name in true for name in PREDICTORS} | {f"has_{name}": v for name, v in values.items()}
    frame = pl.DataFrame([person], schema=dict.fromkeys(person, pl.Boolean))
    return compute("efi2", frame.with_columns(age_years=pl.lit(age_years, dtype=pl.Int64))).row(0, named=True)


def published(shared_data: Path) -> dict[str, float]:
    with (shared_data / "scores" / "efi2_coefficients.csv").open(newline="") as file:
        return {line["predictor"]: float(line["coefficient"]) for line in csv.DictReader(file)}


def test_figures_and_names_are_the_published_ones(shared_data: Path) -> None:
    theirs = published(shared_data)
    ours = {line["predictor"]: float(line["coefficient"]) for line in read_table("efi2")}
    assert ours == theirs
    assert sorted(PREDICTORS) == sorted(theirs)
    groups = {line["predictor"]: line["group"] for line in read_table("efi2") if line["group"]}
    declared = {name: group for group, names in {**EXCLUSIVE, "cognition": COGNITION}.items() for name in names}
    assert groups == declared


def test_largest_levels_sum_to_the_published_total(shared_data: Path) -> None:
    """clinical-scores.md section 5: largest levels sum to 8.42874 against the divisor 8.429.

    All three of cognition are in that total, although the first alone counts for a person.
    """
    theirs = published(shared_data)
    smaller = {name for names in EXCLUSIVE.values() for name in names if name != max(names, key=theirs.__getitem__)}
    assert math.fsum(theirs[name] for name in set(PREDICTORS) - smaller) == pytest.approx(8.42874, abs=1e-12)
    scored = row(*(set(PREDICTORS) - smaller))
    assert scored["efi2"] == pytest.approx((8.42874 - 0.10985 - 0.11915) / 8.429, abs=1e-12)
    assert scored["efi2_category"] == "severe"
    assert scored["efi2_1y_risk_percent"] == pytest.approx(100.0, abs=1e-6)


def test_nobody_has_nothing() -> None:
    scored = row()
    assert scored["efi2"] == 0.0
    assert scored["efi2_category"] == "robust"
    assert scored["efi2_1y_risk_percent"] == pytest.approx(100 * (1 - math.exp(-0.0151)), abs=1e-9)
    assert scored["efi2_flags"] == []


# 0.0857, 0.1624 and 0.2392 of 8.429 are 0.72236..., 1.36886... and 2.01621...: figures just below and above each
@pytest.mark.parametrize(
    ("true", "category"),
    [
        (("alcohol_previous_harmful_or_higher",), "mild"),
        (("palliative_care", "fragility_fracture", "parkinsonism_tremor"), "mild"),
        (("palliative_care", "fragility_fracture", "respiratory_disease", "tia"), "robust"),
        (("alcohol_previous_harmful_or_higher", "self_harm"), "moderate"),
    ],
)
def test_categories_close_at_their_upper_bound(true: tuple[str, ...], category: str) -> None:
    scored = row(*true)
    assert scored["efi2_category"] == category
    score = scored["efi2"]
    assert isinstance(score, float)
    assert (score > 0.0857) + (score > 0.1624) + (score > 0.2392) == ("robust", "mild", "moderate", "severe").index(
        category
    )


@given(st.sets(st.sampled_from(PREDICTORS)))
@settings(max_examples=80, deadline=None)
def test_equals_a_slow_twin(shared_data: Path, true: set[str]) -> None:
    theirs = published(shared_data)
    scored = row(*true)
    if any(len(true & set(levels)) > 1 for levels in EXCLUSIVE.values()):
        assert scored["efi2"] is None
        return
    first = next((name for name in ("dementia", "cognitive_impairment", "memory_concerns") if name in true), None)
    counted = {name for name in true if name not in COGNITION or name == first}
    predictor = math.fsum(theirs[name] for name in counted)
    assert scored["efi2"] == pytest.approx(predictor / 8.429, abs=1e-12)
    assert scored["efi2_1y_risk_percent"] == pytest.approx(
        100 * (1 - math.exp(-0.0151 * math.exp(predictor))), abs=1e-9
    )


def test_missing_weighs_and_is_never_imputed() -> None:
    assert row("bmi_missing")["efi2"] == pytest.approx(0.25318 / 8.429, abs=1e-12)
    assert row("alcohol_missing")["efi2"] == pytest.approx(0.13175 / 8.429, abs=1e-12)


def test_two_levels_of_one_thing_and_the_unknown_leave_no_score() -> None:
    twice = row("polypharmacy_5_9", "polypharmacy_10_plus")
    assert twice["efi2"] is None
    assert twice["efi2_category"] is None
    assert twice["efi2_1y_risk_percent"] is None
    assert twice["efi2_flags"] == ["not_applicable:several_levels_of_polypharmacy"]
    assert row(tia=None)["efi2_flags"] == ["missing:has_tia"]
    assert row(tia=None)["efi2"] is None


def test_under_65_there_is_no_score() -> None:
    assert row("stroke", age_years=64)["efi2"] is None
    assert row("stroke", age_years=64)["efi2_flags"] == ["out_of_range:age_years"]
    assert row("stroke", age_years=None)["efi2"] is not None


def test_needs_the_licence_condition_to_be_met() -> None:
    score = load_score("efi2")
    assert score.needs_licence_acceptance
    assert "licence_accepted" in score.statement
