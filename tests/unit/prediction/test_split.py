"""No person on both sides, none but earlier dates to learn from, every late row foretold once."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.declare.model_parts import Validation
from pophealth.errors import DataContractError
from pophealth.prediction.split import by_network, by_person_and_time, folds_of, network_groups, with_folds

DATES = [date(2020, 1, 31), date(2020, 7, 31), date(2021, 1, 31)]

FRAMES = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(DATES), st.sampled_from(["U1", "U2", "U3"])),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[:2],
).map(
    lambda rows: pl.DataFrame(
        {
            "patient_id": [f"p{who:02d}" for who, _, _ in rows],
            "index_date": [day for _, day, _ in rows],
            "network_code": [network for _, _, network in rows],
        }
    )
)


@settings(deadline=None)
@given(frame=FRAMES, folds=st.integers(2, 5), seed=st.integers(0, 99))
def test_no_person_is_on_both_sides_and_late_rows_are_foretold_once(frame: pl.DataFrame, folds: int, seed: int) -> None:
    validation = Validation(folds=folds, seed=seed)
    if frame["index_date"].n_unique() == 1:
        return
    dealt = with_folds(frame, validation)
    assert dealt.group_by("patient_id").agg(pl.col("fold").n_unique())["fold"].max() == 1
    last = frame["index_date"].max()
    tested = pl.Series([0] * frame.height)
    for split in by_person_and_time(dealt, validation):
        learn, test = dealt.filter(split.learn), dealt.filter(split.test)
        assert not set(learn["patient_id"]) & set(test["patient_id"])
        assert learn.filter(pl.col("index_date") >= last).is_empty()
        assert test.filter(pl.col("index_date") < last).is_empty()
        tested += split.test.cast(pl.Int64)
    assert tested.to_list() == [int(day == last) for day in frame["index_date"]]


@settings(deadline=None)
@given(frame=FRAMES)
def test_a_network_is_foretold_by_people_never_in_it(frame: pl.DataFrame) -> None:
    if frame["index_date"].n_unique() == 1:
        return
    for split in by_network(with_folds(frame, Validation()), Validation()):
        learn, test = frame.filter(split.learn), frame.filter(split.test)
        assert not set(learn["network_code"]) & set(test["network_code"])
        assert not set(learn["patient_id"]) & set(test["patient_id"])


def test_a_fold_depends_on_the_person_alone() -> None:
    few, many = (folds_of(pl.Series([f"p{n}" for n in range(count)]), folds=5, seed=3) for count in (50, 500))
    both = few.join(many, on="patient_id", suffix="_of_many")
    assert both.height == 50
    assert (both["fold"] == both["fold_of_many"]).all()
    assert many["fold"].value_counts()["count"].min() > 60  # 100 each, give or take chance
    other = folds_of(pl.Series([f"p{n}" for n in range(50)]), folds=5, seed=4)
    assert not few.equals(other)


def test_more_networks_than_fits_are_dealt_into_groups() -> None:
    codes = pl.Series([f"U{number:05d}" for number in range(10)] * 2)
    groups = network_groups(codes, 4)
    assert [len(group) for group in groups] == [3, 3, 2, 2]
    assert sorted(code for group in groups for code in group) == sorted(set(codes))
    assert network_groups(pl.Series(["U1", "U1"]), 4) == []


def test_nothing_to_learn_from_is_refused() -> None:
    frame = pl.DataFrame({"patient_id": ["a", "b"], "index_date": DATES[:2], "network_code": ["U1", "U1"]})
    with pytest.raises(DataContractError, match="2 of 2 index dates are kept for testing"):
        list(by_person_and_time(with_folds(frame, Validation()), Validation(test_dates=2)))


def test_one_date_is_split_by_person_alone() -> None:
    frame = pl.DataFrame(
        {"patient_id": [f"p{n}" for n in range(40)], "index_date": DATES[:1] * 40, "network_code": "U1"}
    )
    splits = list(by_person_and_time(with_folds(frame, Validation()), Validation()))
    assert sum(int(split.test.sum()) for split in splits) == 40
    assert all(int((split.learn & split.test).sum()) == 0 for split in splits)
