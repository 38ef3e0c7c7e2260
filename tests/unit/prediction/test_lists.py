"""What lists find: counted by hand, network by network."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation_twins import contacts_for, operational_table
from pophealth.prediction.lists import contacts_to_reach, operational
from pophealth.prediction.resample import Sample

# two networks of four; risks and events readable
RISK = np.array([0.9, 0.5, 0.4, 0.1, 0.8, 0.7, 0.2, 0.1])
EVENT = np.array([True, False, True, False, False, True, True, False])
LIST = np.array([0, 0, 0, 0, 1, 1, 1, 1])
SAMPLE = Sample(EVENT, RISK, np.arange(8))


def test_lists_are_of_a_network_and_add_up() -> None:
    table, groups = operational(SAMPLE, LIST, (1, 2, 9), {"first": np.arange(4)}, replicates=0, seed=1)
    assert [(row["listed"], row["true_positives"]) for row in table] == [(2, 1), (4, 2), (8, 4)]
    assert [row["sensitivity"] for row in table] == [0.25, 0.5, 1.0]
    assert [row["to_contact"] for row in table] == [2.0, 2.0, 2.0]
    assert [(row["listed"], row["true_positives"]) for row in groups["first"]] == [(1, 1), (2, 1), (4, 2)]


def test_the_shortest_list_that_holds_so_many_events() -> None:
    found = {
        row["events"]: row["contacts"]["estimate"]
        for row in contacts_to_reach(SAMPLE, LIST, events=(1, 2, 3), replicates=0, seed=1)
    }
    assert found == {1: 1.5, 2: 3.0, 3: None}  # 1 and 2 contacts; 3 and 3; no network has three


def test_one_list_is_the_plain_table() -> None:
    rng = np.random.default_rng(3)
    risk = rng.random(500).round(2)  # with ties
    event = rng.random(500) < risk
    sample = Sample(event, risk, np.arange(500))
    table, _ = operational(sample, np.zeros(500, np.int64), (10, 100), {}, replicates=30, seed=1)
    for row, plain in zip(table, operational_table(event, risk, (10, 100)), strict=True):
        assert (row["true_positives"], row["ppv"], row["sensitivity"]) == (
            plain.true_positives,
            plain.ppv,
            plain.sensitivity,
        )
        low, high = row["ppv_interval"]
        assert low <= row["ppv"] <= high
    reached = contacts_to_reach(sample, np.zeros(500, np.int64), events=(25,), replicates=0, seed=1)
    assert reached[0]["contacts"]["estimate"] == contacts_for(event, risk, 25)


def test_a_list_keeps_its_length_in_every_resample() -> None:
    sample = Sample(EVENT.repeat(50), RISK.repeat(50), np.arange(400))
    table, _ = operational(sample, LIST.repeat(50), (20,), {}, replicates=50, seed=2)
    assert table[0]["listed"] == 40
    assert table[0]["to_contact_interval"][0] == pytest.approx(1 / table[0]["ppv_interval"][1])
