"""Charlson, Elixhauser and hospital frailty from ICD-10 codes, against slow twins and an independent package."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycomorb import CharlsonComorbidityIndex, ElixhauserComorbidityIndex, HospitalFrailtyRiskScore

from pophealth.errors import DataContractError
from pophealth.scores import compute, load_score
from pophealth.scores._data import read_table
from pophealth.scores._icd10 import expand, is_beginning

SCORES = ("charlson", "elixhauser_vw", "hfrs")
every = pytest.mark.parametrize("score_id", SCORES)


def row(
    score_id: str, codes: list[str | None] | None, age_years: int | None = None, **options: str
) -> dict[str, object]:
    frame = pl.DataFrame(
        {"icd10_codes": [codes], "age_years": [age_years]},
        schema={"icd10_codes": pl.List(pl.String), "age_years": pl.Int64},
    )
    return compute(score_id, frame, options).drop("icd10_codes").row(0, named=True)


def known_beginnings() -> list[str]:
    """Give every beginning that any of the three scores knows."""
    tables = [expand(line["icd10"]) for name in ("charlson", "elixhauser", "hfrs") for line in read_table(name)]
    return sorted({code for codes in tables for code in codes})


# Codes a hospital could write: a known beginning alone or with a further digit, and codes without meaning to any score.
codes = st.one_of(
    st.sampled_from(known_beginnings()),
    st.tuples(st.sampled_from(known_beginnings()), st.integers(0, 9)).map(lambda pair: f"{pair[0]}{pair[1]}"),
    st.sampled_from(["A000", "Z000", "H250", "L20", "S8000"]),
)
batches = st.lists(st.lists(codes, max_size=8), min_size=1, max_size=12)


def test_every_beginning_is_shaped_like_one() -> None:
    assert all(is_beginning(code) for code in known_beginnings())
    assert list(expand("F00-F03 G30 I425-I427")) == ["F00", "F01", "F02", "F03", "G30", "I425", "I426", "I427"]


# --- slow twins -------------------------------------------------------------------------------------------------------


def categories_twin(table: str, patient: list[str]) -> list[str]:
    found = []
    for line in read_table(table):
        beginnings = tuple(expand(line["icd10"]))
        if any(code.startswith(beginnings) for code in patient):
            found.append(line["category"])
    yields = {line["category"]: line["yields_to"] for line in read_table(table) if line["yields_to"]}
    return [name for name in found if yields.get(name) not in found]


def points_twin(table: str, weighting: str, patient: list[str]) -> int:
    weights = {line["category"]: int(line[weighting]) for line in read_table(table)}
    return sum(weights[name] for name in categories_twin(table, patient))


@given(batches, st.integers(18, 100))
@settings(max_examples=60, deadline=None)
def test_charlson_equals_its_slow_twin(batch: list[list[str]], age: int) -> None:
    scored = compute(
        "charlson",
        pl.DataFrame(
            {"icd10_codes": batch, "age_years": [age] * len(batch)},
            schema_overrides={"icd10_codes": pl.List(pl.String)},
        ),
    )
    for patient, given_row in zip(batch, scored.iter_rows(named=True), strict=True):
        original = points_twin("charlson", "original_1987", patient)
        assert given_row["charlson_original_1987"] == original
        assert given_row["charlson_quan_2011"] == points_twin("charlson", "quan_2011", patient)
        adjusted = original + min(max((age - 40) // 10, 0), 4)
        assert given_row["charlson_original_age_adjusted"] == adjusted
        assert given_row["charlson_10y_survival_percent"] == pytest.approx(
            100 * 0.983 ** math.exp(0.9 * adjusted), abs=1e-9
        )
        assert given_row["charlson_categories"] == categories_twin("charlson", patient)


@given(batches)
@settings(max_examples=60, deadline=None)
def test_elixhauser_equals_its_slow_twin(batch: list[list[str]]) -> None:
    scored = compute("elixhauser_vw", pl.DataFrame({"icd10_codes": batch}, schema={"icd10_codes": pl.List(pl.String)}))
    for patient, given_row in zip(batch, scored.iter_rows(named=True), strict=True):
        assert given_row["elixhauser_vw"] == points_twin("elixhauser", "van_walraven", patient)
        assert given_row["elixhauser_categories"] == categories_twin("elixhauser", patient)
        assert given_row["elixhauser_count"] == len(categories_twin("elixhauser", patient))


@given(batches)
@settings(max_examples=60, deadline=None)
def test_hospital_frailty_equals_its_slow_twin(shared_data: Path, batch: list[list[str]]) -> None:
    with (shared_data / "scores" / "hfrs_weights.csv").open(newline="") as file:
        points = {line["icd10_3char"]: float(line["points"]) for line in csv.DictReader(file)}
    scored = compute("hfrs", pl.DataFrame({"icd10_codes": batch}, schema={"icd10_codes": pl.List(pl.String)}))
    for patient, given_row in zip(batch, scored.iter_rows(named=True), strict=True):
        total = round(math.fsum(points.get(code, 0.0) for code in {code[:3] for code in patient}), 1)
        assert given_row["hfrs"] == total
        assert given_row["hfrs_band"] == ("low" if total < 5 else "intermediate" if total <= 15 else "high")


def test_hospital_frailty_has_the_published_points(shared_data: Path) -> None:
    with (shared_data / "scores" / "hfrs_weights.csv").open(newline="") as file:
        theirs = {line["icd10_3char"]: float(line["points"]) for line in csv.DictReader(file)}
    ours = {code: int(line["tenths"]) / 10 for line in read_table("hfrs") for code in expand(line["icd10"])}
    assert ours == theirs
    assert len(ours) == 109
    assert round(sum(ours.values()), 1) == 173.2


# --- an independent package -------------------------------------------------------------------------------------------


def long(batch: list[list[str]], age: int = 40) -> pl.DataFrame:
    rows = [(place, code, age) for place, patient in enumerate(batch) for code in patient or [""]]
    return pl.DataFrame(rows, schema={"id": pl.Int64, "code": pl.String, "age": pl.Int64}, orient="row")


@given(batches)
@settings(max_examples=20, deadline=None)
def test_agrees_with_pycomorb(batch: list[list[str]]) -> None:
    """Its prefix tables are good (clinical-scores.md section 14); its SHMI index is not ours and is not compared."""
    ours = pl.DataFrame({"icd10_codes": batch}, schema={"icd10_codes": pl.List(pl.String)})
    theirs = CharlsonComorbidityIndex(long(batch), implementation="quan", weights="charlson").sort("id")
    charlson = compute("charlson", ours)
    assert charlson["charlson_original_1987"].to_list() == theirs["Charlson Comorbidity Index"].to_list()
    theirs = CharlsonComorbidityIndex(long(batch), implementation="quan", weights="quan").sort("id")
    assert charlson["charlson_quan_2011"].to_list() == theirs["Charlson Comorbidity Index"].to_list()
    theirs = ElixhauserComorbidityIndex(long(batch), implementation="quan", weights="van_walraven").sort("id")
    assert compute("elixhauser_vw", ours)["elixhauser_vw"].to_list() == theirs["Elixhauser Comorbidity Index"].to_list()
    theirs = HospitalFrailtyRiskScore(long(batch)).sort("id")
    assert compute("hfrs", ours)["hfrs"].to_list() == pytest.approx(theirs["HFRS Score"].to_list(), abs=1e-9)


def test_every_beginning_counts_for_pycomorb_as_for_us() -> None:
    batch = [[code] for code in known_beginnings()]
    ours = pl.DataFrame({"icd10_codes": batch}, schema={"icd10_codes": pl.List(pl.String)})
    theirs = CharlsonComorbidityIndex(long(batch), return_categories=True).sort("id")
    counted = theirs.select(pl.sum_horizontal(pl.col(theirs.columns[2:19]))).to_series().to_list()
    assert compute("charlson", ours)["charlson_categories"].list.len().to_list() == counted
    theirs = ElixhauserComorbidityIndex(long(batch), return_categories=True).sort("id")
    counted = theirs.select(pl.sum_horizontal(pl.col(theirs.columns[1:32]))).to_series().to_list()
    assert compute("elixhauser_vw", ours)["elixhauser_count"].to_list() == counted


@pytest.mark.parametrize("age", [0, 39, 49, 50, 59, 60, 69, 70, 79, 80, 99])
def test_age_points_agree_with_pycomorb(age: int) -> None:
    """50 to 59 is one point, 80 and over four: a package that gives 0 at 50 is wrong (clinical-scores.md section 14)."""
    theirs = CharlsonComorbidityIndex(long([["I21"]], age))["Charlson Age-Comorbidity Score"].to_list()
    assert row("charlson", ["I21"], age)["charlson_original_age_adjusted"] == theirs[0]


# --- worked examples and traps ----------------------------------------------------------------------------------------


def test_the_graver_category_counts_alone() -> None:
    """clinical-scores.md section 7: mild liver < severe, diabetes < with complications, cancer < metastatic."""
    assert row("charlson", ["K703", "K704"])["charlson_original_1987"] == 3
    assert row("charlson", ["E119", "E112"])["charlson_original_1987"] == 2
    assert row("charlson", ["C50", "C78"])["charlson_original_1987"] == 6
    assert row("elixhauser_vw", ["C50", "C78"])["elixhauser_vw"] == 12
    assert row("elixhauser_vw", ["I10", "I11"])["elixhauser_categories"] == ["hypertension_complicated"]


def test_the_weightings_are_both_given_and_differ() -> None:
    """2011: myocardial infarction 0, dementia 2, AIDS 4 (a package that gives AIDS 2 is wrong); 1987: 1, 1, 6."""
    for code, original, updated in (("I21", 1, 0), ("F03", 1, 2), ("B24", 6, 4), ("N18", 2, 1), ("K704", 3, 4)):
        scored = row("charlson", [code])
        assert (scored["charlson_original_1987"], scored["charlson_quan_2011"]) == (original, updated)


def test_van_walraven_can_be_negative() -> None:
    assert row("elixhauser_vw", ["F11", "E66"])["elixhauser_vw"] == -11


def test_a_three_character_code_counts_once_however_often_it_is_written() -> None:
    assert row("hfrs", ["F001", "F009", "F00"])["hfrs"] == 7.1


def test_five_and_fifteen_are_intermediate() -> None:
    """5.0 as 4.4 + 0.6, 15.0 as 7.1 + 4.4 + 3.2 + 0.3: sums of floats would fall beside both."""
    for patient, points in ((["G81", "R79"], 5.0), (["F00", "G81", "F05", "K52"], 15.0)):
        scored = row("hfrs", patient)
        assert scored["hfrs"] == points
        assert scored["hfrs_band"] == "intermediate"
    assert row("hfrs", ["G81", "F32"])["hfrs_band"] == "low"
    assert row("hfrs", ["F00", "G81", "F05", "D64"])["hfrs_band"] == "high"


@every
def test_the_way_a_code_is_written_does_not_matter(score_id: str) -> None:
    plain = row(score_id, ["I64", "E112", "G30", "F00"])
    for written in (
        ["I64X", "E11.2", "G30-", "F00*"],
        ["i64", " E112 ", "G30.", "F00†"],
        ["I64.X", "E112+", "G30", "F00", "", "-", "G30"],
    ):
        assert row(score_id, written) == plain


@every
def test_no_list_is_unknown_and_an_empty_list_is_nothing(score_id: str) -> None:
    score = load_score(score_id)
    unknown, nothing = row(score_id, None), row(score_id, [])
    assert unknown[score.primary_output] is None
    assert "missing:icd10_codes" in unknown[f"{score_id}_flags"]
    assert nothing[score.primary_output] == 0
    assert "missing:icd10_codes" not in nothing[f"{score_id}_flags"]


@every
def test_a_list_of_nothing_but_nulls_is_unknown_and_beside_a_code_they_are_padding(score_id: str) -> None:
    assert row(score_id, [None, None]) == row(score_id, None)
    assert row(score_id, ["I50", None]) == row(score_id, ["I50"])


@every
@pytest.mark.parametrize("written", ["I21.9,E10.9", "I21.9 E10.9", "S72.001A"])
def test_two_codes_in_one_field_are_refused_not_read_as_the_first(score_id: str, written: str) -> None:
    with pytest.raises(DataContractError, match="1 of 1 different codes"):
        row(score_id, [written])


@every
def test_a_code_of_another_system_is_refused_or_flagged_never_printed(score_id: str) -> None:
    with pytest.raises(DataContractError, match="1 of 2 different codes") as caught:
        row(score_id, ["410.12", "I21"])
    assert "410" not in str(caught.value)
    flagged = row(score_id, ["410.12", "I21"], malformed_codes="flag")
    assert "not_applicable:malformed_codes" in flagged[f"{score_id}_flags"]
    assert flagged[load_score(score_id).primary_output] == row(score_id, ["I21"])[load_score(score_id).primary_output]


def test_without_an_age_the_plain_index_stands() -> None:
    scored = row("charlson", ["I50"], None)
    assert scored["charlson_original_1987"] == 1
    assert scored["charlson_original_age_adjusted"] is None
    assert scored["charlson_10y_survival_percent"] is None
    assert scored["charlson_flags"] == ["missing:age_years"]
    assert row("charlson", [], 17)["charlson_flags"] == ["not_applicable:age_years"]
    assert row("hfrs", [], 74)["hfrs_flags"] == ["not_applicable:age_years"]


def test_ranges_are_those_of_every_category_at_once() -> None:
    for score_id, table, weighting in (
        ("charlson", "charlson", "original_1987"),
        ("elixhauser_vw", "elixhauser", "van_walraven"),
    ):
        lines = read_table(table)
        weights = {line["category"]: int(line[weighting]) for line in lines}
        milder = {line["category"] for line in lines if line["yields_to"] and weights[line["category"]] >= 0}
        highest = sum(weight for name, weight in weights.items() if weight > 0 and name not in milder)
        lowest = sum(weight for weight in weights.values() if weight < 0)
        assert load_score(score_id).range == (lowest, highest)


def test_the_data_files_name_paper_and_licence() -> None:
    for path in sorted(Path(load_score.__globals__["__file__"]).parent.joinpath("data").glob("*.csv")):
        head = path.read_text("utf-8").splitlines()[:5]
        for key in ("title", "version", "source", "licence"):
            assert any(re.match(rf"# {key}: \S", line) for line in head), f"{path.name}: {key}"
