"""Practices of more than a shard, people of very many records and of none, rows that cannot be placed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pophealth.errors import DataContractError
from pophealth.register import Snapshot, open_writer
from pophealth.register.layout import SCHEMAS, SHARD_PEOPLE

DAY = date(2024, 5, 1)


def people_of(count: int) -> pl.DataFrame:
    names = pl.DataFrame({"patient_id": [f"{number:032x}" for number in range(count)]})
    return names.select(
        pl.col(name) if name == "patient_id" else pl.lit(None).cast(kind).alias(name)
        for name, kind in SCHEMAS["patients"].items()
    )


def events_of(patients: list[str], **given: Any) -> pl.DataFrame:
    columns = {
        "patient_id": patients, "date": [DAY] * len(patients), "recorded_date": [None] * len(patients),
        "code": ["SYN:1"] * len(patients), "code_system": ["SYNTHETIC"] * len(patients),
        "record_id": [str(number) for number in range(len(patients))],
    }  # fmt: skip
    return pl.DataFrame(columns | given, schema=SCHEMAS["events"])


def write(root: Path, people: pl.DataFrame, **tables: pl.DataFrame) -> Snapshot:
    with open_writer(root) as writer:
        writer.spool("patients", "A81001", people)
        for table, frame in tables.items():
            writer.spool(table, "A81001", frame)
        return writer.finish(facts={}, documents={})


def test_a_practice_of_more_people_than_a_shard_holds(tmp_path: Path) -> None:
    count = 2 * SHARD_PEOPLE + 7
    people = people_of(count)
    seen = [0, SHARD_PEOPLE - 1, SHARD_PEOPLE, 2 * SHARD_PEOPLE + 6]
    bucket = write(tmp_path, people, events=events_of([people["patient_id"][person] for person in seen])).bucket(
        "A81001"
    )
    assert [(shard.first_person, shard.n_people) for shard in bucket.shards] == [
        (0, SHARD_PEOPLE),
        (SHARD_PEOPLE, SHARD_PEOPLE),
        (2 * SHARD_PEOPLE, 7),
    ]
    found = [shard.postings["events"].entries & 0xFFFF for shard in bucket.shards]
    assert [persons.tolist() for persons in found] == [[0, SHARD_PEOPLE - 1], [0], [6]]
    assert [bucket.archive_rows("events", shard).tolist() for shard in range(3)] == [[0, 1], [2], [3]]
    assert bucket.archive("events").collect()["patient_id"].to_list() == [
        people["patient_id"][person] for person in seen
    ]


def test_a_patient_with_200_000_records_on_one_day_and_one_with_none(tmp_path: Path) -> None:
    count = 200_000
    names = np.random.default_rng(1).permutation(count)
    rows = events_of(["0" * 32] * count, record_id=[f"r{number}" for number in names])
    bucket = write(tmp_path, people_of(2), events=rows).bucket("A81001")
    archive = bucket.archive("events").collect()
    assert archive["record_id"].to_list() == sorted(f"r{number}" for number in range(count))
    (shard,) = bucket.shards
    assert shard.n_people == 2
    assert shard.postings["events"].offsets.tolist() == [0, count]
    assert not (shard.postings["events"].entries & 0xFFFF).any()


def test_tables_without_rows_are_absent_and_read_as_empty(tmp_path: Path) -> None:
    bucket = write(tmp_path, people_of(1), events=events_of([]), spells=pl.DataFrame(schema=SCHEMAS["spells"])).bucket(
        "A81001"
    )
    assert (bucket.shards[0].postings, bucket.shards[0].stays) == ({}, {})
    assert bucket.archive("events").collect().equals(pl.DataFrame(schema=SCHEMAS["events"]))
    assert bucket.archive_rows("events", 0).size == 0


def test_a_practice_without_people_has_one_empty_shard(tmp_path: Path) -> None:
    bucket = write(tmp_path, people_of(0)).bucket("A81001")
    assert bucket.people.schema.names() == [name for name in SCHEMAS["patients"] if name != "nhs_number"]
    assert [shard.n_people for shard in bucket.shards] == [0]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (events_of(["0" * 32] * 3, date=[DAY, None, None]), "2 of 3 spooled events have no date"),
        (events_of(["0" * 32, None]), "1 of 2 spooled events have no patient_id"),
        (events_of(["0" * 32], code=[None]), "1 of 1 spooled events have no code;"),
        (events_of(["0" * 32], code_system=[None]), "1 of 1 spooled events have no code_system"),
        (events_of(["0" * 32], record_id=[None]), "1 of 1 spooled events have no record_id"),
        (events_of(["0" * 32], date=[date(1900, 1, 1)]), "1 of 1 spooled events are dated before"),
        (events_of(["0" * 32] * 2, date=[DAY, date(2079, 6, 7)]), "1 of 2 spooled events are dated before"),
        (events_of(["0" * 32]).drop("code"), "do not fit the table's contract"),
        (events_of(["0" * 32]).with_columns(date=pl.lit("secret")), "do not fit the table's contract"),
    ],
    ids=["date", "patient", "code", "system", "record", "day 0", "day 65,536", "column", "type"],
)
def test_rows_that_cannot_be_placed_are_refused_without_their_values(
    tmp_path: Path, frame: pl.DataFrame, said: str
) -> None:
    with pytest.raises(DataContractError, match=said) as refused:
        write(tmp_path, people_of(1), events=frame)
    assert "secret" not in str(refused.value)
    assert not list((tmp_path / "register").iterdir())


def test_a_method_that_is_none_is_refused(tmp_path: Path) -> None:
    spell = {"patient_id": ["0" * 32], "record_id": ["1"], "admission_date": [DAY], "method": ["2Z"]}
    frame = pl.DataFrame(spell).select(
        pl.col(name) if name in spell else pl.lit(None).cast(kind).alias(name)
        for name, kind in SCHEMAS["spells"].items()
    )
    with pytest.raises(DataContractError, match="1 of 1 spells have an admission method") as refused:
        write(tmp_path, people_of(1), spells=frame)
    assert "2Z" not in str(refused.value)


def measurements_of(units: list[str | None]) -> pl.DataFrame:
    events = events_of(["0" * 32] * len(units)).with_columns(value=pl.lit(1.0), unit=pl.Series(units, dtype=pl.String))
    return events.select(
        pl.col(name) if name in events.columns else pl.lit(None).cast(kind).alias(name)
        for name, kind in SCHEMAS["measurements"].items()
    )


def test_255_units_are_kept_apart_and_one_more_is_refused(tmp_path: Path) -> None:
    units = [f"unit {number:03d}" for number in range(256)]
    most = write(tmp_path, people_of(1), measurements=measurements_of([None, "", *units[:255]]))
    assert most.units == ("", *units[:255])
    runs = most.bucket("A81001").shards[0].postings["measurements"]
    given = most.bucket("A81001").archive("measurements").collect()["unit"]
    assert [most.units[number] or None for number in runs.unit] == given.to_list()
    assert given.null_count() == 2  # an empty unit is none
    with pytest.raises(DataContractError, match="256 different units, at most 255"):
        write(tmp_path, people_of(1), measurements=measurements_of([*units]))


@pytest.mark.parametrize(("lag", "stored", "late"), [(-4, 0, []), (0, 0, []), (254, 254, []), (255, 255, [255])])
def test_a_lag_of_255_days_or_more_stands_in_the_late_table(
    tmp_path: Path, lag: int, stored: int, late: list[int]
) -> None:
    rows = events_of(["0" * 32], recorded_date=[DAY + timedelta(days=lag)])
    runs = write(tmp_path, people_of(1), events=rows).bucket("A81001").shards[0].postings["events"]
    assert runs.lag.tolist() == [stored]
    assert [int(day) - (DAY - date(1900, 1, 1)).days for day in runs.late_day] == late


def test_an_order_hint_moves_runs_and_nothing_else(tmp_path: Path) -> None:
    rows = events_of(["0" * 32] * 3, code=["SYN:1", "SYN:2", "SYN:3"])
    hint = pl.DataFrame(
        {
            "table": ["events", "medications"],
            "code_system": ["SYNTHETIC"] * 2,
            "code": ["SYN:3", "SYN:2"],
            "place": [0, 0],
        }
    )
    plain = write(tmp_path / "plain", people_of(1), events=rows)
    with open_writer(tmp_path / "hinted", order_hint=hint) as writer:
        writer.spool("patients", "A81001", people_of(1))
        writer.spool("events", "A81001", rows)
        hinted = writer.finish(facts={}, documents={})
    assert hinted.concepts("events")["code"].to_list() == ["SYN:3", "SYN:1", "SYN:2"]
    assert hinted.bucket("A81001").archive_rows("events", 0).tolist() == [2, 0, 1]
    archive = "A81001/archive/events.parquet"
    assert hinted.manifest["files"][archive] == plain.manifest["files"][archive]


def test_the_record_of_who_is_where_does_not_depend_on_other_practices(tmp_path: Path) -> None:
    """The same rows beside another practice give the same archive, though the dictionary is larger."""
    rows = events_of(["0" * 32] * 2, code=["SYN:2", "SYN:9"])
    alone = write(tmp_path / "alone", people_of(1), events=rows)
    with open_writer(tmp_path / "beside") as writer:
        writer.spool("patients", "A81000", people_of(1))
        writer.spool("events", "A81000", events_of(["0" * 32] * 2, code=["SYN:5", "SYN:1"]))
        writer.spool("patients", "A81001", people_of(1))
        writer.spool("events", "A81001", rows)
        beside = writer.finish(facts={}, documents={}, threads=2)
    for name, said in alone.manifest["files"].items():
        if name.startswith("A81001/archive/"):
            assert beside.manifest["files"][name] == said


def test_zero_and_minus_zero_come_in_one_order(tmp_path: Path) -> None:
    """They are equal and not the same bytes: rows alike in all else must not stand as they came."""
    row = measurements_of(["kg"])
    pieces = [row.with_columns(value=pl.lit(value)) for value in (0.0, -0.0)]
    names = [
        write(tmp_path / str(place), people_of(1), measurements=pl.concat(order)).id
        for place, order in enumerate((pieces, pieces[::-1]))
    ]
    assert names[0] == names[1]
