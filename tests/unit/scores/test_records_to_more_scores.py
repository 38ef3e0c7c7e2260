"""From records written by hand to the final figure, for scores over hospital stays, medicines and a site's own lists."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cvd_risk.core.validation import PatientData
from cvd_risk.models.score2.score2 import SCORE2
from cvd_risk.models.score2dm.score2dm import SCORE2DM
from cvd_risk.models.score2op.score2op import SCORE2OP

from pophealth.config import Config, load_config
from pophealth.line import Task, describe
from pophealth.plan import make_plan
from pophealth.reference import load_library
from pophealth.register import open_writer
from pophealth.register.layout import SCHEMAS
from pophealth.scores import load_scores
from pophealth.terms import LegalBasis

INDEX = date(2025, 1, 31)
PRACTICE = "A81001"
GATED = ("acb", "efi2", "lace", "score2", "score2_diabetes", "score2_op")
AREA = "E01000001"

PEOPLE = """
anna  | 1948-06-01 | female
ben   | 1960-02-10 | male
cara  | 1970-05-05 | female
dan   | 1950-03-03 | male
"""
# anna: frail, with a stay in January. ben: at risk, never in hospital. cara: nothing but what a healthy person has. dan: opioids
EVENTS = """
anna | efi_falls              | 2019-05-01
anna | efi_housebound         | 2020-05-01
anna | efi_hypertension       | 2010-05-01
anna | efi_arthritis          | 2012-05-01
anna | efi_diabetes           | 2012-05-01
anna | efi_heart_failure      | 2020-05-01
anna | efi2_falls_history     | 2019-05-01
anna | efi2_dementia          | 2021-05-01
anna | efi2_memory_concerns   | 2020-05-01
anna | hypertension           | 2010-05-01
anna | diabetes               | 2012-05-01
anna | dementia               | 2021-05-01
anna | stroke                 | 2015-05-01
anna | frailty_severe         | 2022-05-01
anna | frailty_moderate       | 2024-05-01
anna | smokers_light          | 2010-01-01
anna | ex_smokers             | 2015-01-01
ben  | diabetes               | 2015-03-01
ben  | hypertension           | 2016-03-01
ben  | smokers_moderate       | 2024-03-01
ben  | ethnicity_indian       | 2001-03-01
ben  | migraine               | 2001-03-01
ben  | anxiety                | 2024-10-01
ben  | prostate_disorders     | 2019-10-01
ben  | multiple_sclerosis     | 2019-10-01
cara | never_smoked           | 2020-03-01
cara | severe_depression      | 2001-03-01
cara | ethnicity_white        | 2001-03-01
dan  | never_smoked           | 2020-03-01
dan  | efi2_alcohol_harmful   | 2010-03-01
dan  | efi2_alcohol_previous_harmful_or_higher | 2020-03-01
"""
MEASUREMENTS = """
anna | bmi               | 2024-06-01 | 24   | kg/m²
anna | serum_creatinine  | 2024-11-01 | 80   | µmol/L
ben  | bmi               | 2024-06-01 | 31   | kg/m2
ben  | systolic_bp       | 2024-06-01 | 150  | mmHg
ben  | diastolic_bp      | 2024-06-01 | 75   | mmHg
ben  | systolic_bp       | 2023-06-01 | 140  | mmHg
ben  | systolic_bp       | 2022-06-01 | 130  | mmHg
ben  | total_hdl_ratio   | 2024-06-01 | 5    |
ben  | total_cholesterol | 2024-06-01 | 6    | mmol/L
ben  | hdl_cholesterol   | 2024-06-01 | 1.2  | mmol/L
ben  | hba1c             | 2024-06-01 | 55   | mmol/mol
ben  | serum_creatinine  | 2024-06-01 | 90   | umol/L
cara | bmi               | 2024-06-01 | 24   | kg/m2
cara | systolic_bp       | 2024-06-01 | 120  | mmHg
cara | diastolic_bp      | 2024-06-01 | 75   | mmHg
cara | total_hdl_ratio   | 2024-06-01 | 3    |
cara | total_cholesterol | 2024-06-01 | 5    | mmol/L
cara | hdl_cholesterol   | 2024-06-01 | 1.5  | mmol/L
dan  | systolic_bp       | 2024-06-01 | 140  | mmHg
dan  | diastolic_bp      | 2024-06-01 | 75   | mmHg
dan  | total_cholesterol | 2024-06-01 | 5.5  | mmol/L
dan  | hdl_cholesterol   | 2024-06-01 | 1.3  | mmol/L
"""
ISSUES = """
anna | Amitriptyline 10mg tablets            | 2025-01-20 | 28 | 28
anna | Amitriptyline 25mg tablets            | 2025-01-20 | 28 | 28
anna | Olanzapine 10mg tablets               | 2024-10-01 | 28 | 28
ben  | ace_inhibitors                        | 2025-01-10 | 28 | 28
ben  | erectile_dysfunction                  | 2016-01-10 | 4  | 28
dan  | Morphine 10mg tablets                 | 2025-01-15 | 112 | 28
dan  | Tapentadol 50mg tablets               | 2025-01-15 | 56 | 28
dan  | Pethidine 50mg tablets                | 2024-06-15 | 56 | 28
"""
SPELLS = """
anna | 2025-01-10 | 2025-01-15 | 21 | F03 S720 E112
anna | 2024-12-20 | 2024-12-22 | 22 | I500
anna | 2024-03-01 | 2024-03-05 | 11 | C780
anna | 2023-12-01 | 2023-12-02 | 21 | J440
ben  | 2024-06-01 | 2024-06-02 | 21 | I210
"""
ATTENDANCES = """
anna | 2025-01-10
anna | 2024-12-20
anna | 2024-10-01
anna | 2024-01-01
anna | 2025-01-20
"""


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def spooled(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = SCHEMAS[table]
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)


def products() -> dict[str, tuple[str, str]]:
    """Code system and code of every shipped product, by its term."""
    library = load_library()
    medicine_lists = (
        "anticholinergic_medicines",
        "morphine_by_mouth",
        "ome_tapentadol_oral",
        "ome_pethidine_hydrochloride_oral",
    )
    rows = [
        row for name in medicine_lists for row in library.get(name).codes.select("term", "code_system", "code").rows()
    ]
    return {term: (system, code) for term, system, code in reversed(rows)}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Give a site that fills every pointer with one made-up code and accepts every licence."""
    folder = Path(tmp_path_factory.mktemp("site"))
    (folder / "lists").mkdir()
    shipped = load_library()
    for name in shipped.ids:
        if not shipped.get(name).is_filled:
            # an ICD-10 pointer takes a code that no record here has; Z71.4 stands in the pack's list of alcohol problems
            code = "Z714,ICD-10" if name.endswith("_icd10") else f"SYN:{name},SYNTHETIC"
            text = f"# title: {name}\n# version: test\n# source: made up\n# licence: none\ncode,code_system,term,category\n"
            (folder / "lists" / f"{name}.csv").write_text(f"{text}{code},Made up,1\n", "utf-8")
    (folder / "areas.csv").write_text(f"lsoa_code,imd_score\n{AREA},12.5\n", "utf-8")
    (folder / "townsend.csv").write_text(f"lsoa11cd,townsend_2011\n{AREA},1.5\n", "utf-8")
    (folder / "map.csv").write_text(
        "code_system,code,substance,bnf_code\n"
        + "".join(
            f"{system},{code},{term.split()[0]},0{4 + place % 2}0{1 + place % 3}01000\n"
            for place, (term, (system, code)) in enumerate(sorted(products().items()))
        ),
        "utf-8",
    )
    (folder / "config.toml").write_text(
        '[site]\nname = "t"\npurpose = "development"\n[extract]\nlayout = "canonical"\npath = "x"\n[extract.supplies]\n'
        'events = ["SNOMED", "SYNTHETIC"]\nmedications = ["dm+d", "SYNTHETIC"]\nmeasurements = ["SNOMED", "SYNTHETIC"]\n'
        "spells = true\nattendances = true\nmedicine_map = true\n"
        '[reference]\ncodelists = ["lists"]\nmedicine_map = "map.csv"\n'
        f"[scores]\nalso = {sorted(load_scores())}\nlicence_accepted = {list(GATED)}\n"
        'townsend_file = "townsend.csv"\nimd_score_file = "areas.csv"\n',
        "utf-8",
    )
    return load_config(folder / "config.toml")


def tables(config: Config) -> dict[str, pl.DataFrame]:
    library = load_library(*config.reference.codelists)
    named = products()

    def coded(name: str) -> dict[str, str]:
        system, code = named[name] if name in named else library.get(name).codes.select("code_system", "code").row(0)
        return {"code_system": system, "code": code}

    rows: dict[str, list[dict[str, Any]]] = {
        "events": [{"patient_id": who, **coded(what), "date": day} for who, what, day in cells(EVENTS)],
        "measurements": [
            {"patient_id": who, **coded(what), "date": day, "value": float(value), "unit": unit or None}
            for who, what, day, value, unit in cells(MEASUREMENTS)
        ],
        "medications": [
            {"patient_id": who, **coded(what), "date": day, "quantity": float(quantity), "days_supply": int(supply)}
            for who, what, day, quantity, supply in cells(ISSUES)
        ],
        "attendances": [{"patient_id": who, "date": day} for who, day in cells(ATTENDANCES)],
        "spells": [
            {"patient_id": who, "admission_date": first, "discharge_date": last, "method": method}
            | {f"diagnosis_{place:02d}": code for place, code in enumerate(codes.split(), 1)}
            for who, first, last, method, codes in cells(SPELLS)
        ],
    }
    dates = ("date", "admission_date", "discharge_date")
    typed = {
        table: [
            {name: date.fromisoformat(value) if name in dates else value for name, value in row.items()}
            | {"record_id": str(number)}
            for number, row in enumerate(of_table)
        ]
        for table, of_table in rows.items()
    }
    people = [
        {"patient_id": who, "birth_date": date.fromisoformat(born), "sex": sex, "lsoa_code": AREA, "lsoa_vintage": 2011}
        for who, born, sex in cells(PEOPLE)
    ]
    regular = {"practice_code": PRACTICE, "start_date": date(2000, 1, 1), "registration_type": "regular"}
    registered = [{"patient_id": row["patient_id"]} | regular for row in people]
    return {
        name: spooled(name, found)
        for name, found in (typed | {"patients": people, "registrations": registered}).items()
    }


@pytest.fixture(scope="module")
def people(config: Config, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Give what the line says of the four, by patient."""
    with open_writer(Path(tmp_path_factory.mktemp("root"))) as writer:
        for table, frame in tables(config).items():
            writer.spool(table, PRACTICE, frame)
        snapshot = writer.finish(facts={"extract_date": "2025-01-31"}, documents={})
    plan = make_plan(config, snapshot, "2024-25")
    assert {score.id for score in plan.scores} == set(load_scores())
    primary = {score.primary_output for score in plan.scores}
    assert primary & set(plan.not_computable) == set()
    task = Task("U00001", (PRACTICE,), INDEX, LegalBasis.SECTION_251, None, {})
    frame, _ = describe(task, plan, {PRACTICE: snapshot.bucket(PRACTICE)})
    return {row["patient_id"]: row for row in frame.to_dicts()}


def test_every_score_gives_somebody_a_value(people: dict[str, dict[str, Any]]) -> None:
    """With every list brought, no score is left that records cannot feed (those of the other file need its people)."""
    elsewhere = {"cockcroft_gault", "fib4", "has_bled", "kfre4", "orbit", "pincer"}
    empty = {
        name
        for name, score in load_scores().items()
        if all(row[score.primary_output] is None for row in people.values())
    }
    assert empty <= elsewhere


def test_lace(people: dict[str, dict[str, Any]]) -> None:
    # five days 4, emergency 3, comorbidity of 4 points and more 5 (dementia 3, diabetes with kidney disease 2, heart failure 2,
    # lung disease 2, metastatic cancer 6);
    # visits in 180 days before: 20 December and 1 October; the one of the day of admission and a later one do not count
    assert people["anna"]["lace"] == 4 + 3 + 5 + 2
    assert people["anna"]["charlson_lace_5y_points"] == 3 + 2 + 2 + 2 + 6
    assert people["anna"]["lace_is_high"] is True
    # discharged in June: nothing to foretell
    assert people["ben"]["lace"] is None
    assert "missing:length_of_stay_days" in people["ben"]["lace_flags"]


def test_parr30(people: dict[str, dict[str, Any]]) -> None:
    # 76 on the day of discharge, emergency; in the year before one emergency, 21 days before;
    # an elective one and one 406 days before are not counted;
    # heart failure, lung disease, metastatic cancer, diabetes, dementia; deprivation 12.5 looked up; no trust
    lean = -2.9182 + 0.000060581 * 76**2 + 0.5565 + 0.1215 + 0.5258
    lean += 0.095 + 0.2243 + 0.2762 + 0.1457 + 0.0467
    lean += 0.0209  # above 10 to 15
    assert people["anna"]["parr30_percent"] == pytest.approx(100 / (1 + math.exp(-lean)), abs=1e-9)
    assert people["anna"]["parr30_flags"] == ["imputed:trust_code"]
    assert people["cara"]["parr30_percent"] is None


def test_anticholinergic_burden(people: dict[str, dict[str, Any]]) -> None:
    # amitriptyline once, in two strengths; olanzapine ended in October
    assert (people["anna"]["acb"], people["anna"]["acb_ingredients"]) == (3, ["amitriptyline"])
    assert people["anna"]["acb_is_relevant"] is True
    assert (people["cara"]["acb"], people["cara"]["acb_flags"]) == (0, [])


def test_oral_morphine_equivalent(people: dict[str, dict[str, Any]]) -> None:
    # morphine 4 tablets of 10 mg a day; tapentadol 2 of 50 mg a day; pethidine ended in summer
    assert people["dan"]["oral_morphine_equivalent_mg_per_day"] == pytest.approx(40 * 1 + 100 * 0.4, abs=1e-9)
    assert people["dan"]["pethidine_hydrochloride_oral_mg_per_day"] == 0
    assert people["cara"]["oral_morphine_equivalent_mg_per_day"] == 0


def test_frailty(people: dict[str, dict[str, Any]]) -> None:
    assert people["anna"]["efi"] == pytest.approx(6 / 36, abs=1e-12)
    # falls, dementia (memory concerns give way to it), and no record of drinking; a body mass index is recorded
    assert people["anna"]["efi2"] == pytest.approx((0.62743 + 0.41715 + 0.13175) / 8.429, abs=1e-12)
    assert people["anna"]["efi2_category"] == "mild"
    # of two levels of drinking the later; no body mass index on record
    assert people["dan"]["efi2"] == pytest.approx((1.36434 + 0.25318) / 8.429, abs=1e-12)
    assert people["dan"]["efi2_flags"] == []
    assert people["cara"]["efi2"] is None  # under 65


def test_segment(people: dict[str, dict[str, Any]]) -> None:
    # in hospital for a hip fracture; the latest frailty grade is moderate, which alone would be stay well
    assert people["anna"]["segment_snee"] == "age_well"
    assert people["ben"]["segment_snee"] == "stay_well"  # two long-term conditions
    assert people["cara"]["segment_snee"] == "live_well"
    assert people["cara"]["segment_snee_flags"] == []


def test_cardiovascular_risk(people: dict[str, dict[str, Any]]) -> None:
    ben = people["ben"]
    assert (ben["qrisk_ethnicity"], ben["qrisk_smoking"], ben["townsend"]) == ("indian", "moderate", 1.5)
    assert ben["sbp_sd_5y_mmhg"] == pytest.approx(10, abs=1e-12)
    # the published equation worked by a scalar program apart from this one, on the pack's coefficients: a man of 64, Indian,
    # moderate smoker, BMI 31, ratio 5, SBP 150 with SD 10, Townsend 1.5, migraine, treated hypertension, type 2 diabetes,
    # treated once for erectile dysfunction
    assert ben["qrisk3_10y_percent"] == pytest.approx(62.75624016342745, abs=1e-9)
    assert ben["qrisk3_flags"] == []
    # a woman of 54, white, no smoker on record, BMI 24, ratio 3, one SBP of 120, Townsend 1.5; severe depression long ago
    assert people["cara"]["qrisk3_10y_percent"] == pytest.approx(3.2424112169615382, abs=1e-9)
    assert people["cara"]["qrisk3_flags"] == ["imputed:qrisk_smoking", "imputed:sbp_sd_mmhg"]


def test_score2_family(people: dict[str, dict[str, Any]]) -> None:
    """Against cvd-risk, whose figures are the papers'; SCORE2-Diabetes it rounds, so that one is worked by hand as well."""
    low = {"region": "low"}
    cara = {"age": 54, "sex": "female", "smoking": False, "systolic_bp": 120}
    cara |= {"total_cholesterol": 5.0, "hdl_cholesterol": 1.5}
    expected = SCORE2().calculate(PatientData(**cara, **low)).risk_score
    assert expected == pytest.approx(1.8677113920666177, abs=1e-9)
    assert people["cara"]["score2_10y_percent"] == pytest.approx(expected, abs=1e-9)
    assert people["cara"]["score2_flags"] == ["imputed:score2_region"]
    dan = {"age": 74, "sex": "male", "smoking": False, "systolic_bp": 140, "diabetes": False}
    dan |= {"total_cholesterol": 5.5, "hdl_cholesterol": 1.3}
    expected = SCORE2OP().calculate(PatientData(**dan, **low)).risk_score
    assert expected == pytest.approx(12.427051963055568, abs=1e-9)
    assert people["dan"]["score2_op_10y_percent"] == pytest.approx(expected, abs=1e-9)
    # ben: first code of diabetes on 1 March 2015 at 55, creatinine 90 umol/L at 64
    egfr = 141 * (90 / 88.4 / 0.9) ** -1.209 * 0.993**64
    ben = {"age": 64, "sex": "male", "smoking": True, "systolic_bp": 150, "diabetes": True, "diabetes_age": 55}
    ben |= {"total_cholesterol": 6.0, "hdl_cholesterol": 1.2, "hba1c": 55.0, "egfr": egfr}
    assert people["ben"]["age_at_diabetes_diagnosis_years"] == 55
    assert SCORE2DM().calculate(PatientData(**ben, **low)).risk_score == 17.6
    assert people["ben"]["score2_diabetes_10y_percent"] == pytest.approx(17.635085408119334, abs=1e-9)
    # who is too old or too young, or has diabetes, is not given the risk of the others
    assert people["ben"]["score2_op_10y_percent"] is None
    assert "not_applicable:has_diabetes" in people["ben"]["score2_flags"]


def test_multimorbidity(people: dict[str, dict[str, Any]]) -> None:
    # ben: hypertension, diabetes, anxiety; with 37 conditions also prostate disorders and multiple sclerosis
    expected = {
        "cms20_general": 0.08 + 0.75 + 0.5,
        "cms20_mortality": -2.09 + 10.23 + 7.04,
        "cms37_general": 0.09 + 0.71 + 0.47 + 0.01 + 0.69,
        "cms37_mortality": -1.88 + 9.83 + 6.88 - 10.02 + 8.77,
        "cms37_unplanned_admissions": 11.29 + 53.95 + 44.33 + 5.13 + 94.29,
        "cms37_consultations": 0.83 + 3.84 + 2.15 + 1.26 + 2.18,
        "mcms21_mortality": 0.29467 + 0.324207 - 0.18781 + 0.761606,  # hypertension is not among the 21
    }
    assert {name: people["ben"][name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert (people["cara"]["cms20_general"], people["cara"]["mcms21_mortality"]) == (0, 0)


def test_diagnoses(people: dict[str, dict[str, Any]]) -> None:
    # of five years: dementia 1, diabetes with complication 2, heart failure 1, lung 1, metastatic 6; age is added apart
    assert people["anna"]["charlson_original_1987"] == 1 + 2 + 1 + 1 + 6
    assert people["ben"]["charlson_original_1987"] == 1
    assert people["cara"]["charlson_original_1987"] == 0
    assert people["anna"]["charlson_quan_2011"] == 2 + 1 + 2 + 1 + 6
    # 76 on the index date: three points
    assert people["anna"]["charlson_original_age_adjusted"] == 11 + 3
    assert people["anna"]["charlson_10y_survival_percent"] == pytest.approx(100 * 0.983 ** math.exp(0.9 * 14), abs=1e-9)
    assert people["ben"]["charlson_10y_survival_percent"] == pytest.approx(100 * 0.983 ** math.exp(0.9 * 3), abs=1e-9)
    # van Walraven: heart failure 7, lung 3, metastatic 12, diabetes with complication 0; dementia is none of its categories
    assert (people["anna"]["elixhauser_vw"], people["anna"]["elixhauser_count"]) == (7 + 3 + 12, 4)
    assert (people["ben"]["elixhauser_vw"], people["ben"]["elixhauser_count"]) == (0, 0)
    # of two years: F03 2.1, S72 1.4; the others have no points
    assert (people["anna"]["hfrs"], people["anna"]["hfrs_band"]) == (3.5, "low")
    assert people["cara"]["hfrs"] == 0
