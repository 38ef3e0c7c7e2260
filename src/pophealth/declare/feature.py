"""Gives a declared feature: what is to be read from many records to make one value, without saying how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pophealth.declare.window import EVER, Window, parse_window
from pophealth.errors import DeclarationError

KINDS: dict[str, str] = {
    "has": "a record of the codelist in the window (needs codelist)",
    "has_unresolved": "latest record of the codelist is later than the latest of `resolved_by`",
    "first_date": "date of the first record in the window",
    "latest_date": "date of the latest record in the window",
    "count": "number of records in the window",
    "distinct_days": "number of different days with a record in the window",
    "latest_category": "label of the category whose codelist has the latest record; same day: the later in `categories` wins",
    "latest_value": "latest value in the window, with its date; same day: the highest value (`same_day = 'lowest'` for the lowest)",
    "min_value": "lowest value in the window",
    "max_value": "highest value in the window",
    "latest_pair": "two values of one day (codelist, paired_with), of the latest day with both; same day: lowest of each",
    "latest_pair_at_least": "date of the latest day with a pair of which either reaches its threshold (`at_least`)",
    "followed_by": "a record of the codelist in the window with one of `followed_by` within `days` after it (same day counts)",
    "preceded_by": "a record of the codelist in the window with one of `preceded_by` within `days` before it (same day counts)",
    "issued": "a medicine of the codelist issued in the window",
    "issued_in_two_windows": "issued in the window and also in the window of the same length before it",
    "co_issued": "a medicine of the codelist and one of `with` issued within `days` of each other, both in the window",
    "current_repeat": "latest issue plus days' supply (28 when missing) covers the index date; issues said not to be on repeat do not count",
    "current_substances": "number of different chemical substances among current repeats (codelist optional)",
    "spell_count": "admitted spells whose method begins with `method`, admitted in the window",
    "bed_days": "days in hospital inside the window, of spells whose method begins with `method`",
    "attendance_count": "emergency attendances in the window",
    "days_between": "whole days from feature `from_feature` to feature `to_feature`",
    "count_true": "number of the named boolean `features` that are true; unknown if any is unknown",
}
"""The kinds of feature this release computes, each with one sentence."""

BOOLEAN_KINDS = frozenset(
    {
        "has",
        "has_unresolved",
        "followed_by",
        "preceded_by",
        "issued",
        "issued_in_two_windows",
        "co_issued",
        "current_repeat",
    }
)
DATE_KINDS = frozenset({"first_date", "latest_date", "latest_pair_at_least"})
COUNT_KINDS = frozenset(
    {
        "count",
        "distinct_days",
        "current_substances",
        "spell_count",
        "bed_days",
        "attendance_count",
        "days_between",
        "count_true",
    }
)
VALUE_KINDS = frozenset({"latest_value", "min_value", "max_value", "latest_pair"})
DERIVED_KINDS = frozenset({"days_between", "count_true"})
"""Kinds computed from other features of the same person, not from records."""

_DEFAULT_TABLES: dict[str, tuple[str, ...]] = (
    dict.fromkeys(KINDS, ("events",))
    | dict.fromkeys(("latest_value", "min_value", "max_value", "latest_pair", "latest_pair_at_least"), ("measurements",))
    | dict.fromkeys(("issued", "issued_in_two_windows", "co_issued", "current_repeat", "current_substances"), ("medications",))
    | {"spell_count": ("spells",), "bed_days": ("spells",), "attendance_count": ("attendances",)}
    | {"days_between": (), "count_true": ()}
)


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    Parameters
    ----------
    name
        Column name with unit and window in it. `latest_value` also makes ``<name>_date``; `latest_category` also makes
        ``<name>_date``; `latest_pair` makes ``<name>_1``, ``<name>_2`` (unless `outputs` names them) and ``<name>_date``.
    kind
        One of `KINDS`.
    tables
        Tables whose rows count; two for "coded with or without a number".
    codelist
        Id of the codelist whose records count; empty for `latest_category` and for kinds over spells.
    window
        Days looked at.
    unit
        Unit of the value, for kinds that give one.
    share
        Normal share of registered people for whom it is true (or not null); used to tell silence from absence.
    source
        Where the definition was read.
    options
        What the kind needs further, by the names in `KINDS`.
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
    def codelists(self) -> tuple[str, ...]:
        """Every codelist the feature reads, in order, each once; ``"a+b"`` in a declaration is the union of a and b."""
        named = [self.codelist] if self.codelist else []
        named += [
            self.options[key]
            for key in ("resolved_by", "paired_with", "followed_by", "preceded_by", "with")
            if key in self.options
        ]
        named += [codelist for codelist in self.options.get("categories", {}).values() if codelist]
        return tuple(dict.fromkeys(part for joined in named for part in joined.split("+")))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of features this one is derived from."""
        if self.kind == "days_between":
            return (self.options["from_feature"], self.options["to_feature"])
        return tuple(self.options["features"]) if self.kind == "count_true" else ()

    @property
    def outputs(self) -> dict[str, str]:
        """Column name to type: ``bool``, ``date``, ``int``, ``float`` or ``category``."""
        if self.kind in BOOLEAN_KINDS:
            return {self.name: "bool"}
        if self.kind in DATE_KINDS:
            return {self.name: "date"}
        if self.kind in COUNT_KINDS:
            return {self.name: "int"}
        if self.kind == "latest_category":
            return {self.name: "category", f"{self.name}_date": "date"}
        if self.kind == "latest_pair":
            first, second = self.options.get("outputs", (f"{self.name}_1", f"{self.name}_2"))
            return {first: "float", second: "float", f"{self.name}_date": "date"}
        if self.kind == "latest_value":
            return {self.name: "float", f"{self.name}_date": "date"}
        return {self.name: "float"}

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of a `latest_category`, mildest first."""
        return tuple(self.options.get("categories", {}))


_KNOWN = frozenset({"kind", "table", "tables", "codelist", "window", "since", "until", "unit", "share", "source"})
_OPTIONS: dict[str, frozenset[str]] = {
    "has_unresolved": frozenset({"resolved_by"}),
    "latest_category": frozenset({"categories"}),
    "latest_value": frozenset({"between", "same_day"}),
    "min_value": frozenset({"between"}),
    "max_value": frozenset({"between"}),
    "latest_pair": frozenset({"paired_with", "outputs", "between"}),
    "latest_pair_at_least": frozenset({"paired_with", "at_least", "between"}),
    "followed_by": frozenset({"followed_by", "days"}),
    "preceded_by": frozenset({"preceded_by", "days"}),
    "co_issued": frozenset({"with", "days"}),
    "current_substances": frozenset({"without_bnf"}),
    "spell_count": frozenset({"method"}),
    "bed_days": frozenset({"method"}),
    "days_between": frozenset({"from_feature", "to_feature"}),
    "count_true": frozenset({"features"}),
}
_MAY_MISS = frozenset({"between", "same_day", "outputs", "without_bnf", "method"})


def parse_feature(name: str, table: dict[str, Any]) -> Feature:
    """Give the feature that a TOML table `[name]` declares.

    Raises
    ------
    DeclarationError
        An unknown kind or key, a missing option, or no source.
    """
    kind = str(table.get("kind", ""))
    if kind not in KINDS:
        msg = f"feature {name}: unknown kind {kind!r}; known kinds are {', '.join(sorted(KINDS))}"
        raise DeclarationError(msg)
    options = _OPTIONS.get(kind, frozenset())
    unknown = sorted(set(table) - _KNOWN - options)
    missing = sorted(options - _MAY_MISS - set(table)) + ([] if table.get("source") else ["source"])
    if unknown or missing:
        msg = f"feature {name} ({kind}): unknown keys {unknown}, missing keys {missing}; {KINDS[kind]}"
        raise DeclarationError(msg)
    tables = (table["table"],) if "table" in table else tuple(table.get("tables", _DEFAULT_TABLES[kind]))
    since = table.get("since")
    return Feature(
        name=name,
        kind=kind,
        tables=tables,
        codelist=table.get("codelist"),
        window=parse_window(table.get("window"), since=since, until=table.get("until"))
        if {"window", "since", "until"} & set(table)
        else EVER,
        unit=table.get("unit"),
        share=table.get("share"),
        source=str(table["source"]),
        options={key: table[key] for key in options if key in table},
    )
