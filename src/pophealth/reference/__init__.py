"""I am a fact: codelists, organisations, areas, medicines, bank holidays."""

from pophealth.reference.areas import load_areas
from pophealth.reference.calendar import bank_holidays, working_day_counts, working_day_table, working_days_between
from pophealth.reference.codelists import Codelist, CodelistLibrary, load_codelist, load_library, order_hint
from pophealth.reference.digits import passes_check_digit
from pophealth.reference.importer import import_codelist, write_codelist
from pophealth.reference.medicines import load_medicine_map
from pophealth.reference.organisations import (
    load_memberships,
    load_network_details,
    members_on,
    one_practice_membership,
)
from pophealth.reference.roll_up import load_practice_map, load_roll_up, networks_of

__all__ = [
    "Codelist",
    "CodelistLibrary",
    "bank_holidays",
    "import_codelist",
    "load_areas",
    "load_codelist",
    "load_library",
    "load_medicine_map",
    "load_memberships",
    "load_network_details",
    "load_practice_map",
    "load_roll_up",
    "members_on",
    "networks_of",
    "one_practice_membership",
    "order_hint",
    "passes_check_digit",
    "working_day_counts",
    "working_day_table",
    "working_days_between",
    "write_codelist",
]
