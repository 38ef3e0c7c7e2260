"""Gives the declared features: what the TOML files of this folder, and those of a site, say."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pophealth.declare import Feature, parse_feature
from pophealth.errors import DeclarationError

SHIPPED = Path(__file__).parent
"""The folder of the declarations that come with the package, one file a family."""


_MADE_OF = {
    "any_of": (("bool",), "true or false"),
    "all_of": (("bool",), "true or false"),
    "number_in": (("int", "float"), "a number"),
    "category_in": (("category",), "a category"),
}
"""What the features may be that a kind is made of, as types and in words."""


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
        wanted, words = _MADE_OF.get(feature.kind, ((), ""))
        other = [name for name in feature.inputs if wanted and columns[name].outputs[name] not in wanted]
        if other:
            msg = f"feature {feature.name} ({feature.kind}) is made of {other}, which are not {words}"
            raise DeclarationError(msg)
        _refuse_foreign_values(feature, columns)
    return columns


def _refuse_foreign_values(feature: Feature, columns: dict[str, Feature]) -> None:
    """Refuse a category that is never given: nobody would be of it, and nothing would say so."""
    if feature.kind == "category_in":
        known = columns[feature.options["feature"]].labels(feature.options["feature"])
        foreign = sorted(set(feature.options["values"]) - set(known))
        if foreign:
            msg = f"feature {feature.name}: {foreign} are not among the categories {list(known)} of {feature.options['feature']}"
            raise DeclarationError(msg)


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
