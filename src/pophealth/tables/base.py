"""Gives the base of every table contract and the few columns that many tables share."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pophealth.sparing import without

with without("sqlalchemy"):  # contracts are checked on frames here, never on a database
    import dataframely as dy

CODE_SYSTEMS = ["SNOMED", "dm+d", "ICD-10", "OPCS-4", "CTV3", "LOINC", "RxNorm", "CVX", "SYNTHETIC"]
"""The code systems a record can name, in the order of `pophealth.terms.CodeSystem`."""


class Table(dy.Schema):
    """A contract: columns, types, what may be null, and rules a row must pass.

    `patient_id` is the source's own key in an extract (any text) and 32 hex digits in the register.
    """

    optional: ClassVar[frozenset[str]] = frozenset()
    """Columns an extract may leave out; they are then all null."""

    @classmethod
    def row_rules(cls) -> dict[str, pl.Expr]:
        """Give the contract's rules by name, as expressions over typed columns; a null result passes."""
        return {name: rule.expr for name, rule in cls._validation_rules(with_cast=False).items()}


def patient_id_column() -> dy.String:
    """Give the column that says whose row it is."""
    return dy.String(nullable=False, min_length=1)


def record_id_column() -> dy.String:
    """Give the column that names a row in its source; it breaks ties and leads a reader back to the record."""
    return dy.String(nullable=False, min_length=1)


def code_column() -> dy.String:
    """Give the column of a clinical code: text, never a number (SNOMED ids exceed 2**53)."""
    return dy.String(nullable=False, min_length=1, max_length=64)


def code_system_column(*, nullable: bool = False) -> dy.Enum:
    """Give the column that says which system `code` belongs to."""
    return dy.Enum(CODE_SYSTEMS, nullable=nullable)
