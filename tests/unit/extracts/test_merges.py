"""Superseded records: chains followed, circles refused, the same as a slow walk."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.extracts.merges import CYCLE, UNKNOWN_TARGET, latest_per_key, survivors


def slow(step: dict[str, str], known: set[str], key: str) -> str:
    """Walk from one key alone: the survivor, or the rule that is broken."""
    seen = [key]
    while seen[-1] in step:
        following = step[seen[-1]]
        if following in seen:
            return CYCLE
        seen.append(following)
    return seen[-1] if seen[-1] in known else UNKNOWN_TARGET


@pytest.mark.parametrize(
    ("merges", "ends", "faults"),
    [
        ("a>b", {"a": "b"}, {}),
        ("a>b b>c c>d", {"a": "d", "b": "d", "c": "d"}, {}),
        ("a>b b>a", {}, {"a": CYCLE, "b": CYCLE}),
        ("x>a a>b b>a", {}, {"x": CYCLE, "a": CYCLE, "b": CYCLE}),
        ("a>z", {}, {"a": UNKNOWN_TARGET}),
        ("a>b b>z", {}, {"a": UNKNOWN_TARGET, "b": UNKNOWN_TARGET}),
    ],
)
def test_chains_circles_and_loose_ends(merges: str, ends: dict[str, str], faults: dict[str, str]) -> None:
    pairs = [(pair[0], pair[2]) for pair in merges.split()]
    assert survivors(pairs, set("abcdx")) == (ends, faults)


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefghyz"), max_size=8),
    st.sets(st.sampled_from("abcdefgh")),
)
@settings(max_examples=300, deadline=None)
def test_equals_a_walk_from_every_key(step: dict[str, str], known: set[str]) -> None:
    step = {key: into for key, into in step.items() if key != into}
    ends, faults = survivors(step.items(), known)
    assert ends.keys() | faults.keys() == step.keys()
    assert not ends.keys() & faults.keys()
    assert {key: slow(step, known, key) for key in step} == ends | faults


def test_of_several_merges_the_last_counts() -> None:
    rows = [("a", "b", date(2020, 1, 1)), ("a", "c", date(2021, 1, 1)), ("a", "b", date(2019, 1, 1))]
    assert latest_per_key(rows) == {"a": "c"}
    assert latest_per_key([("a", "b", date(2020, 1, 1)), ("a", "c", date(2020, 1, 1))]) == {"a": "c"}
