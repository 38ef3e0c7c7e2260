"""Oral morphine equivalent against the pack's factors and patch table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores._data import read_table
from pophealth.scores.ome import MILLIGRAMS, WORN
from score_rows import one

COLUMN = "oral_morphine_equivalent_mg_per_day"
FACTORS = {row["input"]: float(row["factor"]) for row in read_table("opioid_factors") if row["factor"]}


@pytest.mark.parametrize(
    ("doses", "total"),
    [
        ({"morphine_sulfate_oral_mg_per_day": 60}, 60.0),
        ({"codeine_phosphate_oral_mg_per_day": 240}, 24.0),
        ({"oxycodone_hydrochloride_oral_mg_per_day": 80}, 120.0),
        ({"tramadol_hydrochloride_oral_mg_per_day": 400, "morphine_sulfate_oral_mg_per_day": 20}, 60.0),
        ({"buprenorphine_patch_micrograms_per_hour": 52.5}, 126.0),
        ({"fentanyl_patch_micrograms_per_hour": 25}, 60.0),
        ({"fentanyl_patch_micrograms_per_hour": 12}, 30.0),  # the patch printed 12 releases 12.5
        ({"fentanyl_patch_micrograms_per_hour": 37.5}, 90.0),  # 25 and 12 together
        ({"morphine_sulfate_oral_mg_per_day": 0}, 0.0),
    ],
)
def test_worked_examples(doses: dict[str, float], total: float) -> None:
    row = one("ome", doses)
    assert row[COLUMN] == pytest.approx(total, abs=1e-9)
    assert row["ome_flags"] == []


def test_every_factor_of_the_pack_is_used(shared_data: Path) -> None:
    with (shared_data / "clinical" / "opioid_ome_factors.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["route"] != "transdermal"]
    listed = {}
    for row in rows:
        substance = re.sub(r"[^a-z]+", "_", row["ingredient"]).strip("_")
        listed[f"{substance}_{row['route']}_mg_per_day"] = float(row["factor"])
    assert {entry.name for entry in MILLIGRAMS} == set(listed)
    assert {name: factor for name, factor in listed.items() if "methadone" not in name} == FACTORS
    for name, factor in FACTORS.items():
        assert one("ome", {name: 7.0})[COLUMN] == pytest.approx(7 * factor, abs=1e-9)


def test_every_patch_of_the_pack_is_used(shared_data: Path) -> None:
    with (shared_data / "clinical" / "opioid_patch_equivalents.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["ingredient"] for row in rows} == {entry.name.split("_")[0] for entry in WORN}
    for row in rows:
        worn = {f"{row['ingredient']}_patch_micrograms_per_hour": float(row["strength_microgram_per_hour"])}
        assert one("ome", worn)[COLUMN] == float(row["oral_morphine_mg_per_day"])
    wear = {(row["ingredient"], row["micrograms_per_hour"]): row["wear_hours"] for row in read_table("opioid_patches")}
    assert wear == {(row["ingredient"], row["strength_microgram_per_hour"]): row["wear_hours"] for row in rows}


def test_methadone_has_no_factor_and_is_reported_apart() -> None:
    methadone = {"methadone_hydrochloride_oral_mg_per_day": 40.0}
    beside = one("ome", methadone | {"morphine_sulfate_oral_mg_per_day": 10.0})
    assert beside[COLUMN] == 10.0
    assert beside["ome_flags"] == ["not_applicable:methadone_hydrochloride_oral_mg_per_day"]
    alone = one("ome", methadone)
    assert (alone[COLUMN], alone["ome_is_high"]) == (None, None)
    assert alone["ome_flags"] == [
        "not_applicable:methadone_hydrochloride_oral_mg_per_day",
        "not_applicable:no_dose_given",
    ]


def test_no_dose_at_all_is_unknown_not_zero() -> None:
    row = one("ome", {})
    assert (row[COLUMN], row["ome_flags"]) == (None, ["not_applicable:no_dose_given"])


@pytest.mark.parametrize("dose", [-1.0, float("inf")])
def test_a_refused_dose_leaves_no_total(dose: float) -> None:
    row = one("ome", {"tapentadol_oral_mg_per_day": dose, "morphine_sulfate_oral_mg_per_day": 10.0})
    assert (row[COLUMN], row["ome_is_high"]) == (None, None)
    assert row["ome_flags"] == ["out_of_range:tapentadol_oral_mg_per_day"]


@pytest.mark.parametrize(
    ("doses", "high"),
    [
        ({"morphine_sulfate_oral_mg_per_day": 119.9}, False),
        ({"morphine_sulfate_oral_mg_per_day": 120.0}, True),
        # 0.1 x 1,101 + 0.4 x 24.75: a hair under 120 in binary, 120 to a reader
        ({"codeine_phosphate_oral_mg_per_day": 1101.0, "tapentadol_oral_mg_per_day": 24.75}, True),
    ],
)
def test_high_from_120(doses: dict[str, float], high: bool) -> None:
    assert one("ome", doses)["ome_is_high"] is high


@settings(max_examples=50, deadline=None)
@given(doses=st.dictionaries(st.sampled_from(sorted(FACTORS)), st.floats(0, 500), min_size=1, max_size=6))
def test_equals_a_slow_twin(doses: dict[str, float]) -> None:
    wanted = sum(dose * FACTORS[name] for name, dose in doses.items())
    assert one("ome", doses)[COLUMN] == pytest.approx(wanted, abs=1e-6)
