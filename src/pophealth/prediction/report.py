"""Gives the evaluation of predictions: every figure with its interval, calibration, what lists find, by group and network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare.model import ModelSpec
from pophealth.errors import DataContractError
from pophealth.prediction.calibration import calibration_curve, logit
from pophealth.prediction.censoring import concordances, weights_of
from pophealth.prediction.lists import TO_REACH, contacts_to_reach, interval, number, operational
from pophealth.prediction.meta_analysis import random_effects, spread_of
from pophealth.prediction.metrics import Bools, Counts, Floats
from pophealth.prediction.resample import FIGURES, Sample, resampled
from pophealth.prediction.usefulness import decision_curve

THRESHOLDS = (0.02, 0.05, 0.075, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)
"""Risks from which somebody may wish to act; decision curves show these."""
CURVE_POINTS = 21
NATIONAL = {
    "model": "SPARRAv4 (Scotland), emergency admission or death in 12 months, 12,866,084 person-times",
    # clinical-scores 13, read in jamesliley/SPARRAv4@3a4a4a67
    "auroc": 0.799,
    "auprc": 0.389,
    "brier": 0.0666,
}
"""What national models of this outcome reach, and no more."""
_COLUMNS = ("patient_id", "network_code", "index_date", "event", "months_at_risk", "risk")


def evaluate_model(predictions: pl.DataFrame, spec: ModelSpec, *, seed: int) -> dict[str, Any]:
    """Give the evaluation of a model's predictions, as plain values that JSON can hold.

    Parameters
    ----------
    predictions
        One row per person and index date, foretold by a model that saw neither: patient_id, network_code, index_date,
        event, months_at_risk, ended_by, risk, ``group_<name>`` (text) for each subgroup but the network, and, where
        networks were left out, `risk_left_out` (null where a row was not).

    Returns
    -------
    dict
        rows, people, events, index_dates, metrics, calibration_curve, calibration_tenths, decision_curve, operational,
        to_reach, subgroups, leave_one_network_out, national, bootstrap. A figure that cannot be computed is null; a
        group or network without one says why. Who was lost from sight counts in rows and people, not in figures: the
        others stand for them (`censoring_weights`).

    Raises
    ------
    DataContractError
        A column is missing, a risk is missing or outside 0 to 1, or everybody has the same outcome.
    """
    _refuse_unusable(predictions, spec)
    sample = _sample(predictions, predictions["risk"], spec)
    groups = groups_of(predictions, spec.subgroups)
    replicates = spec.validation.bootstraps
    at = np.unique(np.quantile(sample.risk, np.linspace(0, 1, CURVE_POINTS)))
    everybody, by_group, curves = resampled(sample, groups, replicates=replicates, seed=seed, at=at)
    listing = _listing(predictions)
    table, group_tables = operational(sample, listing, spec.list_lengths, groups, replicates=replicates, seed=seed)
    metrics = {
        name: interval(estimate, everybody[:, column])
        for column, (name, estimate) in enumerate(zip(FIGURES, sample.estimates(), strict=True))
    }
    if spec.is_survival:
        metrics |= _concordance(predictions, sample, replicates, seed)
    return {
        "model": spec.id,
        **_counts(predictions),
        "index_dates": [day.isoformat() for day in sorted(predictions["index_date"].unique().to_list())],
        "metrics": metrics,
        "calibration_curve": _curve(sample, at, curves),
        "calibration_tenths": _tenths(sample),
        "decision_curve": _decision(sample, replicates, seed),
        "operational": table,
        "to_reach": contacts_to_reach(sample, listing, events=TO_REACH, replicates=replicates, seed=seed),
        "subgroups": _subgroups(predictions, sample, groups, everybody, by_group, group_tables),
        "leave_one_network_out": _left_out(predictions, spec, seed),
        "national": NATIONAL,
        "bootstrap": {"replicates": replicates, "seed": seed, "mode": "poisson", "drawn": "people"},
    }


def _refuse_unusable(predictions: pl.DataFrame, spec: ModelSpec) -> None:
    needed = [*_COLUMNS, *(f"group_{name}" for name in spec.subgroups if name != "network")]
    missing = [name for name in needed if name not in predictions.columns]
    if missing:
        msg = f"predictions of {spec.id}: {len(missing)} columns are missing: {', '.join(missing)}"
        raise DataContractError(msg)
    risk = predictions["risk"].cast(pl.Float64)
    bad = int((~risk.is_between(0, 1).fill_null(value=False)).sum())
    if bad:
        msg = f"predictions of {spec.id}: {bad:,} of {risk.len():,} risks are missing or outside 0 to 1"
        raise DataContractError(msg)
    events = int(predictions["event"].sum())
    if events in (0, predictions.height):
        msg = (
            f"predictions of {spec.id}: {events:,} of {predictions.height:,} rows have the outcome; with one class only "
            "nothing can be evaluated"
        )
        raise DataContractError(msg)


def _sample(predictions: pl.DataFrame, risk: pl.Series, spec: ModelSpec) -> Sample:
    risks, people = risk.cast(pl.Float64).to_numpy(), _numbered(predictions["patient_id"])
    return Sample(predictions["event"].to_numpy(), risks, people, weights_of(predictions, spec))


def _numbered(names: pl.Series) -> Counts:
    return (names.rank("dense").cast(pl.Int64) - 1).to_numpy()


def _counts(predictions: pl.DataFrame) -> dict[str, int]:
    return {
        "rows": predictions.height,
        "people": predictions["patient_id"].n_unique(),
        "events": int(predictions["event"].sum()),
    }


def groups_of(predictions: pl.DataFrame, names: Sequence[str]) -> dict[tuple[str, str], npt.NDArray[np.int64]]:
    """Give the rows of each group of each grouping, by both names; what is not on record is a group of its own."""
    found: dict[tuple[str, str], npt.NDArray[np.int64]] = {}
    for name in names:
        column = predictions["network_code" if name == "network" else f"group_{name}"].cast(pl.String)
        for label in column.unique().sort().to_list():
            rows = np.flatnonzero((column == label).to_numpy()) if label is not None else _without(column)
            found[name, "not known" if label is None else label] = rows
    return found


def _without(column: pl.Series) -> npt.NDArray[np.int64]:
    return np.flatnonzero(column.is_null().to_numpy())


def _listing(predictions: pl.DataFrame) -> Counts:
    numbers = predictions.select(pl.struct("network_code", "index_date").rank("dense").cast(pl.Int64)).to_series()
    return numbers.to_numpy() - 1


def _concordance(predictions: pl.DataFrame, sample: Sample, replicates: int, seed: int) -> dict[str, Any]:
    months, most = predictions["months_at_risk"].to_numpy(), max(1, 20_000_000 // max(predictions.height, 1))
    found = concordances(
        months, sample.outcome, sample.risk, sample.person, replicates=min(replicates, most), seed=seed
    )
    return {"concordance": found["harrell"], "concordance_uno": found["uno"]}


def _curve(sample: Sample, at: Floats, curves: Floats) -> list[dict[str, Any]]:
    weight: Any = np.ones(sample.risk.size) if sample.weight is None else sample.weight
    found = calibration_curve(sample.outcome, sample.risk, weight, at)
    if found is None:
        return []
    shown = [interval(estimate, curves[:, place]) for place, estimate in enumerate(found)]
    return [
        {"risk": float(risk), "observed": point["estimate"], "low": point["low"], "high": point["high"]}
        for risk, point in zip(at, shown, strict=True)
    ]


def _tenths(sample: Sample) -> list[dict[str, Any]]:
    """Give mean risk and observed share by tenth of risk; equal risks stand together."""
    edges = np.unique(np.quantile(sample.risk, np.linspace(0, 1, 11)[1:-1]))
    place = np.searchsorted(edges, sample.risk, side="right")
    weight = np.ones(sample.risk.size) if sample.weight is None else sample.weight
    tenths = []
    for tenth in np.unique(place):
        rows = place == tenth
        whole = float(weight[rows].sum())
        if whole:
            share = float((weight * sample.outcome)[rows].sum()) / whole
            mean = float((weight * sample.risk)[rows].sum()) / whole
            tenths.append({"rows": int(rows.sum()), "risk": mean, "observed": share})
    return tenths


def _decision(sample: Sample, replicates: int, seed: int) -> list[dict[str, Any]]:
    """Give the decision curve with intervals; with censoring, from weighted rows."""
    names = ("threshold", "net_benefit", "treat_all")
    if sample.weight is None:
        exact = [benefit._asdict() for benefit in decision_curve(sample.outcome, sample.risk, THRESHOLDS)]
    else:
        exact = [dict(zip(names, row, strict=True)) for row in _benefits(sample, sample.weight)]
    draws = np.array([_benefits(sample, sample.drawn(seed, replicate)) for replicate in range(replicates)])
    draws = draws.reshape(replicates, len(THRESHOLDS), len(names))
    for column, row in enumerate(exact):
        shown = interval(row["net_benefit"], draws[:, column, 1])
        row |= {"net_benefit": shown["estimate"], "low": shown["low"], "high": shown["high"]}
        row["treat_all"] = number(row["treat_all"])
    return exact


def _benefits(sample: Sample, weight: Floats) -> list[tuple[float, float, float]]:
    place = np.searchsorted(np.array(THRESHOLDS), sample.risk, side="right")
    size = len(THRESHOLDS) + 1
    rows, hits = np.bincount(place, weight, size), np.bincount(place, weight * sample.outcome, size)
    chosen, true = np.cumsum(rows[::-1])[::-1], np.cumsum(hits[::-1])[::-1]
    made = []
    for number_of, threshold in enumerate(THRESHOLDS, start=1):
        odds = threshold / (1 - threshold)
        gain = (true[number_of] - (chosen[number_of] - true[number_of]) * odds) / chosen[0]
        made.append((threshold, float(gain), float((true[0] - (chosen[0] - true[0]) * odds) / chosen[0])))
    return made


def _subgroups(
    predictions: pl.DataFrame,
    sample: Sample,
    groups: Mapping[tuple[str, str], npt.NDArray[np.int64]],
    everybody: Floats,
    by_group: Mapping[tuple[str, str], Floats],
    tables: Mapping[tuple[str, str], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    whole = sample.estimates()
    reports = []
    for key, rows in groups.items():
        mine, draws = sample.estimates(rows), by_group[key]
        figures = {
            name: {
                "figure": interval(mine[column], draws[:, column]),
                "gap": interval(mine[column] - whole[column], draws[:, column] - everybody[:, column]),
            }
            for column, name in enumerate(FIGURES)
        }
        counted = _counts(predictions[rows])
        benefit = [row._asdict() for row in decision_curve(sample.outcome[rows], sample.risk[rows], THRESHOLDS)]
        reports.append(
            {"grouping": key[0], "group": key[1], **counted, "reason": why_no_figures(sample.outcome[rows])}
            | {
                "figures": figures,
                "operational": tables[key],
                "decision_curve": [] if sample.weight is not None else benefit,
            }
        )
    return reports


def why_no_figures(outcome: Bools) -> str | None:
    """Give why rows have no area and no calibration; null where they have."""
    if not outcome.size:
        return "no row"
    if not outcome.any():
        return "no event of the outcome"
    return "nobody without the event" if outcome.all() else None


def _left_out(predictions: pl.DataFrame, spec: ModelSpec, seed: int) -> dict[str, Any] | None:
    """Give each network's figures from a model that never saw it, and their random-effects summaries."""
    if "risk_left_out" not in predictions.columns or not predictions["risk_left_out"].is_not_null().any():
        return None
    rows = predictions.filter(pl.col("risk_left_out").is_not_null())
    sample = _sample(rows, rows["risk_left_out"], spec)
    groups = groups_of(rows, ("network",))
    at = np.zeros(0)
    _, draws, _ = resampled(sample, groups, replicates=spec.validation.bootstraps, seed=seed, at=at)
    networks = []
    for key, places in groups.items():
        figures = sample.estimates(places)
        shown = {name: interval(figures[column], draws[key][:, column]) for column, name in enumerate(FIGURES)}
        networks.append(
            {
                "network": key[1],
                **_counts(rows[places]),
                "reason": why_no_figures(sample.outcome[places]),
                "metrics": shown,
            }
        )
    return {"networks": networks, "summary": _summaries(sample, groups, draws)}


_SCALES: dict[str, tuple[Any, Any]] = {
    "auroc": (logit, lambda value: 1 / (1 + np.exp(-value))),
    "calibration_slope": (np.asarray, float),
    "calibration_intercept": (np.asarray, float),
    "observed_expected": (np.log, np.exp),
}
"""Figures that are summarised, on scales where they are about normal (Snell and others, Stat Methods Med Res 2018;27:3505)."""


def _summaries(
    sample: Sample, groups: Mapping[tuple[str, str], npt.NDArray[np.int64]], draws: Mapping[tuple[str, str], Floats]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (there, back) in _SCALES.items():
        column = FIGURES.index(name)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.array([there(sample.estimates(rows)[column]) for rows in groups.values()], np.float64)
            errors = np.array([spread_of(there(draws[key][:, column])) for key in groups])
        summary = random_effects(values, errors)
        ends = ("mean", "low", "high", "next_low", "next_high")
        found[name] = {end: number(float(back(getattr(summary, end)))) for end in ends}
        found[name] |= {"tau": number(summary.tau), "i2": number(summary.i2), "networks": summary.networks}
    return found
