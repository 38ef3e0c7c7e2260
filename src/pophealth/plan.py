"""Gives what one run needs: the rules in force, the features and scores they read, and what cannot be computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pophealth.cohorts import columns_of, compile_predicate, load_rules
from pophealth.cohorts.predicate import split_order
from pophealth.declare import CohortRule, Feature, Score
from pophealth.declare.predicted import not_in_use
from pophealth.errors import ConfigError, DeclarationError
from pophealth.features import FeaturePlan, compile_plan, load_features
from pophealth.files import sha256_of
from pophealth.population import BASE_COLUMNS
from pophealth.reference import CodelistLibrary, load_library, load_medicine_map, working_day_counts
from pophealth.runs.in_use import ModelInUse, check_declarations, missing_with_models, with_features
from pophealth.scores import load_scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from pophealth.config import Config
    from pophealth.register import Snapshot

ALWAYS = ("age_years", "sex", "imd_quintile")
"""Columns every delivered patient row shows, whatever the rules read."""
FEW_INPUTS = 12
"""Up to so many inputs, the records that feed a score are shown as the records that decided."""


@dataclass(frozen=True)
class Plan:
    """What a run computes for every network: the same for all of them, made once.

    `scores` stand in the order in which one may feed the next; `score_inputs` says, by score, what of the frame makes
    each of its inputs, `score_options` with what choices it is computed. `models` predict after the scores, those that
    others are derived from first. `not_computable` maps a column to the reason why the source cannot give it.
    """

    contract_year: str
    rules: tuple[CohortRule, ...]
    features: dict[str, Feature]
    feature_plan: FeaturePlan
    scores: tuple[Score, ...]
    score_inputs: dict[str, dict[str, pl.Expr]]
    score_options: dict[str, dict[str, Any]]
    models: tuple[ModelInUse, ...]
    not_computable: dict[str, str]
    library: CodelistLibrary
    medicine_map: pl.DataFrame | None
    working_days: npt.NDArray[np.int32]

    def columns_of_rule(self, rule: CohortRule) -> dict[str, tuple[str, ...]]:
        """Give, for each criterion of `rule`, the columns behind its predicate, in order of their names.

        A score stands with the columns that feed it, so that its records are found too; one of many inputs stands
        alone, since no single record decides it.
        """
        read = {
            criterion.id: columns_of(rule.bind(criterion.predicate, self.contract_year)) for criterion in rule.criteria
        }
        return {
            name: tuple(sorted(columns.union(*(self._feeding(column) for column in columns))))
            for name, columns in read.items()
        }

    def _feeding(self, column: str) -> set[str]:
        for score in self.scores:
            if column in _columns_made(score) and len(score.inputs) <= FEW_INPUTS:
                return set().union(*(columns_of(entry.fed_by) for entry in score.inputs))
        return set()


def make_plan(config: Config, snapshot: Snapshot, contract_year: str, models: tuple[ModelInUse, ...] = ()) -> Plan:
    """Give the plan of a run: rules in force in `contract_year`, models in use, and everything they read.

    Raises
    ------
    DeclarationError
        A rule reads a column that is neither a base column, a declared feature, a score's output nor a model's.
    IntegrityError
        A model was trained on other declarations or codelists than those of now.
    """
    library = load_library(*config.reference.codelists)
    features = load_features(*config.reference.features)
    rules = rules_in_force(config, contract_year)
    medicine_map = load_medicine_map(config.reference.medicine_map) if config.reference.medicine_map else None
    wanted = _columns_read(rules, contract_year)
    columns = set(BASE_COLUMNS) | set(features)
    scores, closed = scores_needed(wanted, columns, config.scores.also, config.scores.licence_accepted)
    scored = {name for score in scores for name in _columns_made(score)}
    options = {score.id: _score_options(score, config) for score in scores}
    predicted = {column for model in models for column in model.makes}
    closed |= not_in_use({model.spec.id for model in models})
    _refuse_undeclared(wanted - columns - scored - predicted - set(closed))
    wanted |= {column for score in scores for entry in score.inputs for column in columns_of(entry.fed_by)}
    wanted |= {column for model in models for column in model.reads}
    check_declarations(models, columns, features, library)

    def compiled(names: set[str]) -> FeaturePlan:
        here = sorted(names & set(features))
        supplies, concepts, units = config.extract.supplies, snapshot.concepts, snapshot.units
        return compile_plan(here, features, library, supplies, concepts, units, medicine_map)

    feature_plan = compiled(wanted)
    models = tuple(with_features(model, compiled(model.reads)) if model.is_change else model for model in models)
    missing = _missing_with_scores(dict(feature_plan.not_computable) | closed, scores)
    missing = missing_with_models(missing, models)
    inputs = {score.id: _score_inputs(score, columns | scored, missing) for score in scores}
    return Plan(
        contract_year,
        rules,
        features,
        feature_plan,
        scores,
        inputs,
        options,
        models,
        missing,
        library,
        medicine_map,
        working_day_counts(),
    )


def _refuse_undeclared(columns: set[str]) -> None:
    if columns:
        msg = f"rules read {len(columns)} columns that nothing declares: {', '.join(sorted(columns)[:10])}"
        raise DeclarationError(msg)


def _missing_with_scores(missing: dict[str, str], scores: tuple[Score, ...]) -> dict[str, str]:
    """Give the columns that cannot be computed with those of scores that need one of them, in the order they feed."""
    found = dict(missing)
    for score in scores:
        needed = (entry.fed_by for entry in score.inputs if entry.needed)
        lacking = sorted(column for fed_by in needed for column in columns_of(fed_by) if column in found)
        if lacking:
            found |= {output.name: found[lacking[0]] for output in score.outputs}
    return found


def scores_needed(
    wanted: set[str], columns: set[str], also: tuple[str, ...], licence_accepted: tuple[str, ...]
) -> tuple[tuple[Score, ...], dict[str, str]]:
    """Give the scores a run computes, each after those that feed it, and why the columns of others are not computable.

    Parameters
    ----------
    wanted
        Columns that the rules read.
    columns
        Columns that are there without any score.
    also
        Ids of scores the site wants beside those that the rules read.
    licence_accepted
        Ids of scores of which the site has met the licence's condition.

    Raises
    ------
    ConfigError
        The site names a score that does not exist.
    """
    known = load_scores()
    strange = sorted({*also, *licence_accepted} - set(known))
    if strange:
        msg = f"config scores names {len(strange)} unknown scores: {', '.join(strange)}; see `pophealth scores list`"
        raise ConfigError(msg)
    maker = {name: score for score in known.values() for name in _columns_made(score)}
    gathered = _Scores(maker, columns, licence_accepted, {}, {})
    for name in [*also, *sorted({maker[column].id for column in wanted if column in maker})]:
        gathered.add(known[name])
    return tuple(gathered.ordered.values()), gathered.closed


@dataclass(frozen=True)
class _Scores:
    """Scores as they are gathered: those in order, and why the columns of the others are not computable."""

    maker: dict[str, Score]
    columns: set[str]
    licence_accepted: tuple[str, ...]
    ordered: dict[str, Score]
    closed: dict[str, str]

    def add(self, score: Score) -> None:
        """Put `score` after those that feed it, or say why it stays away."""
        if score.id in self.ordered or score.flags_output in self.closed:
            return
        reason = self._why_not(score)
        if reason is None:
            self.ordered[score.id] = score
        else:
            self.closed.update(dict.fromkeys(_columns_made(score), reason))

    def _why_not(self, score: Score) -> str | None:
        if score.needs_licence_acceptance and score.id not in self.licence_accepted:
            return f"licence of score {score.id} not accepted"
        reason = None
        for entry in score.inputs:
            for column in sorted(columns_of(entry.fed_by) - self.columns):
                if column in self.maker:
                    self.add(self.maker[column])
                made = column in self.maker and self.maker[column].id in self.ordered
                if entry.needed and not entry.optional and not made:
                    reason = reason or self.closed.get(column, f"{column} not declared")
        return reason


def _columns_made(score: Score) -> tuple[str, ...]:
    """Give the columns a score adds in the line: its outputs and its flags; the version stands in the run's record."""
    return (*(output.name for output in score.outputs), score.flags_output)


def _score_inputs(score: Score, columns: set[str], missing: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Give what of the frame makes each input. What nothing makes is missing for everybody: the score says so."""
    import polars as pl

    made = {}
    for entry in score.inputs:
        if not columns_of(entry.fed_by) <= columns:
            made[entry.name] = pl.lit(None)
            continue
        made[entry.name] = compile_predicate(entry.fed_by, columns)
        if entry.name == "sex":  # recorded as indeterminate or not known: no formula here has a sex for it
            made["sex"] = pl.when(pl.col("sex").is_in(list(entry.allowed or ()))).then(pl.col("sex"))
        elif entry.dtype == "codes" and entry.fed_by not in missing:  # spells are supplied: no spell is no diagnosis
            made[entry.name] = pl.col(entry.fed_by).fill_null(pl.lit([], dtype=pl.List(pl.String)))
    return made


def _score_options(score: Score, config: Config) -> dict[str, Any]:
    """Give the options that the line computes a score with: those it declares, and the file the site brings."""
    options: dict[str, Any] = dict(score.line_options)
    brought = {"townsend": config.scores.townsend_file, "parr30": config.scores.imd_score_file}.get(score.id)
    if brought is not None:
        options[_FILE_OPTIONS[score.id]] = str(brought)
    return options


_FILE_OPTIONS = {"townsend": "lookup_file", "parr30": "imd_score_file"}
"""The option of a score that names a file the site brings."""


def rules_in_force(config: Config, contract_year: str) -> tuple[CohortRule, ...]:
    """Give the rules that run in `contract_year`, by id: shipped ones, the site's own, or those the site chose.

    Raises
    ------
    DeclarationError
        The site chose a rule that nobody declares.
    """
    rules = load_rules(*config.reference.rules)
    chosen = config.runs.rules or tuple(rules)
    unknown = sorted(set(chosen) - set(rules))
    if unknown:
        msg = f"config runs.rules names {len(unknown)} unknown rules: {', '.join(unknown)}; see `pophealth rules list`"
        raise DeclarationError(msg)
    return tuple(rules[name] for name in sorted(chosen) if rules[name].year_for(contract_year) is not None)


def _columns_read(rules: tuple[CohortRule, ...], contract_year: str) -> set[str]:
    read: set[str] = set()
    for rule in rules:
        predicates = [criterion.predicate for criterion in rule.criteria] + [tier.when for tier in rule.tiers]
        for predicate in predicates:
            read |= columns_of(rule.bind(predicate, contract_year))
        for term in rule.rank_by:
            read |= columns_of(split_order(rule.bind(term, contract_year))[0])
    return read


def declarations_digest(plan: Plan) -> str:
    """Give the SHA-256 over the rules and features as declared, as hex."""
    parts: dict[str, Any] = {
        "rules": [asdict(rule) for rule in plan.rules],
        "features": {name: asdict(feature) for name, feature in sorted(plan.features.items())},
        "scores": [(score.id, score.version, score.line_options) for score in plan.scores],
        "score_files": {
            name: _digest_of(plan.score_options.get(name, {}).get(option)) for name, option in _FILE_OPTIONS.items()
        },
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _digest_of(path: str | None) -> str | None:
    return None if path is None else sha256_of(Path(path))
