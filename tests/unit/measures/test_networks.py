"""A commissioner's networks against its practices and people: each check finds its fault, and says so when all is well."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pophealth.measures.networks import (
    AREAS,
    ARRANGEMENTS,
    CHANGES,
    LISTS,
    RESIDENTS,
    Finding,
    check_networks,
    diff_networks,
)
from pophealth.reference import load_memberships, load_roll_up

DAY = date(2025, 1, 1)
MEMBERSHIPS = {
    "practice_code": pl.String, "practice_name": pl.String, "network_code": pl.String, "start_date": pl.Date,
    "end_date": pl.Date,
}  # fmt: skip


def members(*rows: tuple[str, str, date, date | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(practice, f"name of {practice}", network, start, end) for practice, network, start, end in rows],
        schema=MEMBERSHIPS,
        orient="row",
    )


def table(schema: dict, *rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


SINCE = date(2019, 10, 1)
GOOD = members(("A81001", "U11111", SINCE, None), ("A81002", "U11111", SINCE, None), ("A81003", "U22222", SINCE, None))
SIZES = table(LISTS, ("A81001", 20_000), ("A81002", 15_000), ("A81003", 40_000))


def findings(check: str, *words: object, **more: object) -> list[Finding]:
    everything = check_networks(*words, **more)  # type: ignore[arg-type]
    assert [finding.check for finding in everything] == sorted(finding.check for finding in everything)
    assert {finding.check for finding in everything} == set("abcdefg"), "each check says something"
    return [finding for finding in everything if finding.check == check]


def told(check: str, *words: object, **more: object) -> list[tuple[str, str, int]]:
    return [(found.outcome, found.subject, found.count) for found in findings(check, *words, **more)]


def test_all_is_well() -> None:
    arrangements = table(ARRANGEMENTS, ("U11111", "A81001", "Dr A", None), ("U22222", "A81003", "Dr B", None))
    everything = check_networks(GOOD, SIZES, DAY, arrangements=arrangements)
    assert {(found.check, found.outcome) for found in everything} == {
        ("a", "ok"), ("b", "ok"), ("c", "ok"), ("d", "ok"), ("e", "ok"), ("f", "ok"), ("g", "not checked"),
    }  # fmt: skip


def test_a_practice_in_no_network_and_one_in_two() -> None:
    rows = members(
        ("A81001", "U11111", SINCE, None), ("A81002", "U11111", SINCE, None), ("A81002", "U22222", SINCE, None)
    )
    assert told("a", rows, SIZES, DAY) == [("problem", "A81002", 15_000), ("problem", "A81003", 40_000)]


def test_b_people_outside_every_network() -> None:
    (found,) = findings("b", GOOD.filter(pl.col("practice_code") != "A81002"), SIZES, DAY)
    assert (found.outcome, found.count) == ("problem", 15_000)
    assert found.said == "of 75,000 registered people are outside every network; 80.00 % are in one"


def test_b_nobody_at_all_is_covered() -> None:
    assert told("b", GOOD, SIZES.clear(), DAY) == [("ok", "", 0)]


def test_c_periods_that_overlap() -> None:
    rows = members(("A81001", "U11111", SINCE, None), ("A81001", "U22222", date(2024, 1, 1), date(2024, 2, 1)))
    assert told("c", rows, SIZES, DAY) == [("problem", "A81001", 1)]
    mended = [
        "memberships x.csv: 8 periods overlap a later one of the same practice",
        "memberships x.csv: 1 rows left out",
    ]
    (found,) = findings("c", GOOD, SIZES, DAY, warnings=mended)
    assert (found.outcome, found.said) == ("warning", mended[0])


def test_c_periods_that_touch_do_not_overlap() -> None:
    border = date(2024, 1, 1)
    rows = members(("A81001", "U11111", SINCE, border), ("A81001", "U22222", border, None))
    assert told("c", rows, SIZES, DAY) == [("ok", "", 0)]


@pytest.mark.parametrize(
    ("size", "outcome"), [(29_999, "warning"), (30_000, "ok"), (50_000, "ok"), (50_001, "warning"), (8_000, "warning")]
)
def test_d_size_outside_the_band_is_a_warning_and_never_more(size: int, outcome: str) -> None:
    sizes = table(LISTS, ("A81003", size))
    assert told("d", GOOD, sizes, DAY)[0][0] == outcome


def test_d_a_reason_that_was_agreed_settles_it() -> None:
    agreed = table(ARRANGEMENTS, ("U22222", "A81003", "Dr B", "rural"))
    (found,) = findings("d", GOOD, table(LISTS, ("A81003", 8_000)), DAY, arrangements=agreed)
    assert (found.outcome, found.said) == ("ok", "registered people, under 30,000; agreed: rural")


def test_e_payee_and_clinical_director() -> None:
    partly = table(ARRANGEMENTS, ("U11111", "A81001", " ", None))
    assert told("e", GOOD, SIZES, DAY, arrangements=partly) == [
        ("problem", "U22222", 1),
        ("problem", "U11111", 1),
        ("problem", "U22222", 1),
    ]
    assert told("e", GOOD, SIZES, DAY) == [("not checked", "", 2)]


def test_f_closed_without_an_end_and_ended_with_patients() -> None:
    sizes = table(LISTS, ("A81001", 0), ("A81002", 15_000), ("A81003", 40_000))
    rows = members(
        ("A81001", "U11111", SINCE, None),
        ("A81002", "U11111", SINCE, date(2024, 6, 1)),
        ("A81003", "U22222", SINCE, None),
    )
    assert told("f", rows, sizes, DAY) == [("warning", "A81001", 0), ("problem", "A81002", 15_000)]


def test_f_a_practice_that_moved_is_not_closed_and_another_commissioners_is_not_ours() -> None:
    border = date(2024, 6, 1)
    rows = pl.concat(
        [GOOD, members(("A81001", "U33333", date(2018, 1, 1), SINCE), ("B99999", "U99999", SINCE, border))]
    )
    assert told("f", rows, SIZES, DAY) == [("ok", "", 3)]


def test_g_people_who_live_elsewhere_are_counted() -> None:
    sizes = table(LISTS, ("A81001", 100), ("A81003", 50))
    residents = table(
        RESIDENTS,
        ("A81001", "E01000001", 70),
        ("A81001", "W01000001", 20),
        ("A81001", None, 10),
        ("A81003", "E01000001", 50),
    )
    areas = table(AREAS, ("U11111", "E01000001"), ("U22222", "E01000009"))
    assert told("g", GOOD, sizes, DAY, residents=residents, areas=areas) == [("ok", "U11111", 30), ("ok", "U22222", 50)]
    assert told("g", GOOD, sizes, DAY, residents=residents) == [("not checked", "", 10)]
    dropped = residents.filter(pl.col("lsoa_code").is_not_null())
    assert told("g", GOOD, sizes, DAY, residents=dropped, areas=areas)[0] == ("problem", "", 10)


def test_what_changed_between_two_days() -> None:
    rows = members(
        ("A81001", "U11111", SINCE, date(2024, 4, 1)), ("A81001", "U22222", date(2024, 4, 1), None),
        ("A81002", "U11111", SINCE, date(2024, 4, 1)), ("A81003", "U22222", date(2024, 5, 1), None),
        ("A81004", "U22222", SINCE, None), ("A81005", "U22222", SINCE, date(2024, 4, 1)),
        ("A81005", "U22222", date(2024, 4, 1), None),
    )  # fmt: skip
    changes = diff_networks(rows, date(2024, 3, 31), date(2024, 6, 1))
    assert changes.schema == CHANGES
    assert changes.drop("practice_name").rows() == [
        ("A81001", "moved", "U11111", "U22222"), ("A81002", "left", "U11111", None), ("A81003", "joined", None, "U22222"),
    ]  # fmt: skip
    assert changes["practice_name"].null_count() == 0
    assert diff_networks(rows, date(2024, 3, 31), date(2024, 3, 31)).schema == CHANGES


def test_england_on_1_july_2026(shared_data: Path) -> None:
    """The published figures: 63,436,508 people, 220,330 of them in 52 practices of no network; 1,298 networks."""
    folder = shared_data / "reference"
    memberships, warnings = load_memberships(folder / "pcn_membership.csv")
    published = pl.read_parquet(folder / "registered_patients_age_sex_2026-07.parquet")
    of_practices = published.filter(
        (pl.col("ORG_TYPE") == "GP") & (pl.col("SEX") == "ALL") & (pl.col("AGE_GROUP_5") == "ALL")
    )
    sizes = of_practices.select(practice_code="ORG_CODE", list_size="NUMBER_OF_PATIENTS")
    found = check_networks(memberships, sizes, date(2026, 6, 30), warnings=warnings)
    by_check = {check: [item for item in found if item.check == check] for check in "abcdefg"}
    assert {item.outcome for item in by_check["a"]} == {"problem"}
    assert len(by_check["a"]) == 52
    assert sum(item.count for item in by_check["a"]) == by_check["b"][0].count == 220_330
    assert by_check["b"][0].said.startswith("of 63,436,508 registered people are outside every network; 99.65 %")
    assert [item.outcome for item in by_check["c"]] == ["warning"]
    roll_up = load_roll_up(folder / "practice_map_2026-07.csv").select("practice_code", mapped="network_code")
    mapped = sizes.join(roll_up, on="practice_code").drop_nulls().group_by("mapped").agg(pl.col("list_size").sum())
    outside = mapped.filter(~pl.col("list_size").is_between(30_000, 50_000)).height
    assert abs(len(by_check["d"]) - outside) <= 4, "four practices are elsewhere in the map of the next day"
    assert {item.outcome for item in by_check["d"]} == {"warning"}


def test_one_whole_board_loses_nobody(shared_data: Path) -> None:
    """Staffordshire and Stoke-on-Trent, October 2025: 1,210,283 people by practice and area, 1,433 of no English area."""
    folder = shared_data / "reference"
    raw = pl.read_csv(folder / "practice_lsoa_QNC_2025-10.csv", infer_schema=False)
    english = pl.read_csv(folder / "imd2025_lsoa21.csv", infer_schema=False)["lsoa21_code"]
    residents = raw.select(
        practice_code="PRACTICE_CODE",
        lsoa_code=pl.when(pl.col("LSOA_CODE").is_in(english.implode())).then("LSOA_CODE"),
        people=pl.col("NUMBER_OF_PATIENTS").cast(pl.Int64),
    )
    sizes = residents.group_by("practice_code").agg(list_size=pl.col("people").sum())
    memberships, _ = load_memberships(folder / "pcn_membership.csv")
    found = check_networks(memberships, sizes, date(2025, 10, 1), residents=residents)
    assert next(item for item in found if item.check == "b").said.startswith("of 1,210,283 registered people")
    (g,) = (item for item in found if item.check == "g")
    assert (g.outcome, g.count) == ("not checked", 1_433)
