"""What happened after an index date: windows half-open, censoring, first events only, by hand and against a slow twin."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.declare.model import OutcomeSpec
from pophealth.declare.window import months_before
from pophealth.errors import DataContractError
from pophealth.prediction.outcome import follow_up, outcomes_after

DAY = date(2020, 1, 31)
END = date(2021, 1, 31)
WITH_DEATH = OutcomeSpec("emergency_admission_or_death", 12)
WITHOUT = OutcomeSpec("emergency_admission", 12)
DATES = {"patient_id": pl.String, "date": pl.Date}


def told(outcome: OutcomeSpec, *, happened=(), death=None, left=None, known_to=END) -> tuple[bool, float, str]:
    found = outcomes_after(
        pl.DataFrame({"patient_id": ["a"], "index_date": [DAY]}),
        outcome,
        known_to=known_to,
        happened=pl.DataFrame({"patient_id": ["a"] * len(happened), "date": list(happened)}, DATES),
        deaths=pl.DataFrame(
            {"patient_id": ["a"], "death_date": [death]}, {"patient_id": pl.String, "death_date": pl.Date}
        ),
        followed_to=pl.DataFrame(
            {"patient_id": ["a"], "index_date": [DAY], "followed_to": [left]},
            {"patient_id": pl.String, "index_date": pl.Date, "followed_to": pl.Date},
        ),
    )
    return found.row(0)[2:]


@pytest.mark.parametrize(
    ("happened", "death", "left", "outcome", "event", "ended_by"),
    [
        ([], None, None, WITH_DEATH, False, "window"),
        ([DAY], None, None, WITH_DEATH, False, "window"),  # on the index date: known already
        ([DAY + timedelta(1)], None, None, WITH_DEATH, True, "event"),
        ([END], None, None, WITH_DEATH, True, "event"),  # the last day is inside
        ([END + timedelta(1)], None, None, WITH_DEATH, False, "window"),
        ([], END, None, WITH_DEATH, True, "event"),
        ([], END, None, WITHOUT, False, "death"),
        ([date(2020, 6, 1)], date(2020, 5, 1), None, WITHOUT, False, "death"),  # a record after death is a slip
        ([date(2020, 5, 1)], date(2020, 5, 1), None, WITHOUT, True, "event"),
        ([], None, date(2020, 5, 1), WITH_DEATH, False, "left"),
        ([date(2020, 6, 1)], None, date(2020, 5, 1), WITH_DEATH, False, "left"),
        ([date(2020, 5, 1)], None, date(2020, 5, 1), WITH_DEATH, True, "event"),
        ([date(2019, 5, 1), date(2020, 5, 1)], None, None, WITH_DEATH, True, "event"),
    ],
)
def test_by_hand(happened, death, left, outcome, event, ended_by) -> None:
    found = told(outcome, happened=happened, death=death, left=left)
    assert (found[0], found[2]) == (event, ended_by)


def test_months_at_risk_are_shares_of_the_window() -> None:
    assert told(WITH_DEATH)[1] == 12.0
    assert told(WITH_DEATH, happened=[END])[1] == 12.0
    assert told(WITH_DEATH, happened=[DAY + timedelta(183)])[1] == pytest.approx(12 * 183 / 366)


def test_a_window_that_is_not_over_is_refused() -> None:
    with pytest.raises(
        DataContractError, match="1 of 1 index dates have a window of 12 months that ends after 2021-01-30"
    ):
        told(WITH_DEATH, known_to=END - timedelta(1))


PEOPLE = st.sampled_from("abc")
OFFSETS = st.integers(-800, 800)


@settings(deadline=None)
@given(
    happened=st.lists(st.tuples(PEOPLE, OFFSETS), max_size=8),
    deaths=st.dictionaries(PEOPLE, OFFSETS, max_size=3),
    left=st.dictionaries(PEOPLE, st.integers(1, 800), max_size=3),
    outcome=st.sampled_from([WITH_DEATH, WITHOUT]),
)
def test_as_the_slow_twin_says(happened, deaths, left, outcome) -> None:
    days = [date(2019, 1, 31), DAY]
    rows = pl.DataFrame([{"patient_id": who, "index_date": day} for who in "bca" for day in days])
    rows = rows.filter(~pl.col("patient_id").is_in([who for who, after in deaths.items() if after <= 0])).with_columns(
        pl.col("patient_id").cast(pl.String), pl.col("index_date").cast(pl.Date)
    )
    found = outcomes_after(
        rows,
        outcome,
        known_to=END,
        happened=pl.DataFrame(
            {"patient_id": [who for who, _ in happened], "date": [DAY + timedelta(d) for _, d in happened]}, DATES
        ),
        deaths=pl.DataFrame(
            {"patient_id": list(deaths), "death_date": [DAY + timedelta(d) for d in deaths.values()]},
            {"patient_id": pl.String, "death_date": pl.Date},
        ),
        followed_to=rows.with_columns(
            followed_to=pl.col("patient_id").replace_strict(
                {who: DAY + timedelta(d) for who, d in left.items()}, default=None, return_dtype=pl.Date
            )
        ),
    )
    assert found.select("patient_id", "index_date").equals(rows)
    for who, day, event, months, ended_by in found.iter_rows():
        end = months_before(day, -12)
        gone = DAY + timedelta(left[who]) if who in left else date.max
        died = DAY + timedelta(deaths[who]) if who in deaths else date.max
        dates = [DAY + timedelta(d) for name, d in happened if name == who and DAY + timedelta(d) <= died]
        if outcome is WITH_DEATH and who in deaths:
            dates.append(died)
        first = min((d for d in dates if d > day), default=date.max)
        if first <= min(end, gone):
            expected = ("event", first)
        elif died <= min(end, gone):
            expected = ("death", died)
        else:
            expected = ("left", gone) if gone <= end else ("window", end)
        assert (event, ended_by) == (expected[0] == "event", expected[0])
        assert months == pytest.approx(12 * (expected[1] - day).days / (end - day).days)
        assert 0 < months <= 12


STAYS = {"patient_id": pl.String, "start_date": pl.Date, "end_date": pl.Date}


@pytest.mark.parametrize(
    ("stays", "followed_to"),
    [
        ([("2019-01-01", None)], None),
        ([("2019-01-01", "2020-06-01")], "2020-06-01"),
        ([("2019-01-01", "2020-06-01"), ("2020-06-01", None)], None),  # another practice from that very day on
        ([("2019-01-01", "2020-06-01"), ("2020-06-02", None)], "2020-06-01"),  # a day without a practice
        ([("2019-01-01", "2020-06-01"), ("2019-03-01", "2020-03-01")], "2020-06-01"),
        ([("2010-01-01", "2012-01-01"), ("2019-01-01", "2020-06-01")], "2020-06-01"),
    ],
)
def test_follow_up_goes_on_while_stays_touch(stays, followed_to) -> None:
    frame = pl.DataFrame(
        [
            {
                "patient_id": "a",
                "start_date": date.fromisoformat(start),
                "end_date": date.fromisoformat(end) if end else None,
            }
            for start, end in stays
        ],
        STAYS,
    )
    found = follow_up(pl.DataFrame({"patient_id": ["a"], "index_date": [DAY]}), frame)
    assert found["followed_to"].to_list() == [date.fromisoformat(followed_to) if followed_to else None]


def test_nobody_keeps_the_schema() -> None:
    rows = pl.DataFrame(schema={"patient_id": pl.String, "index_date": pl.Date})
    followed = follow_up(rows, pl.DataFrame(schema=STAYS))
    found = outcomes_after(
        rows,
        WITH_DEATH,
        known_to=END,
        happened=pl.DataFrame(schema=DATES),
        deaths=pl.DataFrame(schema={"patient_id": pl.String, "death_date": pl.Date}),
        followed_to=followed,
    )
    assert found.columns == ["patient_id", "index_date", "event", "months_at_risk", "ended_by"]
    assert found.is_empty()
