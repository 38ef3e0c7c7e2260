"""No code, figure or name of the generator was made up where it passes for a real one; none passes for real where it was."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from pophealth.reference import load_library
from pophealth.synthetic.places import MOST_NETWORKS, network_code, practice_code
from pophealth.synthetic.states import WORLD, load_states
from pophealth.synthetic.world import SMOKING_CODES, load_world, read_rows


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Give the reference pack's rows by (list, code)."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for folder in ("dmd", "snomed"):
        for path in sorted((shared_data / "codelists" / folder).glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    found[f"{folder}/{path.name}", row["code"]] = row
    return found


def test_products_and_bnf_codes_were_read_in_the_lists_they_name(published) -> None:
    for row in read_rows(WORLD / "medicines.csv"):
        name, _, source = row["source"].partition(": ")
        read = published[name, row["code"]]
        assert read["source"] == source
        bnf = {
            entry.get("bnf_code")
            for (path, code), entry in published.items()
            if code == row["code"] and path.startswith("dmd/")
        }
        assert row["bnf_code"] in (bnf - {None, ""} or {""})


def test_icd_codes_were_read_in_the_place_they_name(shared_data) -> None:
    spells = pl.read_parquet(shared_data / "patients" / "artificial_hes" / "hes_apc.parquet")
    coded = [name for name in spells.columns if name.startswith("DIAG_4")]
    hes = {part for name in coded for text in spells[name].drop_nulls() for part in text.split(",")}
    frailty = set(pl.read_csv(shared_data / "scores" / "hfrs_weights.csv")["icd10_3char"])
    for row in read_rows(WORLD / "admissions.csv"):
        place = row["source"]
        if place.startswith("codelists/"):
            listed = pl.read_csv(shared_data / place, infer_schema=False)["code"].str.replace(".", "", literal=True)
            assert row["code"] in set(listed)
        else:
            assert row["code"] in (hes if place == "patients/artificial_hes" else frailty)


def test_smoking_codes_are_in_the_published_lists(published) -> None:
    for status, name in ((1, "snomed/exsmok_cod.csv"), (2, "snomed/lsmok_cod.csv")):
        assert all((name, code) in published for code in SMOKING_CODES[status])


def test_codes_of_states_stand_in_the_shipped_lists() -> None:
    library = load_library()
    for state in load_states():
        held = set(library.get(state.codelist).codes["code"])
        assert set(state.codes) | set(state.early_codes) <= held, state.id
        if state.deficit:
            assert set(state.deficit_codes) & set(library.get(f"efi_{state.deficit}").codes["code"]), state.id


def test_a_states_codes_put_nobody_on_another_register() -> None:
    library, states = load_library(), load_states()
    registers = {state.codelist: state.register for state in states if state.register}
    for state in states:
        for code in {*state.codes, *state.deficit_codes} & set(library.terms()["code"]):
            others = {
                registers[name]
                for name in registers
                if code in set(library.get(name).codes["code"]) and registers[name] != state.register
            }
            if state.deficit and code in state.deficit_codes:
                others -= {other.register for other in states if other.deficit == state.deficit}
            assert others == set(), (state.id, code)


def test_every_code_of_a_record_is_in_a_list_or_marked_synthetic(small) -> None:
    library, world = load_library(small.folder / "codelists"), load_world()
    known = set(library.terms()["code"]) | {product.code for product in world.products}
    known |= {code for codes in SMOKING_CODES.values() for code in codes}
    for table in ("events", "measurements", "medications"):
        codes = small.read(table).select("code", "code_system").unique()
        made_up = codes["code_system"] == "SYNTHETIC"
        assert codes.filter(made_up)["code"].str.starts_with("SYN:").all()
        assert set(codes.filter(~made_up)["code"]) <= known


def test_places_have_codes_that_no_real_place_has(shared_data, small) -> None:
    members = pl.read_csv(shared_data / "reference" / "pcn_membership.csv", infer_schema=False)
    details = pl.read_csv(shared_data / "reference" / "pcn_details.csv", infer_schema=False)
    current = pl.read_csv(shared_data / "reference" / "practice_map_2026-07.csv", infer_schema=False)
    real = set(members["PCN Code"]) | set(details["PCN Code"]) | set(current["PCN_CODE"])
    assert real.isdisjoint(network_code(number) for number in range(MOST_NETWORKS))
    practices = set(members["Partner Organisation Code"]) | set(current["PRACTICE_CODE"])
    assert not any(code.startswith("Z") for code in practices)
    assert practice_code(12, 3) == "Z00124"
    areas = pl.read_csv(shared_data / "reference" / "imd2025_lsoa21.csv", infer_schema=False)["lsoa21_code"]
    made_up = pl.read_parquet(small.folder / "areas.parquet")["lsoa_code"]
    assert set(made_up).isdisjoint(areas)
    assert made_up.is_unique().all()
