"""`any_of` and `all_of`: three values of truth, the age at the index date, and declarations that are refused."""

from __future__ import annotations

from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pophealth.declare import parse_feature
from pophealth.errors import DeclarationError
from pophealth.features import load_features
from pophealth.features.derived import derive
from pophealth.features.moment import Moment

TRUTHS = (True, False, None)


def derived(table: dict[str, Any], rows: list[tuple[bool | None, ...]], born: list[date | None], on: date) -> list[Any]:
    feature = parse_feature("asked", {"source": "made up"} | table)
    columns = pl.DataFrame(rows, schema=dict.fromkeys(("a", "b", "c"), pl.Boolean), orient="row")
    people = pl.DataFrame({"birth_date": born}, schema={"birth_date": pl.Date})
    made = derive(feature, columns, people, Moment(on, "2024-25"), None)
    assert (made.name, made.dtype) == ("asked", pl.Boolean)
    return made.to_list()


def test_a_false_condition_decides_whatever_is_unknown_and_an_unknown_one_leaves_the_rest_unknown() -> None:
    rows = list(product(TRUTHS, repeat=3))
    born: list[date | None] = [None] * len(rows)
    either = derived({"kind": "any_of", "features": ["a", "b"]}, rows, born, date(2025, 1, 31))
    every = derived({"kind": "all_of", "features": ["a", "b"], "none_of": ["c"]}, rows, born, date(2025, 1, 31))
    for (a, b, c), one, all_ in zip(rows, either, every, strict=True):
        assert one is (True if True in (a, b) else None if None in (a, b) else False)
        asked = (a, b, None if c is None else not c)
        assert all_ is (False if False in asked else None if None in asked else True)


@pytest.mark.parametrize(
    ("born", "on", "at_least_18", "under_18"),
    [
        ("2007-01-31", "2025-01-31", True, False),
        ("2007-02-01", "2025-01-31", False, True),
        ("2004-02-29", "2022-02-28", False, True),  # a year older on 1 March of a common year
        ("2004-02-29", "2022-03-01", True, False),
        ("2006-03-01", "2024-02-29", False, True),
    ],
)
def test_an_age_is_that_of_the_index_date(born: str, on: str, at_least_18: bool, under_18: bool) -> None:
    births: list[date | None] = [date.fromisoformat(born)] * 2
    rows = [(True, None, None), (False, None, None)]
    for key, reached in (("age_at_least_years", at_least_18), ("age_under_years", under_18)):
        table = {"kind": "all_of", "features": ["a"], key: 18}
        assert derived(table, rows, births, date.fromisoformat(on)) == [reached, False]


def test_a_birth_date_that_is_not_known_leaves_only_a_false_condition_false() -> None:
    table = {"kind": "all_of", "features": ["a"], "age_at_least_years": 18, "age_under_years": 65}
    assert derived(table, [(True, None, None), (False, None, None)], [None, None], date(2025, 1, 31)) == [None, False]


@pytest.mark.parametrize(
    "limits",
    [
        {"age_at_least_years": -1},
        {"age_at_least_years": 17.5},
        {"age_under_years": True},
        {"age_under_years": 0},
        {"age_at_least_years": 75, "age_under_years": 75},
    ],
)
def test_ages_that_nobody_has_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"feature asked: age limits .*expected whole years"):
        parse_feature("asked", {"kind": "all_of", "features": ["a"], "source": "made up"} | limits)


@pytest.mark.parametrize("kind", ["any_of", "all_of", "count_true"])
def test_a_condition_on_nothing_is_refused(kind: str) -> None:
    with pytest.raises(DeclarationError, match=r"missing keys \['features'\]"):
        parse_feature("asked", {"kind": kind, "features": [], "source": "made up"})


@pytest.mark.parametrize("said", ['features = ["first"]', 'features = ["has_asthma"]\nnone_of = ["first"]'])
def test_a_condition_on_what_is_not_true_or_false_is_refused(tmp_path: Path, said: str) -> None:
    first = '[first]\nkind = "first_date"\ncodelist = "asthma"\nsource = "made up"\n'
    text = f'{first}[asked]\nkind = "all_of"\nsource = "made up"\n{said}\n'
    (tmp_path / "own.toml").write_text(text, "utf-8")
    with pytest.raises(DeclarationError, match=r"asked \(all_of\) is made of \['first'\], which are not true or false"):
        load_features(tmp_path)


def test_a_number_is_in_its_bounds_and_unknown_where_there_is_none() -> None:
    columns = pl.DataFrame({"n": [17.9, 18.0, 64.9, 65.0, None]})
    people = pl.DataFrame({"birth_date": [None] * 5}, schema={"birth_date": pl.Date})
    table = {"kind": "number_in", "feature": "n", "at_least": 18, "under": 65, "source": "made up"}
    made = derive(parse_feature("asked", table), columns, people, Moment(date(2024, 12, 31), "2024-25"), None)
    assert made.to_list() == [False, True, True, False, None]


def test_a_category_is_one_of_those_named_and_unknown_where_there_is_none() -> None:
    columns = pl.DataFrame({"c": pl.Series(["white", "black", None], dtype=pl.Enum(["white", "black"]))})
    people = pl.DataFrame({"birth_date": [None] * 3}, schema={"birth_date": pl.Date})
    table = {"kind": "category_in", "feature": "c", "values": ["black"], "source": "made up"}
    made = derive(parse_feature("asked", table), columns, people, Moment(date(2024, 12, 31), "2024-25"), None)
    assert made.to_list() == [False, True, None]


@pytest.mark.parametrize(
    "bounds",
    [{}, {"at_least": 5, "under": 5}, {"at_least": "5"}, {"under": True}],
    ids=["none", "empty", "text", "truth"],
)
def test_bounds_that_say_nothing_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="bounds"):
        parse_feature("asked", {"kind": "number_in", "feature": "n", "source": "made up"} | bounds)


def test_a_category_that_is_never_given_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[asked]\nkind = "category_in"\nfeature = "ethnicity_latest"\nvalues = ["asain"]\nsource = "made up"\n'
    )
    with pytest.raises(DeclarationError, match="asain"):
        load_features(tmp_path)
