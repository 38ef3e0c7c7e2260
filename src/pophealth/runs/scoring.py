"""Gives predicted risks inside the line, and what moved them, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.cohorts import compile_predicate
from pophealth.declare.predicted import columns_of_model, flags_column, risk_column
from pophealth.declare.window import months_before
from pophealth.runs.words import in_words, label_of

if TYPE_CHECKING:
    from pophealth.line import Task
    from pophealth.plan import Plan
    from pophealth.runs.in_use import ModelInUse

CONTRIBUTIONS: dict[str, Any] = {
    "patient_id": pl.String,
    "model_id": pl.String,
    "feature": pl.String,
    "label": pl.String,
    "value_text": pl.String,
    "contribution": pl.Float64,
    "direction": pl.String,
}
"""One row per listed person, model and input that moved their risk most; strongest first within a person and model."""

TOP = 5
"""Inputs named per person and model."""


def add_risks(
    frame: pl.DataFrame, model: ModelInUse, plan: Plan, task: Task, earlier: Callable[[date], pl.DataFrame]
) -> pl.DataFrame:
    """Give `frame` with the model's columns: the risk and its flags, or how the risk moved.

    All of them are null where the source cannot give what the model reads.

    Parameters
    ----------
    earlier
        Gives everyone registered on an earlier date with the model's inputs as they were then.

    Raises
    ------
    IntegrityError
        An input's name, place or type is not the one trained on.
    """
    if flags_column(model.spec.id) in plan.not_computable:
        unknown = {name: pl.lit(None, pl.Float64) for name in columns_of_model(model.spec)}
        return frame.with_columns(**unknown, **{flags_column(model.spec.id): pl.lit("not_computable")})
    if not model.is_change:
        return frame.with_columns(
            _risk(frame, model, task.network).alias(risk_column(model.spec.id)),
            _flags(frame, model).alias(flags_column(model.spec.id)),
        )
    now = _risk(frame, model, task.network)
    made: list[pl.Series] = []
    for months in model.spec.steps_months:
        then = earlier(months_before(task.index_date, months))
        risks = then.select("patient_id", _risk(then, model, task.network).alias("then"))
        was = frame.select("patient_id").join(risks, on="patient_id", how="left", maintain_order="left")["then"]
        made += [was, now - was]
    named = [series.alias(name) for name, series in zip(columns_of_model(model.spec), made, strict=True)]
    return frame.with_columns(*named, _flags(frame, model).alias(flags_column(model.spec.id)))


def in_population(frame: pl.DataFrame, model: ModelInUse) -> pl.Series:
    """Give who the model is about; who is not known to be is not."""
    expr = compile_predicate(model.spec.population, set(frame.columns))
    return frame.select(expr.fill_null(value=False).alias("in")).to_series()


def _risk(frame: pl.DataFrame, model: ModelInUse, network: str) -> pl.Series:
    from pophealth.prediction.apply import predict

    wanted = in_population(frame, model)
    inputs = frame.filter(wanted).select(model.inputs)
    risk = predict(model.fitted, inputs, network=network).cast(pl.Float64)
    places = pl.Series(wanted.arg_true(), dtype=pl.UInt32)
    return pl.Series([None], dtype=pl.Float64).new_from_index(0, frame.height).scatter(places, risk)


def _flags(frame: pl.DataFrame, model: ModelInUse) -> pl.Series:
    """Give ``not_applicable`` outside the population, ``imputed`` where an input was filled in, else nothing."""
    lacking = pl.any_horizontal(pl.col(model.inputs).is_null())
    words = pl.when(~pl.Series(in_population(frame, model))).then(pl.lit("not_applicable"))
    return frame.select(words.when(lacking).then(pl.lit("imputed")).otherwise(pl.lit("")).alias("flags")).to_series()


def contributions_of(plan: Plan, frame: pl.DataFrame, listed: pl.Series) -> pl.DataFrame:
    """Give what moved the risk of everyone listed, model by model, in the columns of `CONTRIBUTIONS`."""
    parts = [pl.DataFrame(schema=CONTRIBUTIONS)]
    people = frame.filter(pl.col("patient_id").is_in(listed.unique().implode()))
    for model in scoring_models(plan):
        mine = people.filter(in_population(people, model)).select("patient_id", *model.inputs)
        found = top_contributions(model, mine)
        words = {name: label_of(name) for name in model.inputs}
        parts.append(
            found.with_columns(
                model_id=pl.lit(model.spec.id),
                label=pl.col("feature").replace_strict(words, return_dtype=pl.String),
                value_text=in_words(found, mine, plan.features),
            ).select(pl.col(name).cast(dtype) for name, dtype in CONTRIBUTIONS.items())
        )
    return pl.concat(parts)


def top_contributions(model: ModelInUse, people: pl.DataFrame) -> pl.DataFrame:
    """Give what moved each person's risk most, strongest first: patient_id, feature, value, contribution, direction."""
    from pophealth.prediction.contributions import contributions

    strongest = contributions(model.fitted, people, top=TOP)
    return strongest.sort("patient_id", pl.col("contribution").abs(), descending=[False, True], maintain_order=True)


def scoring_models(plan: Plan) -> list[ModelInUse]:
    """Give the models that made a risk of their own tonight."""
    return [
        model for model in plan.models if not model.is_change and flags_column(model.spec.id) not in plan.not_computable
    ]
