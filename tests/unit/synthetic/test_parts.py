"""The small parts of the generator beside slow twins of theirs."""

from __future__ import annotations

import math
from datetime import date
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pophealth.errors import CodelistError, UsageError
from pophealth.reference import load_library
from pophealth.synthetic.arrays import Timeline, pick, spread, stream, upper_tail
from pophealth.synthetic.calibrate import _cut, fill, lend
from pophealth.synthetic.codes import CodeBook, pointer_codes
from pophealth.synthetic.course import _ages
from pophealth.synthetic.ledger import Ledger, in_order
from pophealth.synthetic.numbers import block_size, check_digits, nhs_numbers
from pophealth.synthetic.people import STRATA, quotas
from pophealth.synthetic.volumes import volume_for
from pophealth.synthetic.write import record_ids, texts

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
"""The machine may be busy with other tests; how long an example takes says nothing here."""


@calm
@given(st.floats(-8, 8))
def test_upper_tail_is_that_of_the_normal(z: float) -> None:
    assert upper_tail(np.array([z]))[0] == pytest.approx(1 - NormalDist().cdf(z), abs=2e-7)


@calm
@given(st.lists(st.integers(0, 5), max_size=20))
def test_spread_repeats_each_place_and_counts_within_it(counts: list[int]) -> None:
    who, number = spread(np.array(counts, np.int64))
    expected = [(place, turn) for place, count in enumerate(counts) for turn in range(count)]
    assert list(zip(who.tolist(), number.tolist(), strict=True)) == expected


def test_pick_draws_by_weight() -> None:
    drawn = pick(np.random.default_rng(1), np.array([1.0, 0.0, 3.0]), 20_000)
    assert np.bincount(drawn, minlength=3)[1] == 0
    assert (drawn == 2).mean() == pytest.approx(0.75, abs=0.02)


def test_streams_differ_by_seed_network_and_purpose() -> None:
    keys = [(1, 0, "a"), (2, 0, "a"), (1, 1, "a"), (1, 0, "b")]
    assert len({stream(*key).random() for key in keys}) == len(keys)
    assert stream(1, 0, "a").random() == stream(1, 0, "a").random()


@calm
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5_000, 20_000)), max_size=50))
def test_rows_are_ordered_by_person_then_day_then_as_they_came(rows: list[tuple[int, int]]) -> None:
    person, day = (np.array([row[column] for row in rows], np.int32) for column in (0, 1))
    assert in_order(person, day).tolist() == sorted(range(len(rows)), key=lambda place: (*rows[place], place))


def test_too_many_people_for_one_network_are_refused() -> None:
    with pytest.raises(UsageError, match="more networks"):
        in_order(np.array([1 << 20]), np.array([0]))


def test_a_ledger_keeps_rows_within_a_life() -> None:
    ledger = Ledger(np.array([10, 10], np.int32), np.array([20, 15], np.int32))
    ledger.add("events", np.array([0, 0, 1, 1]), np.array([9, 20, 15, 16]), place=np.array([1, 2, 3, 4]), repeat=1)
    sheet = ledger.sheets["events"]
    assert sheet.column("place", -1).tolist() == [2, 3]
    assert sheet.column("repeat", -1).tolist() == [1, 1]
    assert sheet.column("unit", -1).tolist() == [-1, -1]
    assert ledger.height() == ledger.height("events") == 2


@calm
@given(st.data())
def test_fill_takes_candidates_in_order_until_a_quota_is_full(data) -> None:
    size = data.draw(st.integers(1, 40))
    stratum = np.array(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)))
    registered = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    quota = np.zeros(STRATA, np.int64)
    quota[:3] = data.draw(st.lists(st.integers(0, 8), min_size=3, max_size=3))
    kept, left = [], quota.copy()
    for place in range(size):  # the slow twin
        if left[stratum[place]] > 0:
            kept.append(place)
            left[stratum[place]] -= registered[place]
    assert fill(stratum, registered, quota).tolist() == kept


def test_what_the_oldest_cannot_fill_goes_to_the_next_younger_of_their_sex() -> None:
    quota, available = np.zeros(STRATA, np.int64), np.zeros(STRATA, np.int64)
    quota[[10, 12, 13]], available[[8, 10, 12, 13]] = [2, 5, 1], [9, 3, 1, 1]
    lent = lend(quota, available)
    assert lent[[8, 10, 12, 13]].tolist() == [3, 3, 1, 1]
    assert lent.sum() == quota.sum()


@calm
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=50, unique=True), st.integers(0, 60))
def test_the_scale_cuts_off_as_many_as_wanted(thousandths: list[int], target: int) -> None:
    critical = [place / 1_000 for place in thousandths]
    scale = _cut(np.array(critical), target)
    reached = sum(value <= scale for value in critical)
    assert reached == min(target, len(critical) - 1)


@calm
@given(st.integers(200, 60_000))
def test_quotas_add_up(patients: int) -> None:
    assert quotas(patients).sum() == patients
    assert quotas(patients).min() >= 0


@calm
@given(st.dates(date(1925, 1, 1), date(2024, 12, 31)), st.dates(date(2016, 1, 1), date(2025, 12, 31)))
def test_ages_are_whole_years_on_the_first_thirteen_month_ends(born: date, index: date) -> None:
    timeline = Timeline(index, 1, 0)
    ages = _ages(np.array([(born - date(1970, 1, 1)).days], np.int32), timeline)[:, 0]
    for end, age in zip(timeline.ends[:13].astype("datetime64[D]").tolist(), ages, strict=True):
        expected = end.year - born.year - ((end.month, end.day) < (born.month, born.day))
        assert age == expected


@calm
@given(st.integers(0, 40), st.integers(1, 400))
def test_nhs_numbers_are_test_numbers_with_valid_check_digits_and_all_different(network: int, people: int) -> None:
    numbers = nhs_numbers(network, block_size(people), people)
    assert len(numbers) == people
    assert None not in numbers
    assert len(set(numbers)) == people
    for number in numbers:
        assert number.startswith("999")
        total = sum(int(digit) * weight for digit, weight in zip(number[:9], range(10, 1, -1), strict=True))
        assert (11 - total % 11) % 11 == int(number[9])


def test_networks_share_no_nhs_number_and_the_range_ends() -> None:
    size = block_size(68_000)
    first, second = (set(nhs_numbers(number, size, 60_000)) for number in (0, 1))
    assert first.isdisjoint(second)
    assert set(nhs_numbers(20, size, 50)) == {None}


def test_a_known_check_digit() -> None:
    digits, valid = check_digits(np.array([1]))  # 999000001 -> weights give 9*10+9*9+9*8+1*2 = 245; 11 - 245 % 11 = 8
    assert "".join(map(str, digits[0])) == "9990000018"
    assert valid[0]


def test_record_ids_count_up_at_one_width() -> None:
    assert record_ids("E", 12, 3).to_pylist() == ["E001200000001", "E001200000002", "E001200000003"]
    assert record_ids("E", 12, 0).to_pylist() == []


def test_texts_keep_only_labels_in_use() -> None:
    found = texts(np.array([2, -1, 0, 2]), ("a", "b", "c"))
    assert found.to_pylist() == ["c", None, "a", "c"]
    assert found.dictionary.to_pylist() == ["a", "c"]


def test_a_book_fills_pointers_and_knows_only_its_codes() -> None:
    book = CodeBook(load_library())
    assert [book.codes[place] for place in book.of_list("fit_declined").places] == list(pointer_codes("fit_declined"))
    assert book.codes[book.one("falls", "1912002")] == "1912002"
    with pytest.raises(CodelistError, match="not in it"):
        book.one("falls", "44054006")
    with pytest.raises(CodelistError, match="in no codelist"):
        book.place("12345", "SNOMED")


def test_longer_records_reach_further_back() -> None:
    short, long = volume_for(60, 10), volume_for(285, 10)
    assert short.medication_years < long.medication_years <= 10
    assert short.laboratory_rows < long.laboratory_rows
    assert volume_for(285, 2).medication_years == 2
    assert math.isclose(volume_for(60, 10).medication_years, 1.15)
