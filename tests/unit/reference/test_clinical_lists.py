"""Shipped lists whose numbers or positions decide a rule say what the reference pack's clinical tables say."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from pophealth.reference import load_library
from pophealth.scores._data import read_table

LIBRARY = load_library()
DOSES = ("codeine", "dihydrocodeine", "tramadol", "morphine", "oxycodone")


def numbers(codelist: str) -> list[tuple[str, float]]:
    """Term and number of every code of a list."""
    return [(term, float(number)) for term, number in LIBRARY.get(codelist).codes.select("term", "category").rows()]


def table(shared_data: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(shared_data / "clinical" / f"{name}.csv", infer_schema_length=0)


@pytest.mark.parametrize("opioid", DOSES)
def test_the_milligrams_of_an_opioid_are_those_of_its_name(opioid: str) -> None:
    for term, milligrams in numbers(f"{opioid}_by_mouth"):
        assert re.search(r" ([0-9.]+)mg", term)[1] == f"{milligrams:g}", term  # type: ignore[index]


@pytest.mark.parametrize("opioid", ["fentanyl", "buprenorphine"])
def test_patches_worn_as_printed_give_the_printed_morphine_equivalent(shared_data: Path, opioid: str) -> None:
    """A month of patches, changed when they must be, through the arithmetic of the daily dose and the score's factor."""
    printed = table(shared_data, "opioid_patch_equivalents").filter(pl.col("ingredient") == opioid)
    by_strength = {float(row["strength_microgram_per_hour"]): row for row in printed.to_dicts()}
    seen = set()
    for term, number in numbers(f"{opioid}_patches"):
        strength = float(re.search(r" ([0-9.]+)micro", term)[1])  # type: ignore[index]
        row = by_strength[strength]
        days = 84
        quantity = days * 24 / float(row["wear_hours"])
        micrograms_per_hour = quantity * number / days
        assert micrograms_per_hour == pytest.approx(strength)
        morphine = micrograms_per_hour * 24 / 1000 * 100  # factor of patches: opioid_ome_factors, transdermal
        assert morphine == pytest.approx(float(row["oral_morphine_mg_per_day"]), abs=1.3)  # 12 is printed for 12.5
        seen.add(strength)
    assert seen == set(by_strength)


def test_products_with_an_anticholinergic_ingredient_name_one_that_the_score_knows() -> None:
    """The list holds names and no points: those stand behind the licence gate of the score."""
    known = {row["name"] for row in read_table("acb")}
    for term, ingredient in LIBRARY.get("anticholinergic_medicines").codes.select("term", "category").rows():
        assert ingredient == term.split()[0].lower()
        assert ingredient in known


def test_ambulatory_care_sensitive_codes_are_whole_and_at_their_positions(shared_data: Path) -> None:
    acsc = table(shared_data, "acsc_icd10").filter(pl.col("list") == "nhs_institute_19")

    def codes(*where: pl.Expr) -> set[str]:
        return set(acsc.filter(*where)["icd10"])

    def held(name: str) -> set[str]:
        return set(LIBRARY.get(name).codes["code"])

    influenza = pl.col("condition") == "influenza and pneumonia"
    primary, anywhere = pl.col("position") == "primary", pl.col("position") == "any"
    assert held("acsc_influenza_pneumonia_icd10") == codes(influenza)
    assert held("acsc_any_position_icd10") == codes(anywhere, ~influenza)
    assert held("acsc_primary_icd10") | held("acute_bronchitis_icd10") == codes(primary)
    assert held("acsc_primary_icd10") & held("acute_bronchitis_icd10") == set()
    behind = acsc.filter(pl.col("icd10") == "J20")["note"].item()
    assert held("chronic_airways_icd10") == set(re.findall(r"J[0-9]{2}", behind))
    assert LIBRARY.get("sickle_cell_icd10").codes["code"].item() in acsc.filter(influenza)["exclusion"].unique().item()


def test_lists_of_one_medicine_are_parts_of_the_wider_list() -> None:
    def held(name: str) -> set[str]:
        return set(LIBRARY.get(name).codes["code"])

    assert held("dabigatran") | held("edoxaban") <= held("doacs")
    assert held("valproate") <= held("teratogenic_medicines")
