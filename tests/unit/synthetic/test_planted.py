"""Every rule has its archetype, and finds its planted people in every network, whatever else chance brings."""

from __future__ import annotations

import json
import tomllib
from datetime import date, time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import pophealth.cohorts
from pophealth.errors import DeclarationError
from pophealth.synthetic import generate, planted
from pophealth.synthetic.arrays import Timeline, stream
from pophealth.synthetic.network import RECORD_TABLES
from pophealth.synthetic.people import quotas
from pophealth.synthetic.planted import draw_guests, load_archetypes, make_room

INDEX_DATE = date(2025, 1, 31)
RULES = {path.stem: path.parent.name for path in Path(pophealth.cohorts.__file__).parent.rglob("*.toml")}


def test_every_shipped_rule_has_an_archetype_in_its_service() -> None:
    folders = {path.stem: path.parent.name for path in planted.ARCHETYPES.rglob("*.toml")}
    assert folders == RULES
    assert sorted(archetype.rule for archetype in load_archetypes()) == sorted(RULES)


def test_every_rule_has_planted_people_in_every_network(small) -> None:
    assert set(small.facts.planted) == set(RULES)
    assert min(small.facts.planted.values()) >= len(small.facts.networks)


def test_nobody_is_planted_where_models_are_held_against_the_truth(tmp_path) -> None:
    facts = generate(tmp_path, networks=1, patients=400, seed=1, index_date=date(2025, 1, 31), years=2, planted=False)
    assert facts.planted == {}
    assert facts.registered == 400
    stays = pl.read_parquet(tmp_path / "registrations" / "U22600.parquet").filter(
        pl.col("registration_type") == "regular"
    )
    simulated = pl.read_parquet(tmp_path / "truth" / "U22600-people.parquet")
    assert set(stays["patient_id"].cast(pl.String)) == set(simulated["patient_id"].cast(pl.String))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('rule = "other"\nage = [1, 2]\n', "rule is not the file name"),
        ('rule = "mine"\nage = [1, 2]\ncolour = "red"\n', "colour"),
        ('rule = "mine"\nage = [1, 2]\n[[records]]\ntable = "events"\nday = 3\n', "day"),
        ('rule = "mine"\nage = [1, 2]\nsex = "both"\n', "archetype"),
    ],
)
def test_a_mistaken_archetype_is_refused_by_name(tmp_path, monkeypatch, text: str, words: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setattr(planted, "ARCHETYPES", tmp_path)
    with pytest.raises(DeclarationError, match=words):
        load_archetypes()


def test_an_archetype_of_an_unknown_medicine_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(planted, "ARCHETYPES", tmp_path / "archetypes")
    (tmp_path / "archetypes").mkdir()
    (tmp_path / "archetypes" / "mine.toml").write_text(
        'rule = "mine"\nage = [30, 40]\n[[records]]\ntable = "medications"\nmedicines = ["elixir"]\ndays_before = 3\n'
    )
    with pytest.raises(DeclarationError, match="elixir"):
        generate(tmp_path / "out", networks=1, patients=200, seed=1, index_date=INDEX_DATE, years=1)


EVERY_TABLE = """
rule = "mine"
age = [40, 41]
sex = "female"
people = 1
[[records]]
table = "events"
codelists = ["falls", "fit_declined"]
days_before = 10
times = 2
every_days = 100
[[records]]
table = "measurements"
codelist = "hba1c"
value = 60
unit = "furlongs"
comparator = ">"
time = "09:30"
days_before = 20
[[records]]
table = "medications"
medicines = ["apixaban", "codeine and paracetamol"]
codelist = "statins"
code = "319996000"
days_supply = 7
is_repeat = false
days_before = 5
[[records]]
table = "spells"
diagnoses = ["S720", "Z999"]
stay_days = 30
days_before = 10
[[records]]
table = "attendances"
outcome = "discharged"
days_before = 3
[[records]]
table = "outpatients"
attended = false
days_before = 3
[[records]]
table = "referrals"
referral_type = "urgent suspected cancer"
urgent = true
days_before = 300
in_contract_year = true
[[records]]
table = "appointments"
status = "did_not_attend"
days_before = 3
[[records]]
table = "next_tests"
programme = "bowel"
due_in_days = 40
days_before = 1
"""


def test_an_archetype_can_have_records_in_every_table(tmp_path, monkeypatch) -> None:
    (tmp_path / "archetypes").mkdir()
    (tmp_path / "archetypes" / "mine.toml").write_text(EVERY_TABLE)
    monkeypatch.setattr(planted, "ARCHETYPES", tmp_path / "archetypes")
    generate(tmp_path / "out", networks=1, patients=200, seed=1, index_date=INDEX_DATE, years=1)

    def rows(table: str) -> pl.DataFrame:
        return pl.read_parquet(tmp_path / "out" / table / "U22600.parquet")

    fit = rows("events").filter(pl.col("code") == "SYN:fit_declined:1").sort("date")
    who = fit["patient_id"][0]
    assert fit["date"].to_list() == [date(2024, 10, 13), date(2025, 1, 21)]
    mine = {table: rows(table).filter(pl.col("patient_id") == who) for table in RECORD_TABLES}
    assert mine["events"].filter(pl.col("code") == "1912002").height == 2
    assert mine["measurements"].select("value", "unit", "comparator", "time").rows() == [
        (60.0, "furlongs", ">", time(9, 30))
    ]
    issued = mine["medications"].select("code", "days_supply", "is_repeat", "date").sort("code").rows()
    assert issued == [(code, 7, False, date(2025, 1, 26)) for code in ("11211000001100", "319996000", "703908001")]
    spell = mine["spells"].row(0, named=True)
    assert (spell["method"], spell["discharge_date"], spell["diagnosis_01"], spell["diagnosis_02"]) == (
        "21",
        None,
        "S720",
        "Z999",
    )
    assert mine["attendances"]["outcome"].to_list() == ["discharged"]
    assert mine["outpatients"]["attended"].to_list() == [False]
    assert mine["referrals"].select("date", "referral_type", "is_urgent_suspected_cancer").rows() == [
        (date(2024, 4, 6), "urgent suspected cancer", True)
    ]
    assert mine["appointments"]["status"].to_list() == ["did_not_attend"]
    assert mine["next_tests"].select("programme", "due_date").rows() == [("bowel", date(2025, 3, 12))]


@pytest.mark.parametrize("line", ['table = "spells"\nmethod = "99"', 'table = "appointments"\nstatus = "late"'])
def test_an_archetype_of_an_unknown_word_is_refused(tmp_path, monkeypatch, line: str) -> None:
    (tmp_path / "archetypes").mkdir()
    text = f'rule = "mine"\nage = [30, 40]\n[[records]]\n{line}\ndays_before = 3\n'
    (tmp_path / "archetypes" / "mine.toml").write_text(text)
    monkeypatch.setattr(planted, "ARCHETYPES", tmp_path / "archetypes")
    with pytest.raises(DeclarationError, match="is not one of"):
        generate(tmp_path / "out", networks=1, patients=200, seed=1, index_date=INDEX_DATE, years=1)


def test_planted_people_are_part_of_the_number_asked_for() -> None:
    archetypes = load_archetypes()
    for patients in (200, 5_000):
        guests = draw_guests(stream(1, 0, "guests"), archetypes, Timeline(INDEX_DATE, 10, 0), patients)
        room = make_room(quotas(patients), guests)
        assert room.min() >= 0
        assert room.sum() + len(guests.birth) == patients
        assert set(guests.archetype) == set(range(len(archetypes)))


def test_planted_people_have_the_age_and_sex_of_their_archetype() -> None:
    archetypes = load_archetypes()
    guests = draw_guests(stream(2, 0, "guests"), archetypes, Timeline(INDEX_DATE, 10, 0), 5_000)
    for place, archetype in enumerate(archetypes):
        mine = guests.archetype == place
        age = (np.datetime64(INDEX_DATE) - guests.birth[mine].astype("datetime64[D]")).astype(int) / 365.25
        assert ((age >= archetype.age[0]) & (age < archetype.age[1] + 1)).all()
        assert set(guests.sex[mine]) <= set(archetype.sexes)
        assert ((guests.decile[mine] >= archetype.deciles[0]) & (guests.decile[mine] <= archetype.deciles[1])).all()


@pytest.mark.parametrize("day", [date(2025, 1, 31), date(2024, 4, 2)])
def test_every_rule_lists_someone_in_every_network(tmp_path, day: date) -> None:
    """The whole line on 2,000 people; also at the very beginning of a contract year."""
    from pophealth.config import load_config
    from pophealth.runs.intake import ingest
    from pophealth.runs.keys import initialise_keys
    from pophealth.runs.night import run

    generate(tmp_path, networks=1, patients=2_000, seed=11, index_date=day, years=5)
    initialise_keys(tmp_path / "keys")
    config = load_config(tmp_path / "config.toml")
    ingest(config)
    report = run(config, day)
    assert report.failed == {}
    for delivery in report.delivered.values():
        rules = json.loads((delivery / "summary.json").read_text())["rules"]
        year = config.site.contract_year
        in_force = {
            name
            for name, service in RULES.items()
            if min(
                tomllib.loads((Path(pophealth.cohorts.__file__).parent / service / f"{name}.toml").read_text())["years"]
            )
            <= year
        }
        waits = {
            "rising_risk": "model emergency_admission_12m not in use; model rising_risk not in use",
            "anticholinergic_burden_three_or_more": "licence of score acb not accepted",
        }
        assert {name: rule["not_computable"] for name, rule in rules.items() if not rule["listed"]} == waits
        assert in_force <= set(rules)
