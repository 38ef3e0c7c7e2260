"""What may leave, and where a number may stand, follows from the purpose; the writer itself holds to it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pophealth.delivery.disclose import disclose, round_count
from pophealth.delivery.identify import identify_members, practice_frames
from pophealth.errors import DataContractError
from pophealth.terms import Purpose
from test_support import deliveries

MARKS = {"COMMITTED", "MANIFEST.json", "MANIFEST.sig", "summary.json"}
TABLES = {"members.arrow", "patients.arrow", "evidence.arrow"}
AT_PRACTICES = {f"practices/{code}/members.arrow" for code in deliveries.PRACTICES}


@pytest.mark.parametrize(
    ("purpose", "files"),
    [
        (Purpose.CASE_FINDING, MARKS | TABLES | AT_PRACTICES),
        (Purpose.COMMISSIONING, MARKS),
        (Purpose.DEVELOPMENT, MARKS | TABLES),
    ],
)
def test_each_purpose_has_its_files(tmp_path: Path, purpose: Purpose, files: set[str]) -> None:
    assert set(deliveries.bytes_of(deliveries.deliver(tmp_path, purpose))) == files


def test_a_purpose_without_practice_files_writes_none_even_if_given(tmp_path: Path) -> None:
    anonymous = {
        code: frame.with_columns(nhs_number=pl.lit(None, dtype=pl.String))
        for code, frame in practice_frames(deliveries.members(), deliveries.identity()).items()
    }
    folder = deliveries.deliver(tmp_path, Purpose.DEVELOPMENT, practices=anonymous)
    assert not (folder / "practices").exists()


def where_numbers_stand(folder: Path) -> dict[str, set[str]]:
    """File to the NHS numbers found in it, as text in its columns and as bytes."""
    found: dict[str, set[str]] = {}
    for name, content in deliveries.bytes_of(folder).items():
        text = content.decode("latin-1")
        if name.endswith(".arrow"):
            text += str(pl.read_ipc(folder / name).to_dicts())
        hits = {number for number in deliveries.NUMBERS.values() if number in text}
        if hits:
            found[name] = hits
    return found


LISTED = {deliveries.NUMBERS["p1"], deliveries.NUMBERS["p2"]}


def test_numbers_of_the_listed_stand_with_their_practice_and_with_an_agreement_in_the_network(tmp_path: Path) -> None:
    assert where_numbers_stand(deliveries.deliver(tmp_path)) == {
        "members.arrow": LISTED,
        "practices/A81001/members.arrow": {deliveries.NUMBERS["p1"]},
        "practices/A81002/members.arrow": {deliveries.NUMBERS["p2"]},
    }


def test_without_an_agreement_only_the_practices_see_numbers(tmp_path: Path) -> None:
    folder = deliveries.deliver(tmp_path, agreement=None)
    assert set(where_numbers_stand(folder)) == AT_PRACTICES


@pytest.mark.parametrize("purpose", [Purpose.COMMISSIONING, Purpose.DEVELOPMENT])
def test_no_other_purpose_shows_a_number_anywhere(tmp_path: Path, purpose: Purpose) -> None:
    assert where_numbers_stand(deliveries.deliver(tmp_path, purpose)) == {}


def test_only_listed_rows_are_identified() -> None:
    rows = identify_members(
        deliveries.members(), deliveries.identity(), purpose=Purpose.CASE_FINDING, agreement="DSA 1"
    )
    assert rows["nhs_number"].to_list() == [deliveries.NUMBERS["p1"], deliveries.NUMBERS["p2"], None, None]
    assert rows.height == deliveries.members().height


def test_a_person_without_a_number_keeps_the_row() -> None:
    identity = deliveries.identity().filter(pl.col("patient_id") != "p1")
    rows = practice_frames(deliveries.members(), identity)["A81001"]
    assert rows["patient_id"].to_list() == ["p1", "p3"]
    assert rows["nhs_number"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("purpose", "agreement", "said"),
    [
        (Purpose.DEVELOPMENT, None, "NHS numbers at network level without an agreement"),
        (Purpose.COMMISSIONING, "DSA 1", "NHS numbers at network level without an agreement"),
        (Purpose.CASE_FINDING, None, "NHS numbers at network level without an agreement"),
    ],
)
def test_the_writer_refuses_numbers_where_none_may_stand(
    tmp_path: Path, purpose: Purpose, agreement: str | None, said: str
) -> None:
    identified = deliveries.parts()["members"]
    with pytest.raises(DataContractError, match=said):
        deliveries.deliver(tmp_path, purpose, agreement, members=identified)
    assert not (tmp_path / "deliveries").exists()


def test_the_writer_refuses_practice_numbers_for_another_purpose(tmp_path: Path) -> None:
    frames = practice_frames(deliveries.members(), deliveries.identity())
    with pytest.raises(DataContractError, match="NHS numbers in practice files of a purpose that has none"):
        deliveries.deliver(tmp_path, Purpose.DEVELOPMENT, practices=frames)


def test_the_writer_refuses_the_number_of_someone_not_listed(tmp_path: Path) -> None:
    everyone = deliveries.members().join(deliveries.identity(), on="patient_id")
    with pytest.raises(DataContractError, match="2 NHS numbers of people who are not listed"):
        deliveries.deliver(tmp_path, members=everyone)


def test_commissioning_gets_controlled_counts_only(tmp_path: Path) -> None:
    folder = deliveries.deliver(tmp_path, Purpose.COMMISSIONING)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["registered"] is None
    assert summary["rules"]["smr_02"] == {"listed": None, "minutes": 20, "title": "Reviews"}
    assert summary["disclosure"] == "counts of 1 to 7 are left out"
    assert "p1" not in "".join(content.decode("latin-1") for content in deliveries.bytes_of(folder).values())


@pytest.mark.parametrize(
    ("count", "shown"), [(0, 0), (1, None), (7, None), (8, 9), (12, 9), (13, 15), (18, 15), (19, 21), (1_000, 999)]
)
def test_counts_are_left_out_or_rounded_to_the_midpoint_of_six(count: int, shown: int | None) -> None:
    assert round_count(count) == shown


def test_control_reaches_every_depth_and_no_figure_made_of_counts_is_left() -> None:
    silence = [{"feature": "has_x", "share": 0.002, "expected": 4.6, "chance": 0.01}]
    controlled = disclose(
        {"schema": 1, "silence": silence, "rules": [{"tiers": {"a": 3, "b": 30}, "bit": 2, "ok": True}]}
    )
    assert controlled["silence"] == [{"feature": "has_x", "share": 0.002, "expected": None, "chance": None}]
    assert controlled["rules"] == [{"tiers": {"a": None, "b": 27}, "bit": 2, "ok": True}]
    assert controlled["schema"] == 1


def further(number: str | None) -> dict[str, pl.DataFrame]:
    from test_support.small_parcel import parcel

    worklist = parcel().worklist.with_columns(nhs_number=pl.lit(number, dtype=pl.String))
    return {"worklist": worklist}


def test_further_tables_are_written_and_held_to_the_same(tmp_path: Path) -> None:
    folder = deliveries.deliver(tmp_path, Purpose.DEVELOPMENT, further=further(None))
    assert "worklist.arrow" in deliveries.bytes_of(folder)
    number = next(iter(deliveries.NUMBERS.values()))
    with pytest.raises(DataContractError, match="2 NHS numbers at network level without an agreement"):
        deliveries.deliver(tmp_path / "b", agreement=None, further=further(number))
    strangers = {"worklist": further(None)["worklist"].with_columns(patient_id=pl.lit("p9"))}
    with pytest.raises(DataContractError, match="2 rows of worklist are of people who are not in patients"):
        deliveries.deliver(tmp_path / "c", further=strangers)
    elsewhere = {"worklist": further(None)["worklist"].with_columns(practice_code=pl.lit("B99999"))}
    with pytest.raises(DataContractError, match="2 rows of worklist are of practices outside it"):
        deliveries.deliver(tmp_path / "d", further=elsewhere)


def test_what_is_rendered_stands_in_the_manifest_and_never_leaves_for_commissioning(tmp_path: Path) -> None:
    def render(made: Path) -> None:
        (made / "index.html").write_text("<p>Page</p>")

    folder = deliveries.deliver(tmp_path, render=render)
    assert "index.html" in json.loads((folder / "MANIFEST.json").read_text())["files"]
    none = deliveries.deliver(tmp_path / "b", Purpose.COMMISSIONING, render=render, further=further(None))
    assert set(deliveries.bytes_of(none)) == MARKS


def test_slots_are_said_and_people_are_controlled() -> None:
    role = {"role": "gp", "slots": 4, "waiting": 5, "planned": 14, "slots_used": 14}
    plan = {"weeks": 4, "by_role": [role], "if_slots_change": [{"slots_delta": -1, "people_delta": -1}]}
    assert disclose({"plan": plan})["plan"] == {
        "weeks": 4,
        "by_role": [{"role": "gp", "slots": 4, "waiting": None, "planned": 15, "slots_used": 15}],
        "if_slots_change": [{"slots_delta": -1, "people_delta": None}],
    }
