"""Gives every kind of feature a second time, slowly, as DuckDB SQL over the canonical archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from oracles import coded, derived, hospital, medicines, values
from oracles.rows import Ask
from pophealth.declare import Feature

OF_RECORDS = coded.MAKERS | values.MAKERS | medicines.MAKERS | hospital.MAKERS
OF_FEATURES = derived.MAKERS


def oracle(feature: Feature, index_date: date, contract_year: str, features: Mapping[str, Feature]) -> str:
    """Give the query of a feature: one row per patient of the archive, `patient_id` and the feature's outputs.

    Parameters
    ----------
    features
        Features by name, for those made of others.
    """
    ask = Ask(feature, index_date, contract_year, features)
    if feature.kind in OF_FEATURES:
        return OF_FEATURES[feature.kind](
            ask, lambda other, above: oracle(other, index_date, contract_year, above.features)
        )
    return OF_RECORDS[feature.kind](ask)
