"""What is wrong by construction if forgotten: late rows, long stays, padding bits, the last person, empty lists."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from features_world import Row, Stay, plan_of, postings_of, shards_of
from pophealth.declare import parse_feature
from pophealth.errors import DeclarationError, IntegrityError, UsageError
from pophealth.features import evaluate, evaluate_dates
from pophealth.kernels.postings import Shard
from pophealth.terms import EARLIEST_DAY

INDEX = date(2024, 2, 29)
YEAR = "2023-24"


def number(day: date) -> int:
    return (day - EARLIEST_DAY).days


def row(day: date, table: str = "events", person: int = 0, recorded: date | None = None, **more: Any) -> Row:
    return Row(table, person, number(day), number(recorded or day), more.pop("concept", 9), **more)


def ask(
    rows: list[Row], table: dict[str, Any], *, stays: list[Stay] | None = None, people: int = 1, index: date = INDEX
) -> list[Any]:
    """Give the feature's first column for everyone."""
    feature = parse_feature("f", {"source": "made up", "codelist": "wide"} | table)
    plan = plan_of(dict.fromkeys(feature.outputs, feature))
    frame = pl.DataFrame({"patient_id": [str(person) for person in range(people)]})
    return evaluate(plan, shards_of((rows, stays or []), people), frame, index, YEAR)["f"].to_list()


@pytest.mark.parametrize("lag", [0, 1, 253, 254, 255, 256, 5_000])
def test_a_row_counts_from_the_day_it_was_recorded(lag: int) -> None:
    day = date(2010, 1, 1)
    rows = [row(day, recorded=day + timedelta(days=lag))]
    for kind in ("has", "count", "first_date", "distinct_days"):
        seen, unseen = (ask(rows, {"kind": kind}, index=day + timedelta(days=lag + step)) for step in (0, -1))
        assert (bool(seen[0]), bool(unseen[0])) == (True, False), kind


def test_half_open_windows_clip_to_the_last_day_of_a_month() -> None:
    for day, inside in ((date(2023, 2, 28), False), (date(2023, 3, 1), True), (INDEX, True), (date(2024, 3, 1), False)):
        assert ask([row(day)], {"kind": "has", "window": "12m"}) == [inside], day
    assert ask([row(date(2020, 2, 29))], {"kind": "latest_date"}) == [date(2020, 2, 29)]


def test_a_stay_longer_than_any_window_owes_its_nights() -> None:
    stay = Stay("spells", 0, number(date(1990, 1, 1)), 0, 0x21)
    asked = {"kind": "bed_days", "window": "365d", "codelist": None, "method": "2"}
    assert ask([], asked, stays=[stay]) == [365]
    assert ask([], asked, stays=[stay._replace(last=number(date(2024, 2, 1)))]) == [365 - 28]


@pytest.mark.parametrize("people", [1, 7, 8, 9, 63, 64, 65, 1_001])
def test_bits_after_the_last_person_are_clear(people: int) -> None:
    rows = [row(INDEX, person=person) for person in range(people)]
    feature = parse_feature("f", {"kind": "has", "codelist": "wide", "source": "made up"})
    frame = pl.DataFrame({"patient_id": [str(person) for person in range(people)]})
    given = evaluate(plan_of({"f": feature}), shards_of((rows, []), people), frame, INDEX, YEAR)
    assert given["f"].sum() == people
    bits = np.frombuffer(given.to_arrow()["f"].chunk(0).buffers()[1], np.uint8)
    assert int(np.unpackbits(bits).sum()) == people


def test_the_last_person_of_a_full_shard() -> None:
    size = 65_536
    made = postings_of([row(INDEX, person=size - 1)])
    feature = parse_feature("f", {"kind": "count", "codelist": "wide", "source": "made up"})
    people = pl.DataFrame({"patient_id": np.arange(size)}).cast(pl.String)
    given = evaluate(plan_of({"f": feature}), [Shard(0, size, {"events": made}, {})], people, INDEX, YEAR)["f"]
    assert given.sum() == given[size - 1] == 1


def test_a_person_of_200_000_records_and_one_of_none() -> None:
    many = 200_000
    random = np.random.default_rng(1)
    days = number(date(2000, 1, 1)) + random.integers(0, 3_000, many)
    rows = [Row("measurements", 1, int(day), int(day), 9, value=float(day % 7)) for day in days]
    assert ask(rows, {"kind": "count", "table": "measurements"}, people=3) == [0, many, 0]
    assert ask(rows, {"kind": "distinct_days", "table": "measurements"}, people=3) == [0, len(set(days.tolist())), 0]
    mean = ask(rows, {"kind": "mean_value"}, people=3)
    assert mean[0] is mean[2] is None
    assert mean[1] == pytest.approx(float(np.mean(days % 7)))
    same_day = [one._replace(day=rows[0].day, recorded=rows[0].day) for one in rows]
    assert ask(same_day, {"kind": "latest_pair", "paired_with": "wide", "outputs": ["f", "g"]}, people=3)[1] == 0.0
    spells = [Stay("spells", 1, day, day + 1, 0x21) for day in sorted(days.tolist())]
    asked = {"kind": "readmission_count", "days": 30, "codelist": None}
    assert ask([], asked, stays=spells, people=3)[1] >= many - len(set(days.tolist()))


def test_before_all_rows_nothing_is_seen() -> None:
    assert ask([row(INDEX)], {"kind": "has"}, index=date(1900, 1, 1)) == [False]
    assert ask([row(INDEX)], {"kind": "latest_date"}, index=date(1890, 1, 1)) == [None]


def test_codes_that_nobody_has() -> None:
    assert ask([row(INDEX, concept=22)], {"kind": "count", "codelist": "rare"}) == [
        0
    ]  # one of its codes is in no dictionary


def test_tables_without_a_row_and_no_people_at_all() -> None:
    feature = parse_feature("f", {"kind": "has", "codelist": "wide", "source": "made up"})
    plan = plan_of({"f": feature})
    two = pl.DataFrame({"patient_id": ["0", "1"]})
    assert evaluate(plan, [Shard(0, 2, {}, {})], two, INDEX, YEAR)["f"].to_list() == [False, False]
    for shards in ([], [Shard(0, 0, {}, {})]):
        assert evaluate(plan, shards, two.clear(), INDEX, YEAR).schema == {"f": pl.Boolean}


def test_refusals_by_name() -> None:
    feature = parse_feature("f", {"kind": "has", "codelist": "wide", "source": "made up"})
    plan = plan_of({"f": feature})
    one = pl.DataFrame({"patient_id": ["0"]})
    other = Shard(0, 1, {"events": postings_of([row(INDEX)], n_concepts=30)}, {})
    with pytest.raises(IntegrityError, match=r"events: written with 30 concepts.*dictionary of 24"):
        evaluate(plan, [other], one, INDEX, YEAR)
    swapped = other._replace(postings={"events": postings_of([row(INDEX)])}, dictionaries={"events": "0" * 64})
    with pytest.raises(IntegrityError, match=r"events: written with another dictionary of concepts \(digest 0000"):
        evaluate(plan, [swapped], one, INDEX, YEAR)
    same = swapped._replace(dictionaries=plan.dictionaries)
    assert evaluate(plan, [same], one, INDEX, YEAR)["f"].to_list() == [True]
    with pytest.raises(UsageError, match="shards hold 2 people, the bucket 1"):
        evaluate(plan, [Shard(0, 2, {}, {})], one, INDEX, YEAR)
    with pytest.raises(UsageError, match="each later than the one before"):
        next(evaluate_dates(plan, [Shard(0, 1, {}, {})], one, [INDEX, INDEX], [YEAR, YEAR]))
    with pytest.raises(UsageError, match="2 dates for 1 contract years"):
        next(evaluate_dates(plan, [Shard(0, 1, {}, {})], one, [INDEX, date(2025, 1, 1)], [YEAR]))
    for table in ({"kind": "has", "table": "spells"}, {"kind": "current_repeat", "tables": ["events"]}):
        wrong = parse_feature("f", {"codelist": "wide", "source": "made up"} | table)
        with pytest.raises(DeclarationError, match="feature f"):
            plan_of({"f": wrong})
    with pytest.raises(DeclarationError, match="unknown tables"):
        parse_feature("f", {"kind": "has", "table": "letters", "codelist": "wide", "source": "made up"})


def test_readmissions_of_a_person_of_many_stays_are_those_of_few() -> None:
    random = np.random.default_rng(4)
    start = number(date(2023, 6, 1))
    for seed in range(6):
        first = np.sort(start + random.integers(0, 60, 100))
        stays = [Stay("spells", 0, int(day), int(day + random.choice([0, 0, 1, 9])), 0x21) for day in first]
        ordered = sorted(stays, key=lambda stay: (stay.first, stay.last))
        expected = sum(
            any(0 <= stay.first - one.last <= seed for one in ordered[:place]) for place, stay in enumerate(ordered)
        )
        asked = {"kind": "readmission_count", "days": seed, "codelist": None}
        assert ask([], asked, stays=ordered) == [expected]
