"""Gives the records that decided: for everyone listed, criterion by criterion, or one row where absence decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from pophealth.declare import BOOLEAN_KINDS, EVER, Feature
from pophealth.features.deciding_kinds import pick
from pophealth.features.deciding_rows import RECORD, Asked, rows_of
from pophealth.features.moment import Moment

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

EVIDENCE: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "rule_id": pl.String(),
    "criterion": pl.String(),
    "table": pl.String(),
    "record_id": pl.String(),
    "date": pl.Date(),
    "code": pl.String(),
    "code_system": pl.String(),
    "term": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
    "window_from": pl.Date(),
    "window_to": pl.Date(),
    "feature": pl.String(),
}
"""Columns of `evidence` (ARCHITECTURE, section 5) and, last, the feature that read the record."""


@dataclass(frozen=True)
class _Use:
    """A feature under its number, and who needs it: rule, criterion."""

    number: int
    feature: Feature
    needed_by: tuple[tuple[str, str], ...]


def deciding_records(
    members_listed: pl.DataFrame,
    criteria: dict[str, dict[str, tuple[str, ...]]],
    features: dict[str, Feature],
    library: CodelistLibrary,
    archives: Callable[[str], pl.LazyFrame],
    medicine_map: pl.DataFrame | None,
    index_date: date,
    contract_year: str,
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
    rows = rows_of(asked, _people_of(uses, listed), library, archives, moment)
    picked = [
        pick(use.feature, part, moment, medicine_map) for use in uses if (part := rows.get(use.number)) is not None
    ]
    schema = RECORD | {"patient_id": listed.schema["patient_id"]}
    found = pl.concat([pl.DataFrame(schema=schema), *(part.select(*RECORD) for part in picked)])
    return _assemble(found, uses, listed, library, moment)


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


def _uses(criteria: dict[str, dict[str, tuple[str, ...]]], features: dict[str, Feature]) -> list[_Use]:
    needed: dict[str, list[tuple[str, str]]] = {}
    by_name: dict[str, Feature] = {}
    for rule_id, named in criteria.items():
        for criterion, columns in named.items():
            for leaf in leaves_of(columns, features):
                by_name[leaf.name] = leaf
                needed.setdefault(leaf.name, []).append((rule_id, criterion))
    return [_Use(place, by_name[name], tuple(needed[name])) for place, name in enumerate(sorted(needed))]


def _people_of(uses: list[_Use], listed: pl.DataFrame) -> pl.DataFrame:
    """Give each (number, patient_id) that is worth reading: a long list must not widen a short one's reading."""
    pairs = {(use.number, rule_id) for use in uses for rule_id, _ in use.needed_by}
    schema = {"number": pl.UInt16(), "rule_id": listed.schema["rule_id"]}
    return (
        pl.DataFrame(sorted(pairs), schema=schema, orient="row")
        .join(listed, on="rule_id", how="inner")
        .select("number", "patient_id")
        .unique()
    )


def _assemble(
    found: pl.DataFrame, uses: list[_Use], listed: pl.DataFrame, library: CodelistLibrary, moment: Moment
) -> pl.DataFrame:
    """Give the evidence: the picked records under each criterion that needs them, and the absences."""
    links = _links(uses, moment, listed.schema["rule_id"])
    present = (
        found.join(links, on="number", how="inner")
        .join(listed, on=["patient_id", "rule_id"], how="semi")
        .sort("rule_id", "patient_id", "criterion", "date", "record_id", "number")
        .unique(["rule_id", "patient_id", "criterion", "table", "record_id"], keep="first", maintain_order=True)
    )
    # found again without the unique above: a record that two features read is found for both
    seen = found.select("number", "patient_id").unique()
    lacking = links.join(listed, on="rule_id", how="inner").join(seen, on=["number", "patient_id"], how="anti")
    silent = lacking.join(
        present.select("rule_id", "patient_id", "criterion").unique(),
        on=["rule_id", "patient_id", "criterion"],
        how="anti",
    ).unique(["rule_id", "patient_id", "criterion"], keep="first", maintain_order=True)
    due = lacking.filter("is_due").join(silent, on=["rule_id", "patient_id", "criterion"], how="anti")
    terms: pl.DataFrame = library.terms().select(
        pl.col("code").cast(pl.String), pl.col("code_system").cast(pl.String), pl.col("term").cast(pl.String)
    )
    present = present.join(terms.unique(["code", "code_system"]), on=["code", "code_system"], how="left")
    absent = [
        frame.with_columns(table=pl.col("home"), **{name: pl.lit(None, dtype=kind) for name, kind in _NOTHING.items()})
        for frame in (silent, due)
    ]
    whole = pl.concat([frame.select(*EVIDENCE) for frame in (present, *absent)]).sort(
        "rule_id", "patient_id", "criterion", "date", "record_id", "feature", nulls_last=True
    )
    return whole.select(pl.col(name).cast(kind) for name, kind in EVIDENCE.items())


_NOTHING = {name: EVIDENCE[name] for name in ("record_id", "date", "code", "code_system", "term", "value", "unit")}
_LINK: dict[str, pl.DataType] = {
    "number": pl.UInt16(),
    "rule_id": pl.String(),
    "criterion": pl.String(),
    "feature": pl.String(),
    "home": pl.String(),
    "is_due": pl.Boolean(),
    "window_from": pl.Date(),
    "window_to": pl.Date(),
}


def _links(uses: list[_Use], moment: Moment, rules: pl.DataType) -> pl.DataFrame:
    """Give one row per feature, rule and criterion, with the window as dates and the feature's first table."""
    rows = []
    for use in uses:
        bounds = use.feature.window.bounds(moment.index_date, moment.contract_year)
        is_due = use.feature.kind in BOOLEAN_KINDS and use.feature.window != EVER
        for rule_id, criterion in use.needed_by:
            rows.append((use.number, rule_id, criterion, use.feature.name, use.feature.tables[0], is_due, *bounds))
    criteria = sorted({criterion for use in uses for _, criterion in use.needed_by})
    ordered = {"rule_id": rules, "criterion": pl.Enum(criteria), "feature": pl.Enum([use.feature.name for use in uses])}
    return pl.DataFrame(rows, schema=_LINK | ordered, orient="row")
