"""Gives what one run needs: the rules in force, the features and scores they read, and what cannot be computed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pophealth.cohorts import columns_of, load_rules
from pophealth.declare import CohortRule, Feature, Score
from pophealth.errors import DeclarationError
from pophealth.features import FeaturePlan, compile_plan, load_features
from pophealth.population import BASE_COLUMNS
from pophealth.reference import CodelistLibrary, load_library, load_medicine_map
from pophealth.scores import load_scores

if TYPE_CHECKING:
    import polars as pl

    from pophealth.config import Config
    from pophealth.register import Snapshot

ALWAYS = ("age_years", "sex", "imd_quintile")
"""Columns every delivered patient row shows, whatever the rules read."""


@dataclass(frozen=True)
class Plan:
    """What a run computes for every network: the same for all of them, made once.

    `not_computable` maps a column to the reason why the source cannot give it.
    """

    contract_year: str
    rules: tuple[CohortRule, ...]
    features: dict[str, Feature]
    feature_plan: FeaturePlan
    scores: tuple[Score, ...]
    not_computable: dict[str, str]
    library: CodelistLibrary
    medicine_map: pl.DataFrame | None

    def columns_of_rule(self, rule: CohortRule) -> dict[str, tuple[str, ...]]:
        """Give, for each criterion of `rule`, the columns its predicate reads, in order of their names."""
        return {
            criterion.id: tuple(sorted(columns_of(rule.bind(criterion.predicate, self.contract_year))))
            for criterion in rule.criteria
        }


def make_plan(config: Config, snapshot: Snapshot, contract_year: str) -> Plan:
    """Give the plan of a run: rules in force in `contract_year` and everything they read.

    Raises
    ------
    DeclarationError
        A rule reads a column that is neither a base column, a declared feature nor a score's output.
    """
    library = load_library(*config.reference.codelists)
    features = load_features(*config.reference.features)
    rules = rules_in_force(config, contract_year)
    medicine_map = load_medicine_map(config.reference.medicine_map) if config.reference.medicine_map else None
    wanted = _columns_read(rules, contract_year)
    scores = tuple(score for score in load_scores().values() if wanted & {output.name for output in score.outputs})
    scored = {output.name: score for score in scores for output in score.outputs}
    wanted |= {column.name for score in scores for column in score.inputs}
    unknown = sorted(wanted - set(BASE_COLUMNS) - set(features) - set(scored))
    if unknown:
        msg = f"rules read {len(unknown)} columns that nothing declares: {', '.join(unknown[:10])}"
        raise DeclarationError(msg)
    feature_plan = compile_plan(
        sorted(wanted & set(features)),
        features,
        library,
        config.extract.supplies,
        snapshot.concepts,
        snapshot.units,
        medicine_map,
    )
    missing = dict(feature_plan.not_computable)
    for column, score in scored.items():
        lacking = [entry.name for entry in score.inputs if entry.name in missing]
        if lacking:
            missing[column] = missing[lacking[0]]
    return Plan(contract_year, rules, features, feature_plan, scores, missing, library, medicine_map)


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
        read |= {term.split()[0] for term in rule.rank_by}
    return read


def declarations_digest(plan: Plan) -> str:
    """Give the SHA-256 over the rules and features as declared, as hex."""
    parts: dict[str, Any] = {
        "rules": [asdict(rule) for rule in plan.rules],
        "features": {name: asdict(feature) for name, feature in sorted(plan.features.items())},
        "scores": [(score.id, score.version) for score in plan.scores],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
