"""Gives the reason why a feature cannot be computed from what a source supplies: unknown is not the same as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pophealth.declare import VALUE_KINDS, Feature

if TYPE_CHECKING:
    from pophealth.config import Supplies
    from pophealth.reference import CodelistLibrary


def why_not(
    feature: Feature, features: Mapping[str, Feature], library: CodelistLibrary, supplies: Supplies
) -> str | None:
    """Give what is not supplied that `feature` needs, in words for a page, or None when it can be computed.

    Every table of the feature has to be supplied in a code system of every codelist it reads: a check that may be
    coded with or without a number is unknown where only one of the two tables arrives.
    """
    if feature.inputs:
        reasons = (why_not(features[name], features, library, supplies) for name in feature.inputs)
        return next((reason for reason in reasons if reason), None)
    for table in feature.tables:
        if not getattr(supplies, table):
            return f"{table} not supplied"
    if not supplies.values and (feature.kind in VALUE_KINDS or feature.kind == "latest_pair_at_least"):
        return "values not supplied"
    if feature.kind == "current_substances" and not supplies.medicine_map:
        return "medicine_map not supplied"
    reasons = (_codelist(codelist, feature, library, supplies) for codelist in feature.codelists)
    return next((reason for reason in reasons if reason), None)


def _codelist(codelist: str, feature: Feature, library: CodelistLibrary, supplies: Supplies) -> str | None:
    if codelist not in library or supplies.never_codes(codelist) or not library.get(codelist).is_filled:
        return f"codelist {codelist} not supplied"
    systems = {str(system) for system in library.get(codelist).systems}
    for table in feature.tables:
        if not systems & {str(system) for system in getattr(supplies, table)}:
            return f"codelist {codelist} not supplied: {table} hold no {' or '.join(sorted(systems))}"
    return None
