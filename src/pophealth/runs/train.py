"""Gives a model trained from the register: rows, candidates, validation by person, time and network, the one that is taken."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pophealth import __version__
from pophealth.declare.model import ModelSpec, parse_model
from pophealth.errors import DeclarationError
from pophealth.prediction.candidates import compare, foretold, refuse_useless
from pophealth.prediction.censoring import weights_of
from pophealth.prediction.joined import Weights, stacked_risks, weigh
from pophealth.prediction.recalibrate import recalibrate, recalibration_report
from pophealth.prediction.reference import with_reference
from pophealth.prediction.report import evaluate_model
from pophealth.prediction.split import Split, by_network, by_person_and_time, test_dates
from pophealth.runs.digests import feature_digests
from pophealth.runs.training_frame import Gathered, Progress, gather, silent
from pophealth.runs.training_ground import Ground, open_ground

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.prediction.fitted import FittedModel

STACK = "stack"


@dataclass(frozen=True)
class Trained:
    """What a training made; nothing of it was written anywhere.

    Attributes
    ----------
    fitted
        The candidate that is taken, fitted anew to every row and recalibrated.
    report
        Its evaluation on people and dates it was not made from, with `recalibration`.
    candidates
        By estimator, how it did, and whether it is taken.
    folds
        patient_id, fold.
    dataset
        register (digest of its manifest), rows, people, events, index_dates, known_to, left_out, features (digest of
        each predictor's declaration and codelists).
    predictions
        The rows the report is about, with their risks; kept below the data root by whoever keeps it.
    """

    spec: ModelSpec
    fitted: FittedModel
    report: dict[str, Any]
    candidates: dict[str, dict[str, Any]]
    folds: pl.DataFrame
    dataset: dict[str, Any]
    predictions: pl.DataFrame


def read_spec(folder: Path) -> tuple[ModelSpec, str]:
    """Give the model that a folder declares, and its text.

    Raises
    ------
    DeclarationError
        There is no ``model.toml``, or it is not a model's declaration.
    """
    path = folder / "model.toml"
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"model {folder.name}: {path} is not readable as TOML ({type(error).__name__})"
        raise DeclarationError(msg) from error
    return parse_model(table, folder_name=folder.resolve().name), text


def train(config: Config, spec_folder: Path, *, progress: Progress = silent) -> Trained:
    """Give a trained model. Reads the register; writes nothing.

    Each estimator foretells, fold by fold, the latest index dates of people whom it saw at no date; the simplest that
    none foretells better than is taken (`compare`), tried once more on networks it never saw, and fitted to all rows.
    A change model is trained as the model it is derived from (`runs.training_change`).

    Raises
    ------
    DeclarationError
        The folder declares no model, or one that reads what nothing declares.
    DataContractError
        The source cannot give an input or the outcome, there is one class only, or a predictor says nothing.
    """
    spec, text = read_spec(spec_folder)
    if spec.kind == "change":
        from pophealth.runs.training_change import train_change

        return train_change(config, spec_folder, spec, text, progress=progress)
    ground = open_ground(config, spec)
    return train_on(ground, gather(ground, progress), text, progress=progress)


def train_on(ground: Ground, gathered: Gathered, text: str, *, progress: Progress = silent) -> Trained:
    """Give a trained model from rows that are there."""
    spec, frame = ground.spec, gathered.frame
    refuse_useless(frame, spec.predictors, spec.id)
    late, risks, weights = tried(frame, spec, progress)
    progress("candidates", 1, 1)
    taken, candidates = compare(late, risks, spec, seed=spec.validation.seed)
    predictions = late.with_columns(risk=risks[taken])
    if spec.validation.leave_one_network_out:
        left_out = _left_out(frame, spec, taken, weights, progress)
        if left_out is not None:
            predictions = predictions.join(left_out, on=["patient_id", "index_date"], how="left", maintain_order="left")
    progress("last fit", 0, 1)
    fitted = fitted_to_all(frame, spec, taken, weights)
    progress("last fit", 1, 1)
    arguments = predictions["event"].to_numpy(), predictions["risk"].to_numpy(), predictions["network_code"]
    weight = weights_of(predictions, spec)
    shifts = recalibrate(*arguments, weight)
    report = evaluate_model(predictions, spec, seed=spec.validation.seed)
    report["recalibration"] = recalibration_report(*arguments, predictions["fold"], weight)
    report["moved_between_dates"] = moved_between_dates(frame, spec)
    dataset = dataset_of(ground, gathered)
    fitted = replace(
        fitted,
        recalibration={code: (shift.intercept, shift.slope) for code, shift in shifts.items()},
        codelists=dataset["features"],
        training={**fitted.training, "register": dataset["register"], "code_version": __version__},
        spec_text=text,
    )
    fitted = with_reference(fitted, frame)
    progress("evaluation", 1, 1)
    folds = frame.select("patient_id", "fold").unique().sort("patient_id")
    return Trained(spec, fitted, report, candidates, folds, dataset, predictions)


def moved_between_dates(frame: pl.DataFrame, spec: ModelSpec) -> dict[str, float]:
    """Give the predictors recorded otherwise at the latest dates than at those learnt from, with their stability index.

    A record that began, ended or changed its meaning between two index dates spoils a model before anything drifts.
    """
    from pophealth.prediction.drift import compare_with, reference_of

    late = frame["index_date"].is_in(list(test_dates(frame["index_date"].unique().to_list(), spec.validation)))
    if late.all():
        return {}
    then, now = frame.filter(~late), frame.filter(late)
    found = compare_with(reference_of(then, spec.predictors, then["months_at_risk"]), now, now["months_at_risk"])
    indices = {name: value for name, value in found["psi"].items() if name in spec.predictors and value is not None}
    return {name: value for name, value in indices.items() if value >= spec.monitoring.psi_stop}


def dataset_of(ground: Ground, gathered: Gathered) -> dict[str, Any]:
    """Give the facts of the rows a model was made from."""
    frame = gathered.frame
    return {
        "register": ground.snapshot.digest,
        "rows": frame.height,
        "people": frame["patient_id"].n_unique(),
        "events": int(frame["event"].sum()),
        "index_dates": [day.isoformat() for day in ground.index_dates],
        "known_to": ground.known_to.isoformat(),
        "left_out": gathered.left_out,
        "features": feature_digests(ground.spec.predictors, ground.features, ground.library),
    }


def tried(
    frame: pl.DataFrame, spec: ModelSpec, progress: Progress
) -> tuple[pl.DataFrame, dict[str, pl.Series], Weights | None]:
    """Give the rows that were foretold, each candidate's risks of them, and the stack's weights."""
    splits = list(by_person_and_time(frame, spec.validation))
    singles = [estimator.kind for estimator in spec.estimators if not _is_joined(spec, estimator.kind)]
    every = {kind: foretold_by(frame, spec, kind, splits, progress) for kind in singles}
    known = next(iter(every.values())).is_not_null()
    late = frame.filter(known)
    risks = {kind: risk.filter(known) for kind, risk in every.items()}
    if not any(_is_joined(spec, estimator.kind) for estimator in spec.estimators):
        return late, risks, None
    found = weights_of(late, spec)
    weight = np.ones(late.height) if found is None else found
    outcome, arrays = late["event"].to_numpy(), {kind: risk.to_numpy() for kind, risk in risks.items()}
    weights, stacked = weigh(arrays, outcome, weight), stacked_risks(arrays, outcome, weight, late["fold"])
    if weights is not None and stacked is not None:
        risks[STACK] = pl.Series("risk", stacked)
    return late, risks, weights


def _is_joined(spec: ModelSpec, kind: str) -> bool:
    """Give whether a kind is a stack whose risks follow from those of the other candidates; survival ones do not."""
    return kind == STACK and not spec.is_survival


def foretold_by(
    frame: pl.DataFrame,
    spec: ModelSpec,
    kind: str,
    splits: Iterable[Split],
    progress: Progress,
    what: str = "by person",
) -> pl.Series:
    """Give each trial's risks by one estimator, null for rows that none tested."""
    from pophealth.prediction.apply import predict
    from pophealth.prediction.fit import fit

    estimator = next(item for item in spec.estimators if item.kind == kind)
    trials, done = list(splits), iter(range(1, 1_000_000))

    def foretell(learn: pl.DataFrame, test: pl.DataFrame) -> pl.Series:
        fitted = fit(learn, spec, estimator, seed=spec.validation.seed, allow_constant=True)
        return predict(fitted, test)

    progress(f"{kind}, {what}", 0, len(trials))
    return foretold(frame, trials, foretell, lambda _name: progress(f"{kind}, {what}", next(done), len(trials)))


def _left_out(
    frame: pl.DataFrame, spec: ModelSpec, taken: str, weights: Weights | None, progress: Progress
) -> pl.DataFrame | None:
    """Give patient_id, index_date and the risk by a model that never saw the network; None for a single network.

    A stack keeps the weights it has: few numbers, learnt from everybody.
    """
    splits = list(by_network(frame, spec.validation))
    if not splits:
        return None
    joined = taken == STACK and weights is not None and _is_joined(spec, taken)
    kinds = [kind for kind, weight in weights.by_name.items() if weight] if joined and weights else [taken]
    risks = {kind: foretold_by(frame, spec, kind, splits, progress, "by network") for kind in kinds}
    known = next(iter(risks.values())).is_not_null()
    rows = frame.filter(known).select("patient_id", "index_date")
    arrays = {kind: risk.filter(known).to_numpy() for kind, risk in risks.items()}
    if joined and weights:
        kept = Weights(weights.intercept, {kind: weights.by_name[kind] for kind in kinds})
        return rows.with_columns(risk_left_out=pl.Series(kept.risk(arrays)))
    return rows.with_columns(risk_left_out=pl.Series(arrays[taken]))


def fitted_to_all(frame: pl.DataFrame, spec: ModelSpec, taken: str, weights: Weights | None) -> FittedModel:
    """Give the taken candidate fitted to every row."""
    from pophealth.prediction.apply import predict
    from pophealth.prediction.drift import reference_of
    from pophealth.prediction.fit import fit
    from pophealth.prediction.fitted import Stacked

    named = {estimator.kind: estimator for estimator in spec.estimators}
    seed = spec.validation.seed
    if not (_is_joined(spec, taken) and weights is not None):
        return fit(frame, spec, named[taken], seed=seed)
    kinds = [kind for kind, weight in weights.by_name.items() if weight]
    members = [fit(frame, spec, named[kind], seed=seed) for kind in kinds]
    body = Stacked(
        tuple(
            (kind, member.body)
            for kind, member in zip(kinds, members, strict=True)
            if not isinstance(member.body, Stacked)
        ),
        tuple(weights.by_name[kind] for kind in kinds),
        weights.intercept,
    )
    fitted = replace(members[0], estimator_kind=STACK, body=body)
    reference = reference_of(frame, spec.predictors, predict(fitted, frame))
    return replace(fitted, reference=reference, training={**fitted.training, "settings": {"members": kinds}})
