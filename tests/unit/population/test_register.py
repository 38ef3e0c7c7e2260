"""Who counts on a date: against a plain walk person by person, and the cases a clerk would argue about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.population import BASE_COLUMNS, registered
from pophealth.population.register import REASONS
from pophealth.terms import LegalBasis

PRACTICE, OTHER = "A81001", "A81002"
INDEX = date(2025, 1, 31)

PEOPLE = {
    "patient_id": pl.String, "birth_date": pl.Date, "sex": pl.Enum(["female", "male", "indeterminate", "not_known"]),
    "lsoa_code": pl.String, "lsoa_vintage": pl.Int16, "death_date": pl.Date,
}  # fmt: skip
STAYS = {
    "patient_id": pl.String, "practice_code": pl.String, "start_date": pl.Date, "end_date": pl.Date,
    "registration_type": pl.Enum(["regular", "temporary", "private", "other"]),
}  # fmt: skip
OBJECTIONS = {
    "patient_id": pl.String, "opt_out_type": pl.Enum(["type_1", "national"]), "start_date": pl.Date, "end_date": pl.Date,
}  # fmt: skip
AREAS = pl.DataFrame(
    [("E01000001", 2011, 2019, 1, 9), ("E01000001", 2021, 2025, 1, 8), ("E01000002", 2021, 2025, 1, 1)],
    schema={
        "lsoa_code": pl.String, "lsoa_vintage": pl.Int16, "imd_edition": pl.Int16, "imd_rank": pl.Int32,
        "imd_decile": pl.Int8,
    },
    orient="row",
)  # fmt: skip


def table(rows: list[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def count_in(
    people: list[tuple[Any, ...]],
    stays: list[tuple[Any, ...]],
    objections: list[tuple[Any, ...]] | None = None,
    *,
    on: date = INDEX,
    basis: LegalBasis = LegalBasis.SECTION_251,
    areas: pl.DataFrame | None = AREAS,
) -> tuple[pl.DataFrame, dict[str, int]]:
    return registered(
        table(people, PEOPLE),
        table(stays, STAYS),
        table(objections or [], OBJECTIONS),
        index_date=on,
        practice=PRACTICE,
        legal_basis=basis,
        areas=areas,
    )


def person(name: str = "p", born: date = date(1950, 6, 15), died: date | None = None, **more: Any) -> tuple[Any, ...]:
    return (name, born, more.get("sex", "female"), more.get("lsoa"), more.get("vintage"), died)


def stay(
    start: date = date(2000, 1, 1),
    end: date | None = None,
    kind: str = "regular",
    practice: str = PRACTICE,
    name: str = "p",
) -> tuple[Any, ...]:
    return (name, practice, start, end, kind)


# --- the slow twin ----------------------------------------------------------------------------------------------------


def twin(
    people: list[tuple[Any, ...]],
    stays: list[tuple[Any, ...]],
    objections: list[tuple[Any, ...]],
    on: date,
    basis: LegalBasis,
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """One person after the other, as the words of the specification say it."""
    rows: list[dict[str, Any]] = []
    counts = {"people": len(people)} | dict.fromkeys(REASONS, 0)
    for place, (name, born, sex, lsoa, vintage, died) in enumerate(people):
        here = [
            (kind == "regular", start)
            for who, practice, start, end, kind in stays
            if who == name and practice == PRACTICE and start <= on and (end is None or on < end)
        ]
        objects = any(who == name and start <= on and (end is None or on < end) for who, _, start, end in objections)
        if died is not None and died <= on:
            counts["died"] += 1
        elif born > on:
            counts["not_born"] += 1
        elif not here:
            counts["not_registered"] += 1
        elif not any(regular for regular, _ in here):
            counts["not_regular"] += 1
        elif objects and basis is LegalBasis.SECTION_251:
            counts["opted_out"] += 1
        else:
            since = min(start for regular, start in here if regular)
            decile = {("E01000001", 2011): 9, ("E01000001", 2021): 8, ("E01000002", 2021): 1}.get((lsoa, vintage))
            rows.append(
                {
                    "person": place, "patient_id": name, "practice_code": PRACTICE, "sex": sex, "birth_date": born,
                    "age_years": years(born, on), "age_31_march_years": years(born, next_31_march(on)),
                    "months_registered": months(since, on), "lsoa_code": lsoa, "imd_decile": decile,
                    "imd_quintile": None if decile is None else -(-decile // 2),
                }
            )  # fmt: skip
    return rows, counts | {"registered": len(rows)}


def years(born: date, on: date) -> int:
    """Birthdays had: counted one by one; the 29th of February is had on 1 March of other years."""
    had = 0
    while True:
        year = born.year + had + 1
        try:
            birthday = born.replace(year=year)
        except ValueError:
            birthday = date(year, 3, 1)
        if birthday > on:
            return had
        had += 1


def months(since: date, on: date) -> int:
    """Whole months: the same day of the month counts, and a day the month does not have is had at its end's morrow."""
    had = 0
    while True:
        month = since.month - 1 + had + 1
        year, month = since.year + month // 12, month % 12 + 1
        if (year, month, since.day) > (on.year, on.month, on.day):
            return had
        had += 1


def next_31_march(on: date) -> date:
    return date(on.year if (on.month, on.day) <= (3, 31) else on.year + 1, 3, 31)


NAMES = ["a", "b", "c"]
NEAR = st.integers(-800, 800).map(lambda days: INDEX + timedelta(days=days))
BORN = st.dates(date(1900, 1, 2), date(2025, 3, 1)) | st.just(date(1996, 2, 29)) | NEAR


@st.composite
def practices(draw: st.DrawFn) -> tuple[Any, ...]:
    people = [
        (
            name,
            draw(BORN),
            draw(st.sampled_from(["female", "male", "indeterminate", "not_known"])),
            draw(st.sampled_from([None, "E01000001", "E01000002", "W01000001"])),
            draw(st.sampled_from([None, 2011, 2021])),
            draw(st.none() | NEAR),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]
    kinds = st.sampled_from(["regular", "regular", "temporary", "private", "other"])
    stays = [
        (draw(st.sampled_from(NAMES)), draw(st.sampled_from([PRACTICE, PRACTICE, OTHER])), start, end, draw(kinds))
        for start, end in draw(st.lists(st.tuples(NEAR, st.none() | NEAR), max_size=6))
    ]
    objections = [
        (draw(st.sampled_from(NAMES)), draw(st.sampled_from(["type_1", "national"])), start, end)
        for start, end in draw(st.lists(st.tuples(NEAR, st.none() | NEAR), max_size=3))
    ]
    return people, stays, objections


@settings(max_examples=200, deadline=None)
@given(rows=practices(), on=NEAR, basis=st.sampled_from(list(LegalBasis)))
def test_it_is_what_a_walk_person_by_person_gives(rows: tuple[Any, ...], on: date, basis: LegalBasis) -> None:
    people, stays, objections = rows
    frame, counts = count_in(people, stays, objections, on=on, basis=basis)
    expected, expected_counts = twin(people, stays, objections, on, basis)
    assert frame.to_dicts() == expected
    assert counts == expected_counts
    assert sum(counts[reason] for reason in REASONS) + counts["registered"] == counts["people"]
    assert frame.schema == BASE_COLUMNS


# --- cases ------------------------------------------------------------------------------------------------------------


def reason(*stays: tuple[Any, ...], died: date | None = None, born: date = date(1950, 6, 15)) -> str:
    _, counts = count_in([person(died=died, born=born)], list(stays))
    return next(name for name in (*REASONS, "registered") if counts[name])


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("stays", "died", "said"),
    [
        ([stay(INDEX)], None, "registered"),  # registered on the day
        ([stay(INDEX + DAY)], None, "not_registered"),
        ([stay(end=INDEX)], None, "not_registered"),  # the end is the first day outside
        ([stay(end=INDEX + DAY)], None, "registered"),
        ([stay(INDEX, INDEX)], None, "not_registered"),  # a stay of no day
        ([stay()], INDEX, "died"),  # dead on the day is dead
        ([stay()], INDEX + DAY, "registered"),
        ([stay(end=INDEX)], INDEX - DAY, "died"),  # the first reason that holds
        ([stay(kind="temporary")], None, "not_regular"),
        ([stay(kind="private")], None, "not_regular"),
        ([stay(kind="other")], None, "not_regular"),
        ([stay(kind="temporary"), stay(date(2020, 1, 1))], None, "registered"),
        ([stay(practice=OTHER)], None, "not_registered"),
        ([stay(end=date(2010, 1, 1)), stay(date(2024, 1, 1))], None, "registered"),  # left and came back
        ([], None, "not_registered"),
    ],
)
def test_registered_on_the_day(stays: list[tuple[Any, ...]], died: date | None, said: str) -> None:
    assert reason(*stays, died=died) == said


def test_who_is_not_born_yet_is_nobody_of_age_minus_one() -> None:
    assert reason(stay(), born=INDEX + DAY) == "not_born"
    assert reason(stay(), born=INDEX) == "registered"


@pytest.mark.parametrize("kind", ["type_1", "national"])
@pytest.mark.parametrize(
    ("start", "end", "objects"),
    [
        (INDEX, None, True),
        (INDEX + DAY, None, False),
        (date(2020, 1, 1), INDEX, False),  # withdrawn
        (date(2020, 1, 1), INDEX + DAY, True),
    ],
)
def test_objections_count_under_section_251_and_not_in_direct_care(
    kind: str, start: date, end: date | None, objects: bool
) -> None:
    said = [("p", kind, start, end)]
    _, counts = count_in([person()], [stay()], said)
    assert counts["opted_out"] == int(objects)
    frame, counts = count_in([person()], [stay()], said, basis=LegalBasis.DIRECT_CARE)
    assert (frame.height, counts["opted_out"]) == (1, 0)


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(1950, 1, 31), INDEX, 75),  # on the birthday
        (date(1950, 2, 1), INDEX, 74),  # the day before
        (date(2025, 1, 31), INDEX, 0),
        (date(1996, 2, 29), date(2024, 2, 28), 27),
        (date(1996, 2, 29), date(2024, 2, 29), 28),
        (date(1996, 2, 29), date(2025, 2, 28), 28),
        (date(1996, 2, 29), date(2025, 3, 1), 29),  # older on 1 March of other years
        (date(1900, 2, 28), date(2000, 2, 29), 100),
    ],
)
def test_age_in_whole_years(born: date, on: date, age: int) -> None:
    frame, _ = count_in([person(born=born)], [stay(born)], on=on)
    assert frame["age_years"].to_list() == [age]


@pytest.mark.parametrize(
    ("on", "age"),
    [
        (date(2025, 3, 31), 75),  # the last day of the contract year
        (date(2025, 4, 1), 76),  # the first of the next: 31 March lies a year ahead
        (date(2024, 4, 1), 75),
        (date(2024, 12, 31), 75),
    ],
)
def test_age_for_indicators_is_of_31_march_of_the_contract_year(on: date, age: int) -> None:
    frame, _ = count_in([person(born=date(1950, 3, 31))], [stay()], on=on)
    assert frame["age_31_march_years"].to_list() == [age]


def test_deprivation_is_of_the_edition_of_the_areas_year() -> None:
    people = [
        person("a", lsoa="E01000001", vintage=2011),
        person("b", lsoa="E01000001", vintage=2021),
        person("c", lsoa="E01000001", vintage=None),  # which year is not known: no guess
        person("d", lsoa="W01000001", vintage=2021),
    ]
    frame, _ = count_in(people, [stay(name=name) for name in "abcd"])
    assert frame["imd_decile"].to_list() == [9, 8, None, None]
    assert frame["imd_quintile"].to_list() == [5, 4, None, None]
    without, _ = count_in(people, [stay(name=name) for name in "abcd"], areas=None)
    assert without.schema == frame.schema
    assert without["imd_decile"].null_count() == 4


def test_the_order_and_number_of_people_are_the_buckets() -> None:
    """`person` is the place in the index: features are picked by it."""
    people = [person(name) for name in "dcba"]
    frame, _ = count_in(people, [stay(name=name) for name in "abd"])
    assert frame.select("person", "patient_id").rows() == [(0, "d"), (2, "b"), (3, "a")]


def test_two_stays_at_once_make_one_row() -> None:
    frame, counts = count_in([person()], [stay(date(2020, 1, 15)), stay(date(2010, 1, 31)), stay(date(2024, 1, 1))])
    assert frame.height == counts["registered"] == 1
    assert frame["months_registered"].to_list() == [180]


def test_nobody_at_all_keeps_the_columns() -> None:
    frame, counts = count_in([], [])
    assert frame.schema == BASE_COLUMNS
    assert counts == {"people": 0} | dict.fromkeys(REASONS, 0) | {"registered": 0}


def test_events_after_the_date_change_nothing() -> None:
    """What becomes known later (a death, a move, an objection) leaves an earlier date as it was."""
    later = INDEX + DAY
    before = count_in([person()], [stay()])
    after = count_in(
        [person(died=later)], [stay(end=later), stay(later, practice=OTHER)], [("p", "national", later, None)]
    )
    assert after[0].equals(before[0])
    assert after[1] == before[1]
