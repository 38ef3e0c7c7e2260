"""Gives what is wrong with an NHS number: not ten digits, a failed check digit, all zeros, or one set aside for tests."""

from __future__ import annotations

import polars as pl

TEST_PREFIX = "999"
"""NHS numbers that begin so are set aside for tests: no patient has one."""


def normalised(column: pl.Expr) -> pl.Expr:
    """Give NHS numbers as ten digits run together: spaces and hyphens out, nothing at all as null."""
    joined = column.str.replace_all(r"[ -]", "")
    return pl.when(joined != "").then(joined)


def passes_check_digit(column: pl.Expr) -> pl.Expr:
    """Give whether the tenth digit is the check digit of the other nine (modulus 11); null for what is not ten digits.

    Weights are 10 to 2; the check digit is 11 less the remainder, 0 for 11; a number that would need 10 is never
    issued (NHS Data Dictionary, NHS NUMBER).
    """
    ten_digits = (column.str.len_bytes() == 10) & column.str.contains(r"^[0-9]{10}$")
    number = pl.when(ten_digits).then(column).cast(pl.Int64)
    total = pl.sum_horizontal(number // 10 ** (9 - place) % 10 * (10 - place) for place in range(9))
    return pl.when(ten_digits).then((11 - total % 11) % 11 == number % 10)


def rules(column: pl.Expr, *, synthetic: bool) -> dict[str, pl.Expr]:
    """Give the rules an NHS number must pass, by name; each is true or null where nothing is wrong.

    All zeros would pass the check digit. Numbers for tests are people only where the whole source is made up.
    """
    checks = {
        "nhs_number|check_digit": passes_check_digit(column),
        "nhs_number|all_zero": column != "0000000000",
    }
    return checks if synthetic else checks | {"nhs_number|test": ~column.str.starts_with(TEST_PREFIX)}
