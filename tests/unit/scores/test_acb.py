"""Anticholinergic burden: by ingredient, whatever the spelling, against the pack's list."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores._data import read_table
from score_rows import one, rows_of

NAMES = sorted(row["name"] for row in read_table("acb"))


def acb(*names: str) -> int | None:
    return one("acb", {"current_ingredients": list(names)})["acb"]


def test_points_of_every_name_are_those_of_the_pack(shared_data: Path) -> None:
    with (shared_data / "scores" / "acb_acbcalc_2023.csv").open(encoding="utf-8") as lines:
        listed = {row["drug"]: int(row["acb_score"]) for row in csv.DictReader(lines)}
    ours = {row["name"]: int(row["points"]) for row in read_table("acb")}
    added = {"aclidinium", "benzatropine", "ketorolac", "phenobarbital", "trandolapril"}
    assert {name: points for name, points in ours.items() if name not in added} == listed
    found = rows_of("acb", [{"current_ingredients": [name]} for name in listed])
    assert [row["acb"] for row in found] == list(listed.values())


@pytest.mark.parametrize(
    ("names", "points"),
    [
        (("bupropion", "buproprion"), 1),
        (("desloratadine", "desloratidine"), 1),
        (("loratadine", "loratidine"), 1),
        (("trazodone", "trazadone"), 1),
        (("acldinium", "aclidinium"), 1),
        (("pethidine", "meperidine"), 2),
        (("levomepromazine", "methotrimeprazine"), 3),
        (("codeine", "co-codamol"), 1),
    ],
)
def test_two_names_of_one_ingredient_count_once(names: tuple[str, str], points: int) -> None:
    assert acb(*names) == points


def test_capitals_blanks_repetition_and_combinations() -> None:
    assert acb("Amitriptyline", " amitriptyline ", "AMITRIPTYLINE") == 3
    assert acb("Codeine + Paracetamol") == 1
    assert acb("chlordiazepoxide / clidinium") == 2
    assert acb("isosorbide  mononitrate") == 1


def test_relevant_from_three_points_and_which_they_were() -> None:
    two, three = rows_of(
        "acb", [{"current_ingredients": ["tramadol"]}, {"current_ingredients": ["tramadol", "warfarin", "aspirin"]}]
    )
    assert (two["acb"], two["acb_is_relevant"], two["acb_ingredients"]) == (2, False, ["tramadol"])
    assert (three["acb"], three["acb_is_relevant"], three["acb_ingredients"]) == (3, True, ["tramadol", "warfarin"])


def test_nothing_taken_is_none_and_unknown_is_null() -> None:
    none, unknown, hole = rows_of(
        "acb",
        [{"current_ingredients": []}, {"current_ingredients": None}, {"current_ingredients": ["codeine", None]}],
    )
    assert (none["acb"], none["acb_flags"]) == (0, [])
    for row in (unknown, hole):
        assert row["acb"] is row["acb_is_relevant"] is row["acb_ingredients"] is None
        assert row["acb_flags"] == ["missing:current_ingredients"]


def slow(names: list[str]) -> int:
    best: dict[str, int] = {}
    for row in read_table("acb"):
        if row["name"] in names:
            best[row["ingredient"]] = max(best.get(row["ingredient"], 0), int(row["points"]))
    return sum(best.values())


@settings(max_examples=50, deadline=None)
@given(taken=st.lists(st.lists(st.sampled_from([*NAMES, "paracetamol", "aspirin"]), max_size=8), max_size=6))
def test_equals_a_slow_twin(taken: list[list[str]]) -> None:
    found = rows_of("acb", [{"current_ingredients": names} for names in taken])
    assert [row["acb"] for row in found] == [slow(names) for names in taken]
