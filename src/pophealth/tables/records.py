"""Gives the contracts of general-practice records: coded events, medicine issues, measurements, appointments."""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy

from pophealth.tables.base import Table, code_column, code_system_column, patient_id_column, record_id_column


class Events(Table):
    """Coded rows *without* a number, several per person. A row with a number belongs to `Measurements`."""

    optional: ClassVar[frozenset[str]] = frozenset({"recorded_date"})

    patient_id = patient_id_column()
    date = dy.Date(nullable=False)
    recorded_date = dy.Date(nullable=True)  # null: the event date is used, counted and shown per source
    code = code_column()
    code_system = code_system_column()
    record_id = record_id_column()


class Medications(Table):
    """Issues of a medicine, several per person: what was issued, not what was taken."""

    optional: ClassVar[frozenset[str]] = frozenset({"recorded_date", "quantity", "days_supply", "is_repeat"})

    patient_id = patient_id_column()
    date = dy.Date(nullable=False)
    recorded_date = dy.Date(nullable=True)
    code = code_column()
    code_system = code_system_column()
    record_id = record_id_column()
    quantity = dy.Float64(nullable=True, min=0)
    days_supply = dy.Int16(nullable=True, min=0, max=366)
    is_repeat = dy.Bool(nullable=True)


class Measurements(Table):
    """Coded rows *with* a number, several per person."""

    optional: ClassVar[frozenset[str]] = frozenset({"recorded_date", "unit", "comparator", "setting", "time"})

    patient_id = patient_id_column()
    date = dy.Date(nullable=False)
    time = dy.Time(nullable=True)  # pairs systolic with diastolic where the source has it
    recorded_date = dy.Date(nullable=True)
    code = code_column()
    code_system = code_system_column()
    record_id = record_id_column()
    value = dy.Float64(nullable=False)
    unit = dy.String(nullable=True)
    comparator = dy.Enum(["=", "<", "<=", ">", ">="], nullable=True)
    setting = dy.Enum(["clinic", "home", "ambulatory"], nullable=True)


class Appointments(Table):
    """Booked appointments with their national category."""

    optional: ClassVar[frozenset[str]] = frozenset({"category", "status", "mode", "staff_role"})

    patient_id = patient_id_column()
    date = dy.Date(nullable=False)
    record_id = record_id_column()
    category = dy.String(nullable=True)
    status = dy.Enum(["booked", "attended", "did_not_attend", "cancelled"], nullable=True)
    mode = dy.String(nullable=True)
    staff_role = dy.String(nullable=True)
