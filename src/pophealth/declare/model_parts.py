"""Gives the parts of a model's declaration: index dates, estimators, validation, gates, limits of monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import Any, Literal, Self

from pophealth.declare.window import months_before
from pophealth.errors import DeclarationError

ESTIMATORS = ("logistic", "gradient_boosting", "cox", "weibull", "discrete_hazard", "stack")
"""Kinds of estimators, those that are simpler to explain first."""
SUBGROUPS = ("age_band", "sex", "ethnicity", "imd_quintile", "network")
"""Groupings that figures can be shown by; all of them unless a model says fewer."""
GATES: dict[str, Literal["at_least", "at_most", "between"]] = {
    "min_auroc": "at_least",
    "min_concordance": "at_least",
    "min_scaled_brier": "at_least",
    "min_events": "at_least",
    "calibration_slope": "between",
    "calibration_in_the_large": "between",
    "max_ici": "at_most",
    "max_subgroup_calibration_gap": "at_most",
    "max_subgroup_auroc_gap": "at_most",
}
"""What a version can be asked to reach before it is promoted, with how its number is meant."""


@dataclass(frozen=True)
class IndexDates:
    """Past days on which people are looked at: `count` of them, `every_months` apart, the last as late as can be known."""

    every_months: int
    count: int

    @classmethod
    def parse(cls, table: Any, where: str) -> Self:
        """Give the index dates of a TOML table."""
        names = ("every_months", "count")
        check_keys(table, f"{where} [index_dates]", names, names)
        every, count = (whole(table[name], f"{where} [index_dates] {name}", 1, 120) for name in names)
        return cls(every, count)

    def before(self, extract_date: date, *, lag_days: int, outcome_months: int) -> tuple[date, ...]:
        """Give the index dates, ascending: the last one's time at risk ends before the extract's, less the lag."""
        known_to = extract_date - timedelta(days=lag_days)
        last = months_before(known_to, outcome_months)
        if months_before(last, -outcome_months) > known_to:  # pragma: no cover - clipping only shortens
            last -= timedelta(days=1)
        return tuple(months_before(last, self.every_months * step) for step in reversed(range(self.count)))


@dataclass(frozen=True)
class EstimatorSpec:
    """One estimator to try, with what is set of it; what is not set is the estimator's own choice."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, table: Any, where: str) -> Self:
        """Give the estimator of a TOML table."""
        check_keys(table, f"{where} [[estimators]]", ("kind",), ("kind", "settings"))
        if table["kind"] not in ESTIMATORS:
            msg = f"{where}: unknown estimator {table['kind']!r}; known are {', '.join(ESTIMATORS)}"
            raise DeclarationError(msg)
        settings = table.get("settings", {})
        if not isinstance(settings, dict):
            msg = f"{where} [[estimators]]: settings is a table, found {type(settings).__name__}"
            raise DeclarationError(msg)
        return cls(str(table["kind"]), dict(settings))


@dataclass(frozen=True)
class Validation:
    """How a model is tried on people and dates it was not made from.

    Attributes
    ----------
    folds
        Parts into which people are dealt; all of a person's rows are in one.
    test_dates
        Latest index dates kept for testing: a fold is predicted there from the other folds' earlier dates.
    leave_one_network_out
        Whether each network is also predicted from the others.
    networks_left_out_at_most
        Fits this costs at most: more networks are left out in so many groups, each still unseen by its model.
    bootstraps
        Resamples of people behind every interval.
    seed
        Of folds, fits and resamples.
    """

    folds: int = 5
    test_dates: int = 1
    leave_one_network_out: bool = True
    networks_left_out_at_most: int = 12
    bootstraps: int = 200
    seed: int = 1

    @classmethod
    def parse(cls, table: Any, where: str) -> Self:
        """Give the validation of a TOML table."""
        what = f"{where} [validation]"
        check_keys(table, what, (), tuple(item.name for item in fields(cls)))
        limits = {
            "folds": (2, 20),
            "test_dates": (1, 60),
            "networks_left_out_at_most": (2, 200),
            "bootstraps": (0, 10_000),
            "seed": (0, 2**31 - 1),
        }
        given: dict[str, Any] = {
            name: whole(table[name], f"{what} {name}", *bounds) for name, bounds in limits.items() if name in table
        }
        if "leave_one_network_out" in table:
            given["leave_one_network_out"] = flag(table["leave_one_network_out"], f"{what} leave_one_network_out")
        return cls(**given)


@dataclass(frozen=True)
class Monitoring:
    """Limits beyond which a run warns or stops.

    A population stability index from 0.10 on is commonly read as some shift, from 0.25 on as a large one: a convention
    of credit scoring, with no more behind it than use.
    """

    psi_warn: float = 0.10
    psi_stop: float = 0.25
    missing_increase_warn: float = 0.05
    missing_increase_stop: float = 0.20
    imputed_warn: float = 0.30
    in_the_large_warn: float = 0.02
    on_breach: Literal["warn", "stop"] = "warn"

    @classmethod
    def parse(cls, table: Any, where: str) -> Self:
        """Give the limits of a TOML table."""
        what = f"{where} [monitoring]"
        check_keys(table, what, (), tuple(item.name for item in fields(cls)))
        if table.get("on_breach", "warn") not in ("warn", "stop"):
            msg = f"{what}: on_breach is 'warn' or 'stop', found {table['on_breach']!r}"
            raise DeclarationError(msg)
        wrong = [name for name, value in table.items() if name != "on_breach" and not (is_number(value) and value > 0)]
        if wrong:
            msg = f"{what}: {', '.join(sorted(wrong))} must be numbers above 0"
            raise DeclarationError(msg)
        return cls(**table)


def check_keys(table: Any, where: str, needed: Sequence[str], allowed: Sequence[str]) -> None:
    """Refuse a table that is none, lacks a key it needs, or has one nobody reads."""
    if not isinstance(table, dict):
        msg = f"{where}: expected a table, found {type(table).__name__}"
        raise DeclarationError(msg)
    unknown = sorted(set(table) - set(allowed))
    missing = sorted(key for key in needed if table.get(key) in (None, "", [], {}))
    if unknown or missing:
        msg = f"{where}: unknown keys {unknown}, missing keys {missing}"
        raise DeclarationError(msg)


def whole(value: Any, what: str, low: int, high: int) -> int:
    """Give a whole number between two bounds; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        msg = f"{what}: expected a whole number from {low} to {high}, found {value!r}"
        raise DeclarationError(msg)
    return value


def flag(value: Any, what: str) -> bool:
    """Give true or false, and nothing that merely stands for it."""
    if not isinstance(value, bool):
        msg = f"{what}: expected true or false, found {value!r}"
        raise DeclarationError(msg)
    return value


def text(value: Any, what: str) -> str:
    """Give a text that says something."""
    if not isinstance(value, str) or not value.strip():
        msg = f"{what}: expected a text, found {value!r}"
        raise DeclarationError(msg)
    return value


def is_number(value: Any) -> bool:
    """Give whether a value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
