"""An ingest: gated against the last one, whole or absent, its account beside the snapshot."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pophealth.config import Config
from pophealth.errors import ConfigError, DataContractError
from pophealth.pseudonyms import pseudonym, purpose_key
from pophealth.register import open_snapshot
from pophealth.runs.clock import today
from pophealth.runs.intake import ingest
from pophealth.runs.keys import initialise_keys, read_key
from small_extract import EVENTS, NUMBERS, OTHER, PRACTICE, config_of, default_tables, table, write_csv

PATIENTS = f"""
patient_id | nhs_number   | birth_date | sex
a          | {NUMBERS[0]} | 1950-03-04 | female
b          | {NUMBERS[1]} | 1980-01-01 | male
"""
STAYS = f"""
patient_id | practice_code | start_date | registration_type
a          | {PRACTICE}    | 2000-01-01 | regular
b          | {OTHER}       | 2000-01-01 | regular
"""


def site(folder: Path, events: str = EVENTS, **changes: object) -> Config:
    tables = default_tables(patients=PATIENTS, registrations=STAYS, events=events)
    write_csv(folder / "extract", tables)
    initialise_keys(folder / "keys")
    sections = {
        "site": {"data_root": folder / "data", "key_file": folder / "keys" / "site.key", "synthetic": False},
        "extract": {"path": folder / "extract"},
    }
    for name, section in changes.items():
        sections[name] = sections.get(name, {}) | section  # type: ignore[operator]
    return config_of(folder / "extract", **sections)


def many(who: str, rows: int) -> str:
    return "\n".join(f"{who} | 2020-01-01 | | 38341003 | SNOMED | {who}{place}" for place in range(rows))


def test_a_snapshot_holds_the_people_under_the_pseudonyms_of_its_purpose(tmp_path: Path) -> None:
    config = site(tmp_path)
    report = ingest(config)
    snapshot = open_snapshot(config.site.data_root)
    assert (report.snapshot, snapshot.practices) == (snapshot.id, (PRACTICE, OTHER))
    key = purpose_key(read_key(config.site.key_file), "development")
    assert snapshot.bucket(PRACTICE).people["patient_id"].to_list() == [pseudonym(key, NUMBERS[0])]
    assert snapshot.facts["extract_date"] == "2024-12-31"
    document = json.loads((report.path / "conservation.json").read_text())
    assert document["sources"]["events"]["kept"] == report.rows["events"]["kept"] == 2
    assert ingest(config).snapshot == report.snapshot  # the same extract, the same snapshot


def test_another_purpose_has_other_pseudonyms(tmp_path: Path) -> None:
    one = ingest(site(tmp_path)).path
    two = ingest(site(tmp_path, site={"data_root": tmp_path / "two", "purpose": "commissioning"})).path
    people = [
        set(pl.read_parquet(path / PRACTICE / "archive" / "patients.parquet")["patient_id"]) for path in (one, two)
    ]
    assert people[0].isdisjoint(people[1])
    key = (tmp_path / "keys" / "site.key").read_bytes()
    assert len(key) == 32


def test_a_feed_that_brings_far_fewer_rows_is_withheld_until_it_is_whole_again(tmp_path: Path) -> None:
    full = f"{EVENTS.strip()}\n{many('a', 20)}\n{many('b', 20)}"
    config = site(tmp_path, full)
    assert ingest(config).withheld == {}
    thin = site(tmp_path, f"{EVENTS.strip()}\n{many('b', 20)}")
    for _ in range(2):  # the night after is held against what the practice last brought, not against nothing
        report = ingest(thin)
        assert list(report.withheld) == [PRACTICE]
        assert "3 rows, 23 in the last snapshot; at least 50% are expected" in report.withheld[PRACTICE]
        snapshot = open_snapshot(config.site.data_root)
        assert snapshot.practices == (OTHER,)
        assert snapshot.facts["withheld"] == report.withheld
        document = json.loads((report.path / "conservation.json").read_text())
        assert document["sources"]["events"]["practices"][PRACTICE]["reasons"] == {"practice_withheld": 1}
    allowed = site(tmp_path, f"{EVENTS.strip()}\n{many('b', 20)}", extract={"accept_fewer_rows": True})
    assert ingest(allowed).withheld == {}
    assert ingest(thin).withheld == {}


def test_one_table_that_lost_its_rows_is_enough(tmp_path: Path) -> None:
    readings = "patient_id | date | code | code_system | record_id | value\n" + "\n".join(
        f"a | 2020-01-01 | 999 | LOINC | m{place} | 1" for place in range(400)
    )
    config = site(tmp_path, f"{EVENTS.strip()}\n{many('a', 120)}")
    table(readings).write_csv(tmp_path / "extract" / "measurements.csv")
    assert ingest(config).withheld == {}
    table(f"{EVENTS.strip()}\n{many('a', 12)}").write_csv(tmp_path / "extract" / "events.csv")
    assert "13 rows of events, 121 in the last snapshot" in ingest(config).withheld[PRACTICE]


def test_a_practice_that_is_gone_altogether_is_withheld(tmp_path: Path) -> None:
    config = site(tmp_path)
    ingest(config)
    table(STAYS).filter(patient_id="b").write_csv(tmp_path / "extract" / "registrations.csv")
    report = ingest(config)
    assert list(report.withheld) == [PRACTICE]
    assert report.withheld[PRACTICE].startswith("0 rows")


def test_the_register_stays_as_it_was_when_nobody_is_left(tmp_path: Path) -> None:
    config = site(tmp_path)
    before = ingest(config).snapshot
    (tmp_path / "extract" / "events.csv").write_bytes(b"\x00\xff\x00")
    with pytest.raises(DataContractError, match=r"events\.csv"):
        ingest(config)
    table(STAYS).clear().write_csv(tmp_path / "extract" / "registrations.csv")
    (tmp_path / "extract" / "events.csv").unlink()
    with pytest.raises(DataContractError, match="no practice is left"):
        ingest(config)
    assert open_snapshot(config.site.data_root).id == before
    assert not list((tmp_path / "data" / "register").glob(".writing-*"))


def test_who_is_on_the_sites_list_of_objections_is_not_ingested(tmp_path: Path) -> None:
    path = tmp_path / "type_1.csv"
    path.write_text(f"# as_of: {today()}\nnhs_number\n{NUMBERS[0]}\n")
    report = ingest(site(tmp_path, opt_outs={"type_1_list": path}))
    assert report.persons["type_1_opt_out"] == 1
    snapshot = open_snapshot(tmp_path / "data")
    assert snapshot.practices == (OTHER,)
    written = b"".join(file.read_bytes() for file in snapshot.path.rglob("*") if file.is_file())
    assert NUMBERS[0].encode() not in written
    path.write_text("# as_of: 2020-01-01\nnhs_number\n")
    with pytest.raises(ConfigError, match="days old"):
        ingest(site(tmp_path, opt_outs={"type_1_list": path}))


def test_care_homes_lie_beside_the_snapshot(tmp_path: Path) -> None:
    config = site(tmp_path)
    homes = "home_id | network_code | practice_code | beds\nh1 | U12345 | A81001 | 31"
    table(homes).write_csv(tmp_path / "extract" / "care_homes.csv")
    report = ingest(config)
    (home,) = json.loads((report.path / "care_homes.json").read_text())
    assert (home["home_id"], home["beds"]) == ("h1", 31)
    assert "care_homes.json" in open_snapshot(config.site.data_root).manifest["files"]
