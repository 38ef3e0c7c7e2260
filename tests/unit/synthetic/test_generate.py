"""An extract is reproducible, keeps its contracts, looks like a real one, and replaces only what it made itself."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from pophealth.config import load_config
from pophealth.declare.window import months_before
from pophealth.errors import UsageError
from pophealth.reference import load_areas, load_library, load_medicine_map, load_memberships, load_network_details
from pophealth.synthetic import generate
from pophealth.synthetic.network import RECORD_TABLES
from pophealth.tables import DATE_COLUMN, EXTRACT_TABLES

INDEX_DATE = date(2025, 1, 31)
PARTS = [
    name
    for name in EXTRACT_TABLES
    if name not in ("merges", "memberships", "networks", "areas", "medicine_map", "care_homes")
]


def hashes(folder: Path, network: str = "") -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob(f"*{network}*"))
        if path.is_file()
    }


def make(folder: Path, **changes):
    return generate(
        folder, **({"networks": 1, "patients": 250, "seed": 5, "index_date": INDEX_DATE, "years": 3} | changes)
    )


def test_the_same_seed_gives_the_same_bytes_at_any_number_of_threads(tmp_path, monkeypatch) -> None:
    import sys

    make(tmp_path / "one", networks=2)
    monkeypatch.setattr(sys.modules["pophealth.synthetic.generate"], "AT_ONCE", 1)
    make(tmp_path / "two", networks=2)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_another_seed_gives_other_people(tmp_path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "two", seed=6)
    first, second = hashes(tmp_path / "one", "U22600"), hashes(tmp_path / "two", "U22600")
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)


def test_a_network_is_the_same_whatever_others_are_made(tmp_path) -> None:
    make(tmp_path / "one", networks=1)
    make(tmp_path / "three", networks=3)
    assert hashes(tmp_path / "one", "U22600") == hashes(tmp_path / "three", "U22600")


def test_dirt_changes_no_other_network(tmp_path) -> None:
    make(tmp_path / "clean", networks=2)
    make(tmp_path / "dirty", networks=2, dirty=True)
    clean = hashes(tmp_path / "clean", "U22601")
    assert clean == {
        name: value for name, value in hashes(tmp_path / "dirty", "U22601").items() if "faulty" not in name
    }


@pytest.mark.parametrize("table", PARTS)
def test_every_row_keeps_its_contract(small, table: str) -> None:
    contract = EXTRACT_TABLES[table]
    rows = small.read(table)
    assert set(contract.create_empty().columns) - set(rows.columns) <= contract.optional
    missing = [pl.lit(None).alias(name) for name in contract.create_empty().columns if name not in rows.columns]
    _, failure = contract.filter(rows.with_columns(missing).select(contract.create_empty().columns), cast=True)
    assert failure.counts() == {}


def test_texts_come_back_as_text_and_dates_as_dates(small) -> None:
    events = small.read("events")
    assert events.schema == pl.Schema(
        {
            "patient_id": pl.String,
            "record_id": pl.String,
            "date": pl.Date,
            "recorded_date": pl.Date,
            "code": pl.String,
            "code_system": pl.String,
        }
    )
    assert small.read("measurements").schema["time"] == pl.Time


def test_facts_beside_the_parts_load(small) -> None:
    config = load_config(small.folder / "config.toml")
    assert (config.site.purpose, config.site.synthetic, config.site.contract_year) == ("case_finding", True, "2024-25")
    assert config.site.network_sharing_agreement
    memberships, warnings = load_memberships(config.reference.memberships)
    assert warnings == []
    assert sorted(memberships["network_code"].unique()) == list(small.facts.networks)
    assert load_areas(None, config.reference.areas_2021).height == small.facts.rows["areas"]
    assert load_medicine_map(config.reference.medicine_map).height == small.facts.rows["medicine_map"]
    assert load_network_details(config.reference.network_details).height == 2
    library = load_library(*config.reference.codelists)
    assert [name for name in library.ids if not library.get(name).is_filled] == []


def test_the_file_list_names_every_part_with_its_hash_and_rows(small) -> None:
    listing = json.loads((small.folder / "extract.json").read_text())
    assert listing["extract_date"] == "2025-01-31"
    written = {str(path.relative_to(small.folder)) for path in small.folder.rglob("*.parquet")}
    assert set(listing["files"]) == {name for name in written if not name.startswith("truth/")}
    for name, entry in listing["files"].items():
        path = small.folder / name
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entry["rows"] == pl.read_parquet(path).height


def test_record_ids_differ_and_a_part_holds_whole_persons(small) -> None:
    for table in RECORD_TABLES:
        owners = {
            path.stem: set(pl.read_parquet(path)["patient_id"]) for path in (small.folder / table).glob("*.parquet")
        }
        assert not set.intersection(*owners.values())
        if table != "next_tests":
            assert small.read(table)["record_id"].is_unique().all()


@pytest.mark.parametrize(("records", "patients"), [(60, 1_000), (285, 400)])
def test_a_record_is_as_long_as_asked_for(tmp_path, records: int, patients: int) -> None:
    facts = make(tmp_path, patients=patients, records_per_person=records, years=10)
    people = pl.read_parquet(tmp_path / "patients" / "U22600.parquet").height
    rows = sum(pl.read_parquet(tmp_path / table / "U22600.parquet").height for table in RECORD_TABLES)
    assert rows / people == pytest.approx(records, rel=0.10)
    assert facts.records_per_person == pytest.approx(rows / people)


def test_nothing_is_recorded_before_birth_after_death_or_after_the_extract(small) -> None:
    people = small.read("patients").join(small.read("deaths"), on="patient_id", how="left")
    for table in (name for name in RECORD_TABLES if name != "next_tests"):
        rows = small.read(table).join(people, on="patient_id").with_columns(day=pl.col(DATE_COLUMN[table]))
        assert rows.filter(pl.col("day") < pl.col("birth_date")).is_empty()
        assert rows.filter(pl.col("day") > pl.col("death_date")).is_empty()
        assert rows.filter(pl.col("day") > INDEX_DATE).is_empty()
        if "recorded_date" in rows.columns:
            assert rows.filter(pl.col("recorded_date") > INDEX_DATE).is_empty()
            assert rows.filter(pl.col("recorded_date") < pl.col("date")).is_empty()


def year_before(rows: pl.DataFrame, day: date, column: str = "date") -> pl.DataFrame:
    return rows.filter(pl.col(column).is_between(day - timedelta(days=365), day, closed="right"))


def test_a_record_does_not_say_who_is_about_to_leave(large) -> None:
    """Who leaves within the next year was seen as often before as who stays: leaving hangs on nothing that is recorded."""
    day = INDEX_DATE - timedelta(days=366)
    people = large.read("registrations").filter(
        pl.col("registration_type") == "regular",
        pl.col("start_date") < day - timedelta(days=400),
        pl.col("end_date").is_null() | (pl.col("end_date") > day),
    )
    still = large.read("registrations").filter(pl.col("end_date").is_null())["patient_id"]
    people = people.join(large.read("deaths"), on="patient_id", how="anti").join(
        large.read("patients").filter(pl.col("birth_date") < date(1994, 1, 1)), on="patient_id"
    )
    decade = (2024 - pl.col("birth_date").dt.year()) // 10  # younger people move more often, and are seen less
    people = people.select("patient_id", "sex", leaves=~pl.col("patient_id").is_in(still.implode()), decade=decade)
    for table, least in (("appointments", 2.0), ("medications", 1.0), ("outpatients", 0.3), ("measurements", 0.5)):
        rows = year_before(large.read(table), day).group_by("patient_id").len("rows")
        counted = people.join(rows, on="patient_id", how="left").with_columns(pl.col("rows").fill_null(0))
        expected = counted.filter(~pl.col("leaves")).group_by("sex", "decade").agg(usual=pl.col("rows").mean())
        gone = counted.filter("leaves").join(expected, on=["sex", "decade"])
        assert gone.height > 200
        assert counted["rows"].mean() > least
        beyond = gone["rows"] - gone["usual"]
        assert abs(beyond.mean()) < 4 * beyond.std() / gone.height**0.5, table


def test_what_a_model_reads_is_on_record_at_earlier_dates_as_at_the_last(large) -> None:
    """At index dates up to two and a half years back, as many people are on a repeat, were seen, had a haemoglobin."""
    repeats = large.read("medications").filter(pl.col("is_repeat"))
    supply = pl.col("days_supply").fill_null(28).cast(pl.Int64) + 5
    haemoglobin = load_library().get("haemoglobin").codes["code"].to_list()
    blood = large.read("measurements").filter(pl.col("code").is_in(haemoglobin))
    assert blood["value"].is_between(45, 200).all()
    seen: dict[str, list[float]] = {"repeat": [], "appointment": [], "outpatient": [], "blood": []}
    for months in (0, 12, 30):
        day = months_before(INDEX_DATE, months)
        there = large.read("registrations").filter(
            pl.col("start_date") <= day, pl.col("end_date").is_null() | (pl.col("end_date") > day)
        )["patient_id"]
        lately = repeats.filter(pl.col("date") <= day, pl.col("date") + pl.duration(days=supply) >= day)
        for name, rows in (
            ("repeat", lately),
            ("appointment", year_before(large.read("appointments"), day)),
            ("outpatient", year_before(large.read("outpatients"), day)),
            ("blood", year_before(blood, day)),
        ):
            seen[name].append(
                rows.filter(pl.col("patient_id").is_in(there.implode()))["patient_id"].n_unique() / there.len()
            )
    for name, (now, earlier, first) in seen.items():
        assert now > 0.05, name
        assert (earlier / now, first / now) == pytest.approx((1.0, 1.0), abs=0.25), (name, seen[name])


def test_recording_lags_as_in_real_sources(small) -> None:
    rows = small.read("events").with_columns(lag=(pl.col("recorded_date") - pl.col("date")).dt.total_days())
    old = rows.filter(pl.col("date") < INDEX_DATE - timedelta(days=1_000))
    assert old["lag"].drop_nulls().gt(0).mean() == pytest.approx(0.15, abs=0.01)
    assert 0 < old["lag"].drop_nulls().gt(254).mean() < 0.005
    assert 0 < old["recorded_date"].is_null().mean() < 0.01


def test_quirks_of_reality_are_there(small) -> None:
    memberships = pl.read_parquet(small.folder / "memberships.parquet")
    moved = memberships.filter(pl.col("practice_code").is_duplicated())
    assert sorted(moved["network_code"]) == list(small.facts.networks)
    assert moved["end_date"].is_null().sum() == 1
    assert all(3 <= count <= 7 for count in memberships.group_by("network_code").len()["len"])
    stays = small.read("registrations")
    assert stays.filter(pl.col("patient_id").is_duplicated()).height > 100
    assert set(stays["registration_type"]) >= {"regular", "temporary"}
    assert stays.filter(pl.col("start_date") > INDEX_DATE - timedelta(days=90)).height > 20
    assert stays.join(small.read("deaths"), on="patient_id", how="anti")["end_date"].is_not_null().sum() > 100
    assert set(small.read("opt_outs")["opt_out_type"]) == {"type_1", "national"}
    assert set(small.read("patients")["lsoa_vintage"].drop_nulls()) == {2021}


def test_measurements_carry_units_comparators_settings_and_times(large) -> None:
    rows = large.read("measurements")
    assert {"mmHg", "mm[Hg]", "kg/m2", "mmol/mol", "mL/min/1.73m2", "umol/L", "mmol/L", "%", "ug/g"} <= set(
        rows["unit"].drop_nulls()
    )
    assert 0 < rows["unit"].is_null().mean() < 0.05
    assert {"<", ">"} == set(rows["comparator"].drop_nulls())
    assert set(rows["setting"].drop_nulls()) == {"clinic", "home", "ambulatory"}
    library = load_library()
    systolic, diastolic = (
        rows.filter(pl.col("code").is_in(library.get(name).codes["code"].to_list()))
        for name in ("systolic_bp", "diastolic_bp")
    )
    pairs = systolic.join(diastolic, on=["patient_id", "date", "time"], suffix="_low")
    assert pairs.height >= 0.85 * systolic.height
    assert (pairs["value"] > pairs["value_low"]).all()


def test_stated_ethnicity_can_be_followed_by_not_stated(large) -> None:
    library, events = load_library(), large.read("events")
    stated = events.filter(pl.col("code").is_in(library.get("ethnicity_white").codes["code"].to_list()))
    unstated = events.filter(pl.col("code").is_in(library.get("ethnicity_not_stated").codes["code"].to_list()))
    both = stated.join(unstated, on="patient_id", suffix="_later").filter(pl.col("date_later") > pl.col("date"))
    assert both.height > 200


def test_repeats_come_every_28_or_56_days(large) -> None:
    repeats = large.read("medications").filter(pl.col("is_repeat")).sort("patient_id", "code", "date")
    gap = pl.col("date").diff().over("patient_id", "code").dt.total_days()
    gaps = repeats.with_columns(gap=gap).filter(pl.col("days_supply").is_in([28, 56])).drop_nulls("gap")
    near = gaps.filter((pl.col("gap") - pl.col("days_supply")).abs() <= 4).height
    assert near > 0.75 * gaps.height


def test_the_future_is_lived_when_asked_for(tmp_path) -> None:
    facts = make(tmp_path, patients=500, months_after=12)
    listing = json.loads((tmp_path / "extract.json").read_text())
    assert listing["extract_date"] == "2026-01-31"
    spells = pl.read_parquet(tmp_path / "spells" / "U22600.parquet")
    assert spells.filter(pl.col("admission_date") > INDEX_DATE).height > 10
    assert spells["admission_date"].max() <= date(2026, 1, 31)
    assert facts.registered == 500


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2023, 4, 1), date(2026, 12, 31)])
def test_any_index_date_will_do(tmp_path, day: date) -> None:
    facts = make(tmp_path, patients=200, index_date=day, years=1, networks=2)
    assert facts.registered == 400
    assert facts.reachable is None  # a history of a year has no year to predict
    assert (
        load_config(tmp_path / "config.toml").site.contract_year
        == f"{day.year - (day.month < 4)}-{(day.year - (day.month < 4) + 1) % 100:02d}"
    )


def test_an_extract_of_its_own_is_replaced_and_nothing_else_touched(tmp_path) -> None:
    make(tmp_path, networks=2)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "site.key").write_bytes(b"k" * 32)
    (tmp_path / "data").mkdir()
    make(tmp_path, networks=1)
    assert [path.stem for path in (tmp_path / "events").iterdir()] == ["U22600"]
    assert (tmp_path / "keys" / "site.key").read_bytes() == b"k" * 32
    assert (tmp_path / "data").is_dir()


def test_somebody_elses_tables_are_not_overwritten(tmp_path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "mine.parquet").write_bytes(b"x")
    with pytest.raises(UsageError, match="choose another folder"):
        make(tmp_path)
    assert (tmp_path / "events" / "mine.parquet").read_bytes() == b"x"


@pytest.mark.parametrize(
    "wrong",
    [
        {"patients": 10},
        {"networks": 0},
        {"networks": 5_000},
        {"years": 0},
        {"records_per_person": 1},
        {"unobserved": 3.0},
        {"months_after": -1},
    ],
)
def test_impossible_numbers_are_refused_by_name(tmp_path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"allowed|at most"):
        make(tmp_path / "none", **wrong)
    assert not (tmp_path / "none").exists()


def test_facts_read_as_words_and_as_json(small) -> None:
    facts = small.facts
    assert json.loads(json.dumps(facts.to_dict()))["networks"] == list(facts.networks)
    text = "\n".join(facts.lines())
    assert "reachable AUROC" in text
    assert "unobserved part" in text
    assert facts.registered == 4_000


def test_no_column_falls_back_from_its_dictionary(small) -> None:
    """The writer leaves bytes behind that differ from run to run when a dictionary saves nothing or holds a text twice."""
    for path in small.folder.rglob("*.parquet"):
        metadata = pq.ParquetFile(path).metadata
        for group in range(metadata.num_row_groups):
            columns = [metadata.row_group(group).column(place) for place in range(metadata.num_columns)]
            given_up = [
                column.path_in_schema
                for column in columns
                if column.dictionary_page_offset is not None and "RLE_DICTIONARY" not in column.encodings
            ]
            assert given_up == [], path.name
