"""Gives the contracts of tables about persons: who they are, where registered, when died, what they opted out of."""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy
import polars as pl

from pophealth.tables.base import Table, patient_id_column


class Patients(Table):
    """One row per person. What it is not: a list of the registered; that is `Registrations`."""

    optional: ClassVar[frozenset[str]] = frozenset({"nhs_number", "lsoa_code", "lsoa_vintage"})

    patient_id = patient_id_column()
    nhs_number = dy.String(nullable=True, regex=r"^[0-9]{10}$")
    birth_date = dy.Date(nullable=False)
    sex = dy.Enum(["female", "male", "indeterminate", "not_known"], nullable=False)
    lsoa_code = dy.String(nullable=True)
    lsoa_vintage = dy.Int16(nullable=True)  # 2011 or 2021: decides which deprivation edition applies

    @dy.rule()
    def vintage_is_2011_or_2021(cls) -> pl.Expr:
        return cls.lsoa_vintage.col.is_null() | cls.lsoa_vintage.col.is_in([2011, 2021])


class Registrations(Table):
    """Several rows per person: one per stay with a practice, `[start_date, end_date)`."""

    optional: ClassVar[frozenset[str]] = frozenset({"end_date"})

    patient_id = patient_id_column()
    practice_code = dy.String(nullable=False, regex=r"^[A-Z][0-9A-Z]{5}$")
    start_date = dy.Date(nullable=False)
    end_date = dy.Date(nullable=True)  # first day no longer registered; null while current
    registration_type = dy.Enum(["regular", "temporary", "private", "other"], nullable=False)

    @dy.rule()
    def ends_after_it_starts(cls) -> pl.Expr:
        return cls.end_date.col.is_null() | (cls.end_date.col >= cls.start_date.col)


class Deaths(Table):
    """One row per person known to have died."""

    patient_id = patient_id_column()
    death_date = dy.Date(nullable=False)


class OptOuts(Table):
    """Objections: `type_1` (leaves the practice for direct care only) and `national` (the national data opt-out)."""

    optional: ClassVar[frozenset[str]] = frozenset({"end_date"})

    patient_id = patient_id_column()
    opt_out_type = dy.Enum(["type_1", "national"], nullable=False)
    start_date = dy.Date(nullable=False)
    end_date = dy.Date(nullable=True)


class Merges(Table):
    """Superseded records: from `merged_date` on, `patient_id` is the same person as `into_patient_id`."""

    patient_id = patient_id_column()
    into_patient_id = patient_id_column()
    merged_date = dy.Date(nullable=False)

    @dy.rule()
    def not_into_itself(cls) -> pl.Expr:
        return cls.patient_id.col != cls.into_patient_id.col
