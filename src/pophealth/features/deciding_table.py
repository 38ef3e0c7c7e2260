"""Gives the evidence as a table: the records found under each criterion that needs them, and the absences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import BOOLEAN_KINDS, EVER, Feature
from pophealth.features.moment import Moment

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

Numbers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EVIDENCE: dict[str, pl.DataType] = {
    "patient_id": pl.String(),
    "rule_id": pl.Categorical(),
    "criterion": pl.Categorical(),
    "table": pl.Categorical(),
    "record_id": pl.String(),
    "date": pl.Date(),
    "code": pl.String(),
    "code_system": pl.Categorical(),
    "term": pl.Categorical(),
    "value": pl.Float64(),
    "unit": pl.Categorical(),
    "window_from": pl.Date(),
    "window_to": pl.Date(),
    "feature": pl.Categorical(),
}
"""Columns of `evidence` (ARCHITECTURE, section 5) and, last, the feature that read the record."""

_OF_RECORD = ("table", "record_id", "date", "code", "code_system", "term", "value", "unit")


@dataclass(frozen=True)
class Use:
    """A feature under its number, and who needs it: rule, criterion."""

    number: int
    feature: Feature
    needed_by: tuple[tuple[str, str], ...]

    @property
    def is_due(self) -> bool:
        """True where finding nothing is a check that is due again: a yes-or-no feature with a bounded window."""
        return self.feature.kind in BOOLEAN_KINDS and self.feature.window != EVER


@dataclass(frozen=True)
class Places:
    """The names behind the numbers that rows are compared by, in their order."""

    people: pl.Series
    rules: tuple[str, ...]
    criteria: tuple[str, ...]
    uses: tuple[Use, ...]

    def packed(self, rule: Numbers, person: Numbers, criterion: Numbers) -> Numbers:
        """Give rule, person and criterion as one number that sorts like the three."""
        return (rule * len(self.people) + person) * len(self.criteria) + criterion

    def unpacked(self, packed: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Give rule, person and criterion of packed numbers."""
        rest, criterion = np.divmod(packed, len(self.criteria))
        rule, person = np.divmod(rest, len(self.people))
        return rule, person, criterion


def evidence_table(
    found: pl.DataFrame, uses: list[Use], listed: pl.DataFrame, library: CodelistLibrary, moment: Moment
) -> pl.DataFrame:
    """Give the evidence: columns of `EVIDENCE`, by rule, person, criterion, date, record and feature; absences last.

    Parameters
    ----------
    found
        The picked records with number and patient_id.
    listed
        patient_id and rule_id as enumerations in order, each pair once.

    There are several times as many absences as records, so what is compared and sorted are numbers.
    """
    places = Places(
        listed.schema["patient_id"].categories,  # type: ignore[attr-defined]
        tuple(listed.schema["rule_id"].categories),  # type: ignore[attr-defined]
        tuple(sorted({criterion for use in uses for _, criterion in use.needed_by})),
        tuple(uses),
    )
    lists = _lists(listed)
    records, packed = _records(found, places, lists)
    absent, lacking = _absences(found, places, lists)
    order = np.argsort(np.concatenate([2 * packed, 2 * absent + 1]), kind="stable")
    rows = _of_records(records, library)
    nothing = pl.DataFrame([pl.Series(name, [None], dtype=kind) for name, kind in rows.schema.items()])
    which = np.concatenate([np.arange(records.height), np.full(absent.size, records.height)])[order]
    numbers = np.concatenate([records["number"].to_numpy().astype(np.int64), lacking])[order]
    return _named(
        pl.concat([rows, nothing])[which],
        places.unpacked(np.concatenate([packed, absent])[order]),
        numbers,
        places,
        moment,
    )


def _lists(listed: pl.DataFrame) -> dict[int, Numbers]:
    """Give the people of each list in order, as numbers, by the number of its rule."""
    parts = listed.select(pl.all().to_physical()).sort("rule_id", "patient_id").partition_by("rule_id", as_dict=True)
    return {int(rule): part["patient_id"].to_numpy().astype(np.int64) for (rule,), part in parts.items()}


def _records(found: pl.DataFrame, places: Places, lists: dict[int, Numbers]) -> tuple[pl.DataFrame, Numbers]:
    """Give the records under each criterion that needs them, in order, each once, and their packed numbers."""
    rule_of, criterion_of = ({name: n for n, name in enumerate(names)} for names in (places.rules, places.criteria))
    is_listed = np.zeros((len(places.rules), len(places.people)), np.bool_)
    for rule, people in lists.items():
        is_listed[rule, people] = True
    links = [
        (use.number, rule_of[rule], criterion_of[criterion]) for use in places.uses for rule, criterion in use.needed_by
    ]
    table = pl.DataFrame(links, {"number": pl.UInt16, "_rule": pl.Int64, "_criterion": pl.Int64}, orient="row")
    # in the order they are shown in, once; what is then matched, sorted and told apart is numbers, several to a record
    ordered = found.sort("date", "record_id", "number", "position", "role")
    told = ordered.select(
        "number",
        _place=pl.int_range(pl.len(), dtype=pl.Int64),
        _person=pl.col("patient_id").to_physical().cast(pl.Int64),
        _record=_numbered(ordered["table"]) * 2**32 + _numbered(ordered["record_id"]),
    )
    rows = told.join(table, on="number", how="inner")
    rows = rows.filter(pl.Series(is_listed[rows["_rule"].to_numpy(), rows["_person"].to_numpy()], dtype=pl.Boolean))
    packed = places.packed(*(rows[name].to_numpy() for name in ("_rule", "_person", "_criterion")))
    kept = (
        rows.select("_place", "_record", _packed=pl.Series(packed, dtype=pl.Int64))
        .sort("_packed", "_place")
        .unique(["_packed", "_record"], keep="first", maintain_order=True)
    )
    return ordered[kept["_place"]], kept["_packed"].to_numpy()


def _numbered(text: pl.Series) -> pl.Series:
    """Give text as numbers that are equal where it is; as categories it would stay in memory as long as the process."""
    return text.cast(pl.Enum(text.unique())).to_physical().cast(pl.Int64)


def _absences(found: pl.DataFrame, places: Places, lists: dict[int, Numbers]) -> tuple[Numbers, Numbers]:
    """Give the packed numbers of criteria with an absence, and the number of the feature that found nothing.

    Where no feature of a criterion found a record, one row says so, under the first; where some did, each that is due.
    """
    seen = np.zeros((1 + max(use.number for use in places.uses), len(places.people)), np.bool_)
    seen[found["number"].to_numpy(), found["patient_id"].to_physical().to_numpy()] = True
    needed: dict[tuple[int, int], list[Use]] = {}
    rule_of, criterion_of = ({name: n for n, name in enumerate(names)} for names in (places.rules, places.criteria))
    for use in places.uses:
        for rule, criterion in use.needed_by:
            needed.setdefault((rule_of[rule], criterion_of[criterion]), []).append(use)
    nobody: Numbers = np.empty(0, np.int64)
    packed, numbers = [nobody], [nobody]
    for (listed_by, part), uses in needed.items():
        people = lists.get(listed_by, nobody)
        any_seen = seen[np.array([use.number for use in uses])][:, people].any(axis=0)
        silent = [(uses[0].number, people[~any_seen])]
        due = [(use.number, people[any_seen & ~seen[use.number, people]]) for use in uses if use.is_due]
        for number, absent in silent + due:
            packed.append(places.packed(np.full(absent.size, listed_by), absent, np.full(absent.size, part)))
            numbers.append(np.full(absent.size, number))
    return np.concatenate(packed), np.concatenate(numbers)


def _of_records(records: pl.DataFrame, library: CodelistLibrary) -> pl.DataFrame:
    terms = library.terms().select(pl.col("code", "code_system", "term").cast(pl.String))
    return records.join(
        terms.unique(["code", "code_system"]), on=["code", "code_system"], how="left", maintain_order="left"
    ).select(pl.col(name).cast(EVIDENCE[name]) for name in _OF_RECORD)


def _named(
    rows: pl.DataFrame, packed: tuple[Numbers, Numbers, Numbers], numbers: Numbers, places: Places, moment: Moment
) -> pl.DataFrame:
    """Give the rows with who, why and within what window in words and dates; an absence stands in its feature's table."""
    rule, person, criterion = packed
    place_of = np.zeros(1 + max(use.number for use in places.uses), np.int64)
    place_of[[use.number for use in places.uses]] = np.arange(len(places.uses))
    use = place_of[numbers]
    bounds = [one.feature.window.bounds(moment.index_date, moment.contract_year) for one in places.uses]

    def said(name: str, values: list[str] | tuple[str, ...], of_row: Numbers) -> pl.Series:
        return pl.Series(name, values, dtype=pl.String).cast(EVIDENCE[name]).gather(of_row)

    return rows.with_columns(
        places.people.cast(pl.String).gather(person).alias("patient_id"),
        said("rule_id", places.rules, rule),
        said("criterion", places.criteria, criterion),
        pl.col("table").fill_null(said("table", [one.feature.tables[0] for one in places.uses], use)),
        pl.Series("window_from", [start for start, _ in bounds], dtype=pl.Date).gather(use),
        pl.Series("window_to", [end for _, end in bounds], dtype=pl.Date).gather(use),
        said("feature", [one.feature.name for one in places.uses], use),
    ).select(*EVIDENCE)
