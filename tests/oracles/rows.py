"""Gives the rows a feature looks at, as SQL: what is visible, what is of a codelist, what counts.

Every statement reads the tables that `oracles.database` makes: `coded` (one row per coded record or diagnosis, all tables
under one head), `matched` (which row is of which codelist), `patients`, and the other record tables as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from oracles.window import bounds, sql_date
from pophealth.declare import NUMBER_KINDS, Feature


@dataclass(frozen=True)
class Ask:
    """One feature asked on one day: what every kind's SQL is made from."""

    feature: Feature
    index_date: date
    contract_year: str
    features: Mapping[str, Feature]

    @property
    def options(self) -> dict[str, Any]:
        return self.feature.options

    @property
    def name(self) -> str:
        return self.feature.name

    @property
    def index(self) -> str:
        return sql_date(self.index_date)

    @property
    def window(self) -> tuple[str, str]:
        return bounds(self.feature.window, self.index_date, self.contract_year)


Maker = Callable[[Ask], str]
"""Makes the query of one kind."""


def texts(values: Iterable[object]) -> str:
    """Give values as an SQL list of text literals in brackets."""
    return "(" + ", ".join("'" + str(value).replace("'", "''") + "'" for value in values) + ")"


def many(value: object) -> list[Any]:
    """Give a declared value, or a list of such, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def inside(column: str, window: tuple[str, str]) -> str:
    """Give the condition that a day lies in a half-open window."""
    return f"{column} > {window[0]} AND {column} <= {window[1]}"


def begins(column: str, prefixes: Iterable[str]) -> str:
    """Give the condition that a text begins with one of the prefixes."""
    return "(" + " OR ".join(f"starts_with({column}, {texts([prefix])})" for prefix in prefixes) + ")"


def visible(ask: Ask, expression: str | None) -> str:
    """Give the visible rows of the feature's tables, of a codelist (or of any code), as a query."""
    of_list = (
        f" AND row_no IN (SELECT row_no FROM matched WHERE list IN {texts(expression.split('+'))})"
        if expression
        else ""
    )
    return (
        f"SELECT * FROM coded WHERE source IN {texts(ask.feature.tables)} AND day <= {ask.index} "
        f"AND coalesce(recorded_date, day) <= {ask.index}{of_list}"
    )


def counting(ask: Ask, expression: str | None, *, bound: int = 0, window: tuple[str, str] | None = None) -> str:
    """Give the rows that count, as a query.

    Parameters
    ----------
    bound
        Which of two `between` ranges holds, where the feature gives one a value.
    window
        Another window than the feature's.
    """
    return (
        f"SELECT * FROM ({visible(ask, expression)}) WHERE {inside('day', window or ask.window)}{_filters(ask, bound)}"
    )


def _filters(ask: Ask, bound: int) -> str:
    """A filter asks the rows of the table it is for and lets those of other tables pass."""
    options, unit = ask.options, ask.feature.unit
    tests: list[str] = []
    if unit is not None and ("between" in options or ask.feature.kind in NUMBER_KINDS):
        tests.append(f"(source <> 'measurements' OR unit IS NULL OR trim(unit) = '' OR {_is_unit(unit)})")
    if "between" in options:
        pair = options["between"]
        low, high = pair[bound] if isinstance(pair[0], (list, tuple)) else pair
        tests.append(f"(source <> 'measurements' OR value BETWEEN {number(low)} AND {number(high)})")
    if "settings" in options:
        tests.append(f"(source <> 'measurements' OR coalesce(setting IN {texts(options['settings'])}, false))")
    if "comparators" in options:
        given = texts(options["comparators"])
        tests.append(f"(source <> 'measurements' OR coalesce(comparator, '=') IN {given})")
    if options.get("position") == "primary":
        tests.append("(source <> 'diagnoses' OR position = 1)")
    if "method" in options:
        tests.append(f"(source <> 'diagnoses' OR {begins('method', [options['method']])})")
    return "".join(f" AND {test}" for test in tests)


def _is_unit(unit: str) -> str:
    spelt = f"SELECT spelling FROM spellings WHERE unit IN {texts([unit])}"
    return f"lower(trim(unit)) = lower({texts([unit])}) OR lower(trim(unit)) IN (SELECT spelling FROM ({spelt}))"


def number(value: float) -> str:
    """Give a number as a DOUBLE of exactly that value."""
    return f"CAST('{float(value)!r}' AS DOUBLE)"


def where(ask: Ask) -> str:
    """Give the condition of `where`: allowed values by column, none of them null."""
    tests: list[str] = []
    for column, allowed in ask.options.get("where", {}).items():
        words = [str(value).lower() if isinstance(value, bool) else value for value in many(allowed)]
        tests.append(f'coalesce(CAST("{column}" AS VARCHAR) IN {texts(words)}, false)')
    return "".join(f" AND {test}" for test in tests)


def per_person(with_: str, group: str, columns: Mapping[str, str]) -> str:
    """Give one row per patient: a query `group` of at most one row a person, joined to everyone.

    Parameters
    ----------
    with_
        Common table expressions, without the word WITH.
    columns
        Output column to the SQL expression over `g`, the row of the group (all null where a person has none).
    """
    chosen = ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
    head = f"WITH {with_} " if with_ else ""
    return f"{head}SELECT p.patient_id, {chosen} FROM patients p LEFT JOIN ({group}) g USING (patient_id)"
