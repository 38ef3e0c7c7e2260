"""Gives what a training stands on before any record is read: register, features of the model, index dates, who objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pophealth.cohorts import columns_of
from pophealth.declare.window import CONTRACT_YEAR_START
from pophealth.errors import DataContractError, DeclarationError
from pophealth.features import FeaturePlan, compile_plan, load_features
from pophealth.population import BASE_COLUMNS
from pophealth.reference import (
    load_areas,
    load_library,
    load_medicine_map,
    members_on,
)
from pophealth.register import open_snapshot
from pophealth.runs.clock import today
from pophealth.runs.keys import read_key
from pophealth.runs.memberships import memberships_of
from pophealth.runs.objections import Objections, read_objections

if TYPE_CHECKING:
    import polars as pl

    from pophealth.config import Config
    from pophealth.declare import Feature
    from pophealth.declare.model import ModelSpec
    from pophealth.reference import CodelistLibrary
    from pophealth.register import Snapshot

ETHNICITY = "ethnicity_latest"
"""The feature that figures by ethnicity are grouped by; it is no predictor unless a model says so."""
PLAIN = ("age_years", "sex", "imd_quintile")
"""Base columns that a model may learn from."""


@dataclass(frozen=True)
class Ground:
    """Everything the rows of a training are made from; the same for every network."""

    config: Config
    spec: ModelSpec
    snapshot: Snapshot
    features: dict[str, Feature]
    feature_plan: FeaturePlan
    library: CodelistLibrary
    areas: pl.DataFrame | None
    memberships: pl.DataFrame
    objections: Objections
    index_dates: tuple[date, ...]
    known_to: date
    extract_date: date

    @property
    def networks(self) -> dict[str, dict[str, tuple[date, ...]]]:
        """By network on the last index date (empty for none): its practices, each with the index dates it was in one."""
        known: dict[str, dict[str, tuple[date, ...]]] = {}
        dated = [(day, self.network_of(day)) for day in self.index_dates]
        for practice in self.snapshot.practices:
            days = tuple(day for day, members in dated if practice in members)
            if days:
                known.setdefault(dated[-1][1].get(practice, ""), {})[practice] = days
        return dict(sorted(known.items()))

    def network_of(self, day: date) -> dict[str, str]:
        """Give the network of each practice on a day."""
        rows = members_on(self.memberships, day)
        return dict(rows.select("practice_code", "network_code").iter_rows())


def open_ground(config: Config, spec: ModelSpec) -> Ground:
    """Give the ground of a training; reads no record of a person.

    Raises
    ------
    ConfigError
        No register, no membership, or no usable opt-out list.
    DeclarationError
        The model reads a column that nothing declares, or one whose window hangs on the contract year.
    DataContractError
        The extract says no last day, or the source cannot give what the model reads.
    """
    snapshot = open_snapshot(config.site.register_place)
    told = snapshot.facts.get("extract_date")
    if told is None:
        msg = f"model {spec.id}: the extract says no last day, so nothing tells which outcomes are known by now"
        raise DataContractError(msg)
    extract_date = date.fromisoformat(str(told))
    features, library = load_features(*config.reference.features), load_library(*config.reference.codelists)
    plan = _feature_plan(config, spec, snapshot, features, library)
    _refuse_untold(config, spec, plan, library)
    areas = None
    if config.reference.areas_2011 or config.reference.areas_2021:
        areas = load_areas(config.reference.areas_2011, config.reference.areas_2021)
    lag = config.extract.recording_lag_days
    return Ground(
        config=config,
        spec=spec,
        snapshot=snapshot,
        features=features,
        feature_plan=plan,
        library=library,
        areas=areas,
        memberships=memberships_of(config),
        objections=read_objections(config, read_key(config.site.key_file), today()),
        index_dates=spec.index_dates.before(extract_date, lag_days=lag, outcome_months=spec.outcome.months),
        known_to=extract_date - timedelta(days=lag),
        extract_date=extract_date,
    )


def _feature_plan(
    config: Config, spec: ModelSpec, snapshot: Snapshot, features: dict[str, Feature], library: CodelistLibrary
) -> FeaturePlan:
    wanted = [*spec.predictors, *sorted(columns_of(spec.population))]
    base = {*PLAIN} | (set(BASE_COLUMNS) - {"person", "patient_id", "practice_code", "lsoa_code", "birth_date"})
    unknown = sorted({name for name in wanted if name not in features and name not in base})
    unknown += sorted({name for name in spec.predictors if name in base and name not in PLAIN})
    if unknown:
        msg = f"model {spec.id} reads {len(unknown)} columns that no feature declares: {', '.join(unknown)}"
        raise DeclarationError(msg)
    moving = sorted({name for name in wanted if name in features and _hangs_on_year(features[name], features)})
    if moving:
        msg = (
            f"model {spec.id}: the window of {', '.join(moving)} hangs on the contract year, so that its meaning moves "
            "with the day of the year; take a feature with a window of months"
        )
        raise DeclarationError(msg)
    if "ethnicity" in spec.subgroups:
        wanted.append(ETHNICITY)
    named = dict.fromkeys(name for name in wanted if name in features)
    medicine_map = load_medicine_map(config.reference.medicine_map) if config.reference.medicine_map else None
    return compile_plan(
        list(named), features, library, config.extract.supplies, snapshot.concepts, snapshot.units, medicine_map
    )


def _hangs_on_year(feature: Feature, features: dict[str, Feature]) -> bool:
    window = feature.window
    own = any(str(edge).startswith(CONTRACT_YEAR_START) for edge in (window.since, window.until) if edge)
    return own or any(_hangs_on_year(features[name], features) for name in feature.inputs)


def _refuse_untold(config: Config, spec: ModelSpec, plan: FeaturePlan, library: CodelistLibrary) -> None:
    """Refuse a training of which the source cannot tell an input or the outcome."""
    lacking = {name: why for name, why in plan.not_computable.items() if name != ETHNICITY or name in spec.predictors}
    outcome, supplies = spec.outcome.catalogue, config.extract.supplies
    if outcome.admission and not supplies.spells:
        lacking["outcome"] = "spells not supplied"
    if outcome.death and not supplies.deaths:
        lacking["outcome"] = "deaths not supplied"
    empty = [name for name in outcome.codelists if not library.get(name).is_filled]
    if empty or (outcome.codelists and not supplies.events):
        lacking["outcome"] = f"codelist {empty[0]} not supplied" if empty else "events not supplied"
    if lacking:
        told = "; ".join(f"{name}: {why}" for name, why in sorted(lacking.items()))
        msg = f"model {spec.id}: the source cannot give {len(lacking)} of what it is made from: {told}"
        raise DataContractError(msg)
