"""A hand-written patient's records, through ingest and a run, to the final number of a score."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import stdev
from typing import Any

import polars as pl
import pytest

from pophealth.reference import load_library
from pophealth.scores import compute

DAY = date(2025, 1, 31)
CONFIG = """\
[site]
name = "hand-written"
purpose = "development"
contract_year = "2024-25"
synthetic = true
data_root = "data"
key_file = "keys/site.key"
signing_key_file = "keys/signing.key"
[extract]
layout = "canonical"
path = "extract"
[extract.supplies]
events = ["SNOMED"]
medications = ["dm+d"]
measurements = ["SNOMED"]
spells = true
[reference]
memberships = "memberships.parquet"
[runs]
rules = ["ethnicity_not_recorded"]
[scores]
also = ["qrisk3", "charlson", "elixhauser_vw", "hfrs", "cms20"]
townsend_file = "townsend.csv"
"""
LISTS = load_library()


def code(codelist: str, place: int = 0) -> dict[str, str]:
    """Give the code of a shipped codelist that stands at a place."""
    row = LISTS.get(codelist).codes.row(place, named=True)
    return {"code": row["code"], "code_system": row["code_system"]}


def event(person: str, day: str, codelist: str) -> dict[str, Any]:
    return {"patient_id": person, "date": day, **code(codelist)}


def value(person: str, day: str, codelist: str, number: float, unit: str | None = None) -> dict[str, Any]:
    return {"patient_id": person, "date": day, **code(codelist), "value": number, "unit": unit}


# A woman of 64 with a history; a man of 45 of whom nothing is recorded.
PATIENTS = [
    {"patient_id": "anna", "birth_date": "1960-06-15", "sex": "female", "lsoa_code": "E01000001"},
    {"patient_id": "ben", "birth_date": "1979-03-01", "sex": "male", "lsoa_code": None},
]
EVENTS = [
    event("anna", "2015-02-01", "ethnicity_indian"),
    event("anna", "2016-02-01", "ethnicity_not_stated"),  # no group: it does not overwrite one
    event("anna", "2010-05-01", "smokers_heavy"),
    event("anna", "2020-05-01", "ex_smokers"),
    event("anna", "2012-01-01", "hypertension"),
    event("anna", "2019-01-01", "rheumatoid_arthritis"),
    event("anna", "2025-02-01", "migraine"),  # after the index date
]
MEDICATIONS = [
    {"patient_id": "anna", "date": "2024-12-01", **code("ace_inhibitors")},
    {"patient_id": "anna", "date": "2024-09-01", **code("oral_corticosteroids")},
    {"patient_id": "anna", "date": "2025-01-10", **code("oral_corticosteroids", 1)},
    {"patient_id": "anna", "date": "2024-12-01", **code("atypical_antipsychotics")},  # once is not treatment
]
MEASUREMENTS = [
    value("anna", "2015-01-01", "bmi", 31.0, "kg/m2"),
    value("anna", "2023-05-01", "bmi", 25.2, "kg/m2"),
    value("anna", "2023-05-01", "total_hdl_ratio", 4.0),
    value("anna", "2012-05-01", "systolic_bp", 120.0, "mmHg"),  # older than five years
    value("anna", "2021-03-01", "systolic_bp", 150.0, "mmHg"),
    value("anna", "2023-05-01", "systolic_bp", 160.0, "mmHg"),
    value("anna", "2024-11-01", "systolic_bp", 180.0, "mmHg"),
]
SPELLS = [
    {"patient_id": "anna", "admission_date": "2018-06-01", "method": "11", "diagnosis_01": "C509"},
    {
        "patient_id": "anna",
        "admission_date": "2021-06-01",
        "method": "21",
        "diagnosis_01": "I219",
        "diagnosis_02": "I64X",
    },
    {
        "patient_id": "anna",
        "admission_date": "2024-06-01",
        "method": "21",
        "diagnosis_01": "E112",
        "diagnosis_02": "R296",
    },
]
TABLES = {"events": EVENTS, "medications": MEDICATIONS, "measurements": MEASUREMENTS, "spells": SPELLS}


@pytest.fixture
def scored(tmp_path: Path, pophealth: Callable[..., int]) -> dict[str, dict[str, Any]]:
    """Give the delivered row of each of the two, by sex."""
    extract = tmp_path / "extract"
    extract.mkdir()
    pl.DataFrame(PATIENTS).write_csv(extract / "patients.csv")
    stays = [
        {
            "patient_id": person["patient_id"],
            "practice_code": "A81001",
            "start_date": "2000-01-01",
            "registration_type": "regular",
        }
        for person in PATIENTS
    ]
    pl.DataFrame(stays).write_csv(extract / "registrations.csv")
    for table, rows in TABLES.items():
        numbered = [row | {"record_id": f"{table}{place}"} for place, row in enumerate(rows)]
        pl.DataFrame(numbered, infer_schema_length=None).write_csv(extract / f"{table}.csv")
    membership = {
        "practice_code": "A81001",
        "practice_name": "One",
        "network_code": "U12345",
        "start_date": date(2019, 7, 1),
    }
    pl.DataFrame([membership | {"end_date": None}], schema_overrides={"end_date": pl.Date}).write_parquet(
        tmp_path / "memberships.parquet"
    )
    assert pophealth("init", tmp_path / "made") == 0
    (tmp_path / "made" / "keys").rename(tmp_path / "keys")
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "townsend.csv").write_text("lsoa11cd,townsend_2011\nE01000001,2.5\n")
    assert pophealth("ingest", tmp_path / "config.toml") == 0
    assert pophealth("run", tmp_path / "config.toml", "--index-date", DAY.isoformat()) == 0
    (patients,) = tmp_path.glob("data/deliveries/*/U12345/patients.arrow")
    return {row["sex"]: row for row in pl.read_ipc(patients).iter_rows(named=True)}


def test_qrisk3_of_a_history(scored: dict[str, dict[str, Any]]) -> None:
    by_hand = {
        "sex": "female",
        "age_years": 64,
        "qrisk_ethnicity": "indian",
        "qrisk_smoking": "ex",
        "bmi_kg_m2": 25.2,
        "total_hdl_ratio": 4.0,
        "sbp_mmhg": 180.0,
        "sbp_sd_mmhg": stdev([150.0, 160.0, 180.0]),
        "townsend": 2.5,
        "has_atrial_fibrillation": False,
        "on_atypical_antipsychotic": False,
        "on_corticosteroids": True,
        "has_erectile_dysfunction": False,
        "has_migraine": False,
        "has_rheumatoid_arthritis": True,
        "has_ckd_3_to_5": False,
        "has_severe_mental_illness": False,
        "has_systemic_lupus": False,
        "has_treated_hypertension": True,
        "has_type_1_diabetes": False,
        "has_type_2_diabetes": False,
        "has_family_history_cvd": False,
    }
    expected = compute("qrisk3", pl.DataFrame([by_hand]))["qrisk3_10y_percent"].item()
    row = scored["female"]
    assert row["qrisk3_10y_percent"] == pytest.approx(expected, abs=1e-9)
    # nobody brought a list of family history: said, and taken as none
    assert row["qrisk3_flags"] == ["imputed:has_family_history_cvd"]


def test_qrisk3_of_nobody_s_records_is_an_estimate_and_says_so(scored: dict[str, dict[str, Any]]) -> None:
    row = scored["male"]
    assert row["qrisk3_10y_percent"] is not None
    for name in (
        "qrisk_ethnicity",
        "qrisk_smoking",
        "bmi_kg_m2",
        "total_hdl_ratio",
        "sbp_mmhg",
        "sbp_sd_mmhg",
        "townsend",
    ):
        assert f"imputed:{name}" in row["qrisk3_flags"]
    assert "imputed:has_migraine" not in row["qrisk3_flags"], "the source supplies events: no record means no migraine"


def test_diagnosis_scores_of_spells_within_their_look_backs(scored: dict[str, dict[str, Any]]) -> None:
    anna, ben = scored["female"], scored["male"]
    # five years: infarction 1, cerebrovascular 1, diabetes with complications 2; breast cancer of 2018 is too old
    assert anna["charlson_original_1987"] == 4
    assert anna["charlson_original_age_adjusted"] == 6
    assert anna["elixhauser_categories"] == ["diabetes_complicated"]
    # two years: R29 3.6; the stroke of 2021 is too old
    assert anna["hfrs"] == 3.6
    assert (ben["charlson_original_1987"], ben["elixhauser_vw"], ben["hfrs"]) == (0, 0, 0.0)


def test_a_score_on_a_list_that_nobody_filled_is_unknown(scored: dict[str, dict[str, Any]]) -> None:
    assert scored["female"]["cms20_general"] is None
    assert "missing:has_painful_condition" in scored["female"]["cms20_flags"]
