"""What a list would find, and what acting on a threshold is worth."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from dcurves import dca

from evaluation_twins import contacts_for, operational_table
from pophealth.prediction.usefulness import decision_curve

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
