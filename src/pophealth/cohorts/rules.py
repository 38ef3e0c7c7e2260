"""Gives the declared rules by walking a folder: one TOML file a rule, in the folder of its service. No polars here."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pophealth.declare import CohortRule, parse_rule
from pophealth.errors import DeclarationError
from pophealth.terms import SERVICES


def load_rules(*extra_folders: Path) -> dict[str, CohortRule]:
    """Give every rule by id: the shipped ones first; a later folder replaces a rule of the same id.

    Parameters
    ----------
    extra_folders
        Folders of a site, each laid out as ``<service>/<id>.toml``.

    Returns
    -------
    dict
        Rules by id, in order of id.

    Raises
    ------
    DeclarationError
        A folder is absent, a file is no TOML, a service is unknown, or one folder declares an id twice.
    """
    rules: dict[str, CohortRule] = {}
    for folder in (Path(__file__).parent, *extra_folders):
        if not folder.is_dir():
            msg = f"rules folder {folder}: not a folder; expected <service>/<id>.toml in it"
            raise DeclarationError(msg)
        rules |= _rules_of(folder)
    return dict(sorted(rules.items()))


def _rules_of(folder: Path) -> dict[str, CohortRule]:
    found: dict[str, CohortRule] = {}
    for path in sorted(folder.glob("*/*.toml")):
        rule = _read(path)
        if rule.id in found:
            msg = f"rule {rule.id}: declared twice in {folder}, by {found[rule.id].service} and {rule.service}"
            raise DeclarationError(msg)
        found[rule.id] = rule
    return found


def _read(path: Path) -> CohortRule:
    if path.parent.name not in SERVICES:
        msg = f"rule {path.name}: folder {path.parent.name!r} is no service; one of {', '.join(SERVICES)}"
        raise DeclarationError(msg)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"rule {path.parent.name}/{path.name}: not readable as TOML: {error}"
        raise DeclarationError(msg) from error
    return parse_rule(table, file_stem=path.stem, folder=path.parent.name)
