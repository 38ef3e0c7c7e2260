"""Predicates: a small part of SQL, three-valued as SQL says, refused beyond it; DuckDB agrees."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.cohorts.predicate import columns_of, compile_predicate, split_order
from pophealth.errors import DeclarationError

FRAME = pl.DataFrame(
    {
        "n": [1, None, 3, 180],
        "b": [True, None, False, True],
        "c": pl.Series(["mild", None, "severe", "mild"], dtype=pl.Enum(["mild", "moderate", "severe"])),
        "d": [date(2020, 8, 31), None, date(2024, 5, 5), date(2024, 2, 29)],
        "e": [date(2021, 2, 28), date(2021, 1, 1), date(2024, 11, 6), None],
        "f": [1.5, None, 2.5, 0.1],
    }
)

AGREED = [
    "n BETWEEN 1 AND 3",
    "n NOT BETWEEN 1 AND 2",
    "n IN (1, 3)",
    "c NOT IN ('severe')",
    "c = 'mild' OR n > 100",
    "NOT b",
    "b AND n > 2",
    "b OR NOT (n > 2)",
    "n IS NULL OR b",
    "c IS NOT NULL AND c = 'severe'",
    "d >= DATE '2024-01-01'",
    "e BETWEEN d AND d + INTERVAL '6 months'",
    "NULLIF(c, 'mild') = 'severe'",
    "ABS(f - 2) * 2 >= 1",
    "false OR f > 1",
    "true AND b",
]


def ours(sql: str) -> list[bool | None]:
    expr = compile_predicate(sql, set(FRAME.columns)).alias("_")
    return FRAME.with_columns(expr)["_"].to_list()


def theirs(sql: str) -> list[bool | None]:
    with duckdb.connect() as connection:
        connection.register("people", FRAME.with_columns(pl.col(pl.Enum).cast(pl.String)).to_arrow())
        return [row[0] for row in connection.execute(f"SELECT ({sql}) FROM people").fetchall()]


@pytest.mark.parametrize("sql", AGREED)
def test_duckdb_agrees_unknown_included(sql: str) -> None:
    assert ours(sql) == theirs(sql)


atoms = st.sampled_from(
    ["b", "NOT b", "n > 2", "n IS NULL", "c = 'severe'", "c IN ('mild', 'moderate')", "f < 2", "d < e", "true", "false"]
)
texts = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"NOT ({text})"),
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(texts)
def test_any_combination_agrees_with_duckdb(sql: str) -> None:
    assert ours(sql) == theirs(sql)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("(SELECT max(n) FROM people) > 1", "SELECT"),
        ("n IN (SELECT 1)", "SELECT"),
        ("CASE WHEN b THEN true ELSE false END", "CASE"),
        ("COALESCE(b, true)", "COALESCE"),
        ("count(n) > 1", "count"),
        ("pg_sleep(1)", "pg_sleep"),
        ("n / 2 > 1", "'/'"),
        ("n > 1; DROP TABLE people", "';'"),
        ('"n" > 1', "'\"'"),
        ("b IS TRUE", "IS"),
        ("b IS NOT TRUE", "IS NOT"),
        ("d > DATE", "DATE"),
        ("n > 1 -- more", "comment"),
        ("n > 1 --1", "comment"),
        ("n >", "not readable"),
        ("", "empty"),
        ("unheard_of > 1", "unheard_of"),
    ],
)
def test_beyond_the_short_list_is_refused_by_name(sql: str, word: str) -> None:
    with pytest.raises(DeclarationError, match="predicate") as caught:
        compile_predicate(sql, set(FRAME.columns))
    assert word in str(caught.value)


def test_columns_of() -> None:
    assert columns_of(
        "NOT has_x AND (age_years BETWEEN 25 AND 84 OR c IN ('n', 'or b')) AND d > DATE '2024-01-01'"
    ) == {
        "has_x",
        "age_years",
        "c",
        "d",
    }


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("age_years DESC", ("age_years", True)),
        ("age_years", ("age_years", False)),
        ("imd_decile asc", ("imd_decile", False)),
        ("age_years >= 75 DESC", ("age_years >= 75", True)),
        ("age_years >= 75", ("age_years >= 75", False)),
    ],
)
def test_order_terms(term: str, expected: tuple[str, bool]) -> None:
    assert split_order(term) == expected


def test_listing_rules_needs_no_polars() -> None:
    code = "import sys; from pophealth.cohorts.rules import load_rules; load_rules(); sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
