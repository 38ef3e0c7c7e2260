"""Ids for tests: real ones that were read, and ones made whole here, so that no invented id stands in a file."""

from __future__ import annotations

from pophealth.reference.digits import Component, component_of

KNOWN = ("10725009", "80274001", "177471000000100", "1129331000000101", "999021851000230108")
"""Read in the shipped lists and in service-specs.md."""


def _whole(stem: str, wanted: Component) -> str:
    return next(f"{stem}{digit}" for digit in range(10) if component_of(f"{stem}{digit}") is wanted)


def concept_id(stem: str) -> str:
    """`stem` (ending in partition 00 or 10) with its check digit."""
    return _whole(stem, Component.CONCEPT)


def description_id(stem: str) -> str:
    """`stem` (ending in partition 01 or 11) with its check digit."""
    return _whole(stem, Component.OTHER)
