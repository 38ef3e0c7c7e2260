"""Gives a declared feature: what is to be read from many records to make one value, without saying how."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pophealth.declare.kinds import KINDS, LIST_KEYS
from pophealth.declare.window import EVER, Window, parse_window
from pophealth.errors import DeclarationError


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    Parameters
    ----------
    name
        Column name with unit and window in it; `outputs` says which further columns come with it.
    kind
        One of `KINDS`.
    tables
        Tables whose rows count; two for "coded with or without a number"; ``diagnoses`` stands for the ICD-10 codes of
        spells, dated by admission.
    codelist
        Id of the codelist whose records count, ``"a+b"`` for the union of two; None where the kind needs none.
    window
        Days looked at.
    unit
        Unit of the value, for kinds that give one.
    share
        Normal share of registered people for whom it is true (or not null); used to tell silence from absence.
    source
        Where the definition was read.
    options
        What the kind needs and takes further, by the names in `KINDS`.
    """

    name: str
    kind: str
    tables: tuple[str, ...]
    codelist: str | None
    window: Window
    unit: str | None
    share: float | None
    source: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def codelist_expressions(self) -> tuple[str, ...]:
        """Every codelist or union of codelists the feature reads, in order, each once."""
        named = [self.codelist] if self.codelist else []
        named += [self.options[key] for key in LIST_KEYS if isinstance(self.options.get(key), str)]
        named += list(self.options.get("categories", {}).values()) + list(self.options.get("weights", {}))
        return tuple(dict.fromkeys(named))

    @property
    def codelists(self) -> tuple[str, ...]:
        """Every codelist the feature reads, in order, each once; unions are taken apart."""
        return tuple(dict.fromkeys(part for joined in self.codelist_expressions for part in joined.split("+")))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of other features this one is derived from."""
        names = [
            self.options[key]
            for key in ("from_feature", "to_feature", "date_feature", "feature")
            if key in self.options
        ]
        return (*names, *self.options.get("features", ()), *self.options.get("none_of", ()))

    @property
    def outputs(self) -> dict[str, str]:
        """Column name to type: ``bool``, ``date``, ``int``, ``float``, ``category`` or ``text_list``."""
        kind = KINDS[self.kind]
        if self.kind == "latest_pair":
            first, second = self.options.get("outputs", (f"{self.name}_1", f"{self.name}_2"))
            return {first: "float", second: "float", f"{self.name}_date": "date"}
        columns: dict[str, str] = {self.name: kind.result}
        if kind.is_dated:
            columns[f"{self.name}_date"] = "date"
        if self.kind == "latest_value":
            columns |= {f"{self.name}_{extra}": "category" for extra in self.options.get("with", ())}
        return columns

    def labels(self, column: str) -> tuple[str, ...]:
        """Labels of a category column, in the order their numbers follow; empty for any other column."""
        if column == self.name:
            return tuple(self.options.get("categories", {}))
        return EXTRAS.get(column.removeprefix(f"{self.name}_"), ())


EXTRAS: dict[str, tuple[str, ...]] = {
    "comparator": ("=", "<", "<=", ">", ">="),
    "setting": ("clinic", "home", "ambulatory"),
}
"""What `latest_value` can say of the row it chose, and the values that can have, in order of preference."""

_COMMON = frozenset({"kind", "table", "tables", "codelist", "window", "since", "until", "unit", "share", "source"})
_NO_CODELIST = frozenset({"latest_category", "weighted_sum", "current_substances", "distinct_substances"})
TABLES = (
    "events",
    "medications",
    "measurements",
    "diagnoses",
    "spells",
    "attendances",
    "appointments",
    "outpatients",
    "referrals",
    "next_tests",
)
"""Tables a feature can read; ``diagnoses`` are the ICD-10 codes of spells."""
CODED_TABLES = TABLES[:4]
"""Tables whose rows are found by codelist."""


def parse_feature(name: str, table: dict[str, Any]) -> Feature:
    """Give the feature that a TOML table `[name]` declares.

    Raises
    ------
    DeclarationError
        An unknown kind, key or table, a missing key, a missing or needless codelist, or no source.
    """
    kind = KINDS.get(str(table.get("kind", "")))
    if kind is None:
        msg = f"feature {name}: unknown kind {table.get('kind')!r}; known kinds are {', '.join(sorted(KINDS))}"
        raise DeclarationError(msg)
    tables = (table["table"],) if "table" in table else tuple(table.get("tables", kind.tables))
    needs = {*kind.needs, "source"} | ({"codelist"} if _needs_codelist(table["kind"], tables) else set())
    unknown = sorted(set(table) - _COMMON - set(kind.needs) - set(kind.takes))
    missing = sorted(needs - {key for key, value in table.items() if value not in ("", None, [])})
    foreign = sorted(set(tables) - set(TABLES))
    if unknown or missing or foreign:
        msg = (
            f"feature {name} ({table['kind']}): unknown keys {unknown}, missing keys {missing}, "
            f"unknown tables {foreign}; it gives {kind.gives}"
        )
        raise DeclarationError(msg)
    _refuse_ages(name, table)
    _refuse_bounds(name, table)
    window = EVER
    if {"window", "since", "until"} & set(table):
        window = parse_window(table.get("window"), since=table.get("since"), until=table.get("until"))
    return Feature(
        name=name,
        kind=str(table["kind"]),
        tables=tables,
        codelist=table.get("codelist"),
        window=window,
        unit=table.get("unit"),
        share=table.get("share"),
        source=str(table["source"]),
        options={key: table[key] for key in (*kind.needs, *kind.takes) if key in table},
    )


def _refuse_ages(name: str, table: dict[str, Any]) -> None:
    given = {key: table[key] for key in ("age_at_least_years", "age_under_years") if key in table}
    wrong = [key for key, years in given.items() if type(years) is not int or years < 0]
    least, under = given.get("age_at_least_years", 0), given.get("age_under_years")
    if wrong or (under is not None and least >= under):
        msg = (
            f"feature {name}: age limits {given}; expected whole years of 0 or more, the upper above the lower: "
            "nobody would be of such an age"
        )
        raise DeclarationError(msg)


def _refuse_bounds(name: str, table: dict[str, Any]) -> None:
    if table["kind"] != "number_in":
        return
    given = {key: table[key] for key in ("at_least", "under") if key in table}
    numbers = [value for value in given.values() if isinstance(value, int | float) and not isinstance(value, bool)]
    if not given or len(numbers) < len(given) or given.get("at_least", -math.inf) >= given.get("under", math.inf):
        msg = f"feature {name}: bounds {given}; expected a number as `at_least`, `under` or both, the upper above the lower"
        raise DeclarationError(msg)


def _needs_codelist(kind: str, tables: tuple[str, ...]) -> bool:
    return kind not in _NO_CODELIST and bool(set(tables) & set(CODED_TABLES))
