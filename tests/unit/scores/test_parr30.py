"""PARR-30 against a slow twin of the pack's coefficients, at the edges of its bands and for trusts old and new."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.scores.parr30 import CONDITIONS
from score_rows import all_false, one

ROW = {"age_years": 70, "emergency_admissions_12m": 0, "imd_score": 5.0, "trust_code": "RNJ"}
NAMES = {
    "is_emergency_admission": "current_admission_emergency",
    "emergency_admissions_12m": "emergency_admissions_last_year",
    "has_emergency_admission_30d": "emergency_admission_last_30_days",
} | {entry.name: entry.name.removeprefix("has_") for entry in CONDITIONS}
BANDS = ((10, "0_10"), (15, "10_15"), (25, "15_25"), (40, "25_40"), (50, "40_50"), (math.inf, "over_50"))


def row_of(**known: Any) -> dict[str, Any]:
    return all_false("parr30", **(ROW | known))


def figures(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    with (folder / "parr30_coefficients.csv").open(encoding="utf-8") as lines:
        terms = {row["term"]: float(row["coefficient"]) for row in csv.DictReader(lines)}
    with (folder / "parr30_trust_coefficients.csv").open(encoding="utf-8") as lines:
        trusts = {row["trust_code"]: float(row["coefficient"]) for row in csv.DictReader(lines)}
    return terms, trusts


def slow(row: dict[str, Any], folder: Path) -> float:
    terms, trusts = figures(folder)
    lean = terms["constant"] + terms["age_at_discharge_squared"] * row["age_years"] ** 2
    lean += sum(terms[term] * row[name] for name, term in NAMES.items())
    # closed on the right, as cut() of the R program has it
    lean += terms["imd_score_" + next(band for above, band in BANDS if row["imd_score"] <= above)]
    lean += trusts.get(row["trust_code"], 0.0) if row["trust_code"] else 0.0
    return 100 / (1 + math.exp(-lean))


def test_every_coefficient_is_read(shared_data: Path) -> None:
    terms, _ = figures(shared_data / "scores")
    band_terms = {term for term in terms if term.startswith("imd_score")}
    assert set(terms) == {"constant", "age_at_discharge_squared", *NAMES.values(), *band_terms}
    assert len(CONDITIONS) == 11


@settings(max_examples=60, deadline=None)
@given(
    age=st.integers(18, 105),
    admissions=st.integers(0, 20),
    imd=st.floats(0, 90),
    trust=st.sampled_from(["RNJ", "RL1", "RPY", "R1K", None]),
    flags=st.lists(st.booleans(), min_size=13, max_size=13),
)
def test_equals_a_slow_twin(
    shared_data: Path, age: int, admissions: int, imd: float, trust: str | None, flags: list[bool]
) -> None:
    names = ["is_emergency_admission", "has_emergency_admission_30d", *(entry.name for entry in CONDITIONS)]
    row = {"age_years": age, "emergency_admissions_12m": admissions, "imd_score": imd, "trust_code": trust}
    row |= dict(zip(names, flags, strict=True))
    assert one("parr30", row)["parr30_percent"] == pytest.approx(slow(row, shared_data / "scores"), abs=1e-9)


@pytest.mark.parametrize("edge", [10, 15, 25, 40, 50])
def test_an_edge_belongs_to_the_band_below_it(shared_data: Path, edge: int) -> None:
    at, above = (one("parr30", row_of(imd_score=score))["parr30_percent"] for score in (float(edge), edge + 1e-6))
    assert at == pytest.approx(slow(row_of(imd_score=float(edge)), shared_data / "scores"), abs=1e-9)
    assert at != above


def test_every_trust_of_the_pack_has_its_effect(shared_data: Path) -> None:
    _, trusts = figures(shared_data / "scores")
    for code in ("REM", "RL1", "RPY", "RCB"):
        wanted = slow(row_of(trust_code=code), shared_data / "scores")
        assert one("parr30", row_of(trust_code=f" {code.lower()} "))["parr30_percent"] == pytest.approx(
            wanted, abs=1e-9
        )
    from pophealth.scores._data import read_table

    ours = {row["trust_code"]: float(row["coefficient"]) for row in read_table("parr30_trusts")}
    assert ours == {code: effect for code, effect in trusts.items() if code}


@pytest.mark.parametrize("code", [None, "R0A"])
def test_a_trust_the_paper_does_not_list_has_the_effect_the_caller_chooses(code: str | None) -> None:
    row = row_of(trust_code=code)
    plain, published = one("parr30", row), one("parr30", row, other_trust_effect=-0.1155)
    assert plain["parr30_flags"] == published["parr30_flags"] == ["imputed:trust_code"]
    odds = [found["parr30_percent"] / (100 - found["parr30_percent"]) for found in (plain, published)]
    assert odds[1] / odds[0] == pytest.approx(math.exp(-0.1155), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"has_dementia": None}, "missing:has_dementia"),
        ({"is_emergency_admission": None}, "missing:is_emergency_admission"),
        ({"imd_score": None}, "missing:imd_score"),
        ({"imd_score": -0.1}, "out_of_range:imd_score"),
        ({"emergency_admissions_12m": -1}, "out_of_range:emergency_admissions_12m"),
        ({"age_years": 17}, "out_of_range:age_years"),
    ],
)
def test_what_cannot_be_computed_is_null_with_the_reason(change: dict[str, Any], flag: str) -> None:
    row = one("parr30", row_of(**change))
    assert row["parr30_percent"] is None
    assert row["parr30_flags"] == [flag]
