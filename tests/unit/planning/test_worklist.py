"""The worklist: one row a person, whom to ring first on top, and how old the result behind an urgent tier is."""

from __future__ import annotations

import tomllib
from datetime import date

import polars as pl

from pophealth.declare import CohortRule, parse_rule
from pophealth.planning import Capacity, Floor, Holdout, offers_of, place_offers
from pophealth.planning.counts import plan_counts, role_title
from pophealth.planning.offers import listed_rows
from pophealth.planning.results import RESULTS, months_since, results_of
from pophealth.planning.worklist import WORKLIST, Known, worklist_of

DAY = date(2025, 1, 31)

TEXT = """
id = "{id}"
catalogue_id = "X-01"
service = "{service}"
title = "t"
source = "s"
evidence = "K"
role = "{role}"
minutes = 30
[years."2024-25"]
[include]
high = "n > 1"
[[tier]]
label = "now"
when = "n > 5"
urgent = true
[[tier]]
label = "later"
when = "true"
"""


def rule(name: str, role: str, service: str) -> CohortRule:
    return parse_rule(tomllib.loads(TEXT.format(id=name, role=role, service=service)), file_stem=name, folder=service)


RULES = (
    rule("bp", "gp", "cvd_prevention"),
    rule("flu", "practice_nurse", "care_homes"),
    rule("smr", "gp", "care_homes"),
)
PEOPLE = pl.DataFrame(
    {
        "patient_id": ["a", "b", "c", "d"],
        "practice_code": ["A81001", "A81001", "A81002", "A81002"],
        "age_years": pl.Series([80, 70, 60, 50], dtype=pl.Int16),
        "sex": ["female", "male", "female", "male"],
        "imd_quintile": [1, 2, None, 5],
    }
)
ROWS = pl.DataFrame(
    [
        ("c", "bp", 1, 1), ("a", "bp", 2, 2), ("a", "flu", 2, 1), ("a", "smr", 2, 1), ("b", "flu", 2, 2),
        ("b", "smr", 2, 2),
    ],
    {"patient_id": pl.String, "rule_id": pl.String, "tier": pl.Int8, "rank": pl.Int32},
    orient="row",
).with_columns(status=pl.lit("listed"))  # fmt: skip
NOTHING = pl.DataFrame(schema={"patient_id": pl.String, "rule_id": pl.String, "status": pl.String, "when": pl.Date})


def worklist(capacity: dict[str, int], **more: object) -> pl.DataFrame:
    listed = listed_rows(ROWS, RULES, PEOPLE["patient_id"])
    placed = place_offers(offers_of(listed, PEOPLE), Capacity(capacity, weeks=1))
    known = {
        "patients": PEOPLE,
        "results": pl.DataFrame([("c", "bp", DAY, 9)], RESULTS, orient="row"),
        "seen": None,
        "actions": NOTHING,
        "listed_before": None,
    } | more
    return worklist_of(listed, placed, Known(**known))  # type: ignore[arg-type]


def test_one_row_a_person_the_most_pressing_first() -> None:
    made = worklist({"gp": 2, "practice_nurse": 1})
    assert dict(made.schema) == WORKLIST
    assert made.select("patient_id", "place", "order", "roles", "minutes", "is_urgent").rows() == [
        ("c", "urgent", 1, ["gp"], 30, True),
        ("a", "planned", 2, ["practice_nurse", "gp"], 90, False),
        ("b", "waiting", 3, ["practice_nurse", "gp"], 60, False),
    ]
    assert made["rules"].to_list() == [["bp"], ["bp", "flu", "smr"], ["flu", "smr"]]
    assert made["tier_labels"].to_list() == [["now"], ["later"] * 3, ["later"] * 2]
    assert made["services"].to_list() == [["cvd_prevention"], ["cvd_prevention", "care_homes"], ["care_homes"]]
    assert made["days_since_result"].to_list() == [9, None, None]
    assert made["imd_quintile"].to_list() == [None, 1, 2]
    assert made["nhs_number"].null_count() == 3


def test_nobody_is_new_without_an_earlier_run_and_only_those_listed_nowhere_then_are() -> None:
    assert worklist({})["is_new"].to_list() == [False] * 3
    made = worklist({}, listed_before=pl.Series(["a", "z"]))
    assert dict(made.select("patient_id", "is_new").iter_rows()) == {"a": False, "b": True, "c": True}


def test_what_was_done_last_and_when_somebody_was_seen_stand_beside() -> None:
    actions = pl.DataFrame(
        [
            ("a", "bp", "booked", date(2025, 1, 3)),
            ("a", "flu", "reviewed", date(2025, 1, 2)),
            ("b", "bp", "done", DAY),
        ],
        NOTHING.schema,
        orient="row",
    )
    seen = pl.DataFrame({"patient_id": ["b"], "months_since_seen": pl.Series([7], dtype=pl.Int32)})
    made = {row["patient_id"]: row for row in worklist({}, actions=actions, seen=seen).to_dicts()}
    assert [made[person]["action_status"] for person in "abc"] == ["booked", None, None], "b is not on the list of bp"
    assert [made[person]["months_since_seen"] for person in "abc"] == [None, 7, None]


def test_nobody_to_ring_gives_the_columns() -> None:
    listed = listed_rows(ROWS.clear(), RULES, PEOPLE["patient_id"])
    placed = place_offers(offers_of(listed, PEOPLE), Capacity({}))
    known = Known(PEOPLE, pl.DataFrame(schema=RESULTS), None, NOTHING, None)
    assert dict(worklist_of(listed, placed, known).schema) == WORKLIST


def test_the_result_is_the_latest_record_of_the_tier_else_of_what_brings_somebody_on() -> None:
    listed = listed_rows(
        pl.DataFrame(
            [("a", "bp", 1, 1), ("b", "bp", 1, 2), ("c", "bp", 2, 3), ("d", "bp", 1, 4)],
            {"patient_id": pl.String, "rule_id": pl.String, "tier": pl.Int8, "rank": pl.Int32},
            orient="row",
        ).with_columns(status=pl.lit("listed")),
        RULES,
        PEOPLE["patient_id"],
    )
    evidence = pl.DataFrame(
        [
            ("a", "bp", "high", "systolic", date(2025, 1, 1)),
            ("a", "bp", "high", "systolic", date(2025, 1, 21)),
            ("a", "bp", "high", "on_register", date(2025, 1, 30)),
            ("b", "bp", "high", "on_register", date(2024, 12, 31)),
            ("b", "bp", "not_told", "letter", date(2025, 1, 30)),
            ("c", "bp", "high", "systolic", date(2025, 1, 30)),
            ("d", "bp", "high", "systolic", None),
        ],
        {"patient_id": pl.String, "rule_id": pl.String, "criterion": pl.String, "feature": pl.String, "date": pl.Date},
        orient="row",
    )
    tiers = pl.DataFrame({"rule_id": ["bp"], "tier": pl.Series([1], dtype=pl.Int8), "feature": ["systolic"]})
    include = pl.DataFrame({"rule_id": ["bp"], "criterion": ["high"]})
    found = results_of(listed, evidence, tiers, include, DAY)
    assert dict(found.schema) == RESULTS
    assert found.select("patient_id", "days_since_result").rows() == [("a", 10), ("b", 31)]


def test_months_are_whole() -> None:
    days = pl.Series("day", [date(2024, 12, 31), date(2025, 1, 1), date(2024, 2, 1), date(2024, 1, 31)])
    assert days.to_frame().select(months_since(pl.col("day"), DAY)).to_series().to_list() == [1, 0, 11, 12]
    assert days.to_frame().select(months_since(pl.col("day"), date(2025, 2, 28))).to_series().to_list()[0] == 1


def test_a_plan_in_numbers_adds_up_and_says_what_floors_and_slots_do() -> None:
    people = pl.DataFrame(
        {
            "patient_id": [f"{number:02d}" for number in range(20)],
            "practice_code": "A81001",
            "imd_quintile": [1 if number >= 15 else 5 for number in range(20)],
        }
    )
    rows = pl.DataFrame(
        {
            "patient_id": people["patient_id"],
            "rule_id": "bp",
            "tier": pl.Series([1, *[2] * 19], dtype=pl.Int8),
            "rank": range(1, 21),
            "status": "listed",
        }
    )
    capacity, floors = Capacity({"gp": 10, "paramedic": 3}, weeks=1), (Floor(0.4),)
    placed = place_offers(offers_of(listed_rows(rows, RULES, people["patient_id"]), people), capacity, floor=floors)
    counts = plan_counts(placed, capacity, floors, Holdout())
    gp, paramedic = counts["by_role"]
    assert (gp["role"], gp["role_title"], paramedic["slots"]) == ("gp", "GP", 3)
    assert (gp["urgent"], gp["planned"], gp["waiting"], gp["slots_used"]) == (1, 9, 10, 10)
    assert gp["moved_by_floor"] == counts["floor"]["brought_in"] == 4
    assert counts["floor"]["made_to_wait"] == 4
    assert counts["floor"]["ranks_put_back_most"] >= 4
    assert counts["holdout"] is None
    changes = {item["slots_delta"]: item["people_delta"] for item in counts["if_slots_change"] if item["role"] == "gp"}
    assert changes == {-2: -2, -1: -1, 1: 1, 2: 2}
    for delta, people_delta in changes.items():
        again = place_offers(placed.select(*placed.columns[:12]), Capacity({"gp": 10 + delta}, weeks=1), floor=floors)
        assert again.filter(pl.col("place") == "planned").height == 9 + people_delta
    assert role_title("site_made_role") == "Site made role"


def test_a_holdout_is_counted() -> None:
    people = pl.DataFrame(
        {"patient_id": [f"{number:02d}" for number in range(40)], "practice_code": "A81001", "imd_quintile": 3}
    )
    rows = people.select(
        "patient_id", rule_id=pl.lit("smr"), tier=pl.lit(2, pl.Int8), status=pl.lit("listed")
    ).with_row_index("rank")
    holdout = Holdout(0.5, "ethics 1", "s")
    placed = place_offers(
        offers_of(listed_rows(rows, RULES, people["patient_id"]), people),
        Capacity({"gp": 20}, weeks=1),
        holdout=holdout,
    )
    counts = plan_counts(placed, Capacity({"gp": 20}, weeks=1), (), holdout)["holdout"]
    assert counts["compared_people"] == 20
    assert counts["drawn_people"] == sum(holdout.draws(person) for person in people["patient_id"][:20])
    assert 0 < counts["held_out_people"] <= counts["drawn_people"]
