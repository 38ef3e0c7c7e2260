"""Gives every table contract by its name, in the families that extracts and register work with."""

from __future__ import annotations

from pophealth.tables.base import Table
from pophealth.tables.facts import Areas, CareHomes, MedicineMap, Memberships, Networks, NextTests
from pophealth.tables.hospital import Attendances, Outpatients, Referrals, Spells
from pophealth.tables.people import Deaths, Merges, OptOuts, Patients, Registrations
from pophealth.tables.records import Appointments, Events, Measurements, Medications

RECORD_TABLES: dict[str, type[Table]] = {
    "events": Events,
    "medications": Medications,
    "measurements": Measurements,
    "spells": Spells,
    "attendances": Attendances,
    "appointments": Appointments,
    "outpatients": Outpatients,
    "referrals": Referrals,
    "next_tests": NextTests,
}
"""Tables of dated records, many rows a person: what an archive holds beside `patients` and `registrations`."""

PERSON_TABLES: dict[str, type[Table]] = {
    "patients": Patients,
    "registrations": Registrations,
    "deaths": Deaths,
    "opt_outs": OptOuts,
    "merges": Merges,
}
"""Tables that say who counts."""

FACT_TABLES: dict[str, type[Table]] = {
    "memberships": Memberships,
    "networks": Networks,
    "areas": Areas,
    "medicine_map": MedicineMap,
    "care_homes": CareHomes,
}
"""Tables about no person."""

EXTRACT_TABLES: dict[str, type[Table]] = PERSON_TABLES | RECORD_TABLES | FACT_TABLES
"""Every table an extract can supply, by name."""

DATE_COLUMN: dict[str, str] = dict.fromkeys(RECORD_TABLES, "date") | {
    "spells": "admission_date",
    "next_tests": "due_date",
}
"""The column that dates a record of each record table."""
