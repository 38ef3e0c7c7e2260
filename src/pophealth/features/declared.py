"""Gives the declared features: what the TOML files of this folder, and those of a site, say."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pophealth.declare import Feature, parse_feature
from pophealth.errors import DeclarationError

SHIPPED = Path(__file__).parent
"""The folder of the declarations that come with the package, one file a family."""


_OF_TRUTHS = ("any_of", "all_of")


def load_features(*extra_folders: Path) -> dict[str, Feature]:
    """Give every declared feature by each of its output columns, in order of families and names.

    A feature of an extra folder replaces the shipped one of the same name.

    Raises
    ------
    DeclarationError
        A file is not TOML, a feature is declared twice in one folder, two features make the same column, or a derived
        feature names a column that nothing makes, or one that is not true or false where it needs such.
    """
    declared: dict[str, Feature] = {}
    for folder in (SHIPPED, *extra_folders):
        declared |= _load_folder(folder)
    columns: dict[str, Feature] = {}
    for feature in declared.values():
        for column in feature.outputs:
            if column in columns:
                msg = f"features {columns[column].name} and {feature.name} both make the column {column}"
                raise DeclarationError(msg)
            columns[column] = feature
    for feature in declared.values():
        lacking = [name for name in feature.inputs if name not in columns]
        if lacking:
            msg = f"feature {feature.name} is made of {lacking}, which no feature makes"
            raise DeclarationError(msg)
        other = [name for name in feature.inputs if columns[name].outputs[name] != "bool"]
        if other and feature.kind in _OF_TRUTHS:
            msg = f"feature {feature.name} ({feature.kind}) is made of {other}, which are not true or false"
            raise DeclarationError(msg)
    return columns


def _load_folder(folder: Path) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            msg = f"features {path.name}: not readable as TOML: {error}"
            raise DeclarationError(msg) from error
        for name, table in tables.items():
            if name in found or not isinstance(table, dict):
                msg = f"features {path.name}: {name} is declared twice in {folder.name}, or is not a table"
                raise DeclarationError(msg)
            found[name] = parse_feature(name, table)
    return found
