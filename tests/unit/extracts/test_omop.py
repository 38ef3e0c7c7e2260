"""The OMOP common data model: codes behind concepts, visits as stays, everyone in the one named practice."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pophealth.errors import ConfigError, DataContractError
from pophealth.pseudonyms import pseudonym
from small_extract import KEY, conformed, counts, rules, table

ATTRIBUTION = {
    "kind": "one_practice", "practice_code": "ZZZ001", "practice_name": "p", "network_code": "U99999", "network_name": "n",
}  # fmt: skip

MODEL = {
    "person": """
    person_id | gender_concept_id | year_of_birth | month_of_birth | day_of_birth
    1         | 8532              | 1950          | 3              | 4
    2         | 8507              | 1980          |                |
    3         | 0                 | 1990          | 5              | 6
    4         | 8507              | 2099          | 1              | 1
    """,
    "observation_period": """
    person_id | observation_period_start_date | observation_period_end_date
    1         | 2000-01-01                    | 2024-10-01
    2         | 2000-01-01                    | 2015-06-30
    """,
    "condition_occurrence": """
    condition_occurrence_id|person_id|condition_concept_id|condition_start_date|condition_source_value|condition_source_concept_id
    1                      |1        |320128              |2010-05-01          |local-1               |
    2                      |2        |0                   |2010-05-02          |38341003              |
    3                      |2        |320128              |2010-05-03          |x                     |44
    4                      |1        |0                   |2010-05-04          |8480-6                |999999
    """,
    "drug_exposure": """
    drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_source_value | days_supply | quantity
    1                | 1         | 0               | 2012-01-01               | 197361            | 28          | 28
    2                | 1         | 0               | 2012-01-02               | 38341003          | 5           | 0
    3                | 2         | 7               | 2012-01-03               | 3                 | 18615       |
    """,
    "measurement": """
    measurement_id|person_id|measurement_concept_id|measurement_date|measurement_source_value|value_as_number|unit_source_value
    1             |1        |0                     |2013-01-01      |8480-6                  |120            |mm[Hg]
    2             |1        |0                     |2013-01-01      |8480-6                  |               |
    """,
    "visit_occurrence": """
    visit_occurrence_id | person_id | visit_concept_id | visit_start_date | visit_end_date
    1                   | 1         | 9201             | 2014-01-01       | 2014-01-05
    2                   | 1         | 262              | 2014-02-01       | 2014-02-05
    3                   | 1         | 9203             | 2014-03-01       | 2014-03-01
    4                   | 1         | 9202             | 2014-04-01       | 2014-04-01
    """,
    "death": """
    person_id | death_date
    2         | 2015-07-01
    """,
    "concept": """
    concept_id | vocabulary_id | concept_code
    320128     | SNOMED        | 59621000
    44         | ICD10         | I10
    7          | CVX           | 03
    8          | Gender        | M
    """,
    "drug_era": "drug_era_id | person_id\n1 | 1",
}


def write(folder: Path, *, upper: bool = False, suffix: str = ".parquet", model: dict[str, str] = MODEL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in model.items():
        frame = table(text)
        if upper:
            frame = frame.rename(str.upper)
        path = folder / f"{name.upper() if upper else name}{suffix}"
        if suffix == ".csv":
            frame.write_csv(path, separator="\t" if name == "concept" else ",")
        else:
            whole = [column for column in frame.columns if column.endswith("_id") and column != "vocabulary_id"]
            frame.with_columns(pl.col(whole).cast(pl.Int64)).write_parquet(path)
    return folder


def omop(folder: Path, **extract: Any):
    return conformed(folder, extract={"layout": "omop", "attribution": ATTRIBUTION} | extract)


@pytest.mark.parametrize(("upper", "suffix"), [(False, ".parquet"), (True, ".csv"), (False, ".csv")])
def test_a_model_conforms_in_any_form(tmp_path: Path, upper: bool, suffix: str) -> None:
    account, writer = omop(write(tmp_path, upper=upper, suffix=suffix))
    people = writer.of("patients").sort("birth_date")
    assert people["birth_date"].to_list() == [date(1950, 3, 4), date(1980, 1, 1), date(1990, 5, 6)]
    assert people["sex"].to_list() == ["female", "male", "not_known"]
    assert people["death_date"].to_list() == [None, date(2015, 7, 1), None]
    assert set(people["_practice"]) == {"ZZZ001"}
    assert rules(account, "person") == {"birth_date|future": 1}
    assert (
        account.notes["files_not_read"][("DRUG_ERA" if upper else "drug_era") + suffix] == "derived from drug_exposure"
    )


def test_a_code_is_that_of_the_source_concept_then_the_concept_then_the_source_value(tmp_path: Path) -> None:
    _, writer = omop(write(tmp_path))
    events = writer.of("events").sort("date")
    assert events.select("code", "code_system").rows() == [
        ("59621000", "SNOMED"),  # standard concept
        ("38341003", "SNOMED"),  # concept 0: the source value, by its check digit
        ("I10", "ICD-10"),  # source concept
        ("8480-6", "LOINC"),  # a source concept the table does not hold: the value, by its shape
        ("8480-6", "LOINC"),  # a measurement without a number is an event
    ]


def test_conditions_among_drugs_are_no_drugs(tmp_path: Path) -> None:
    account, writer = omop(write(tmp_path))
    assert rules(account, "drug_exposure") == {"condition_code_among_drugs": 1}
    assert writer.of("medications").select("code", "code_system", "days_supply", "quantity").sort("code").rows() == [
        ("03", "CVX", None, None),
        ("197361", "RxNorm", 28, 28.0),
    ]
    assert account.notes["altered"] == {"drug_exposure: days_supply over 366 days, left out": 1}


def test_visits_are_stays_attendances_or_appointments_by_their_concept(tmp_path: Path) -> None:
    account, writer = omop(write(tmp_path))
    assert counts(account, "visit_occurrence")["kept_as"] == {"appointments": 1, "attendances": 1, "spells": 2}
    assert sorted(writer.of("spells")["method"]) == ["21", "99"]


def test_periods_are_registrations_and_who_was_never_observed_does_not_count(tmp_path: Path) -> None:
    _, writer = omop(write(tmp_path))
    ends = dict(writer.of("registrations").select("patient_id", "end_date").iter_rows())
    names = {number: pseudonym(KEY, number) for number in "123"}
    assert ends == {names["1"]: date(2024, 10, 2), names["2"]: date(2015, 7, 1), names["3"]: None}
    kinds = dict(writer.of("registrations").select("patient_id", "registration_type").iter_rows())
    assert kinds[names["3"]] == "other"
    recent = ATTRIBUTION | {"current_within_days": 365}
    _, writer = omop(tmp_path, attribution=recent)
    ends = dict(writer.of("registrations").select("patient_id", "end_date").iter_rows())
    assert (ends[names["1"]], ends[names["2"]]) == (None, date(2015, 7, 1))


def test_a_model_without_a_vocabulary_goes_by_its_source_values(tmp_path: Path) -> None:
    model = {name: text for name, text in MODEL.items() if name != "concept"}
    account, writer = omop(write(tmp_path, model=model))
    assert rules(account, "condition_occurrence") == {"code|check_digit": 2}
    assert sorted(writer.of("events")["code"]) == ["38341003", "8480-6", "8480-6"]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="no OMOP common data model"):
        omop(write(tmp_path, model={"person": MODEL["person"]}))
    with pytest.raises(ConfigError, match="knows no practice"):
        omop(write(tmp_path), attribution=None)
    broken = MODEL | {"death": "person_id | died\n2 | 2015-07-01"}
    with pytest.raises(DataContractError, match="1 columns are missing: death_date"):
        omop(write(tmp_path, model=broken))
