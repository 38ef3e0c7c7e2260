"""Gives the evaluation of a change model: the model it is derived from is made, and asked about each person at three dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pophealth.declare.window import months_before
from pophealth.errors import DeclarationError
from pophealth.prediction.change import evaluate_change, with_changes
from pophealth.prediction.joined import Weights
from pophealth.prediction.split import Split, by_person_and_time, test_dates
from pophealth.runs.training_frame import Progress, gather
from pophealth.runs.training_ground import open_ground

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.declare.model import ModelSpec
    from pophealth.prediction.fitted import FittedModel
    from pophealth.runs.train import Trained


def train_change(config: Config, spec_folder: Path, spec: ModelSpec, text: str, *, progress: Progress) -> Trained:
    """Give a change model evaluated on people whom the model behind it saw at no date; its fitted model is that one.

    Raises
    ------
    DeclarationError
        The model it is derived from is not declared beside it, foretells something else, or was not looked at on the
        dates that the steps lead back to.
    DataContractError
        As `train`.
    """
    from pophealth.runs.train import read_spec, train_on

    source, source_text = read_spec(spec_folder.resolve().parent / str(spec.derived_from))
    _refuse_misfit(spec, source)
    source = replace(source, validation=spec.validation, index_dates=spec.index_dates, subgroups=spec.subgroups)
    ground = open_ground(config, source)
    gathered = gather(ground, progress)
    made = train_on(ground, gathered, source_text, progress=progress)
    risks = _asked(gathered.frame, source, made.fitted, progress, spec.steps_months)
    rows = with_changes(
        gathered.frame.with_columns(risk=risks).filter(pl.col("risk").is_not_null()),
        spec.steps_months,
        test_dates(ground.index_dates, spec.validation),
    )
    report = evaluate_change(rows, spec, seed=spec.validation.seed)
    fitted = replace(made.fitted, spec_id=spec.id, spec_version=spec.version, spec_text=text)
    return replace(made, spec=spec, fitted=fitted, report=report, predictions=rows)


def _refuse_misfit(spec: ModelSpec, source: ModelSpec) -> None:
    if source.kind == "change" or source.outcome != spec.outcome:
        msg = (
            f"model {spec.id}: derived from {source.id}, which foretells {source.outcome.kind} in "
            f"{source.outcome.months} months as a {source.kind} model; it must be the outcome of {spec.id} itself"
        )
        raise DeclarationError(msg)
    every = spec.index_dates.every_months
    wrong = [step for step in spec.steps_months if step % every]
    if wrong or max(spec.steps_months) > every * (spec.index_dates.count - spec.validation.test_dates):
        msg = (
            f"model {spec.id}: steps of {spec.steps_months} months lead to no index date; there are "
            f"{spec.index_dates.count}, {every} months apart, the latest {spec.validation.test_dates} for testing"
        )
        raise DeclarationError(msg)


def _asked(
    frame: pl.DataFrame, source: ModelSpec, fitted: FittedModel, progress: Progress, steps_months: tuple[int, ...]
) -> pl.Series:
    """Give each fold's risks at the dates for testing and those the steps lead back to, by models that saw none of it."""
    from pophealth.prediction.fitted import Stacked
    from pophealth.runs.train import foretold_by

    splits = list(_back_from(frame, source, steps_months))
    if not isinstance(fitted.body, Stacked):
        return foretold_by(frame, source, fitted.estimator_kind, splits, progress, "earlier dates")
    kinds = [kind for kind, _ in fitted.body.members]
    weights = Weights(fitted.body.intercept, dict(zip(kinds, fitted.body.weights, strict=True)))
    risks = {kind: foretold_by(frame, source, kind, splits, progress, "earlier dates") for kind in kinds}
    known = next(iter(risks.values())).is_not_null()
    joined = weights.risk({kind: risk.filter(known).to_numpy() for kind, risk in risks.items()})
    return pl.Series("risk", [None], pl.Float64).new_from_index(0, frame.height).scatter(known.arg_true(), joined)


def _back_from(frame: pl.DataFrame, source: ModelSpec, steps_months: tuple[int, ...]) -> Iterator[Split]:
    late = test_dates(frame["index_date"].unique().to_list(), source.validation)
    asked: set[date] = {months_before(day, step) for day in late for step in (0, *steps_months)}
    for split in by_person_and_time(frame, source.validation):
        people = frame["patient_id"].filter(split.test).unique().implode()
        mine = frame["patient_id"].is_in(people) & frame["index_date"].is_in(sorted(asked))
        yield Split(split.name, split.learn, mine)
