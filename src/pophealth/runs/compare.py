"""Gives how lists differ: one contract year's rules against another's, and our list against another system's."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from pophealth.cohorts import load_rules
from pophealth.cohorts.differences import Difference, between_systems, between_years
from pophealth.errors import DataContractError, UsageError
from pophealth.pseudonyms import pseudonym, purpose_key
from pophealth.runs.anew import describe_anew
from pophealth.runs.keys import read_key
from pophealth.terms import contract_year_start

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pophealth.config import Config
    from pophealth.declare import CohortRule


def declared_differences(first: str, second: str, *extra_folders: Path) -> list[dict[str, Any]]:
    """Give what the declarations of two contract years say differently, one entry a rule that changed.

    Keys: rule_id, catalogue_id, change (``begins``, ``ends``, ``parameters`` or ``carried``), from, to.
    """
    for year in (first, second):
        contract_year_start(year)
    changes = [_declared(rule, first, second) for rule in load_rules(*extra_folders).values()]
    return [change for change in changes if change]


def _declared(rule: CohortRule, first: str, second: str) -> dict[str, Any]:
    one, two = rule.year_for(first), rule.year_for(second)
    head = {"rule_id": rule.id, "catalogue_id": rule.catalogue_id}
    if one is None and two is None:
        return {}
    if one is None or two is None:
        return head | {"change": "begins" if one is None else "ends", "from": one, "to": two}
    if rule.years[one] != rule.years[two]:
        return head | {"change": "parameters", "from": rule.years[one], "to": rule.years[two]}
    if (one == first) != (two == second):
        return head | {"change": "carried", "from": one, "to": two}
    return {}


def diff_years(config: Config, network: str, index_date: date, first: str, second: str) -> list[Difference]:
    """Give, for every rule of either year whose list changes in `network`, who enters and who leaves and why.

    Both years are judged on the same index date and the same records; windows of a year move with the year.
    """
    views = {year: describe_anew(config, network, index_date, contract_year=year) for year in (first, second)}
    rules = {rule.id: rule for view in views.values() for rule in view.plan.rules}
    found: list[Difference] = []
    for rule in sorted(rules.values(), key=lambda rule: rule.id):
        sides = [
            (year, view.frame) if any(rule.id == other.id for other in view.plan.rules) else None
            for year, view in views.items()
        ]
        stopped = [
            view
            for view in views.values()
            if set(_columns(rule, view.plan.contract_year)) & set(view.plan.not_computable)
        ]
        if not stopped:
            difference = between_years(rule, sides[0], sides[1])
            found += [difference] if difference.entrants or difference.leavers else []
    return found


def _columns(rule: CohortRule, contract_year: str) -> set[str]:
    from pophealth.cohorts import columns_of

    year = contract_year if rule.year_for(contract_year) else max(rule.years)
    return set().union(*(columns_of(rule.bind(criterion.predicate, year)) for criterion in rule.criteria))


def compare_list(config: Config, network: str, index_date: date, rule_id: str, ids: Path) -> Difference:
    """Give both-sided differences between our list of a rule and the list in `ids`, with our reason for each person.

    Parameters
    ----------
    ids
        CSV with a column ``patient_id`` (our pseudonyms) or ``nhs_number``.

    Raises
    ------
    DataContractError
        The file holds neither column.
    UsageError
        The rule cannot be computed from what the source supplies.
    """
    theirs = _read_ids(config, ids)
    view = describe_anew(config, network, index_date, rule_id=rule_id)
    rule = view.plan.rules[0]
    missing = sorted(_columns(rule, view.plan.contract_year) & set(view.plan.not_computable))
    if missing:
        msg = f"rule {rule_id} is not computable: {view.plan.not_computable[missing[0]]}"
        raise UsageError(msg)
    return between_systems(rule, view.frame, view.plan.contract_year, theirs)


def _read_ids(config: Config, path: Path) -> set[str]:
    try:
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        msg = f"ids {path.name}: cannot be read as UTF-8 text ({type(error).__name__})"
        raise DataContractError(msg) from None
    columns = reader.fieldnames or []
    if "patient_id" in columns:
        return {row["patient_id"].strip() for row in reader if row["patient_id"]}
    if "nhs_number" in columns:
        key = purpose_key(read_key(config.site.key_file), config.site.purpose)
        return {pseudonym(key, row["nhs_number"].replace(" ", "")) for row in reader if row["nhs_number"]}
    msg = f"ids {path.name}: expected a column patient_id or nhs_number, found {', '.join(columns) or 'none'}"
    raise DataContractError(msg)
