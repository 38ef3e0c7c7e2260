"""From a patient's records, written by hand, to the final figures: register, features, scores, as the line walks them."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pophealth.config import Config, load_config
from pophealth.line import Task, describe
from pophealth.plan import make_plan
from pophealth.reference import load_library
from pophealth.register import open_writer
from pophealth.register.layout import SCHEMAS
from pophealth.terms import LegalBasis

INDEX = date(2025, 1, 31)
PRACTICE = "A81001"
BROUGHT = {"body_weight": "Body weight", "haematocrit": "Haematocrit"}
ALSO = ("cha2ds2_va", "cha2ds2_vasc", "cockcroft_gault", "egfr_2021", "fib4", "has_bled", "kfre4", "orbit", "pincer")

EVENTS = """
woman | heart_failure        | 2020-05-01
woman | hypertension         | 2010-05-01
woman | diabetes             | 2015-05-01
woman | stroke               | 2018-05-01
woman | gastrointestinal_bleed | 2019-05-01
woman | anaemia              | 2024-12-15
man   | asthma               | 2012-05-01
man   | asthma_resolved      | 2024-12-20
man   | gastrointestinal_bleed | 2024-12-01
"""
MEASUREMENTS = """
woman | serum_creatinine | 2024-11-01 | 120  | umol/L
woman | serum_creatinine | 2023-11-01 | 90   | umol/L
woman | urine_acr        | 2024-10-01 | 30   | mg/mmol
woman | egfr             | 2024-09-01 | 42   | mL/min/1.73m2
woman | egfr             | 2025-01-15 | 65   | mL/min/1.73m2
woman | body_weight      | 2024-06-01 | 60   | kg
woman | haemoglobin      | 2024-12-15 | 118  | g/L
woman | systolic_bp      | 2024-12-15 | 165  | mmHg
woman | diastolic_bp     | 2024-12-15 | 80   | mmHg
man   | serum_creatinine | 2024-11-01 | 80   | umol/L
man   | body_weight      | 2023-06-01 | 90   | kg
man   | aspartate_aminotransferase | 2024-06-01 | 40 | U/L
man   | alanine_aminotransferase   | 2024-06-01 | 36 | U/L
man   | platelets        | 2024-06-01 | 200  | 10^9/L
elder | haematocrit      | 2024-11-01 | 39   | %
elder | haematocrit      | 2024-12-01 | 0.45 | L/L
elder | haematocrit      | 2024-12-02 | 0.45 |
elder | serum_creatinine | 2024-11-01 | 150  | umol/L
"""
ISSUES = """
woman | oral_anticoagulants | 2025-01-10
woman | nsaids_oral         | 2025-01-05
woman | methotrexate        | 2024-09-30
woman | methotrexate        | 2024-12-30
man   | non_selective_beta_blockers | 2025-01-10
man   | nsaids_oral         | 2025-01-10
man   | lithium             | 2024-10-31
man   | lithium             | 2025-01-31
"""


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def spooled(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Give rows in the columns a practice's table has; what is not said is null."""
    schema = SCHEMAS[table]
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)


def coded(table: str, text: str, codes: dict[str, tuple[str, str]]) -> pl.DataFrame:
    rows = []
    for number, (patient, codelist, day, *value) in enumerate(cells(text)):
        system, code = codes[codelist]
        row = {"patient_id": patient, "record_id": str(number), "date": date.fromisoformat(day)}
        row |= {"code": code, "code_system": system}
        rows.append(row | ({"value": float(value[0]), "unit": value[1]} if value else {}))
    return spooled(table, rows)


PATIENTS = [
    {"patient_id": "man", "birth_date": date(1975, 6, 1), "sex": "male"},
    {"patient_id": "woman", "birth_date": date(1950, 1, 2), "sex": "female"},
    {"patient_id": "elder", "birth_date": date(1948, 1, 2), "sex": "male"},
    {"patient_id": "unsaid", "birth_date": date(1948, 1, 2), "sex": "indeterminate"},
]
REGISTRATIONS = [
    {
        "patient_id": patient["patient_id"],
        "practice_code": PRACTICE,
        "start_date": date(2000, 1, 1),
        "registration_type": "regular",
    }
    for patient in PATIENTS
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Give a site that brings lists of its own for the pointers of body weight and haematocrit."""
    folder = Path(tmp_path_factory.mktemp("site"))
    (folder / "lists").mkdir()
    for name, term in BROUGHT.items():
        (folder / "lists" / f"{name}.csv").write_text(
            f"# title: {term}\n# version: test\n# source: made up\n# licence: none\n"
            f"code,code_system,term\nSYN:{name},SYNTHETIC,{term}\n",
            "utf-8",
        )
    also = ", ".join(f'"{name}"' for name in ALSO)
    (folder / "config.toml").write_text(
        '[site]\nname = "t"\npurpose = "development"\n[extract]\nlayout = "canonical"\npath = "x"\n'
        '[extract.supplies]\nevents = ["SNOMED"]\nmedications = ["dm+d"]\nmeasurements = ["SNOMED", "SYNTHETIC"]\n'
        f'[reference]\ncodelists = ["lists"]\n[scores]\nalso = [{also}]\n',
        "utf-8",
    )
    return load_config(folder / "config.toml")


@pytest.fixture(scope="module")
def people(config: Config, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Give what the line says of the four, by patient."""
    library = load_library(*config.reference.codelists)
    named = {row[1] for text in (EVENTS, MEASUREMENTS, ISSUES) for row in cells(text)}
    # the last code of each: of the anticoagulants one that is not warfarin, on which an unknown INR would matter
    codes = {name: library.get(name).codes.select("code_system", "code").row(-1) for name in named}
    with open_writer(Path(tmp_path_factory.mktemp("root"))) as writer:
        writer.spool("patients", PRACTICE, spooled("patients", PATIENTS))
        writer.spool("registrations", PRACTICE, spooled("registrations", REGISTRATIONS))
        for table, text in (("events", EVENTS), ("measurements", MEASUREMENTS), ("medications", ISSUES)):
            writer.spool(table, PRACTICE, coded(table, text, codes))
        snapshot = writer.finish(facts={"extract_date": "2025-01-31"}, documents={})
    plan = make_plan(config, snapshot, "2024-25")
    task = Task("U00001", (PRACTICE,), INDEX, LegalBasis.SECTION_251, None, {})
    frame, _ = describe(task, plan, {PRACTICE: snapshot.bucket(PRACTICE)})
    return {row["patient_id"]: row for row in frame.to_dicts()}


def test_kidneys(people: dict[str, dict[str, Any]]) -> None:
    woman, man = people["woman"], people["man"]
    # 75 years, 120 umol/L: above 62, so the power is -1.209
    egfr = 144 * (120 / 88.4 / 0.7) ** -1.209 * 0.993**75
    assert woman["egfr_2009_ml_min_1_73m2"] == pytest.approx(egfr, abs=1e-9)
    lean = -0.2201 * (7.5 - 7.036) + 0.2467 * (0 - 0.5642) - 0.5567 * (egfr / 5 - 7.222)
    lean += 0.451 * (math.log(30 * 8.84) - 5.137)
    assert woman["kfre4_5y_percent"] == pytest.approx(100 * (1 - 0.9365 ** math.exp(lean)), abs=1e-9)
    assert woman["kfre4_flags"] == []
    assert man["egfr_2009_ml_min_1_73m2"] == pytest.approx(141 * (80 / 88.4 / 0.9) ** -0.411 * 0.993**49, abs=1e-9)
    # the equation of 2021 on the same creatinine: both above kappa (0.9 and 0.7 mg/dL), so the power is -1.2
    assert man["egfr_2021_ml_min_1_73m2"] == pytest.approx(142 * (80 / 88.4 / 0.9) ** -1.2 * 0.9938**49, abs=1e-9)
    egfr_2021 = 142 * (120 / 88.4 / 0.7) ** -1.2 * 0.9938**75 * 1.012
    assert woman["egfr_2021_ml_min_1_73m2"] == pytest.approx(egfr_2021, abs=1e-9)
    assert man["kfre4_5y_percent"] is None
    assert man["kfre4_flags"] == ["not_applicable:egfr_ml_min_1_73m2", "missing:acr_mg_mmol"]


def test_clearance_asks_for_a_weight_of_the_last_year(people: dict[str, dict[str, Any]]) -> None:
    woman, man = people["woman"], people["man"]
    assert woman["creatinine_clearance_ml_min"] == pytest.approx((140 - 75) * 60 * 1.04 / 120, abs=1e-9)
    assert (man["creatinine_clearance_ml_min"], man["cockcroft_gault_flags"]) == (None, ["missing:weight_kg"])


def test_stroke_and_bleeding(people: dict[str, dict[str, Any]]) -> None:
    woman, man = people["woman"], people["man"]
    # age 2, sex 1, heart failure 1, hypertension 1, diabetes 1, stroke 2
    assert (woman["cha2ds2_vasc"], woman["cha2ds2_va"]) == (8, 7)
    assert man["cha2ds2_vasc"] == 0
    # age, systolic 165, stroke, bleeding, anti-inflammatory
    assert woman["has_bled"] == 5
    # age 1, haemoglobin 118 and anaemia together 2, bleeding 2, eGFR 1
    assert (woman["orbit"], woman["orbit_category"]) == (6, "high")
    assert man["has_bled"] is None
    assert "missing:sbp_mmhg" in man["has_bled_flags"]


def test_haematocrit_stands_in_for_haemoglobin(people: dict[str, dict[str, Any]]) -> None:
    elder = people["elder"]
    # 77 years 1, haematocrit 39 % in a man 2 (later fractions of one are no percentage), eGFR under 60 1
    assert elder["haematocrit_latest_percent"] == 39
    assert elder["haemoglobin_latest_g_l"] is None
    assert (elder["orbit"], elder["orbit_category"]) == (4, "high")
    # whether fibrillation was resolved is a list the site did not bring, so whether the tool applies is not looked at
    assert elder["orbit_flags"] == ["not_applicable:on_anticoagulant"]


def test_who_is_neither_female_nor_male_has_no_score_by_sex(people: dict[str, dict[str, Any]]) -> None:
    unsaid = people["unsaid"]
    assert (unsaid["cha2ds2_vasc"], unsaid["cha2ds2_va"]) == (None, 2)
    assert "missing:sex" in unsaid["cha2ds2_vasc_flags"]


def test_liver(people: dict[str, dict[str, Any]]) -> None:
    assert people["man"]["fib4"] == pytest.approx(49 * 40 / (200 * 6), abs=1e-12)
    assert people["woman"]["fib4"] is None


def test_prescribing_safety(people: dict[str, dict[str, Any]]) -> None:
    woman, man = people["woman"], people["man"]
    met = {
        name: {
            key.split("_")[1] for key in row if key.startswith("pincer_") and key.endswith("_numerator") and row[key]
        }
        for name, row in people.items()
    }
    # 65 and over with an anti-inflammatory and no PPI; bleed; anticoagulant; heart failure; eGFR 42 three months ago (65
    # since then does not count); methotrexate in both windows with a haemoglobin but no liver function test
    assert met["woman"] == {"a", "b", "d", "i", "k", "me"}
    assert (woman["pincer_me_fbc_numerator"], woman["pincer_me_lft_numerator"]) == (False, True)
    assert woman["pincer_indicators_met"] == 6
    # asthma is resolved, the bleed is too recent, lithium without a level; without an eGFR indicator K is open
    assert met["man"] == {"li"}
    assert (man["pincer_g_denominator"], man["pincer_b_denominator"]) == (False, False)
    assert (man["pincer_k_numerator"], man["pincer_indicators_met"]) == (None, None)
    assert man["pincer_flags"] == ["missing:egfr_ml_min_1_73m2"]
