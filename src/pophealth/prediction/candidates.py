"""Gives the candidates of a model tried on people and dates they were not made from, and the one that is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from pophealth.declare.model import ModelSpec
from pophealth.errors import DataContractError
from pophealth.kernels.discrimination import poisson_weights
from pophealth.prediction.calibration import EDGE
from pophealth.prediction.censoring import weights_of
from pophealth.prediction.lists import interval, number
from pophealth.prediction.metrics import Floats
from pophealth.prediction.resample import FIGURES, exact
from pophealth.prediction.split import Split

Foretell = Callable[[pl.DataFrame, pl.DataFrame], pl.Series]
"""Gives the risks of the second frame's rows by a model made from the first's."""


def foretold(
    frame: pl.DataFrame, splits: Iterable[Split], foretell: Foretell, told: Callable[[str], None] = lambda _name: None
) -> pl.Series:
    """Give the risk of each row from the trial that tested it; null for rows that none tested.

    Raises
    ------
    DataContractError
        A trial has no event, or nothing else, to learn from.
    """
    risk = np.full(frame.height, np.nan)
    for split in splits:
        learn = frame.filter(split.learn)
        events = int(learn["event"].sum())
        if events in (0, learn.height):
            msg = (
                f"{split.name}: {events:,} of the {learn.height:,} rows to learn from have the outcome; "
                "a model needs people with and without it"
            )
            raise DataContractError(msg)
        risk[split.test.to_numpy()] = foretell(learn, frame.filter(split.test)).to_numpy()
        told(split.name)
    return pl.Series("risk", risk).fill_nan(None)


def log_loss(frame: pl.DataFrame, risk: Floats) -> Floats:
    """Give minus the log of the chance that each row's outcome was given: lowest in the mean for true risks (a proper score)."""
    event = frame["event"].to_numpy()
    inside = np.clip(risk, EDGE, 1 - EDGE)
    return np.asarray(-np.where(event, np.log(inside), np.log1p(-inside)))


def compare(
    frame: pl.DataFrame, risks: Mapping[str, pl.Series], spec: ModelSpec, *, seed: int
) -> tuple[str, dict[str, dict[str, Any]]]:
    """Give the candidate that is taken, and how each did.

    Candidates are looked at in their order, simplest first: one is taken instead of the present one where its mean log
    loss is lower and the 95 % interval of the difference, over resamples of people, leaves out 0.

    Parameters
    ----------
    frame
        Rows that every candidate foretold.
    risks
        By candidate, in order.
    """
    weight = weights_of(frame, spec)
    weights = np.ones(frame.height) if weight is None else weight
    person = (frame["patient_id"].rank("dense").cast(pl.Int64) - 1).to_numpy()
    losses = {name: log_loss(frame, risk.to_numpy()) for name, risk in risks.items()}
    means = {name: _mean(loss, weights) for name, loss in losses.items()}
    taken = next(iter(risks))
    told: dict[str, dict[str, Any]] = {}
    for name, risk in risks.items():
        gains = _gains(losses[taken] - losses[name], weights, person, spec.validation.bootstraps, seed)
        gain = interval(means[taken] - means[name], gains)
        figures = exact(frame["event"].to_numpy(), risk.to_numpy(), weight)
        told[name] = {
            "log_loss": number(means[name]),
            "against": taken,
            "gain": gain,
            **{figure: number(value) for figure, value in zip(FIGURES, figures, strict=True)},
        }
        if gain["estimate"] is not None and gain["estimate"] > 0 and (gain["low"] or 0.0) > 0:
            taken = name
    for name, row in told.items():
        row["taken"] = name == taken
    return taken, told


def _mean(loss: Floats, weight: Floats) -> float:
    return float((loss * weight).sum() / weight.sum())


def _gains(difference: Floats, weight: Floats, person: np.ndarray, replicates: int, seed: int) -> Floats:
    """Give the mean difference in each resample of people, from sums by person: rows are passed over once."""
    people = int(person.max()) + 1
    sums, wholes = np.bincount(person, difference * weight, people), np.bincount(person, weight, people)
    made = np.full(replicates, np.nan)
    for replicate in range(replicates):
        times = poisson_weights(people, seed=seed, replicate=replicate)
        whole = float((wholes * times).sum())
        made[replicate] = float((sums * times).sum()) / whole if whole else np.nan
    return made


def refuse_useless(frame: pl.DataFrame, predictors: Sequence[str], model: str) -> None:
    """Refuse a frame from which nothing can be learnt: one class only, or a predictor that says nothing.

    Raises
    ------
    DataContractError
        Everybody has the same outcome; a predictor is missing for everybody, or the same for everybody.
    """
    events = int(frame["event"].sum())
    if events in (0, frame.height):
        what = "no event of the outcome" if not events else "nobody without the outcome"
        msg = f"model {model}: {what} among {frame.height:,} rows; nothing can be learnt from one class"
        raise DataContractError(msg)
    absent = [name for name in predictors if name not in frame.columns]
    missing = [name for name in predictors if name not in absent and frame[name].null_count() == frame.height]
    same = [name for name in predictors if name not in [*absent, *missing] and _is_constant(frame[name])]
    if absent or missing or same:
        parts = {"not in the frame": absent, "missing for everybody": missing, "the same for everybody": same}
        told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
        msg = f"model {model}: {len(absent + missing + same)} of {len(predictors)} predictors say nothing. {told}"
        raise DataContractError(msg)


def _is_constant(column: pl.Series) -> bool:
    return column.null_count() == 0 and column.n_unique() == 1
