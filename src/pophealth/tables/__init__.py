"""I say what a table looks like: one contract a table."""

from pophealth.tables.base import CODE_SYSTEMS, Table
from pophealth.tables.facts import Areas, CareHomes, MedicineMap, Memberships, Networks, NextTests
from pophealth.tables.families import DATE_COLUMN, EXTRACT_TABLES, FACT_TABLES, PERSON_TABLES, RECORD_TABLES
from pophealth.tables.hospital import DIAGNOSES, Attendances, Outpatients, Referrals, Spells
from pophealth.tables.people import Deaths, Merges, OptOuts, Patients, Registrations
from pophealth.tables.records import Appointments, Events, Measurements, Medications

__all__ = [
    "CODE_SYSTEMS",
    "DATE_COLUMN",
    "DIAGNOSES",
    "EXTRACT_TABLES",
    "FACT_TABLES",
    "PERSON_TABLES",
    "RECORD_TABLES",
    "Appointments",
    "Areas",
    "Attendances",
    "CareHomes",
    "Deaths",
    "Events",
    "Measurements",
    "Medications",
    "MedicineMap",
    "Memberships",
    "Merges",
    "Networks",
    "NextTests",
    "OptOuts",
    "Outpatients",
    "Patients",
    "Referrals",
    "Registrations",
    "Spells",
    "Table",
]
