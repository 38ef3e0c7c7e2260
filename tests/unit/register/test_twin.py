"""The register equals a slow twin that keeps rows as Python tuples and sorts them, whatever the order of arrival."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth import files
from pophealth.register import Snapshot, bucket, bucket_writer, open_writer, spool
from pophealth.register import layout as register_layout
from pophealth.tables import CODE_SYSTEMS, DIAGNOSES
from pophealth.terms import EARLIEST_DAY

SCHEMAS = register_layout.SCHEMAS
PEOPLE = [f"p{number}" for number in range(7)]
DATE_OF = {"spells": "admission_date"}
RECORDS = ("events", "medications", "measurements", "spells", "attendances", "appointments")


@pytest.fixture(autouse=True, scope="module")
def small_shards() -> Iterator[None]:
    """Three people a shard and four rows a spooled piece, so that a few rows meet every seam; the disk is not awaited."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "sync_tree", lambda folder: None)
        patch.setattr(bucket_writer, "SHARD_PEOPLE", 3)
        patch.setattr(bucket, "SHARD_PEOPLE", 3)
        patch.setattr(spool, "PIECE_ROWS", 4)
        patch.setattr(spool, "WAITING_ROWS", 9)
        yield


def day(number: int) -> date:
    return EARLIEST_DAY + timedelta(days=number)


def made_up(seed: int, rows: int) -> dict[str, list[dict[str, Any]]]:
    """Give rows of every record table, with many ties, gaps and repeats."""
    pick = random.Random(seed)

    def one(table: str) -> dict[str, Any]:
        dated = pick.randint(40_000, 40_004)
        texts = [None, "", "x", "long text of more than sixteen bytes"]
        row: dict[str, Any] = {
            "patient_id": pick.choice(PEOPLE[:6]),  # the last one has no record
            DATE_OF.get(table, "date"): day(dated),
            "record_id": pick.choice(
                ["1", "2", "10", "a-record-id-as-long-as-a-guid-1", "a-record-id-as-long-as-a-guid-2"]
            ),
            "recorded_date": pick.choice(
                [None, day(dated), day(dated - 3), day(dated + 254), day(dated + 255), day(65_535)]
            ),
            "code": pick.choice(["1", "10", "2", "code of twenty letters"]),
            "code_system": pick.choice(["SNOMED", "SYNTHETIC"]),
            "quantity": pick.choice([None, 0.0, -0.0, 28.0]),
            "days_supply": pick.choice([None, 0, 28, 366]),
            "is_repeat": pick.choice([None, True, False]),
            "value": pick.choice([0.0, -0.0, 1.5, 7e10]),
            "unit": pick.choice([None, "", "kg", "mmol/L"]),
            "comparator": pick.choice([None, "=", "<", "<=", ">", ">="]),
            "setting": pick.choice([None, "clinic", "home", "ambulatory"]),
            "time": pick.choice([None, time(0), time(23, 59, 59, 999_999)]),
            "discharge_date": pick.choice([None, day(dated), day(dated + 400)]),
            "method": pick.choice(["21", "2A", "11", "2D"]),
            "status": pick.choice([None, "booked", "attended"]),
            **{name: pick.choice(texts) for name in ("category", "mode", "staff_role", "outcome", "department_type")},
            **{name: pick.choice([None, None, "", "I10", "E119"]) for name in DIAGNOSES},
            "destination": pick.choice(texts),
        }
        return {name: row[name] for name in SCHEMAS[table]}

    return {table: [one(table) for _ in range(pick.randint(0, rows))] for table in RECORDS}


PERSONS = pl.DataFrame({"patient_id": PEOPLE}).select(
    pl.col("patient_id") if name == "patient_id" else pl.lit(None).alias(name) for name in SCHEMAS["patients"]
).with_columns(birth_date=pl.date(1950, 1, 1), sex=pl.lit("female"))  # fmt: skip


def frame_of(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMAS[table], orient="row")


def write(root: Path, tables: dict[str, list[dict[str, Any]]], cut: random.Random, threads: int = 1) -> Snapshot:
    """Write two practices of the same rows, in pieces and in an order that `cut` chooses."""
    with open_writer(root) as writer:
        pieces: list[tuple[str, str, pl.DataFrame]] = []
        for practice in ("A81001", "A81002"):
            pieces += [("patients", practice, person) for person in PERSONS.iter_slices(cut.randint(1, 9))]
            for table, rows in tables.items():
                mixed = cut.sample(rows, len(rows))
                size = cut.randint(1, len(rows) + 1)
                pieces += [
                    (table, practice, frame_of(table, mixed[start : start + size]))
                    for start in range(0, len(rows), size)
                ]
        cut.shuffle(pieces)
        for table, practice, piece in pieces:
            writer.spool(table, practice, piece)
        return writer.finish(facts={}, documents={}, threads=threads)


def key(value: Any) -> tuple[bool, Any, str]:
    """Give what values of one column sort by: nothing before something, -0.0 apart from 0.0."""
    if value is None:
        return (False, 0, "")
    return (True, CODE_SYSTEMS.index(value) if value in CODE_SYSTEMS else value, str(value))


def archived(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give rows without an empty unit, by person, date and record id."""
    first = ("patient_id", DATE_OF.get(table, "date"), "record_id")
    kept = [row | ({"unit": row["unit"] or None} if "unit" in row else {}) for row in rows]
    return sorted(kept, key=lambda row: tuple(key(row[name]) for name in first))


def in_groups(rows: list[dict[str, Any]], table: str) -> list[Any]:
    """Give rows as they are in order, those alike in person, date and record id as a sorted list."""
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault((row["patient_id"], row[DATE_OF.get(table, "date")], row["record_id"]), []).append(
            tuple(key(value) for value in row.values())
        )
    return [(name, sorted(group)) for name, group in groups.items()]


def twin_postings(table: str, rows: list[dict[str, Any]], snapshot: Snapshot, first: int) -> dict[str, list[Any]]:
    """Give the arrays of a coded table's shard; `rows` in order of the archive."""
    dictionary = list(snapshot.concepts(table).select("code_system", "code").iter_rows())
    coded = []
    for number, row in enumerate(rows):
        person = PEOPLE.index(row["patient_id"]) - first
        if not 0 <= person < 3:
            continue
        when = (row[DATE_OF.get(table, "date")] if table != "diagnoses" else row["admission_date"]) - EARLIEST_DAY
        found = [(row["code_system"], row["code"], 0)] if table != "diagnoses" else [
            ("ICD-10", row[name], place + 1) for place, name in enumerate(DIAGNOSES) if row[name]
        ]  # fmt: skip
        coded += [
            (dictionary.index((system, code)), when.days, person, number, position, row)
            for system, code, position in found
        ]
    coded.sort(key=lambda item: item[:5])
    seen = [(item[5].get("recorded_date") or day(item[1])) - day(item[1]) for item in coded]
    lags = [max(0, lag.days) for lag in seen]
    counts = [sum(item[0] < concept for item in coded) for concept in range(len(dictionary) + 1)]
    rows_of = [item[5] for item in coded]
    arrays: dict[str, list[Any]] = {
        "offsets": counts,
        "entries": [item[1] << 16 | item[2] for item in coded],
        "lag": [min(lag, 255) for lag in lags],
        "late_row": [place for place, lag in enumerate(lags) if lag >= 255],
        "late_day": [item[1] + lag for item, lag in zip(coded, lags, strict=True) if lag >= 255],
        "archive": [item[3] for item in coded],
    }
    if table == "medications":
        arrays["supply"] = [row["days_supply"] or 0 for row in rows_of]
        arrays["repeat"] = [2 if row["is_repeat"] is None else int(row["is_repeat"]) for row in rows_of]
    if table == "measurements":
        arrays["value"] = [row["value"] for row in rows_of]
        arrays["unit"] = [snapshot.units.index(row["unit"] or "") for row in rows_of]
        arrays["setting"] = [[None, "clinic", "home", "ambulatory"].index(row["setting"]) for row in rows_of]
        arrays["comparator"] = [[None, "=", "<", "<=", ">", ">="].index(row["comparator"]) for row in rows_of]
        arrays["micros"] = [
            0 if row["time"] is None
            else 1 + 1_000_000 * (3_600 * row["time"].hour + 60 * row["time"].minute + row["time"].second)
            + row["time"].microsecond
            for row in rows_of
        ]  # fmt: skip
    if table == "diagnoses":
        arrays["position"] = [item[4] for item in coded]
        arrays["method"] = [int(row["method"], 16) for row in rows_of]
    return arrays


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**9), rows=st.integers(0, 30))
def test_archive_and_index_are_those_of_the_slow_twin(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int
) -> None:
    tables = made_up(seed, rows)
    snapshot = write(tmp_path_factory.mktemp("register"), tables, random.Random(seed))
    kept = snapshot.bucket("A81002")
    assert kept.people["patient_id"].to_list() == PEOPLE
    for table, given_rows in tables.items():
        archive = kept.archive(table).collect()
        assert archive.schema == SCHEMAS[table]
        held = archive.to_dicts()
        assert in_groups(held, table) == in_groups(archived(table, given_rows), table)
        for shard in kept.shards:
            number = shard.first_person // 3
            coded = [name for name in (table, "diagnoses" if table == "spells" else table) if name in shard.postings]
            for name in coded:
                expected = twin_postings(name, held, snapshot, shard.first_person)
                assert kept.archive_rows(name, number).tolist() == expected.pop("archive")
                for column, array in shard.postings[name]._asdict().items():
                    assert array.tolist() == expected.get(column, []), (name, column)
                    assert not array.flags.writeable
            if table in shard.stays:
                check_stays(table, held, shard.stays[table]._asdict(), shard.first_person)


def check_stays(table: str, held: list[dict[str, Any]], stays: dict[str, Any], first: int) -> None:
    mine = [row for row in held if 0 <= PEOPLE.index(row["patient_id"]) - first < 3]
    people = min(3, len(PEOPLE) - first)
    began = [(row[DATE_OF.get(table, "date")] - EARLIEST_DAY).days for row in mine]
    ended = [row["discharge_date"] if table == "spells" else row["date"] for row in mine]
    assert stays["first"].tolist() == began
    assert stays["last"].tolist() == [(end - EARLIEST_DAY).days if end else 0 for end in ended]
    assert stays["method"].tolist() == [int(row["method"], 16) if table == "spells" else 0 for row in mine]
    assert stays["offsets"].tolist() == [
        sum(PEOPLE.index(row["patient_id"]) - first < person for row in mine) for person in range(people + 1)
    ]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**9), rows=st.integers(0, 30), cut=st.integers(0, 10**9), threads=st.integers(1, 3))
def test_order_pieces_and_threads_change_no_byte(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int, cut: int, threads: int
) -> None:
    tables = made_up(seed, rows)
    one = write(tmp_path_factory.mktemp("one"), tables, random.Random(seed))
    other = write(tmp_path_factory.mktemp("other"), tables, random.Random(cut), threads)
    assert one.manifest == other.manifest
    assert one.id == other.id


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_practice_kept_from_another_snapshot_is_the_same(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Only A81002 brings rows anew, with a code that nobody had; A81001 is as it was, under new concept numbers."""
    root, tables = tmp_path_factory.mktemp("register"), made_up(seed, 20)
    old = write(root, tables, random.Random(seed))
    event = {"patient_id": "p0", "date": day(40_000), "record_id": "new", "code": "0", "code_system": "SNOMED"}
    more = tables | {"events": [*tables["events"], {name: event.get(name) for name in SCHEMAS["events"]}]}
    with open_writer(root) as writer:
        writer.keep(old.bucket("A81001"))
        writer.spool("patients", "A81002", PERSONS)
        for table, rows in more.items():
            writer.spool(table, "A81002", frame_of(table, rows))
        new = writer.finish(facts={}, documents={})
    kept = [name for name in old.manifest["files"] if name.startswith(("A81001/archive", "identity/A81001"))]
    assert {name: new.manifest["files"][name] for name in kept} == {name: old.manifest["files"][name] for name in kept}
    assert new.concepts("events").height == old.concepts("events").height + 1
    with open_writer(root) as writer:
        for practice in old.practices:
            writer.keep(old.bucket(practice))
        assert writer.finish(facts={}, documents={}).id == old.id
