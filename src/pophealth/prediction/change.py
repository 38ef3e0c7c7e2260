"""Gives how a predicted risk moved between dates, and whether a rise says more than the risk itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare.model import ModelSpec
from pophealth.declare.window import months_before
from pophealth.errors import DataContractError
from pophealth.kernels.discrimination import poisson_weights
from pophealth.prediction.calibration import expit, fit_logistic, logit
from pophealth.prediction.candidates import log_loss
from pophealth.prediction.censoring import weights_of
from pophealth.prediction.lists import interval
from pophealth.prediction.metrics import Counts, Floats, auroc_of
from pophealth.prediction.report import groups_of, why_no_figures

_ROWS_AT_A_TIME = 20_000_000
"""Rows times resamples that are looked at, at most: an area costs a sort."""


def with_changes(rows: pl.DataFrame, steps_months: Sequence[int], days: Sequence[date]) -> pl.DataFrame:
    """Give the rows of the days with the risk then and its change: ``risk_<n>m_ago``, ``change_<n>m`` (null where not known).

    Parameters
    ----------
    rows
        patient_id, index_date, risk, at the days and at those the steps lead back to.
    """
    known = rows.select("patient_id", pl.col("index_date").alias("_then"), pl.col("risk").alias("_risk"))
    made = rows.filter(pl.col("index_date").is_in(list(days)))
    for months in steps_months:
        back = {day: months_before(day, months) for day in days}
        steps = pl.DataFrame(
            {"index_date": list(back), "_then": list(back.values())}, {"index_date": pl.Date, "_then": pl.Date}
        )
        made = (
            made.join(steps, on="index_date", how="left", maintain_order="left")
            .join(known, on=["patient_id", "_then"], how="left", maintain_order="left")
            .with_columns(pl.col("_risk").alias(f"risk_{months}m_ago"))
            .with_columns((pl.col("risk") - pl.col("_risk")).alias(f"change_{months}m"))
            .drop("_then", "_risk")
        )
    return made


def evaluate_change(rows: pl.DataFrame, spec: ModelSpec, *, seed: int) -> dict[str, Any]:
    """Give, per step, how well a rise alone tells who has the event, and what it adds to the risk; the area by group.

    `added_log_loss` is the mean log loss of the risk less that of the risk with the rise beside it, each recalibrated by
    logistic regression on other people's folds; above 0 the rise adds something.

    Parameters
    ----------
    rows
        As `with_changes` gives them, with event, months_at_risk, ended_by, fold, network_code and the groups.

    Raises
    ------
    DataContractError
        Nobody has an earlier risk, or all who have one have the same outcome.
    """
    metrics: dict[str, Any] = {}
    for months in spec.steps_months:
        known = rows.filter(pl.col(f"change_{months}m").is_not_null())
        events = int(known["event"].sum())
        if events in (0, known.height):
            msg = (
                f"model {spec.id}: {events:,} of {known.height:,} rows with a risk {months} months ago have the outcome"
            )
            raise DataContractError(msg)
        found = _figures(known, f"change_{months}m", spec, seed)
        metrics |= {f"{name}_{months}m": figure for name, figure in found.items()}
    first = spec.steps_months[0]
    metrics = {"auroc": metrics[f"auroc_{first}m"]} | metrics
    known = rows.filter(pl.col(f"change_{first}m").is_not_null())
    return {
        "model": spec.id,
        "rows": known.height,
        "people": known["patient_id"].n_unique(),
        "events": int(known["event"].sum()),
        "index_dates": [day.isoformat() for day in sorted(known["index_date"].unique().to_list())],
        "metrics": metrics,
        "subgroups": _by_group(known, f"change_{first}m", spec, seed),
        "bootstrap": {"replicates": spec.validation.bootstraps, "seed": seed, "mode": "poisson", "drawn": "people"},
    }


def _figures(rows: pl.DataFrame, column: str, spec: ModelSpec, seed: int) -> dict[str, Any]:
    outcome, change = rows["event"].to_numpy(), rows[column].to_numpy()
    weight = weights_of(rows, spec)
    weights = np.ones(rows.height) if weight is None else weight
    person, replicates = _people(rows), _replicates(rows, spec)
    gain = _added(rows, change, weights)
    draws = np.full((replicates, 3), np.nan)
    for replicate in range(replicates):
        drawn = poisson_weights(int(person.max()) + 1, seed=seed, replicate=replicate)[person] * weights
        draws[replicate] = _area(outcome, change, drawn), _mean(change, drawn), _mean(gain, drawn)
    whole = _area(outcome, change, weights), _mean(change, weights), _mean(gain, weights)
    names = ("auroc", "mean_change", "added_log_loss")
    return {name: interval(whole[place], draws[:, place]) for place, name in enumerate(names)}


def _added(rows: pl.DataFrame, change: Floats, weights: Floats) -> Floats:
    """Give, by row, the log loss of the risk less that of risk and change, by coefficients learnt on other folds."""
    outcome, fold = rows["event"].to_numpy(), rows["fold"].to_numpy()
    now = logit(rows["risk"].to_numpy())
    moved = now - logit(np.clip(rows["risk"].to_numpy() - change, 0, 1))
    one = np.ones(now.size)
    risks = []
    for design in (np.column_stack([one, now]), np.column_stack([one, now, moved])):
        risk = np.full(now.size, np.nan)
        for number_of in np.unique(fold):
            mine = fold == number_of
            found = fit_logistic(design[~mine], outcome[~mine], weights[~mine])
            if found is not None:
                risk[mine] = expit(design[mine] @ found)
        risks.append(log_loss(rows, risk))
    return np.asarray(risks[0] - risks[1])


def _by_group(rows: pl.DataFrame, column: str, spec: ModelSpec, seed: int) -> list[dict[str, Any]]:
    outcome, change = rows["event"].to_numpy(), rows[column].to_numpy()
    weight = weights_of(rows, spec)
    weights = np.ones(rows.height) if weight is None else weight
    person, replicates, groups = _people(rows), _replicates(rows, spec), groups_of(rows, spec.subgroups)
    places_of: dict[Any, npt.NDArray[np.int64]] = {None: np.arange(rows.height), **groups}
    draws = {key: np.full((replicates, 2), np.nan) for key in places_of}
    for replicate in range(replicates):
        drawn = poisson_weights(int(person.max()) + 1, seed=seed, replicate=replicate)[person] * weights
        for key, places in places_of.items():
            here = drawn[places]
            draws[key][replicate, :] = _area(outcome[places], change[places], here), _mean(change[places], here)
    whole = _area(outcome, change, weights), _mean(change, weights)
    told = []
    for key, places in groups.items():
        mine = _area(outcome[places], change[places], weights[places]), _mean(change[places], weights[places])
        figures = {
            name: {
                "figure": interval(mine[place], draws[key][:, place]),
                "gap": interval(mine[place] - whole[place], draws[key][:, place] - draws[None][:, place]),
            }
            for place, name in enumerate(("auroc", "mean_change"))
        }
        counted = {
            "rows": places.size,
            "people": int(np.unique(person[places]).size),
            "events": int(outcome[places].sum()),
        }
        told.append(
            {
                "grouping": key[0],
                "group": key[1],
                **counted,
                "reason": why_no_figures(outcome[places]),
                "figures": figures,
            }
        )
    return told


def _people(rows: pl.DataFrame) -> Counts:
    return (rows["patient_id"].rank("dense").cast(pl.Int64) - 1).to_numpy()


def _replicates(rows: pl.DataFrame, spec: ModelSpec) -> int:
    return min(spec.validation.bootstraps, max(1, _ROWS_AT_A_TIME // max(rows.height, 1)))


def _area(outcome: npt.NDArray[np.bool_], change: Floats, weight: Floats) -> float:
    return auroc_of(outcome, change, np.rint(weight * 1_000).astype(np.int64))


def _mean(values: Floats, weight: Floats) -> float:
    known = np.isfinite(values)
    whole = float(weight[known].sum())
    return float((values * weight)[known].sum()) / whole if whole else float("nan")
