"""A snapshot is read from any store, opens only what is asked for, checks each file once, and refuses a changed byte."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from pyarrow import fs

from pophealth.dictionaries import digest_of
from pophealth.errors import ConfigError, IntegrityError, UsageError
from pophealth.files import json_bytes
from pophealth.register import Snapshot, Store, open_snapshot, open_writer
from pophealth.register import store as register_store
from pophealth.register.layout import CODED_TABLES, SCHEMAS

DAY = date(2024, 5, 1)
PEOPLE = ["a", "b", "c"]


def filled(table: str, rows: dict[str, list[object]]) -> pl.DataFrame:
    """Give rows in the contract's columns, null where nothing is given."""
    frame = pl.DataFrame(rows)
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(kind)
        for name, kind in SCHEMAS[table].items()
    )


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    with open_writer(tmp_path) as writer:
        writer.spool("patients", "A81001", filled("patients", {"patient_id": PEOPLE, "sex": ["female"] * 3}))
        common = {
            "patient_id": ["a", "c"], "date": [DAY, DAY - timedelta(days=400)], "code": ["1", "2"],
            "code_system": ["SYNTHETIC"] * 2, "record_id": ["x", "y"], "recorded_date": [None, DAY],
        }  # fmt: skip
        writer.spool("events", "A81001", filled("events", common))
        writer.spool("medications", "A81001", filled("medications", common | {"days_supply": [366, None]}))
        writer.spool(
            "measurements", "A81001", filled("measurements", common | {"value": [1.5, 2.5], "unit": ["kg", None]})
        )
        spells = {"patient_id": ["b"], "record_id": ["s"], "admission_date": [DAY], "method": ["2A"]}
        writer.spool("spells", "A81001", filled("spells", spells | {"diagnosis_02": ["I10"]}))
        return writer.finish(facts={"extract_date": "2024-12-31"}, documents={})


def test_a_shard_says_of_which_dictionary_its_numbers_are(snapshot: Snapshot) -> None:
    said = snapshot.bucket("A81001").shard(0, {"events": ()}).dictionaries
    dictionary = snapshot.concepts("events")
    assert said["events"] == digest_of(dictionary)
    swapped = dictionary.with_columns(code=pl.col("code").reverse())
    assert swapped.height == dictionary.height > 1
    assert digest_of(swapped) != said["events"]
    assert set(said) == set(CODED_TABLES)


def test_every_file_of_a_snapshot_is_in_its_manifest(snapshot: Snapshot) -> None:
    held = {str(path.relative_to(snapshot.path)) for path in snapshot.path.rglob("*") if path.is_file()}
    assert held == {*snapshot.manifest["files"], "MANIFEST.json"}
    assert snapshot.rows("A81001") == {"patients": 3, "events": 2, "medications": 2, "measurements": 2, "spells": 1}


@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_flipped_byte_anywhere_is_refused(snapshot: Snapshot, tmp_path: Path, place: float) -> None:
    for name in snapshot.manifest["files"]:
        path = snapshot.path / name
        content = bytearray(path.read_bytes())
        at = round(place * (len(content) - 1))
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match=f"{name} is not the file"):
            open_snapshot(tmp_path).content(name)
        content[at] ^= 1
        path.write_bytes(content)
    assert len(open_snapshot(tmp_path).bucket("A81001").shards) == 1


def test_a_short_and_a_missing_file_are_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    path = snapshot.path / "A81001/index/events/0-rows.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(IntegrityError, match="size differs"):
        _ = open_snapshot(tmp_path).bucket("A81001").shards
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        _ = open_snapshot(tmp_path).bucket("A81001").shards
    with pytest.raises(IntegrityError, match="not in the manifest"):
        snapshot.content("A81001/index/events/0-other.arrow")


def test_another_form_is_refused_by_name(snapshot: Snapshot, tmp_path: Path) -> None:
    import hashlib

    manifest = json_bytes(snapshot.manifest | {"schema": 1})
    other = hashlib.sha256(manifest).hexdigest()[:16]
    shutil.copytree(snapshot.path, snapshot.path.parent / other)
    (snapshot.path.parent / other / "MANIFEST.json").write_bytes(manifest)
    with pytest.raises(ConfigError, match=f"{other}: written in form 1, this release reads 3"):
        open_snapshot(tmp_path, other)


def test_only_the_parts_asked_for_are_opened(snapshot: Snapshot, tmp_path: Path) -> None:
    wanted = {"events": (), "measurements": ("value",), "attendances": ()}
    kept = {f"events/0-{part}" for part in ("offsets", "rows", "late")}
    kept |= {f"measurements/0-{part}" for part in ("offsets", "rows", "late", "value")}
    for path in (snapshot.path / "A81001/index").rglob("*.arrow"):
        if str(path.relative_to(snapshot.path / "A81001/index")).removesuffix(".arrow") not in kept:
            path.unlink()
    (shard,) = open_snapshot(tmp_path).bucket("A81001").shards_for(wanted)
    assert set(shard.postings) == {"events", "measurements"}
    assert shard.stays == {}  # nobody attended
    assert shard.postings["measurements"].value.tolist() == [1.5, 2.5]
    assert shard.postings["measurements"].setting.size == 0
    assert shard.postings["events"].late_day.tolist() == [(DAY - date(1900, 1, 1)).days]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [({"deaths": ()}, "no table 'deaths'"), ({"events": ("value",)}, "index of events has no part value")],
    ids=["table", "part"],
)
def test_an_unknown_table_or_part_is_refused_by_name(
    snapshot: Snapshot, wanted: dict[str, tuple[str, ...]], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        snapshot.bucket("A81001").shard(0, wanted)


def test_each_file_is_checked_once(snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums: list[int] = []
    right = register_store.xxh64
    monkeypatch.setattr(register_store, "xxh64", lambda content: sums.append(content.size) or right(content))
    again = open_snapshot(tmp_path)
    for _ in range(3):
        _ = again.bucket("A81001").shards
    files = [name for name in snapshot.manifest["files"] if "/index/" in name and "archive" not in name]
    assert len(sums) == len(files)


def same(one: Snapshot, other: Snapshot) -> bool:
    mine, yours = one.bucket("A81001"), other.bucket("A81001")
    for left, right in zip(mine.shards, yours.shards, strict=True):
        for table, runs in left.postings.items():
            for name, array in runs._asdict().items():
                assert array.tolist() == getattr(right.postings[table], name).tolist()
        assert left.stays["spells"].method.tolist() == right.stays["spells"].method.tolist()
    for table in SCHEMAS:
        if table != "patients":
            assert mine.archive(table).collect().equals(yours.archive(table).collect())
    assert mine.identity().equals(yours.identity())
    return mine.people.equals(yours.people) and one.concepts("events").equals(other.concepts("events"))


def test_a_snapshot_is_read_by_url(snapshot: Snapshot, tmp_path: Path) -> None:
    assert same(snapshot, open_snapshot(tmp_path.as_uri()))
    assert open_snapshot(f"{tmp_path.as_uri()}/", snapshot.id).id == snapshot.id


def test_a_snapshot_is_read_from_memory(snapshot: Snapshot, tmp_path: Path) -> None:
    memory = fs._MockFileSystem()
    for path in (tmp_path / "register").rglob("*"):
        name = f"bucket/{path.relative_to(tmp_path)}"
        if path.is_file():
            memory.create_dir(name.rpartition("/")[0], recursive=True)
            with memory.open_output_stream(name) as file:
                file.write(path.read_bytes())
    shutil.rmtree(tmp_path / "register")
    store = Store(memory, "bucket/register")
    far = open_snapshot(tmp_path, store=store)
    assert far.id == snapshot.id
    assert far.bucket("A81001").archive("events").collect()["record_id"].to_list() == ["x", "y"]
    assert far.bucket("A81001").shards[0].postings["medications"].supply.tolist() == [366, 0]
    with memory.open_output_stream(f"bucket/register/{snapshot.id}/A81001/index/events/0-rows.arrow") as file:
        file.write(b"changed")
    with pytest.raises(IntegrityError, match="size differs"):
        _ = open_snapshot(tmp_path, store=store).bucket("A81001").shards


def test_an_empty_store_says_that_nothing_was_ingested(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pophealth ingest"):
        open_snapshot(tmp_path.as_uri())


def test_any_parquet_reader_reads_the_archive(snapshot: Snapshot) -> None:
    path = snapshot.path / "A81001/archive/measurements.parquet"
    rows = duckdb.sql(
        f"SELECT patient_id, code, code_system, record_id, date, recorded_date, value, unit FROM '{path}'"
    ).fetchall()
    earlier = DAY - timedelta(days=400)
    assert rows == [
        ("a", "1", "SYNTHETIC", "x", DAY, None, 1.5, "kg"),
        ("c", "2", "SYNTHETIC", "y", earlier, DAY, 2.5, None),
    ]
