"""The register keeps every row, once, in order; the same rows make the same snapshot; a changed byte is refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import ConfigError, DataContractError, IntegrityError
from pophealth.register import Snapshot, open_snapshot, open_writer, prune
from pophealth.register import layout as register_layout
from pophealth.terms import EARLIEST_DAY

PEOPLE = pl.DataFrame(
    {
        "patient_id": ["b", "a", "c"],
        "nhs_number": [None, "9990000018", None],
        "birth_date": [date(1950, 1, 2)] * 3,
        "sex": ["female", "male", "not_known"],
    }
).with_columns(
    lsoa_code=pl.lit(None, dtype=pl.String),
    lsoa_vintage=pl.lit(None, dtype=pl.Int16),
    death_date=pl.lit(None, dtype=pl.Date),
)
REGISTRATIONS = pl.DataFrame(
    {"patient_id": ["a", "b", "c"], "practice_code": ["A81001"] * 3, "start_date": [date(2000, 1, 1)] * 3}
).with_columns(end_date=pl.lit(None, dtype=pl.Date), registration_type=pl.lit("regular"))


def events(rows: list[tuple[str, date, date | None, str]]) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows,
        schema={"patient_id": pl.String, "date": pl.Date, "recorded_date": pl.Date, "code": pl.String},
        orient="row",
    )
    return frame.with_row_index("record_id").with_columns(
        code_system=pl.lit("SYNTHETIC"), record_id=pl.col("record_id").cast(pl.String)
    )


def write(root: Path, *pieces: pl.DataFrame, practice: str = "A81001", **tables: pl.DataFrame) -> Snapshot:
    with open_writer(root) as writer:
        writer.spool("patients", practice, PEOPLE)
        writer.spool("registrations", practice, REGISTRATIONS)
        for piece in pieces:
            writer.spool("events", practice, piece)
        for name, frame in tables.items():
            writer.spool(name, practice, frame)
        return writer.finish(facts={"extract_date": "2024-12-31"}, documents={"conservation.json": {"rows": 3}})


DAY = date(2024, 5, 1)
ROWS = [
    ("c", DAY, None, "SYN:x"),
    ("a", DAY, DAY + timedelta(days=300), "SYN:x"),
    ("a", date(2020, 1, 1), date(2020, 1, 3), "SYN:w"),
]


def test_the_index_holds_runs_by_concept_then_day_then_person(tmp_path: Path) -> None:
    snapshot = write(tmp_path, events(ROWS))
    assert snapshot.concepts("events")["code"].to_list() == ["SYN:w", "SYN:x"]
    bucket = snapshot.bucket("A81001")
    assert bucket.people["patient_id"].to_list() == ["a", "b", "c"]
    (shard,) = bucket.shards
    runs = shard.postings["events"]
    days = [(day - EARLIEST_DAY).days for day in (date(2020, 1, 1), DAY, DAY)]
    assert runs.offsets.tolist() == [0, 1, 3]
    assert runs.entries.tolist() == [days[0] << 16 | 0, days[1] << 16 | 0, days[2] << 16 | 2]
    assert runs.lag.tolist() == [2, 255, 0]
    assert (runs.late_row.tolist(), runs.late_day.tolist()) == ([1], [days[1] + 300])
    assert not runs.entries.flags.writeable


def test_rows_spooled_in_pieces_and_another_order_make_the_same_snapshot(tmp_path: Path) -> None:
    whole = events(ROWS)
    one = write(tmp_path / "one", whole)
    two = write(tmp_path / "two", whole[2:], whole[:2].reverse())
    assert one.id == two.id
    assert write(tmp_path / "one", whole).path == one.path
    assert not list((tmp_path / "one").glob("register/.writing-*"))


def test_nhs_numbers_stand_in_the_identity_only(tmp_path: Path) -> None:
    snapshot = write(tmp_path, events(ROWS))
    holding = {
        path.parent.name for path in snapshot.path.rglob("*") if path.is_file() and b"9990000018" in path.read_bytes()
    }
    assert holding == {"identity"}
    assert snapshot.bucket("A81001").identity().filter(pl.col("nhs_number").is_not_null())["patient_id"].to_list() == [
        "a"
    ]


SPELLS = pl.DataFrame(
    {
        "patient_id": ["c", "a"], "record_id": ["1", "2"], "admission_date": [DAY, DAY], "method": ["2A", "11"],
        "discharge_date": [None, DAY + timedelta(days=2)], "destination": [None, None],
        **{name: [None, None] for name in register_layout.SCHEMAS["spells"].names() if name.startswith("diagnosis")},
    },
    schema_overrides={"discharge_date": pl.Date},
)  # fmt: skip


def test_stays_are_kept_person_by_person_with_their_method(tmp_path: Path) -> None:
    stays = write(tmp_path, spells=SPELLS).bucket("A81001").shards[0].stays["spells"]
    day = (DAY - EARLIEST_DAY).days
    assert stays.offsets.tolist() == [0, 1, 1, 2]
    assert stays.first.tolist() == [day, day]
    assert stays.last.tolist() == [day + 2, 0]  # 0: still in hospital
    assert stays.method.tolist() == [16 + 1, 32 + 10]


def test_a_flipped_bit_is_refused_wherever_it_is(tmp_path: Path) -> None:
    snapshot = write(tmp_path, events(ROWS), spells=SPELLS)
    reads = {
        "A81001/archive/patients.parquet": lambda bucket: bucket.people,
        "A81001/archive/events.parquet": lambda bucket: bucket.archive("events").collect(),
        "identity/A81001.parquet": lambda bucket: bucket.identity(),
        **{f"A81001/index/events/0-{part}.arrow": lambda bucket: bucket.shards for part in ("offsets", "rows", "late")},
        **{f"A81001/index/spells/0-{part}.arrow": lambda bucket: bucket.shards for part in ("offsets", "rows")},
    }
    for name, read in reads.items():
        path = snapshot.path / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(IntegrityError, match="differs"):
            read(open_snapshot(tmp_path).bucket("A81001"))
        path.write_bytes(content)
        read(open_snapshot(tmp_path).bucket("A81001"))


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    snapshot = write(tmp_path, events(ROWS))
    path = snapshot.path / "MANIFEST.json"
    path.write_text(path.read_text().replace("2024-12-31", "2024-12-30"))
    with pytest.raises(IntegrityError, match="manifest was changed"):
        open_snapshot(tmp_path)


def test_before_any_ingest_the_register_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pophealth ingest"):
        open_snapshot(tmp_path)


def test_a_withheld_practice_is_not_in_the_snapshot(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        for practice in ("A81001", "A81002"):
            writer.spool("patients", practice, PEOPLE)
        writer.withhold("A81001")
        assert writer.finish(facts={}, documents={}).practices == ("A81002",)


@pytest.mark.parametrize(
    ("table", "frame", "said"),
    [
        ("events", events([("nobody", DAY, None, "SYN:x")]), "0 people stand twice and 1 rows belong to nobody"),
        ("patients", PEOPLE[:1], "1 people stand twice and 0 rows"),
    ],
)
def test_a_person_twice_or_a_row_of_nobody_is_refused(
    tmp_path: Path, table: str, frame: pl.DataFrame, said: str
) -> None:
    with pytest.raises(DataContractError, match=said):
        write(tmp_path, **{table: frame})


def test_an_error_leaves_the_old_snapshot_and_no_litter(tmp_path: Path) -> None:
    old = write(tmp_path, events(ROWS))
    with pytest.raises(DataContractError):
        write(tmp_path, events([("nobody", DAY, None, "SYN:x")]))
    assert open_snapshot(tmp_path).id == old.id
    assert not list(tmp_path.glob("register/.*"))


def test_prune_keeps_the_newest_and_always_the_current(tmp_path: Path) -> None:
    ids = [write(tmp_path, events(ROWS[:n])).id for n in (1, 2, 3)]
    assert set(prune(tmp_path, 1)) == set(ids[:2])
    assert open_snapshot(tmp_path).id == ids[2]
    with pytest.raises(ConfigError, match="pruned"):
        open_snapshot(tmp_path, ids[0])


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(1, 65_000),
            st.integers(0, 600),
            st.sampled_from(["SYN:1", "SYN:2", "SYN:3"]),
        ),
        max_size=60,
    )
)
def test_every_row_is_in_the_index_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, str]]
) -> None:
    frame = events(
        [
            (who, EARLIEST_DAY + timedelta(days=day), EARLIEST_DAY + timedelta(days=min(day + lag, 65_500)), code)
            for who, day, lag, code in rows
        ]
    )
    snapshot = write(tmp_path_factory.mktemp("register"), frame)
    found: list[tuple[str, int, int, str]] = []
    if rows:
        runs = snapshot.bucket("A81001").shards[0].postings["events"]
        late = dict(zip(runs.late_row.tolist(), runs.late_day.tolist(), strict=True))
        for concept, code in enumerate(snapshot.concepts("events")["code"]):
            for place in range(runs.offsets[concept], runs.offsets[concept + 1]):
                day, person = divmod(int(runs.entries[place]), 65_536)
                found.append(("abc"[person], day, late.get(place, day + int(runs.lag[place])) - day, code))
            assert np.all(
                np.diff(runs.entries[runs.offsets[concept] : runs.offsets[concept + 1]].astype(np.int64)) >= 0
            )
    assert sorted(found) == sorted((who, day, min(day + lag, 65_500) - day, code) for who, day, lag, code in rows)
