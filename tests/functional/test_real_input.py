"""The line on input nobody here made: what its publishers are known to have got wrong is counted, and people are listed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pophealth.config import Config, load_config
from pophealth.delivery.verify import verify_delivery
from pophealth.runs.intake import IngestReport, ingest
from pophealth.runs.keys import initialise_keys
from pophealth.runs.night import run

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
DAYS = {"real-omop": "2018-12-31", "real-synthea-uk": "2024-12-31"}


@dataclass(frozen=True)
class Ingested:
    config: Config
    report: IngestReport
    document: dict[str, Any]

    def source(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.document["sources"][name]
        return found


def site(name: str, folder: Path, shared_data: Path) -> Config:
    """Give a shipped configuration with its paths to data as they are, and what is written below `folder`."""
    text = (ROOT / "configs" / f"{name}.toml").read_text()
    text = text.replace("../build/" + name, str(folder)).replace("../../shared/data", str(shared_data))
    (folder / "config.toml").write_text(text)
    initialise_keys(folder / "keys")
    return load_config(folder / "config.toml")


def ingested(name: str, folder: Path, shared_data: Path) -> Ingested:
    config = site(name, folder, shared_data)
    report = ingest(config)
    return Ingested(config, report, json.loads((report.path / "conservation.json").read_text()))


@pytest.fixture(scope="module")
def uk(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return ingested("real-synthea-uk", tmp_path_factory.mktemp("uk"), shared_data)


@pytest.fixture(scope="module")
def omop(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return ingested("real-omop", tmp_path_factory.mktemp("omop"), shared_data)


def rows_of(shared_data: Path, folder: str, table: str) -> int:
    return pl.read_parquet(shared_data / "patients" / folder / f"{table}.parquet").height


@pytest.mark.shared_data
def test_the_known_faults_of_the_uk_source_are_counted(uk: Ingested) -> None:
    observations = uk.source("observations")
    assert observations["rules"] == {
        "date|before_birth": 90,
        "value|implausible_systolic_bp": 715,  # all of them between 1.0 and 2.0, as the next test says
        "value|systolic_not_above_diastolic": 718,
    }
    # 715 of the 718 are the same rows: each row is quarantined once
    assert observations["quarantined"] == 718 + 90
    assert observations["reasons"]["measure_of_the_simulation"] == 3 * 53_060 - 90
    assert uk.source("encounters")["rules"] == {"date|before_birth": 30}
    immunizations = uk.source("immunizations")
    assert (immunizations["rows_in"], immunizations["quarantined"]) == (20_467, 20_467)
    assert immunizations["rules"]["date|unreadable"] == 20_467
    assert any("immunizations: all 20467 rows" in warning for warning in uk.report.warnings)


@pytest.mark.shared_data
def test_what_is_implausible_there_lies_between_1_and_2(shared_data: Path) -> None:
    rows = pl.read_parquet(shared_data / "patients" / "syntheauk_1000" / "observations.parquet")
    systolic = rows.filter(CODE="8480-6").with_columns(pl.col("VALUE").cast(pl.Float64))
    assert systolic.filter(pl.col("VALUE").is_between(1.0, 2.0)).height == 715
    assert systolic.filter(~pl.col("VALUE").is_between(50, 300)).height == 715


@pytest.mark.shared_data
def test_half_of_the_uk_people_are_at_real_practices_of_real_networks(uk: Ingested) -> None:
    assert uk.report.persons == {
        "in_extract": 1000,
        "kept": 500,
        "quarantined": 0,
        "matched_in_a_network": 490,
        "matched_in_no_network": 10,
        "matched_networks": 105,
        "matched_practices": 228,
        "matched_to_a_practice": 500,
        "no_practice": 500,
    }
    unattributed = uk.source("patients")["practices"]["unattributed"]
    assert (unattributed["rows_in"], unattributed["reasons"]) == (500, {"no_practice": 500})


@pytest.mark.shared_data
def test_the_known_faults_of_the_omop_source_are_counted(omop: Ingested) -> None:
    assert omop.source("drug_exposure")["rules"] == {"condition_code_among_drugs": 7_899}
    assert omop.source("person")["rules"] == {"birth_date|future": 1}
    assert omop.source("visit_occurrence")["kept_as"] == {"appointments": 29_343, "attendances": 1_809, "spells": 1_001}
    assert omop.report.persons == {"in_extract": 1130, "kept": 1129, "quarantined": 1}
    # nothing else is wrong with it but one code whose check digit fails
    broken: Counter[str] = Counter()
    for source in omop.document["sources"].values():
        broken.update(source["rules"])
    assert set(broken) == {
        "birth_date|future", "code|check_digit", "condition_code_among_drugs", "person_quarantined", "start_date|future",
    }  # fmt: skip
    assert broken["code|check_digit"] == 1


FILES = {
    "omop": ("synthea1k_omop", ("person", "condition_occurrence", "drug_exposure", "measurement", "observation")),
    "uk": ("syntheauk_1000", ("patients", "encounters", "observations", "conditions", "medications", "immunizations")),
}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", sorted(FILES))
def test_every_row_of_the_files_is_accounted_for(name: str, shared_data: Path, request: pytest.FixtureRequest) -> None:
    mine: Ingested = request.getfixturevalue(name)
    folder, tables = FILES[name]
    for table in tables:
        entry = mine.source(table)
        assert entry["rows_in"] == rows_of(shared_data, folder, table)
        assert entry["rows_in"] == entry["kept"] + entry["quarantined"] + entry["out_of_scope"]
        assert sum(practice["rows_in"] for practice in entry["practices"].values()) == entry["rows_in"]


@pytest.mark.shared_data
def test_people_with_raised_blood_pressure_are_listed_and_the_rest_is_not_computable(uk: Ingested) -> None:
    night = run(uk.config, date.fromisoformat(DAYS["real-synthea-uk"]))
    assert night.failed == {}
    registered, statuses = 0, Counter[str]()
    silent: set[str] = set()
    for folder in night.delivered.values():
        verify_delivery(folder)
        summary = json.loads((folder / "summary.json").read_text())
        registered += summary["registered"]
        raised = summary["rules"]["raised_blood_pressure_no_diagnosis"]
        assert raised["not_computable"] is None
        statuses.update({status: raised[status] for status in ("listed", "met", "adjusted", "excluded", "unknown")})
        for rule, counts in summary["rules"].items():
            if counts["not_computable"] is not None:
                silent.add(rule)
                assert counts["listed"] == 0
    assert registered == 490
    assert statuses["listed"] >= 1
    assert statuses["excluded"] >= 1  # their hypertension is coded
    assert sum(statuses.values()) <= 490
    # what is not supplied makes rules not computable, whatever rules there are
    assert silent >= {"anticoagulant_with_nsaid", "ethnicity_not_recorded", "recorded_risk_10_no_statin"}


@pytest.mark.shared_data
def test_the_omop_people_come_through_the_line_and_a_second_run_does_nothing(omop: Ingested) -> None:
    day = date.fromisoformat(DAYS["real-omop"])
    night = run(omop.config, day)
    (folder,) = night.delivered.values()
    verify_delivery(folder)
    summary = json.loads((folder / "summary.json").read_text())
    # 1,129 people; 254 whose last visit lies more than a year back or who died, and three never observed, do not count
    assert summary["registered"] == 872
    assert summary["rules"]["raised_blood_pressure_no_diagnosis"]["not_computable"].startswith("values not supplied")
    assert run(omop.config, day).nothing_to_do


@pytest.mark.shared_data
def test_the_american_sample_conforms_too(shared_data: Path, tmp_path: Path) -> None:
    extract = f"""
[extract]
layout = "synthea"
path = "{shared_data}/patients/synthea_us_native"
[extract.attribution]
kind = "one_practice"
practice_code = "ZZZ001"
practice_name = "sample"
network_code = "U99999"
network_name = "sample"
[extract.supplies]
"""
    site_text = 'name = "us"\npurpose = "development"\nsynthetic = true\nkey_file = "keys/site.key"\n'
    (tmp_path / "config.toml").write_text(f"[site]\n{site_text}{extract}")
    initialise_keys(tmp_path / "keys")
    report = ingest(load_config(tmp_path / "config.toml"))
    assert report.persons["kept"] == 59
    document = json.loads((report.path / "conservation.json").read_text())["sources"]
    assert document["deaths (from patients)"]["kept"] == 9
    encounters = document["encounters"]["kept_as"]
    # 94 inpatient and 98 emergency encounters; what lies after a death is quarantined, not lost
    assert encounters["attendances"] <= 98
    assert encounters["spells"] <= 94
    assert document["observations"]["rows_in"] == 21_697
    for source, rows in {"procedures": 4_637, "conditions": 1_534, "medications": 1_772, "immunizations": 891}.items():
        assert document[source]["rows_in"] == rows
