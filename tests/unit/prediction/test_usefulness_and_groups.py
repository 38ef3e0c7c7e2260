"""What a list would find, and for whom the figures are worse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from dcurves import dca

from pophealth.prediction.metrics import Predictions
from pophealth.prediction.subgroups import by_group
from pophealth.prediction.usefulness import contacts_for, decision_curve, operational_table

OUTCOME = np.array([True, False, True, False, False, True])
RISK = np.array([0.9, 0.8, 0.7, 0.7, 0.2, 0.1])


def test_a_list_of_each_length() -> None:
    rows = operational_table(OUTCOME, RISK, [0, 1, 3, 99])
    assert [(row.listed, row.true_positives) for row in rows] == [(0, 0), (1, 1), (3, 2), (6, 3)]
    assert math.isnan(rows[0].ppv)
    assert rows[0].to_contact == math.inf
    assert (rows[2].ppv, rows[2].sensitivity, rows[2].to_contact, rows[2].threshold) == (2 / 3, 2 / 3, 1.5, 0.7)
    assert [contacts_for(OUTCOME, RISK, events) for events in (0, 1, 2, 3, 4)] == [0, 1, 3, 6, None]


@pytest.mark.filterwarnings("ignore:.*:FutureWarning")
def test_net_benefit_is_that_of_dcurves() -> None:
    rng = np.random.default_rng(1)
    risk = rng.beta(1, 5, 2_000)
    outcome = rng.random(2_000) < risk
    frame = pd.DataFrame({"event": outcome.astype(int), "risk": risk})
    thresholds = [0.05, 0.1, 0.2, 0.4]
    theirs = dca(data=frame, outcome="event", modelnames=["risk"], thresholds=thresholds)
    for ours in decision_curve(outcome, risk, thresholds):
        rows = theirs[np.isclose(theirs["threshold"], ours.threshold)].set_index("model")["net_benefit"]
        assert ours.net_benefit == pytest.approx(rows["risk"], abs=1e-9)
        assert ours.treat_all == pytest.approx(rows["all"], abs=1e-9)


def test_a_group_served_worse_is_seen_with_its_gap() -> None:
    rng = np.random.default_rng(7)
    size = 6_000
    group = rng.integers(0, 2, size)
    risk = rng.beta(1, 5, size)
    shown = np.where(group == 1, np.full(size, 1 / 6), risk)  # nothing is known of group 1 but the average
    outcome = rng.random(size) < risk
    predictions = Predictions(outcome, shown, np.arange(size))
    reports = {
        (report.grouping, report.group): report
        for report in by_group(predictions, {"side": (group, ("seen", "unseen", "empty"))}, replicates=60)
    }
    assert set(reports) == {("side", "seen"), ("side", "unseen")}
    seen, unseen = reports["side", "seen"].figures["auroc"], reports["side", "unseen"].figures["auroc"]
    assert unseen.figure.estimate == 0.5
    assert unseen.gap.high < 0 < seen.gap.low
    assert sum(report.rows for report in reports.values()) == size
    assert abs(reports["side", "seen"].figures["calibration_in_the_large"].figure.estimate) < 0.02
