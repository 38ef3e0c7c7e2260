"""Who is offered what this month: urgent and owed first, then one order, with a floor, a holdout and a steady edge."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import ConfigError
from pophealth.planning import Capacity, Floor, Holdout, place_offers
from pophealth.planning.counts import plan_counts
from pophealth.planning.offers import OFFERS
from pophealth.planning.place import PLAN

TABLE = """
patient | tier | gaps | risk | quintile | urgent | owed
a       | 1    | 1    | 0.30 | 5        | false  | false
b       | 1    | 3    | 0.10 | 5        | false  | false
c       | 2    | 9    | 0.90 | 1        | false  | false
d       | 3    | 1    | 0.10 | 1        | true   | false
e       | 2    | 1    |      | 4        | false  | true
f       | 1    | 1    | 0.40 | 1        | false  | false
"""


def offers(text: str = TABLE, role: str = "gp", minutes: int = 30) -> pl.DataFrame:
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()[1:]]
    return pl.DataFrame(
        {
            "patient_id": [row[0] for row in rows],
            "practice_code": ["A81001"] * len(rows),
            "role": [role] * len(rows),
            "rules": [["r"]] * len(rows),
            "minutes": [minutes] * len(rows),
            "is_urgent": [row[5] == "true" for row in rows],
            "is_owed": [row[6] == "true" for row in rows],
            "tier": [int(row[1]) for row in rows],
            "open_gaps": [int(row[2]) for row in rows],
            "risk": [float(row[3]) if row[3] else None for row in rows],
            "rank": [1] * len(rows),
            "imd_quintile": [int(row[4]) for row in rows],
        },
        schema=OFFERS,
    )


def plan(slots: int, **more: object) -> dict[str, str]:
    made = place_offers(offers(), Capacity({"gp": slots}, weeks=1), **more)  # type: ignore[arg-type]
    return dict(made.select("patient_id", "place").iter_rows())


def test_urgent_and_owed_come_before_capacity_then_tier_gaps_risk() -> None:
    made = place_offers(offers(), Capacity({"gp": 4}, weeks=1))
    assert dict(zip(made.columns, made.dtypes, strict=True)) == OFFERS | PLAN
    assert made["patient_id"].to_list() == ["d", "e", "b", "f", "a", "c"]
    assert made["place"].to_list() == ["urgent", "owed", "planned", "planned", "waiting", "waiting"]
    assert made["slots_until_here"].to_list() == [1, 2, 3, 4, 5, 6]


def test_no_slots_still_place_whom_nobody_may_make_wait() -> None:
    assert plan(0) == {"d": "urgent", "e": "owed", "b": "waiting", "f": "waiting", "a": "waiting", "c": "waiting"}


def test_a_floor_brings_the_most_deprived_forward_and_says_so() -> None:
    made = place_offers(offers(), Capacity({"gp": 4}, weeks=1), floor=Floor(1.0))
    places = {row["patient_id"]: row for row in made.to_dicts()}
    assert (places["f"]["place"], places["c"]["place"], places["b"]["place"]) == ("planned", "planned", "waiting")
    assert places["c"]["by_floor"] is True
    assert (places["c"]["order"], places["c"]["order_without_floor"]) == (4, 6)
    assert places["f"]["by_floor"] is False


def test_a_holdout_needs_approval_and_only_acts_where_people_wait() -> None:
    with pytest.raises(ConfigError, match="approval_reference"):
        Holdout(share=0.1)
    everybody = Holdout(share=1.0, approval_reference="ethics 1")
    assert set(plan(100, holdout=everybody).values()) == {"urgent", "owed", "planned"}
    held = plan(3, holdout=Holdout(share=0.5, approval_reference="ethics 1", seed="s"))
    assert held["d"] == "urgent"
    assert held["e"] == "owed"
    free = plan(3)
    assert sum(place == "planned" for place in held.values()) == sum(place == "planned" for place in free.values())


def test_the_plan_says_whom_an_evaluation_can_compare() -> None:
    holdout = Holdout(share=0.5, approval_reference="ethics 1", seed="s")
    made = place_offers(offers(), Capacity({"gp": 4}, weeks=1), holdout=holdout)
    plain = place_offers(offers(), Capacity({"gp": 4}, weeks=1))
    had_place = set(plain.filter(pl.col("place").is_in(["urgent", "owed", "planned"]))["patient_id"])
    assert set(made.filter("has_place_undrawn")["patient_id"]) == had_place
    assert set(made.filter("is_drawn")["patient_id"]) == {p for p in made["patient_id"] if holdout.draws(p)}
    assert made.filter(pl.col("place") == "held_out")["is_drawn"].all()
    assert not plain["is_drawn"].any()


def test_a_floor_by_what_people_are_needs_an_approval() -> None:
    with pytest.raises(ConfigError, match="floor by sex needs approval_reference"):
        Floor(0.5, "sex", ("female",))
    people = offers().with_columns(sex=pl.Series(["male", "male", "female", "male", "male", "male"]))
    made = place_offers(people, Capacity({"gp": 3}, weeks=1), floor=[Floor(0.5, "sex", ("female",), "board 7")]).filter(
        pl.col("place") == "planned"
    )
    assert made["patient_id"].to_list() == ["c"]
    assert made["by_floor"].to_list() == [True]


def test_those_planned_last_time_hold_their_place_near_the_edge() -> None:
    before = pl.DataFrame({"patient_id": ["a"], "role": ["gp"]})
    assert plan(4)["a"] == "waiting"
    steady = plan(4, before=before, band=0.5)
    assert (steady["a"], steady["f"]) == ("planned", "waiting")
    far = pl.DataFrame({"patient_id": ["c"], "role": ["gp"]})
    assert plan(3, before=far, band=0.2)["c"] == "waiting"


PEOPLE = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(1, 4), st.sampled_from([None, 0.1, 0.5]), st.integers(1, 5), st.booleans(),
        st.booleans(), st.integers(1, 90),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(PEOPLE, st.integers(0, 30), st.floats(0, 1), st.randoms(use_true_random=False))
def test_every_plan_keeps_its_promises(people: list, slots: int, share: float, random: object) -> None:
    frame = pl.DataFrame(
        [
            (f"{place:03d}", "A81001", "gp", ["r"], minutes, urgent, owed, tier, gaps, risk, 1, quintile)
            for place, (tier, gaps, risk, quintile, urgent, owed, minutes) in enumerate(people)
        ],
        schema=OFFERS,
        orient="row",
    )
    made = place_offers(frame, Capacity({"gp": slots}, weeks=1), floor=Floor(share))
    shuffled = frame.sample(fraction=1, shuffle=True, seed=random.randint(0, 9))  # type: ignore[attr-defined]
    assert place_offers(shuffled, Capacity({"gp": slots}, weeks=1), floor=Floor(share)).equals(made)
    assert sorted(made["patient_id"]) == sorted(frame["patient_id"])
    forced = int(made.filter(pl.col("is_urgent") | pl.col("is_owed"))["slots"].sum())
    planned = made.filter(pl.col("place") == "planned")
    assert int(planned["slots"].sum()) <= max(0, slots - forced)
    if planned.height:
        waiting_deprived = made.filter((pl.col("place") == "waiting") & (pl.col("imd_quintile") == 1)).height
        have = planned.filter(pl.col("imd_quintile") == 1).height
        assert have >= share * planned.height - 1e-6 or waiting_deprived == 0
    assert made["order"].to_list() == list(range(1, made.height + 1))
    assert made["slots_until_here"].to_list() == made["slots"].cum_sum().to_list()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.booleans(), st.integers(1, 100)), min_size=1, max_size=30
    ),
    st.integers(0, 40),
    st.floats(0.05, 1),
)
def test_what_a_floor_cost_is_what_two_plans_differ_by(
    people: list[tuple[int, int, bool, int]], slots: int, share: float
) -> None:
    """Offers of one to four slots: the last may not fit, and leave slots that nobody uses."""
    rows = offers("head\n" + "\n".join(f"p{n:02d} | {tier} | 1 | | {fifth} | {str(urgent and n % 5 == 0).lower()} | false"
                                       for n, (tier, fifth, urgent, _) in enumerate(people)))  # fmt: skip
    rows = rows.with_columns(minutes=pl.Series([minutes for *_, minutes in people], dtype=pl.Int32))
    capacity, floor = Capacity({"gp": slots}, weeks=1), Floor(share)
    with_floor, without = place_offers(rows, capacity, floor=floor), place_offers(rows, capacity)
    planned, plain = (
        set(plan.filter(pl.col("place") == "planned")["patient_id"].to_list()) for plan in (with_floor, without)
    )
    cost = plan_counts(with_floor, capacity, (floor,), Holdout())["floor"]
    assert (cost["brought_in"], cost["made_to_wait"]) == (len(planned - plain), len(plain - planned))


@pytest.mark.parametrize("slots", [{}, {"gp": 4}], ids=["no team", "a team"])
def test_a_plan_of_nobody_costs_nothing(slots: dict[str, int]) -> None:
    capacity = Capacity(slots, weeks=1)
    cost = plan_counts(place_offers(offers().clear(), capacity), capacity, (), Holdout())["floor"]
    assert (cost["brought_in"], cost["made_to_wait"], cost["people_put_back"]) == (0, 0, 0)
