"""What is saved as truth is what happened: rates, recorded parts, and hazards that follow from the records themselves."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pophealth.declare.window import months_before
from pophealth.errors import UsageError
from pophealth.reference import load_library
from pophealth.synthetic import generate, hazards, true_risks
from pophealth.synthetic.states import ADMISSION, DEATH, OUTCOMES, load_states
from pophealth.synthetic.truth import auroc

INDEX_DATE = date(2025, 1, 31)
YEAR_BEFORE = date(2024, 1, 31)


@pytest.fixture(scope="module")
def risks(large) -> pl.DataFrame:
    return true_risks(large.folder, large.facts.networks[0], YEAR_BEFORE)


@pytest.fixture(scope="module")
def outcomes(large, risks) -> pl.DataFrame:
    """Give, beside each true risk, whether it came to pass within 12 months."""
    after = pl.col("admission_date").is_between(YEAR_BEFORE, INDEX_DATE, closed="right")
    emergency = large.read("spells").filter(pl.col("method").str.starts_with("2") & after)
    died = large.read("deaths").filter(pl.col("death_date").is_between(YEAR_BEFORE, INDEX_DATE, closed="right"))
    return risks.with_columns(
        admitted=pl.col("patient_id").is_in(emergency["patient_id"].to_list()),
        dead=pl.col("patient_id").is_in(died["patient_id"].to_list()),
    )


def test_as_many_are_admitted_and_die_as_the_truth_says(outcomes) -> None:
    for risk, outcome in (("admission", "admitted"), ("death", "dead")):
        expected, found = outcomes[risk].sum(), outcomes[outcome].sum()
        # risks taken as they stood: over a year they grow a little, and those who die or leave can no longer be admitted
        assert found == pytest.approx(expected, abs=5 * math.sqrt(expected) + 0.06 * expected)


def test_the_truth_is_calibrated_in_every_tenth_of_risk(outcomes) -> None:
    tenths = outcomes.with_columns(tenth=pl.col("admission").rank("ordinal") * 10 // (pl.len() + 1))
    for expected, found, count in (
        tenths.group_by("tenth").agg(pl.col("admission").sum(), pl.col("admitted").sum(), pl.len()).drop("tenth").rows()
    ):
        assert abs(found - expected) < 5 * math.sqrt(expected) + 0.12 * expected, count


def test_reachable_areas_are_those_of_the_facts_and_no_better_than_national_models(large, outcomes) -> None:
    reachable = large.facts.reachable
    assert reachable is not None
    admitted = outcomes["admitted"].to_numpy()
    assert auroc(outcomes["admission"].to_numpy(), admitted) == pytest.approx(reachable["auroc_true"], abs=0.003)
    assert auroc(outcomes["admission_recorded"].to_numpy(), admitted) == pytest.approx(
        reachable["auroc_recorded"], abs=0.003
    )
    # SPARRAv4, the Scottish national model of admission or death: 0.799 (clinical-scores 13)
    assert 0.77 < reachable["auroc_recorded"] < 0.81 < reachable["auroc_true"] < 0.85


def test_the_unobserved_part_has_mean_factor_one(large) -> None:
    people = pl.read_parquet(large.folder / "truth" / f"{large.facts.networks[0]}-people.parquet")
    for outcome in ("death", "care_home", "cvd"):
        factor = people[f"unobserved_{outcome}"].exp()
        assert factor.mean() == pytest.approx(1.0, abs=0.02)
        spread = hazards.UNOBSERVED[OUTCOMES.index(outcome)]
        assert people[f"unobserved_{outcome}"].std() == pytest.approx(spread, abs=0.01)


def test_all_of_a_risk_can_be_put_on_record(tmp_path) -> None:
    facts = generate(tmp_path, networks=1, patients=2_000, seed=2, index_date=INDEX_DATE, years=4, unobserved=0.0)
    risks = true_risks(tmp_path, facts.networks[0], YEAR_BEFORE)
    for outcome in ("admission", "death", "care_home", "cvd"):
        assert risks[outcome].to_numpy() == pytest.approx(risks[f"{outcome}_recorded"].to_numpy(), rel=1e-6)
    assert facts.reachable is not None
    assert facts.reachable["auroc_true"] == pytest.approx(facts.reachable["auroc_recorded"], abs=1e-4)
    assert "admission 0.00" in facts.unobserved


def test_planted_people_and_visitors_have_no_truth(large) -> None:
    people = pl.read_parquet(large.folder / "truth" / f"{large.facts.networks[0]}-people.parquet")
    temporary = large.read("registrations").filter(pl.col("registration_type") == "regular")
    visitors = large.read("patients").join(temporary, on="patient_id", how="anti")
    assert visitors.join(people, on="patient_id", how="semi").is_empty()
    planted = sum(large.facts.planted.values())
    assert people.height == large.facts.people - planted - visitors.height


def test_truth_of_an_unknown_network_is_refused(large) -> None:
    with pytest.raises(UsageError, match="U99999"):
        true_risks(large.folder, "U99999", INDEX_DATE)


class Recomputed:
    """The slow twin: log hazards from the written records, one person and month at a time."""

    def __init__(self, extract, people: list[str]) -> None:
        library, states = load_library(extract.folder / "codelists"), load_states()
        chosen = pl.col("patient_id").is_in(people)
        self.birth = dict(extract.read("patients").filter(chosen).select("patient_id", "birth_date").rows())
        self.admissions = defaultdict(list)
        for who, day, method in (
            extract.read("spells").filter(chosen).select("patient_id", "admission_date", "method").rows()
        ):
            if method.startswith("2"):
                self.admissions[who].append(day)
        self.first: dict[str, dict[str, date]] = defaultdict(dict)
        self.weights = {state.id: state.weights for state in states}
        self.deficit_of = {state.id: state.deficit for state in states}
        meaning = defaultdict(list)
        for state in states:
            for code in library.get(state.codelist).codes["code"]:
                meaning[code].append(state.id)
        for code in (
            library.get("care_home_nursing").codes["code"].to_list()
            + library.get("care_home_residential").codes["code"].to_list()
        ):
            meaning[code].append("resident")
        for code in library.get("palliative_care").codes["code"]:
            meaning[code].append("palliative")
        for who, day, code in extract.read("events").filter(chosen).select("patient_id", "date", "code").rows():
            for name in meaning[code]:
                self.first[who][name] = min(self.first[who].get(name, day), day)

    def log_hazard(self, who: str, day: date, outcome: int) -> float:
        born = self.birth[who]
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        total = hazards.AGE[outcome, max(age, 0)]
        have = {name for name, since in self.first[who].items() if since <= day}
        deficits = {self.deficit_of[name] for name in have if self.deficit_of.get(name)}
        if "resident" in have:
            total += hazards.RESIDENT[outcome]
            deficits.add("requirement_for_care")
        if "palliative" in have:
            total += hazards.PALLIATIVE_CARE[outcome]
        total += sum(self.weights[name][outcome] for name in have if name in self.weights)
        back = (INDEX_DATE.year - day.year) * 12 + INDEX_DATE.month - day.month
        year_ago = months_before(INDEX_DATE, back + 12)  # months end where the index date's do: 29 February stays one
        recent = sum(year_ago < admitted <= day for admitted in self.admissions[who])
        return total + hazards.DEFICIT[outcome] * len(deficits) + hazards.RECENT[outcome] * math.log1p(min(recent, 6))


def test_hazards_follow_from_what_is_on_record(large) -> None:
    """What is left of a log hazard beside the records (sex, area, smoking, the unobserved) never changes in a life."""
    network = large.facts.networks[0]
    rows = pl.read_parquet(large.folder / "truth" / f"{network}.parquet")
    busiest = rows.group_by("patient_id").len().sort("len", "patient_id", descending=True)["patient_id"]
    sample = [*busiest[:40], *busiest[2_000:2_040], *busiest[20_000:20_040]]
    twin = Recomputed(large, sample)
    for who in sample:
        for name, outcome in (("admission", ADMISSION), ("death", DEATH)):
            mine = rows.filter(pl.col("patient_id") == who).sort("from_date")
            hazard = mine[name].cast(pl.Float64)
            if outcome == ADMISSION:
                hazard = hazard - hazards.EVENT_SHARE_ADMITTED * mine["cvd"].cast(pl.Float64)
            rest = np.log(hazard.to_numpy()) - [twin.log_hazard(who, day, outcome) for day in mine["from_date"]]
            assert np.ptp(rest) < 1e-3


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=30))
def test_area_under_the_curve_counts_pairs(pairs: list[tuple[int, bool]]) -> None:
    score, outcome = np.array([float(value) for value, _ in pairs]), np.array([hit for _, hit in pairs])
    found = auroc(score, outcome)
    cases, others = score[outcome], score[~outcome]
    if not len(cases) or not len(others):
        assert math.isnan(found)
        return
    wins = sum(float(case > other) + 0.5 * float(case == other) for case in cases for other in others)
    assert found == pytest.approx(wins / (len(cases) * len(others)))


def test_truth_rows_begin_where_people_are_followed(large) -> None:
    network = large.facts.networks[0]
    rows = pl.read_parquet(large.folder / "truth" / f"{network}.parquet")
    people = pl.read_parquet(large.folder / "truth" / f"{network}-people.parquet")
    first = rows.group_by("patient_id").agg(pl.col("from_date").min())
    both = people.join(first, on="patient_id")
    assert (both["from_date"] == both["followed_from"]).all()
    assert rows.filter(pl.col("admission").is_null() | (pl.col("admission") < 0)).is_empty()
    assert rows["from_date"].min() >= INDEX_DATE - timedelta(days=366 * 10)
