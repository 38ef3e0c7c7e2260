"""Gives the digest of what a feature means: its declaration, and every code it looks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pophealth.declare import Feature
    from pophealth.reference import CodelistLibrary


def feature_digests(names: Iterable[str], features: Mapping[str, Feature], library: CodelistLibrary) -> dict[str, str]:
    """Give, for each declared feature of `names`, the SHA-256 over its declaration and the codelists it reads.

    Those of the features it is derived from are counted in. Base columns (age, sex, deprivation) have none.
    """
    return {name: _digest(name, features, library) for name in names if name in features}


def _digest(name: str, features: Mapping[str, Feature], library: CodelistLibrary) -> str:
    feature = features[name]
    parts = {
        "column": name,
        "feature": {key: value for key, value in asdict(feature).items() if key not in ("share", "source")},
        "codelists": {
            codelist: library.get(codelist).digest if codelist in library else None for codelist in feature.codelists
        },
        "made_of": [_digest(column, features, library) for column in feature.inputs],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
