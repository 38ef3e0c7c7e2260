"""Corrections by network: right where there is evidence, small where there is little, none where there is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pophealth.prediction.calibration import expit, logit
from pophealth.prediction.recalibrate import OVERALL, recalibrate, recalibrated, recalibration_report


def made(shifts: dict[str, float], rows: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, pl.Series]:
    """Give outcome, risk and network; in each network the true log odds are shifted."""
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-2.5, 1.0, rows * len(shifts)))
    networks = np.repeat(list(shifts), rows)
    truth = expit(logit(risk) + np.array([shifts[code] for code in networks]))
    return rng.random(risk.size) < truth, risk, pl.Series(networks)


def test_shifts_are_found_and_shrunk() -> None:
    shifts = {f"U{place}": shift for place, shift in enumerate((-0.6, -0.3, 0.0, 0.3, 0.6))}
    found = recalibrate(*made(shifts, 20_000))
    for code, shift in shifts.items():
        assert found[code].intercept == pytest.approx(shift, abs=0.1)
    few = recalibrate(*made(shifts, 150, seed=2))
    for code in shifts:
        assert abs(few[code].intercept - few[OVERALL].intercept) <= abs(few[code].own) + 1e-9


def test_networks_that_do_not_differ_are_left_alone() -> None:
    shifts = dict.fromkeys((f"U{place}" for place in range(8)), 0.0)
    found = recalibrate(*made(shifts, 2_000, seed=3))
    assert max(abs(shift.intercept) for shift in found.values()) < 0.08
    assert max(abs(shift.own) for code, shift in found.items() if code) > 0.02, "unshrunk they would move by chance"


def test_everybody_too_low_is_mended_for_everybody() -> None:
    found = recalibrate(*made({"U1": 0.7, "U2": 0.7}, 20_000, seed=4))
    assert found[OVERALL].intercept == pytest.approx(0.7, abs=0.06)
    assert found[OVERALL].slope == 1.0


def test_risks_that_are_too_extreme_get_a_slope() -> None:
    outcome, risk, networks = made({"U1": 0.0}, 30_000, seed=5)
    found = recalibrate(outcome, expit(2 * logit(risk)), networks)
    assert found[OVERALL].slope == pytest.approx(0.5, abs=0.03)
    mended = recalibrated(expit(2 * logit(risk)), networks, found)
    assert mended.mean() == pytest.approx(outcome.mean(), abs=0.002)


def test_a_network_without_an_event_keeps_everybodys() -> None:
    outcome, risk, networks = made({"U1": 0.0, "U2": 0.3, "U3": -0.3}, 4_000, seed=6)
    outcome &= (networks != "U3").to_numpy()
    found = recalibrate(outcome, risk, networks)
    assert found["U3"].intercept == found[OVERALL].intercept
    assert found["U3"].events == 0
    report = recalibration_report(outcome, risk, networks, pl.Series(np.arange(risk.size) % 3))
    assert report["networks"][2]["reason"] is not None
    assert report["networks"][0]["reason"] is None


def test_an_unknown_network_has_everybodys_correction() -> None:
    outcome, risk, networks = made({"U1": 0.5, "U2": 0.9}, 5_000, seed=7)
    found = recalibrate(outcome, risk, networks)
    overall = found[OVERALL]
    there = recalibrated(risk[:3], pl.Series(["U9"] * 3), found)
    assert there == pytest.approx(expit(overall.intercept + overall.slope * logit(risk[:3])))


def test_the_report_tells_what_is_mended_among_people_not_learnt_from() -> None:
    shifts = {f"U{place}": shift for place, shift in enumerate((-0.5, 0.0, 0.5))}
    outcome, risk, networks = made(shifts, 8_000, seed=8)
    report = recalibration_report(outcome, risk, networks, pl.Series(np.arange(risk.size) % 4))
    for row in report["networks"]:
        if shifts[row["network"]]:
            assert abs(row["in_the_large_after"]) < abs(row["in_the_large_before"]) / 2
