"""Gives the contracts of hospital records: admitted spells, emergency attendances, outpatients, referrals."""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy
import polars as pl

from pophealth.tables.base import Table, code_system_column, patient_id_column, record_id_column

DIAGNOSES = tuple(f"diagnosis_{position:02d}" for position in range(1, 21))
"""The twenty diagnosis columns of a spell; the first is the primary diagnosis."""


class Spells(Table):
    """Admitted spells. `method` is the national admission method code: it begins with 2 when an emergency."""

    optional: ClassVar[frozenset[str]] = frozenset({"discharge_date", "destination", *DIAGNOSES})

    patient_id = patient_id_column()
    record_id = record_id_column()
    admission_date = dy.Date(nullable=False)
    discharge_date = dy.Date(nullable=True)  # null while still in hospital
    method = dy.String(nullable=False, regex=r"^[0-9][0-9A-F]$")
    destination = dy.String(nullable=True)  # discharge destination code
    diagnosis_01 = dy.String(nullable=True)  # ICD-10 without a dot, primary
    diagnosis_02 = dy.String(nullable=True)
    diagnosis_03 = dy.String(nullable=True)
    diagnosis_04 = dy.String(nullable=True)
    diagnosis_05 = dy.String(nullable=True)
    diagnosis_06 = dy.String(nullable=True)
    diagnosis_07 = dy.String(nullable=True)
    diagnosis_08 = dy.String(nullable=True)
    diagnosis_09 = dy.String(nullable=True)
    diagnosis_10 = dy.String(nullable=True)
    diagnosis_11 = dy.String(nullable=True)
    diagnosis_12 = dy.String(nullable=True)
    diagnosis_13 = dy.String(nullable=True)
    diagnosis_14 = dy.String(nullable=True)
    diagnosis_15 = dy.String(nullable=True)
    diagnosis_16 = dy.String(nullable=True)
    diagnosis_17 = dy.String(nullable=True)
    diagnosis_18 = dy.String(nullable=True)
    diagnosis_19 = dy.String(nullable=True)
    diagnosis_20 = dy.String(nullable=True)

    @dy.rule()
    def discharged_after_admission(cls) -> pl.Expr:
        return cls.discharge_date.col.is_null() | (cls.discharge_date.col >= cls.admission_date.col)


class Attendances(Table):
    """Attendances at an emergency department."""

    optional: ClassVar[frozenset[str]] = frozenset({"department_type", "code", "code_system", "outcome"})

    patient_id = patient_id_column()
    record_id = record_id_column()
    date = dy.Date(nullable=False)
    department_type = dy.String(nullable=True)
    code = dy.String(nullable=True)  # diagnosis
    code_system = code_system_column(nullable=True)
    outcome = dy.String(nullable=True)


class Outpatients(Table):
    """Outpatient appointments, attended or not."""

    optional: ClassVar[frozenset[str]] = frozenset({"specialty", "attended"})

    patient_id = patient_id_column()
    record_id = record_id_column()
    date = dy.Date(nullable=False)
    specialty = dy.String(nullable=True)
    attended = dy.Bool(nullable=True)


class Referrals(Table):
    """Referrals made."""

    optional: ClassVar[frozenset[str]] = frozenset({"specialty", "referral_type", "is_urgent_suspected_cancer"})

    patient_id = patient_id_column()
    record_id = record_id_column()
    date = dy.Date(nullable=False)
    specialty = dy.String(nullable=True)
    referral_type = dy.String(nullable=True)
    is_urgent_suspected_cancer = dy.Bool(nullable=True)
