"""Gives how far tonight's people are from those a model was trained on, and whether its risks came true.

The population stability index compares shares of bins: ``sum((now - then) * ln(now / then))``. From 0.10 on it is commonly
read as some shift, from 0.25 on as a large one, by use and nothing more; a model's TOML sets its own limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import polars as pl

from pophealth.declare.model_parts import Monitoring
from pophealth.prediction.metrics import Bools, Floats

BINS = 10
SCORE = "risk"
"""The name under which the score itself stands among the inputs."""


def reference_of(frame: pl.DataFrame, names: Sequence[str], risk: pl.Series) -> dict[str, Any]:
    """Give what a training frame looked like, by column and for the risk: bins, shares, share missing.

    Numbers are cut at their deciles (fewer where they are the same); yes-or-no and categories have a bin a value.
    """
    columns = [frame[name] for name in names]
    return {column.name: _binned(column) for column in columns} | {SCORE: _binned(risk.alias(SCORE))}


def _binned(column: pl.Series) -> dict[str, Any]:
    known = column.drop_nulls()
    missing = column.null_count() / column.len() if column.len() else 0.0
    if column.dtype.is_numeric():
        numbers = known.cast(pl.Float64).to_numpy()
        cuts = np.unique(np.quantile(numbers, np.arange(1, BINS) / BINS)) if numbers.size else numbers
        bins: dict[str, Any] = {"cuts": [float(cut) for cut in cuts]}
    else:
        bins = {"values": sorted(str(value) for value in known.cast(pl.String).unique())}
    return bins | {"shares": _shares(known, bins), "missing": missing}


def _shares(known: pl.Series, bins: Mapping[str, Any]) -> list[float]:
    """Give the share of known values in each bin; the last bin of categories holds values that training never met."""
    if "cuts" in bins:
        places = np.searchsorted(np.array(bins["cuts"], float), known.cast(pl.Float64).to_numpy(), side="left")
        counts = np.bincount(places, minlength=len(bins["cuts"]) + 1).astype(np.float64)
    else:
        numbers = {value: place for place, value in enumerate(bins["values"])}
        found = known.cast(pl.String).value_counts()
        counts = np.zeros(len(numbers) + 1)
        for value, count in found.iter_rows():
            counts[numbers.get(value, len(numbers))] += count
    return [float(share) for share in counts / max(len(known), 1)]


def stability_index(then: Sequence[float], now: Sequence[float], people: int) -> float:
    """Give the population stability index of two sets of shares; an empty bin counts as half a person in it."""
    least = 0.5 / max(people, 1)
    before, after = (np.maximum(np.asarray(shares, float), least) for shares in (then, now))
    return float(((after - before) * np.log(after / before)).sum())


def compare_with(reference: Mapping[str, Any], frame: pl.DataFrame, risk: pl.Series) -> dict[str, Any]:
    """Give per column and for the risk the index and the share missing, tonight and in training.

    Returns
    -------
    dict
        ``people``; ``psi`` and ``missing`` (``{"now", "training"}``) by column, those of the risk under ``risk``.
    """
    columns = {name: risk if name == SCORE else frame[name] for name in reference}
    psi: dict[str, float | None] = {}
    missing: dict[str, dict[str, float]] = {}
    for name, column in columns.items():
        then, known = reference[name], column.drop_nulls()
        psi[name] = stability_index(then["shares"], _shares(known, then), len(known)) if len(known) else None
        now = column.null_count() / column.len() if column.len() else 0.0
        missing[name] = {"now": now, "training": then["missing"]}
    return {"people": risk.len() - risk.null_count(), "psi": psi, "missing": missing}


def in_the_large(risk: Floats, outcome: Bools) -> dict[str, Any]:
    """Give whether risks came true on average: mean outcome less mean risk, with the bounds chance leaves (95 %).

    The bounds are those of a sum of independent events that have the predicted risks.
    """
    size = int(risk.size)
    if not size:
        return {"people": 0, "events": 0, "expected": 0.0, "gap": None, "low": None, "high": None}
    gap = float(outcome.mean() - risk.mean())
    half = 1.959964 * sqrt(float((risk * (1 - risk)).sum())) / size
    return {
        "people": size,
        "events": int(outcome.sum()),
        "expected": float(risk.sum()),
        "gap": gap,
        "low": gap - half,
        "high": gap + half,
    }


@dataclass(frozen=True)
class Breach:
    """A limit that was passed: what was measured, of which column, and whether the model asks to stop."""

    what: str
    column: str
    found: float
    limit: float
    stops: bool

    def words(self) -> str:
        """Give it as a sentence's part."""
        return f"{self.what} of {self.column} {self.found:.3f}, limit {self.limit:g}"


def breaches_of(report: Mapping[str, Any], limits: Monitoring) -> list[Breach]:
    """Give the limits that a report passes, the stopping ones first. They stop only where the model says so."""
    found: list[Breach] = []
    for name, value in report["psi"].items():
        found += _passed("stability index", name, value, limits.psi_warn, limits.psi_stop, limits)
    for name, share in report["missing"].items():
        grown = share["now"] - share["training"]
        warn, stop = limits.missing_increase_warn, limits.missing_increase_stop
        found += _passed("growth of the share missing", name, grown, warn, stop, limits)
    found += _passed("share imputed", "any input", report.get("imputed_share"), limits.imputed_warn, None, limits)
    came_true = report.get("in_the_large")
    if came_true and came_true["gap"] is not None and not came_true["low"] <= 0 <= came_true["high"]:
        gap = abs(came_true["gap"])
        found += _passed("distance of outcomes from risks", SCORE, gap, limits.in_the_large_warn, None, limits)
    return sorted(found, key=lambda breach: (not breach.stops, breach.what, breach.column))


def _passed(
    what: str, column: str, value: float | None, warn: float, stop: float | None, limits: Monitoring
) -> list[Breach]:
    if value is None or value <= warn:
        return []
    if stop is not None and value > stop:
        return [Breach(what, column, value, stop, limits.on_breach == "stop")]
    return [Breach(what, column, value, warn, stops=False)]
