"""A delivery stands where its manifest says or not at all; another network's row never leaves with it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.delivery.guard import refuse_wrong_place
from pophealth.errors import DataContractError, IntegrityError, TryLaterError, UsageError
from pophealth.terms import network_code, practice_code
from test_support import deliveries


def test_the_manifest_names_every_file_with_hash_and_size(tmp_path: Path) -> None:
    folder = deliveries.deliver(tmp_path)
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    files = {path for path in deliveries.bytes_of(folder) if path not in ("COMMITTED", "MANIFEST.json", "MANIFEST.sig")}
    assert set(manifest["files"]) == files
    assert all(entry["bytes"] == (folder / name).stat().st_size for name, entry in manifest["files"].items())
    assert {name: manifest[name] for name in deliveries.facts()} == deliveries.facts()
    assert [path.name for path in folder.parent.iterdir()] == [deliveries.NETWORK]


def test_only_the_owner_can_enter_a_delivery(tmp_path: Path) -> None:
    assert deliveries.deliver(tmp_path).stat().st_mode & 0o077 == 0


def test_a_committed_delivery_is_never_written_again(tmp_path: Path) -> None:
    folder = deliveries.deliver(tmp_path)
    before = deliveries.bytes_of(folder)
    with pytest.raises(IntegrityError, match="it is committed"):
        deliveries.deliver(tmp_path)
    assert deliveries.bytes_of(folder) == before


def test_what_was_left_uncommitted_is_replaced(tmp_path: Path) -> None:
    folder = deliveries.deliver(tmp_path)
    whole = deliveries.bytes_of(folder)
    (folder / "COMMITTED").unlink()
    (folder / "litter").write_text("x")
    assert deliveries.bytes_of(deliveries.deliver(tmp_path)) == whole


STRANGER = pl.lit("B99999")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"members": lambda rows: rows.with_columns(practice_code=STRANGER)}, "4 rows of members are of practices outside"),
        ({"patients": lambda rows: rows.with_columns(practice_code=STRANGER)}, "3 rows of patients are of practices outside"),
        ({"members": lambda rows: rows.with_columns(network_code=pl.lit("U99999"))}, "4 rows of members are of another network"),
        ({"members": lambda rows: rows.with_columns(patient_id=pl.lit("p9"))}, "4 rows of members are of people who are not"),
        ({"evidence": lambda rows: rows.with_columns(patient_id=pl.lit("p9"))}, "2 rows of evidence are of people who are not"),
        ({"patients": lambda rows: pl.concat([rows, rows[:1]])}, "1 rows stand twice for one person"),
        ({"practices": lambda frames: {"B99999": frames["A81001"]}}, "1 practices with a file are outside it"),
        ({"practices": lambda frames: {"A81002": frames["A81001"]}}, "2 rows stand in the file of another practice"),
    ],
)  # fmt: skip
def test_a_row_that_belongs_elsewhere_stops_the_delivery(tmp_path: Path, change: dict, said: str) -> None:
    parts = deliveries.parts()
    ((name, altered),) = change.items()
    with pytest.raises(DataContractError, match=said) as caught:
        deliveries.deliver(tmp_path, **{name: altered(parts[name])})
    assert "p1" not in str(caught.value)
    assert not list(tmp_path.rglob("*"))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_row_of_another_network_gets_into_a_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """People of random practices: either all belong to the network and are delivered, or nothing is."""
    known = deliveries.PRACTICES
    practices = [data.draw(st.sampled_from([*known, "B81001"])) for _ in range(3)]
    of = dict(zip(["p1", "p2", "p3"], practices, strict=True))
    moved = {
        name: deliveries.parts()[name].with_columns(practice_code=pl.col("patient_id").replace_strict(of))
        for name in ("members", "patients")
    }
    root = tmp_path_factory.mktemp("delivery")
    if set(practices) <= set(known):
        folder = deliveries.deliver(root, **moved, practices=None)
        assert set(pl.read_ipc(folder / "members.arrow")["practice_code"].cast(pl.String)) <= set(known)
    else:
        with pytest.raises(DataContractError, match="practices outside it"):
            deliveries.deliver(root, **moved, practices=None)
        assert not list(root.rglob("*"))


BAD_NETWORKS = [
    "../U12345", "U12345/..", "..", "", "U1234", "U123456", "u12345", "U1234５", "U12345\n", "U12345\x00", " U12345",
    "U12345 ", "U１２３４５", "U12345/../U99999", "U12-45", "A12345", "U", "U٠١٢٣٤", "U12345\u200b",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_NETWORKS, ids=ascii)
def test_an_odd_network_code_is_no_folder(text: str) -> None:
    with pytest.raises(UsageError, match="network code"):
        network_code(text)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_a_network_code_is_u_and_five_ascii_digits_and_nothing_else(text: str) -> None:
    is_one = len(text) == 6 and text[0] == "U" and all(character in "0123456789" for character in text[1:])
    if is_one:
        assert network_code(text) == text
    else:
        with pytest.raises(UsageError) as caught:
            network_code(text)
        with pytest.raises(UsageError) as of_another:
            network_code("?" * len(text))
        assert str(caught.value) == str(of_another.value), "nothing of the text but its length is told"


@pytest.mark.parametrize(
    "text", ["../../x", "A8100１", "A81001\n", "a81001", "A81001/..", "A8100", "981001", "A81001\x00"], ids=ascii
)
def test_an_odd_practice_code_is_no_folder(text: str) -> None:
    with pytest.raises(UsageError, match="practice code"):
        practice_code(text)


@pytest.mark.parametrize("text", BAD_NETWORKS[:-3], ids=ascii)
def test_the_writer_makes_no_folder_for_an_odd_code(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "deliveries" / deliveries.RUN / text
    with pytest.raises((UsageError, IntegrityError)):
        refuse_wrong_place(folder, deliveries.facts() | {"network_code": text})


@pytest.mark.parametrize("run", ["run", "../" + deliveries.RUN, "AB" * 32, "ab" * 31])
def test_the_writer_makes_no_folder_for_an_odd_run(tmp_path: Path, run: str) -> None:
    folder = tmp_path / "deliveries" / run / deliveries.NETWORK
    with pytest.raises(IntegrityError):
        refuse_wrong_place(folder, deliveries.facts())


@pytest.mark.parametrize("level", [0, 1, 2])
def test_nothing_is_written_over_a_link(tmp_path: Path, level: int) -> None:
    folder = tmp_path / "deliveries" / deliveries.RUN / deliveries.NETWORK
    link = (folder, folder.parent, folder.parent.parent)[level]
    outside = tmp_path / "outside"
    outside.mkdir()
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside, target_is_directory=True)
    with pytest.raises(IntegrityError, match="is a link"):
        deliveries.deliver(tmp_path)
    assert not list(outside.iterdir())


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100 << 20, 99 << 20, 1000))
    with pytest.raises(TryLaterError, match="0 MiB free, about 1 MiB are needed"):
        deliveries.deliver(tmp_path)
    assert not list(tmp_path.iterdir())
