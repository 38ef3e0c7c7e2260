"""Gives the records that decided: for everyone listed, criterion by criterion, or one row where absence decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import Feature
from pophealth.features.deciding_coded import Asked, Wanted
from pophealth.features.deciding_kinds import pick
from pophealth.features.deciding_latest import EACH_ROLE, latest_rows
from pophealth.features.deciding_rows import RECORD, rows_of
from pophealth.features.deciding_table import EVIDENCE, Use, evidence_table
from pophealth.features.moment import Moment

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary


def deciding_records(
    members_listed: pl.DataFrame,
    criteria: dict[str, dict[str, tuple[str, ...]]],
    features: dict[str, Feature],
    library: CodelistLibrary,
    archives: Callable[[str], pl.LazyFrame],
    medicine_map: pl.DataFrame | None,
    index_date: date,
    contract_year: str,
    threads: int = 1,
) -> pl.DataFrame:
    """Give the evidence rows of everyone listed.

    Parameters
    ----------
    members_listed
        Columns ``patient_id`` and ``rule_id``, one row per person and rule.
    criteria
        Columns each criterion reads, by rule and criterion id. Columns that are no feature (age, sex) give no row.
    features
        Features by output column; derived ones are followed to the features they are made of.
    archives
        The canonical rows of a table of the whole network. Each table is scanned once.
    medicine_map
        Product to substance, needed only where a feature counts substances.
    threads
        How many features are worked through at the same time; no row depends on it.

    Returns
    -------
    DataFrame
        Columns of `EVIDENCE`, by rule, person, criterion, date. A criterion none of whose features found a record has
        one row with a null record_id; where some found one, each yes-or-no feature with a bounded window that did not
        has such a row too (a check that is due again).
    """
    uses = _uses(criteria, features)
    if members_listed.is_empty() or not uses:
        return pl.DataFrame(schema=EVIDENCE)
    listed = _by_number(members_listed, sorted({*criteria, *members_listed["rule_id"].unique()}))
    moment = Moment(index_date, contract_year)
    asked = [Asked(use.number, use.feature) for use in uses]
    wanted = Wanted(_people_of(uses, listed), moment)
    rows, plain = rows_of(asked, listed.schema["patient_id"], library, archives, wanted, threads)
    with ThreadPoolExecutor(threads) as pool:
        picked = list(
            pool.map(
                lambda use: pick(use.feature, rows[use.number], moment, medicine_map),
                [use for use in uses if use.number in rows],
            )
        )
    latest = latest_rows(plain, {use.number for use in uses if use.feature.kind in EACH_ROLE})
    found = pl.concat([latest, *(part.select(*RECORD) for part in picked)])
    return evidence_table(found, uses, listed, library, moment)


def _by_number(members: pl.DataFrame, rules: list[str]) -> pl.DataFrame:
    """Give patient_id and rule_id, each pair once, as categories in order: joins and sorts then compare numbers."""
    people = members["patient_id"].cast(pl.String).unique().sort()
    return members.select(
        pl.col("patient_id").cast(pl.String).cast(pl.Enum(people)),
        pl.col("rule_id").cast(pl.String).cast(pl.Enum(rules)),
    ).unique()


def leaves_of(columns: Iterable[str], features: dict[str, Feature]) -> tuple[Feature, ...]:
    """Give the features read from records behind `columns`, each once: derived ones are followed to their inputs."""
    found: dict[str, Feature] = {}
    for column in columns:
        feature = features.get(column)
        if feature is None:
            continue
        inner = leaves_of(feature.inputs, features) if feature.inputs else (feature,)
        found |= {leaf.name: leaf for leaf in inner}
    return tuple(found.values())


def _uses(criteria: dict[str, dict[str, tuple[str, ...]]], features: dict[str, Feature]) -> list[Use]:
    needed: dict[str, list[tuple[str, str]]] = {}
    by_name: dict[str, Feature] = {}
    for rule_id, named in criteria.items():
        for criterion, columns in named.items():
            for leaf in leaves_of(columns, features):
                by_name[leaf.name] = leaf
                needed.setdefault(leaf.name, []).append((rule_id, criterion))
    return [Use(place, by_name[name], tuple(needed[name])) for place, name in enumerate(sorted(needed))]


def _people_of(uses: list[Use], listed: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Give whether a feature (column, its number) is worth reading of a person (row): long lists widen no short one's.

    A feature of a rule that lists nobody is wanted of no one, and has its column all the same.
    """
    people, rules = listed.schema["patient_id"], listed.schema["rule_id"]
    of_rule = listed.select(pl.all().to_physical()).partition_by("rule_id", as_dict=True)
    on_list = {name: of_rule.get((place,)) for place, name in enumerate(rules.categories)}  # type: ignore[attr-defined]
    is_wanted = np.zeros((len(people.categories), 1 + max(use.number for use in uses)), np.bool_)  # type: ignore[attr-defined]
    for use in uses:
        for rule_id in {rule_id for rule_id, _ in use.needed_by}:
            rows = on_list.get(rule_id)
            if rows is not None:
                is_wanted[rows["patient_id"].to_numpy(), use.number] = True
    return is_wanted
