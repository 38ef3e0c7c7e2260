"""Gives codelists as ranges of concept numbers: what a plan's features read, table by table, with their row filters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import CODED_TABLES, NUMBER_KINDS, Feature
from pophealth.errors import DeclarationError
from pophealth.features.units import factors
from pophealth.kernels import features_base as base
from pophealth.kernels.postings import frozen

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

TABLE_NUMBER = {table: number for number, table in enumerate(CODED_TABLES)}
"""Coded tables by the number kernels know them by."""
_SETTINGS = {"clinic": 1, "home": 2, "ambulatory": 3}
_COMPARATORS = {"=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5}
_ANY_METHOD, _NO_METHOD = (0, 255), (1, 0)


@dataclass(frozen=True)
class Rule:
    """A row filter as declared, in one table; equal ones are kept once."""

    reads: int = 0
    unit: str | None = None
    lowest: float = -np.inf
    highest: float = np.inf
    settings: int = 0
    comparators: int = 0
    position: int = 0
    methods: tuple[int, int] = _ANY_METHOD


@dataclass
class ListBuilder:
    """Collects lists of concepts while features are compiled; `build` makes the arrays."""

    library: CodelistLibrary
    dictionary: Callable[[str], pl.DataFrame]
    units: tuple[str, ...]
    _lists: dict[tuple[tuple[str, str, Rule | None], ...], int] = field(default_factory=dict)

    def add(self, feature: Feature, expression: str | None, *, place: int = 0, plain: bool = False) -> int:
        """Give the number of the list that `expression` stands for over the feature's tables.

        Parameters
        ----------
        place
            Which of two bounds of ``between`` holds for it.
        plain
            Whether the rows of the list are to be visible only, whatever row filters the feature declares.
        """
        foreign = [table for table in feature.tables if table not in CODED_TABLES]
        if foreign or not expression:
            msg = f"feature {feature.name} ({feature.kind}): reads codes of coded tables; {foreign or 'no codelist'} cannot be"
            raise DeclarationError(msg)
        parts = tuple(
            (expression, table, None if plain else rule_of(feature, table, place)) for table in feature.tables
        )
        return self._lists.setdefault(parts, len(self._lists))

    @property
    def parts(self) -> list[tuple[str, str, Rule | None]]:
        """Every part of every list, in order."""
        return [part for parts in self._lists for part in parts]

    def build(self) -> tuple[base.Lists, base.Rules]:
        """Give the lists and the row filters as arrays."""
        parts = self.parts
        rules = list(dict.fromkeys(rule for _, _, rule in parts if rule is not None))
        found = self._concepts({(expression, table) for expression, table, _ in parts})
        ranges = [_ranges(found[expression, table]) for expression, table, _ in parts]
        low, high = (np.concatenate([np.empty(0, np.int64), *(pair[side] for pair in ranges)]) for side in (0, 1))
        lists = base.Lists(
            parts=_starts([len(parts) for parts in self._lists]),
            table=_numbers([TABLE_NUMBER[table] for _, table, _ in parts]),
            rule=_numbers([-1 if rule is None else rules.index(rule) for _, _, rule in parts]),
            ranges=_starts([pair[0].size for pair in ranges]),
            low=frozen(low.astype(np.uint32)),
            high=frozen(high.astype(np.uint32)),
        )
        return lists, self._rules(rules)

    def _rules(self, rules: list[Rule]) -> base.Rules:
        def column(kind: Any, name: str) -> npt.NDArray[Any]:
            return frozen(np.array([getattr(rule, name) for rule in rules], kind))

        factor = np.array([factors(rule.unit, self.units)[:256] for rule in rules], np.float64).reshape(-1, 256)
        methods = np.array([rule.methods for rule in rules], np.uint8).reshape(-1, 2)
        return base.Rules(
            column(np.uint8, "reads"),
            frozen(factor),
            column(np.float64, "lowest"),
            column(np.float64, "highest"),
            column(np.uint8, "settings"),
            column(np.uint8, "comparators"),
            column(np.uint8, "position"),
            frozen(methods[:, 0].copy()),
            frozen(methods[:, 1].copy()),
        )

    def _concepts(self, needed: set[tuple[str, str]]) -> dict[tuple[str, str], npt.NDArray[np.int64]]:
        found: dict[tuple[str, str], npt.NDArray[np.int64]] = {}
        for table in sorted({table for _, table in needed}):
            names = sorted(expression for expression, name in needed if name == table)
            codes = pl.concat([self.library.codes_of(name).with_columns(expression=pl.lit(name)) for name in names])
            joined = concepts_of(codes, self.dictionary(table), by_prefix=table == "diagnoses")
            grouped = dict(joined.group_by("expression", maintain_order=True).agg("concept").iter_rows())
            found |= {(name, table): np.unique(np.array(grouped.get(name, []), np.int64)) for name in names}
        return found


def as_text(*names: str) -> list[pl.Expr]:
    """Give columns as text: a code system may come as an enumeration."""
    return [pl.col(name).cast(pl.String) for name in names]


def concepts_of(codes: pl.DataFrame, dictionary: pl.DataFrame, *, by_prefix: bool = False) -> pl.DataFrame:
    """Give `codes` (code, code_system and more) with the concept number of each that the dictionary knows.

    Codes match exactly; ICD-10 ones of spells (`by_prefix`) match every code that begins with them, dots left out.
    """
    known = dictionary.select(pl.col("concept").cast(pl.Int64), *as_text("code", "code_system"))
    if by_prefix:
        dotless = pl.col("code").str.replace_all(".", "", literal=True)
        codes = codes.filter(pl.col("code_system") == "ICD-10").with_columns(dotless)
        whole = continued(
            codes["code"].unique().to_list(), known.filter(pl.col("code_system") == "ICD-10")["code"].to_list()
        )
        codes = codes.join(whole, on="code", how="inner").with_columns(code="whole").drop("whole")
    return codes.join(known, on=["code", "code_system"], how="inner")


def continued(beginnings: list[str], codes: list[str]) -> pl.DataFrame:
    """Give code and whole: every one of `codes` that begins with one of `beginnings`."""
    whole = sorted(codes)
    rows = []
    for text in sorted(beginnings):
        place = bisect_left(whole, text)
        while place < len(whole) and whole[place].startswith(text):
            rows.append((text, whole[place]))
            place += 1
    return pl.DataFrame(rows, schema={"code": pl.String, "whole": pl.String}, orient="row")


def rule_of(feature: Feature, table: str, place: int = 0) -> Rule | None:
    """Give the row filter that the feature declares for rows of `table`, or None where every row passes."""
    options = feature.options
    reads = settings = comparators = position = 0
    lowest, highest, methods = -np.inf, np.inf, _ANY_METHOD
    if table == "measurements":
        if feature.kind in NUMBER_KINDS or "between" in options:
            reads |= base.READS_VALUE
            lowest, highest = bounds_of(feature, place)
        if "settings" in options:
            reads |= base.READS_SETTING
            settings = sum(1 << _SETTINGS[name] for name in dict.fromkeys(options["settings"]))
        if "comparators" in options:
            reads |= base.READS_COMPARATOR
            comparators = sum(1 << _COMPARATORS[name] for name in dict.fromkeys(options["comparators"]))
            comparators |= int("=" in options["comparators"])  # no comparator is an exact value
    if table == "diagnoses":
        position = int(options.get("position") == "primary")
        methods = method_range(str(options.get("method", "")))
        reads |= base.READS_POSITION * position | base.READS_METHOD * (methods != _ANY_METHOD)
    if not reads:
        return None
    unit = feature.unit if reads & base.READS_VALUE else None
    return Rule(reads, unit, lowest, highest, settings, comparators, position, methods)


def bounds_of(feature: Feature, place: int) -> tuple[float, float]:
    """Give the lowest and highest accepted value of the first or second codelist: ``[low, high]`` or a pair of them."""
    between = feature.options.get("between", (-np.inf, np.inf))
    low, high = between[place] if isinstance(between[0], list | tuple) else between
    return float(low), float(high)


def method_range(method: str) -> tuple[int, int]:
    """Give the lowest and highest stored number of admission methods that begin with `method` (as ``kernels.postings``)."""
    if not method:
        return _ANY_METHOD
    digits = "0123456789ABCDEF"
    if len(method) > 2 or method[0] not in digits[:10] or method[-1] not in digits:
        return _NO_METHOD
    first = 16 * int(method[0])
    if len(method) == 1:
        return first, first + 15
    return first + int(method[1], 16), first + int(method[1], 16)


def _ranges(concepts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give ascending concepts as ranges ``low <= concept < high`` of adjacent ones."""
    breaks = np.flatnonzero(np.diff(concepts) != 1)
    return concepts[np.r_[0, breaks + 1][: concepts.size]], concepts[
        np.r_[breaks, concepts.size - 1][: concepts.size]
    ] + 1


def _numbers(values: list[int]) -> base.Numbers:
    return frozen(np.array(values, np.int32))


def _starts(sizes: list[int]) -> base.Numbers:
    return frozen(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
