"""Gives a rule's predicate as an expression: a small, checked part of SQL over declared columns, nothing more."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pophealth.errors import DeclarationError

if TYPE_CHECKING:
    import polars as pl

KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "TRUE", "FALSE", "DATE", "INTERVAL"})
FUNCTIONS = frozenset({"ABS", "NULLIF"})
"""The short list. COALESCE stays out on purpose: it would turn unknown into an answer."""

REFUSED = frozenset(
    {
        "SELECT",
        "FROM",
        "WHERE",
        "CASE",
        "WHEN",
        "EXISTS",
        "LIKE",
        "ILIKE",
        "OVER",
        "CAST",
        "UNION",
        "WITH",
        "ANY",
        "ALL",
    }
)

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><>|<=|>=|[=<>+\-*(),]))"
)


class _Token(NamedTuple):
    kind: str
    text: str


def columns_of(sql: str) -> set[str]:
    """Give the columns that `sql` reads.

    Raises
    ------
    DeclarationError
        `sql` leaves the part of SQL that rules may use.
    """
    return set(_columns_of(sql))


@cache
def _columns_of(sql: str) -> frozenset[str]:
    """Give the same as `columns_of`, once a wording: a run asks for each many times over."""
    tokens = _tokens(sql)
    _check(sql, tokens)
    names = (token.text for token in tokens if token.kind == "name")
    return frozenset(name for name in names if name.upper() not in KEYWORDS | FUNCTIONS)


def compile_predicate(sql: str, columns: set[str]) -> pl.Expr:
    """Give `sql` as an expression over `columns`. Unknown propagates as SQL says (three-valued logic).

    Raises
    ------
    DeclarationError
        A column is not among `columns`, or the text leaves the part of SQL that rules may use (SELECT, a function
        outside the short list, division, ``IS TRUE``).
    """
    import polars as pl

    unknown = sorted(columns_of(sql) - columns)
    if unknown:
        msg = f"predicate {sql!r}: {len(unknown)} columns nobody declares: {', '.join(unknown)}"
        raise DeclarationError(msg)
    try:
        return pl.sql_expr(sql)
    except pl.exceptions.PolarsError as error:
        msg = f"predicate {sql!r}: not readable as SQL: {error}"
        raise DeclarationError(msg) from error


def split_order(term: str) -> tuple[str, bool]:
    """Give a `rank_by` term as (SQL, descending): ``"age_years DESC"`` is ``("age_years", True)``."""
    sql, _, direction = term.strip().rpartition(" ")
    if direction.upper() in ("ASC", "DESC") and sql:
        return sql.strip(), direction.upper() == "DESC"
    return term.strip(), False


def _tokens(sql: str) -> list[_Token]:
    tokens: list[_Token] = []
    end = len(sql.rstrip())
    place = 0
    while place < end:
        match = _TOKEN.match(sql, place)
        if match is None:
            # Division is left out because polars computes x / constant as x * (1 / constant), one ulp off.
            msg = (
                f"predicate {sql!r}: {sql[place:].strip()[0]!r} is not allowed; rules compare, add, subtract, multiply"
            )
            raise DeclarationError(msg)
        tokens.append(_Token(str(match.lastgroup), str(match[str(match.lastgroup)])))
        place = match.end()
    if not tokens:
        msg = "predicate: empty"
        raise DeclarationError(msg)
    return tokens


def _check(sql: str, tokens: list[_Token]) -> None:
    """Refuse words outside the list, unlisted functions, and ``IS TRUE``, which polars answers with unknown."""
    after = [*tokens[1:], _Token("end", "")]
    for token, following in zip(tokens, after, strict=True):
        if token.kind != "name":
            continue
        word = token.text.upper()
        problem = None
        if word in REFUSED:
            problem = f"{token.text} is not allowed in a rule"
        elif word == "IS" and following.text.upper() not in ("NULL", "NOT"):
            problem = "IS is allowed only as IS NULL and IS NOT NULL"
        elif word in ("DATE", "INTERVAL") and following.kind != "text":
            problem = f"{token.text} needs a quoted text after it"
        elif word not in KEYWORDS and following.text == "(" and word not in FUNCTIONS:
            problem = f"function {token.text} is not allowed; only {', '.join(sorted(FUNCTIONS))}"
        if problem:
            msg = f"predicate {sql!r}: {problem}"
            raise DeclarationError(msg)
    words = " ".join(token.text.upper() for token in tokens)
    if re.search(r"\bIS NOT (?!NULL\b)|- -", words):
        msg = f"predicate {sql!r}: IS NOT is allowed only as IS NOT NULL, and -- (a comment) not at all"
        raise DeclarationError(msg)
