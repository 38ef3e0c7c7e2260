"""What a network did: the last word counts, and what is done is not offered again until it is due."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pophealth.planning.actions import ACTIONS, closed_rows, in_force, progress, settled, standing

DAY = date(2025, 1, 31)


def actions(text: str) -> pl.DataFrame:
    rows = [line.split() for line in text.strip().splitlines()]
    return pl.DataFrame(
        {
            "network_code": [row[0] for row in rows],
            "patient_id": [row[1] for row in rows],
            "rule_id": [row[2] for row in rows],
            "status": [row[3] for row in rows],
            "when": [date.fromisoformat(row[4]) for row in rows],
            "who": ["nurse"] * len(rows),
            "note_code": [None] * len(rows),
        },
        schema=ACTIONS,
    )


def test_of_one_day_the_row_furthest_down_counts() -> None:
    found = settled(
        actions("""
            U1 a r booked  2025-01-02
            U1 a r done    2025-01-02
            U1 a r reviewed 2025-01-02
            U1 a q booked  2025-01-02
            U1 a r done    2025-01-05
        """)
    )
    assert found.select("rule_id", "status", "when").rows() == [
        ("q", "booked", date(2025, 1, 2)),
        ("r", "reviewed", date(2025, 1, 2)),
        ("r", "done", date(2025, 1, 5)),
    ]


def test_the_last_word_stands_and_nothing_later_is_known() -> None:
    history = actions("""
        U1 a r done     2025-01-05
        U1 a r reviewed 2025-01-02
        U1 b r booked   2025-01-05
        U1 b r declined 2025-01-05
        U1 c r done     2025-02-01
        U2 d r done     2025-01-05
    """)
    assert standing(history, "U1", DAY).select("patient_id", "status").rows() == [("a", "done"), ("b", "declined")]
    assert standing(history.clear(), "U1", DAY).is_empty()


@pytest.mark.parametrize(
    ("when", "months", "by_rule", "stands"),
    [
        ("2024-02-01", 12, {}, True),
        ("2024-01-31", 12, {}, False),
        ("2024-02-01", 12, {"r": 6}, False),
        ("2024-02-01", 6, {"r": 13}, True),
        ("2024-07-31", 6, {"other": 1}, False),
        ("2024-08-01", 6, {"other": 1}, True),
    ],
)
def test_done_is_due_again_after_the_months_of_its_rule(when: str, months: int, by_rule: dict, stands: bool) -> None:
    found = in_force(actions(f"U1 a r done {when}"), DAY, months, by_rule)
    assert found.height == int(stands)
    assert dict(found.schema) == ACTIONS


LISTED = pl.DataFrame(
    {
        "patient_id": ["a", "b", "c", "d", "e", "f"],
        "rule_id": ["r"] * 6,
        "is_urgent": [False, False, True, True, True, False],
    }
)
RESULTS = pl.DataFrame(
    {"patient_id": ["c", "d"], "rule_id": ["r", "r"], "result_date": [date(2025, 1, 10), date(2025, 1, 3)]}
)


def test_done_declined_and_not_appropriate_close_a_row_but_no_newer_result() -> None:
    known = actions("""
        U1 a r done            2025-01-05
        U1 b r booked          2025-01-05
        U1 c r done            2025-01-05
        U1 d r not_appropriate 2025-01-05
        U1 e r done            2025-01-05
        U1 z r done            2025-01-05
    """)
    closed = closed_rows(LISTED, known, RESULTS)
    assert closed.rows() == [("a", "r", "done"), ("d", "r", "not_appropriate")]


def test_progress_counts_those_who_are_still_here() -> None:
    known = actions("U1 a r done 2025-01-05\nU1 b r done 2025-01-05\nU1 b q not_appropriate 2025-01-05")
    assert progress(known, pl.Series(["a", "b"])) == {"r": {"done": 2}, "q": {"not_appropriate": 1}}
    assert progress(known, pl.Series(["a"])) == {"r": {"done": 1}}
