"""I am a fact: codelists, organisations, areas, medicines."""

from pophealth.reference.areas import load_areas
from pophealth.reference.codelists import Codelist, CodelistLibrary, load_codelist, load_library
from pophealth.reference.digits import passes_check_digit
from pophealth.reference.importer import import_codelist, write_codelist
from pophealth.reference.medicines import load_medicine_map
from pophealth.reference.organisations import (
    load_memberships,
    load_network_details,
    load_practice_map,
    members_on,
    one_practice_membership,
)

__all__ = [
    "Codelist",
    "CodelistLibrary",
    "import_codelist",
    "load_areas",
    "load_codelist",
    "load_library",
    "load_medicine_map",
    "load_memberships",
    "load_network_details",
    "load_practice_map",
    "members_on",
    "one_practice_membership",
    "passes_check_digit",
    "write_codelist",
]
