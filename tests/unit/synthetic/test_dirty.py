"""The faults that were announced are there, by number, and no other; what is spoilt whole lies apart."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import polars as pl
import pytest

from pophealth.reference import load_library, load_memberships
from pophealth.synthetic.dirty import FORMULAS, MARKUP, ORPHAN_PRACTICE

INDEX_DATE = date(2025, 1, 31)


def test_every_case_is_counted(dirty) -> None:
    assert sorted(dirty.facts.faults) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16]
    assert all(count > 0 for counts in dirty.facts.faults.values() for count in counts.values())
    assert "fault 11: in the future 6" in "\n".join(dirty.facts.lines())


def test_clean_extracts_have_none(small) -> None:
    assert small.facts.faults == {}
    assert not (small.folder / "faulty").exists()
    assert not (small.folder / "merges").exists()


def test_nhs_numbers_are_double_or_cannot_be(dirty) -> None:
    numbers = dirty.read("patients")["nhs_number"].drop_nulls()
    pairs = numbers.filter((numbers != "0000000000") & numbers.is_duplicated())
    assert pairs.n_unique() == dirty.facts.faults[8]["pairs of people with one number"]
    ten = numbers.filter(numbers.str.len_bytes() == 10)
    assert (numbers.str.len_bytes() == 9).sum() == dirty.facts.faults[10]["nine digits"]
    assert (numbers == "0000000000").sum() == dirty.facts.faults[10]["all zeros"]
    bad = [text for text in ten if text != "0000000000" and not passes(text)]
    assert len(bad) == dirty.facts.faults[10]["wrong check digit"]


def passes(number: str) -> bool:
    check = 11 - sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False)) % 11
    return check != 10 and check % 11 == int(number[9])


def test_merges_hold_a_chain_and_a_circle(dirty) -> None:
    into = dict(dirty.read("merges").select("patient_id", "into_patient_id").rows())
    ends = {"chain": 0, "circle": 0, "plain": 0}
    for start in into:
        seen = [start]
        while seen[-1] in into and into[seen[-1]] not in seen:
            seen.append(into[seen[-1]])
        ends["circle" if seen[-1] in into else "chain" if len(seen) > 2 else "plain"] += 1
    assert ends == {
        "circle": 2,
        "chain": 1,
        "plain": 5,
    }  # the middle of the chain is a plain merge when looked at alone
    assert set(into) | set(into.values()) <= set(dirty.read("patients")["patient_id"])


def test_events_are_dated_where_they_cannot_be(dirty) -> None:
    counts = dirty.facts.faults[11]
    rows = (
        dirty.read("events")
        .join(dirty.read("patients"), on="patient_id")
        .join(dirty.read("deaths"), on="patient_id", how="left")
    )
    assert (rows["date"] > INDEX_DATE).sum() == counts["in the future"]
    assert (rows["date"] == date(1900, 1, 1)).sum() == counts["on 1900-01-01"]
    assert (rows["date"] < rows["birth_date"]).sum() == counts["before birth"] + counts["on 1900-01-01"]
    late = rows.filter((pl.col("date") > pl.col("death_date")) & (pl.col("date") <= INDEX_DATE))
    assert late.height == counts["after death"]


def test_units_slip_for_a_few_and_for_a_whole_practice_apart(dirty) -> None:
    bad = pl.col("value") < 20
    rows = dirty.read("measurements").filter(pl.col("unit") == "mmol/mol")
    assert rows.filter(bad).height == dirty.facts.faults[6]["values in another unit"]
    apart = pl.read_parquet(dirty.folder / "faulty" / "case-06-units" / "measurements" / "*.parquet")
    assert (
        apart.filter((pl.col("unit") == "mmol/mol") & bad).height
        >= dirty.facts.faults[6]["values of a practice in another unit"]
    )


def test_membership_changes_in_the_year_and_odd_codes_are_left_out_on_loading(dirty) -> None:
    memberships, warnings = load_memberships(dirty.folder / "memberships.parquet")
    changed = memberships.filter(pl.col("end_date") == date(2024, 10, 1))
    assert changed.height == dirty.facts.faults[13]["practices changing network in the year"]
    assert set(memberships["network_code"]) == set(dirty.facts.networks)
    assert sum("rows" in warning for warning in warnings) >= 2
    orphans = dirty.read("registrations").filter(pl.col("practice_code") == ORPHAN_PRACTICE)
    assert orphans["patient_id"].n_unique() == dirty.facts.faults[13]["people of it"]
    assert ORPHAN_PRACTICE not in set(memberships["practice_code"])


def test_formulas_and_markup_stand_in_names_and_terms(dirty) -> None:
    names = set(pl.read_parquet(dirty.folder / "memberships.parquet")["practice_name"])
    assert names >= set(FORMULAS)
    assert names & set(MARKUP)
    terms = set(load_library(dirty.folder / "codelists").terms()["term"])
    assert terms & set(FORMULAS)
    assert terms & set(MARKUP)


@pytest.fixture
def listing(dirty):
    return lambda case: json.loads((dirty.folder / "faulty" / case / "extract.json").read_text())["files"]


def test_damaged_files_lie_apart_and_the_extract_itself_is_whole(dirty, listing) -> None:
    whole = json.loads((dirty.folder / "extract.json").read_text())["files"]
    for name, entry in whole.items():
        assert hashlib.sha256((dirty.folder / name).read_bytes()).hexdigest() == entry["sha256"]
    flipped = dirty.folder / "faulty" / "case-04-bit-flip"
    differing = [
        name
        for name, entry in listing("case-04-bit-flip").items()
        if hashlib.sha256((flipped / name).read_bytes()).hexdigest() != entry["sha256"]
    ]
    assert differing == [f"measurements/{dirty.facts.networks[-1]}.parquet"]
    cut = dirty.folder / "faulty" / "case-03-truncated-half" / "events" / f"{dirty.facts.networks[-1]}.parquet"
    assert cut.stat().st_size < (dirty.folder / "events" / cut.name).stat().st_size
    assert (
        listing("case-03-truncated-half")[f"events/{cut.name}"]["sha256"]
        == hashlib.sha256(cut.read_bytes()).hexdigest()
    )


def test_schemas_drift_one_change_at_a_time(dirty) -> None:
    name = f"{dirty.facts.networks[-1]}.parquet"
    sound = pl.read_parquet_schema(dirty.folder / "events" / name)
    found = {
        path.parent.parent.name: pl.read_parquet_schema(path)
        for path in (dirty.folder / "faulty").glob(f"case-05-*/events/{name}")
    }
    assert len(found) == dirty.facts.faults[5]["schemas drifted"]
    assert all(list(schema.items()) != list(sound.items()) for schema in found.values())


def test_thinned_extracts_lost_rows(dirty) -> None:
    name = f"{dirty.facts.networks[-1]}.parquet"
    whole = pl.read_parquet(dirty.folder / "events" / name).height
    left = {
        case: pl.read_parquet(dirty.folder / "faulty" / f"case-07-{case}" / "events" / name).height
        for case in ("empty", "a-tenth")
    }
    assert left["empty"] == 0
    assert 0.07 * whole < left["a-tenth"] < 0.13 * whole
