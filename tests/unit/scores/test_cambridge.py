"""The Cambridge Multimorbidity Score: three versions that are never mixed, negative weights, unknown conditions."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores import cms20, cms37, compute, load_score, mcms21

PUBLISHED = {"cms20": "payne2020_20", "cms37": "payne2020_37", "mcms21": "tsang2023_21"}
CONDITIONS = {"cms20": cms20.CONDITIONS, "cms37": cms37.CONDITIONS, "mcms21": mcms21.CONDITIONS}
versions = pytest.mark.parametrize("score_id", sorted(PUBLISHED))


def published(shared_data: Path, score_id: str) -> dict[str, dict[str, str]]:
    with (shared_data / "scores" / "cambridge_multimorbidity_weights.csv").open(newline="") as file:
        return {line["condition"]: line for line in csv.DictReader(file) if line["version"] == PUBLISHED[score_id]}


def row(score_id: str, *true: str, **values: bool | None) -> dict[str, object]:
    person = {f"has_{name}": name in true for name in CONDITIONS[score_id]} | values
    return compute(score_id, pl.DataFrame([person], schema=dict.fromkeys(person, pl.Boolean))).row(0, named=True)


@versions
def test_every_outcome_with_weights_is_given_and_no_other(shared_data: Path, score_id: str) -> None:
    lines = published(shared_data, score_id)
    assert set(CONDITIONS[score_id]) == set(lines)
    weighted = [
        outcome
        for outcome in ("general", "mortality", "unplanned_admissions", "consultations")
        if all(line[outcome] for line in lines.values())
    ]
    assert [output.name for output in load_score(score_id).outputs] == [f"{score_id}_{name}" for name in weighted]


@versions
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_equals_a_slow_twin(shared_data: Path, score_id: str, data: st.DataObject) -> None:
    lines = published(shared_data, score_id)
    true = data.draw(st.sets(st.sampled_from(CONDITIONS[score_id])))
    scored = row(score_id, *true)
    for output in load_score(score_id).outputs:
        outcome = output.name.removeprefix(f"{score_id}_")
        assert scored[output.name] == pytest.approx(math.fsum(float(lines[name][outcome]) for name in true), abs=1e-9)


@versions
def test_one_condition_weighs_exactly_what_is_printed(shared_data: Path, score_id: str) -> None:
    lines = published(shared_data, score_id)
    for name in CONDITIONS[score_id]:
        scored = row(score_id, name)
        for output in load_score(score_id).outputs:
            assert scored[output.name] == float(lines[name][output.name.removeprefix(f"{score_id}_")])


def test_versions_differ_and_negative_sums_are_real() -> None:
    """clinical-scores.md section 6: dementia 2.50 against 2.46; prostate disorders -10.02 for death."""
    assert row("cms20", "dementia")["cms20_general"] == 2.5
    assert row("cms37", "dementia")["cms37_general"] == 2.46
    assert row("cms37", "prostate_disorders")["cms37_mortality"] == -10.02
    assert row("cms20")["cms20_general"] == 0.0


@versions
def test_an_unknown_condition_leaves_no_score(score_id: str) -> None:
    scored = row(score_id, "dementia", has_epilepsy=None)
    assert all(scored[output.name] is None for output in load_score(score_id).outputs)
    assert scored[f"{score_id}_flags"] == ["missing:has_epilepsy"]


@versions
def test_the_range_is_that_of_the_primary_outcome(shared_data: Path, score_id: str) -> None:
    score = load_score(score_id)
    outcome = score.primary_output.removeprefix(f"{score_id}_")
    weights = [float(line[outcome]) for line in published(shared_data, score_id).values()]
    assert score.range == pytest.approx((sum(w for w in weights if w < 0), sum(w for w in weights if w > 0)))
