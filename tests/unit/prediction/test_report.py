"""The report of predictions: what is in it, that groups are compared, that JSON can hold it, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from pophealth.declare.model import parse_model
from pophealth.errors import DataContractError
from pophealth.kernels.discrimination import auroc
from pophealth.prediction.report import evaluate_model

SPEC = parse_model(
    {
        "id": "m",
        "version": 1,
        "kind": "binary",
        "title": "A model",
        "intended_use": "tests",
        "population": "age_years >= 18",
        "predictors": ["age_years"],
        "outcome": {"kind": "emergency_admission", "months": 12, "source": "tests"},
        "index_dates": {"every_months": 6, "count": 2},
        "estimators": [{"kind": "logistic"}],
        "subgroups": ["sex", "ethnicity", "network"],
        "list_lengths": [20, 100],
        "validation": {"bootstraps": 60},
    },
    folder_name="m",
)


def predictions(rows: int = 4_000, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(2.5 - rng.normal(size=rows)))
    event = rng.random(rows) < risk
    return pl.DataFrame(
        {
            "patient_id": [f"p{number // 2:05d}" for number in range(rows)],
            "network_code": [f"U0000{number}" for number in rng.integers(0, 3, rows)],
            "index_date": [(date(2020, 1, 31), date(2020, 7, 31))[number % 2] for number in range(rows)],
            "event": event,
            "months_at_risk": np.where(event, 6.0, 12.0),
            "ended_by": np.where(event, "event", "window"),
            "risk": risk,
            "risk_left_out": risk,
            "group_sex": rng.choice(["female", "male"], rows),
            "group_ethnicity": rng.choice(["a", "b"], rows),
        }
    )


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return predictions()


@pytest.fixture(scope="module")
def report(rows: pl.DataFrame) -> dict:
    return evaluate_model(rows, SPEC, seed=1)


def test_json_holds_it_and_it_is_the_same_again(rows, report) -> None:
    text = json.dumps(report, allow_nan=False)
    assert json.dumps(evaluate_model(rows, SPEC, seed=1), allow_nan=False) == text
    assert "p00001" not in text, "a report names nobody"


def test_figures_stand_inside_their_intervals_and_perfect_risks_are_calibrated(rows, report) -> None:
    metrics = report["metrics"]
    assert metrics["auroc"]["estimate"] == auroc(rows["event"].to_numpy(), rows["risk"].to_numpy())
    for name in ("auroc", "auprc", "brier", "scaled_brier", "calibration_slope", "calibration_in_the_large"):
        assert metrics[name]["low"] < metrics[name]["estimate"] < metrics[name]["high"], name
    assert metrics["calibration_slope"]["low"] < 1 < metrics["calibration_slope"]["high"]
    assert report["events"] == int(rows["event"].sum())
    assert report["people"] == rows["patient_id"].n_unique()


def test_everything_asked_for_is_there(report) -> None:
    assert {"calibration_curve", "decision_curve", "operational", "to_reach", "subgroups"} <= set(report)
    assert all(point["low"] <= point["high"] for point in report["calibration_curve"])
    assert [row["list_length"] for row in report["operational"]] == [20, 100]
    assert report["operational"][0]["listed"] == 20 * 3 * 2  # a list per network and date
    groups = {(group["grouping"], group["group"]) for group in report["subgroups"]}
    assert groups == {("sex", "female"), ("sex", "male"), ("ethnicity", "a"), ("ethnicity", "b")} | {
        ("network", f"U0000{number}") for number in range(3)
    }
    for group in report["subgroups"]:
        gap = group["figures"]["auroc"]["gap"]
        assert gap["low"] <= gap["estimate"] <= gap["high"]
        assert abs(gap["estimate"]) < 0.06
        assert group["operational"][0]["true_positives"] > 0
        assert group["decision_curve"]


def test_networks_are_summarised(report) -> None:
    left_out = report["leave_one_network_out"]
    assert [entry["network"] for entry in left_out["networks"]] == ["U00000", "U00001", "U00002"]
    area = left_out["summary"]["auroc"]
    assert area["low"] < area["mean"] < area["high"]
    assert area["mean"] == pytest.approx(report["metrics"]["auroc"]["estimate"], abs=0.01)
    assert left_out["summary"]["observed_expected"]["mean"] == pytest.approx(1.0, abs=0.1)


def test_a_group_that_is_served_worse_is_seen(rows) -> None:
    spoilt = rows.with_columns(
        risk=pl.when(pl.col("group_ethnicity") == "b").then(pl.col("risk") / 2).otherwise("risk")
    )
    groups = {(group["grouping"], group["group"]): group for group in evaluate_model(spoilt, SPEC, seed=1)["subgroups"]}
    gap = groups["ethnicity", "b"]["figures"]["calibration_in_the_large"]["gap"]
    assert gap["low"] > 0.01, "more happened to them than was foretold, and more so than to others"
    assert groups["ethnicity", "a"]["figures"]["calibration_in_the_large"]["gap"]["high"] < 0
    for group in ("female", "male"):
        fair = groups["sex", group]["figures"]["calibration_in_the_large"]["gap"]
        assert fair["low"] < 0 < fair["high"]


def test_a_network_without_an_event_has_no_figures_and_says_why(rows) -> None:
    quiet = rows.with_columns(event=pl.col("event") & (pl.col("network_code") != "U00002"))
    report = evaluate_model(quiet, SPEC, seed=1)
    group = next(one for one in report["subgroups"] if one["group"] == "U00002")
    assert group["reason"] == "no event of the outcome"
    assert group["figures"]["auroc"]["figure"] == {"estimate": None, "low": None, "high": None}
    assert group["figures"]["brier"]["figure"]["estimate"] is not None
    left_out = report["leave_one_network_out"]
    assert left_out["networks"][2]["reason"] == "no event of the outcome"
    assert left_out["summary"]["auroc"]["networks"] == 2
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda rows: rows.drop("group_sex"), "1 columns are missing: group_sex"),
        (lambda rows: rows.with_columns(risk=pl.col("risk") * 3), "risks are missing or outside 0 to 1"),
        (lambda rows: rows.with_columns(risk=None), "4,000 of 4,000 risks are missing"),
        (lambda rows: rows.with_columns(event=pl.lit(value=False)), "0 of 4,000 rows have the outcome"),
        (lambda rows: rows.with_columns(event=pl.lit(value=True)), "4,000 of 4,000 rows have the outcome"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(rows, change, named) -> None:
    with pytest.raises(DataContractError, match=named):
        evaluate_model(change(rows), SPEC, seed=1)


def test_people_lost_from_sight_spoil_no_calibration() -> None:
    """Half the people leave early; without weights the risks would look too high."""
    rows = predictions(8_000, seed=4)
    rng = np.random.default_rng(5)
    leaves = rng.uniform(0, 24, rows.height)
    at = np.where(rows["event"].to_numpy(), rng.uniform(0.01, 12, rows.height), 12.0)
    lost = leaves < at
    rows = rows.with_columns(
        event=pl.col("event") & ~pl.Series(lost),
        months_at_risk=pl.Series(np.minimum(at, leaves)),
        ended_by=pl.when(pl.Series(lost)).then(pl.lit("left")).otherwise("ended_by"),
    )
    found = evaluate_model(rows, SPEC, seed=1)["metrics"]
    assert found["observed_expected"]["low"] < 1 < found["observed_expected"]["high"]
    assert found["calibration_slope"]["low"] < 1 < found["calibration_slope"]["high"]
    kept = rows.with_columns(ended_by=pl.lit("window"), months_at_risk=pl.lit(12.0))
    assert evaluate_model(kept, SPEC, seed=1)["metrics"]["observed_expected"]["high"] < 0.85


def test_survival_has_concordance_and_death_censors() -> None:
    spec = replace(SPEC, kind="survival")
    rows = predictions(2_000, seed=6)
    report = evaluate_model(rows, spec, seed=1)
    for name in ("concordance", "concordance_uno"):
        figure = report["metrics"][name]
        assert 0.5 < figure["low"] < figure["estimate"] < figure["high"] < 1
    json.dumps(report, allow_nan=False)
