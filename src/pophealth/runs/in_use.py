"""Gives the models that a run scores with: each alias resolved once, each file and each declaration checked."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pophealth.cohorts.predicate import columns_of
from pophealth.declare.model import ModelSpec, parse_model
from pophealth.declare.predicted import columns_of_model, flags_column
from pophealth.errors import ConfigError, IntegrityError
from pophealth.runs.digests import feature_digests
from pophealth.runs.registry import registry_of, resolve

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.declare import Feature
    from pophealth.features import FeaturePlan
    from pophealth.prediction.fitted import FittedModel
    from pophealth.prediction.tracking import Registry
    from pophealth.prediction.version import Version
    from pophealth.reference import CodelistLibrary


@dataclass(frozen=True)
class ModelInUse:
    """A model that a run scores with: what the alias meant when the run began.

    Attributes
    ----------
    fitted
        The fitted model; a change model has that of the model it is derived from.
    features
        What of the records the model reads, compiled on its own; only a change model needs it, for earlier dates.
    """

    spec: ModelSpec
    fitted: FittedModel
    version: int
    alias: str
    sha256: str
    features: FeaturePlan | None = None

    @property
    def is_change(self) -> bool:
        """Whether it says how another model's risk moved."""
        return self.spec.kind == "change"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns the model reads, in its own order."""
        return self.fitted.input_names

    @property
    def reads(self) -> set[str]:
        """Every column that must be there: the inputs, and what says who the model is about."""
        return {*self.inputs, *columns_of(self.spec.population)}

    @property
    def makes(self) -> tuple[str, ...]:
        """Columns the model adds to the line."""
        return (*columns_of_model(self.spec), flags_column(self.spec.id))

    @property
    def identity(self) -> dict[str, Any]:
        """What a run's id and its manifest say of it."""
        return {"version": self.version, "alias": self.alias, "sha256": self.sha256}


def models_in_use(config: Config) -> tuple[ModelInUse, ...]:
    """Give the models of ``[models] use`` as their alias has it now, those that others are derived from first.

    Raises
    ------
    ConfigError
        There is no registry, no version has the alias, or a change model is used without the one it is derived from.
    IntegrityError
        A file of a version is missing or changed, or says something else than its signature.
    TryLaterError
        The registry cannot be reached.
    """
    return load_models(config, dict.fromkeys(config.models.use, config.models.alias))


def load_models(config: Config, wanted: Mapping[str, str]) -> tuple[ModelInUse, ...]:
    """Give models by id and alias (or version number), as `models_in_use` does."""
    if not wanted:
        return ()
    registry = registry_of(config)
    found = [(model_id, which, _version(config, registry, model_id, which)) for model_id, which in wanted.items()]
    specs = {model_id: _spec(version) for model_id, _, version in found}
    fitted = {model_id: _fitted(version) for model_id, _, version in found if specs[model_id].kind != "change"}
    models = []
    for model_id, which, version in found:
        spec = specs[model_id]
        source = spec.derived_from or model_id
        if source not in fitted:
            msg = f"config models.use: {model_id} says how {source} moves, which is not used; add {source!r} to it"
            raise ConfigError(msg)
        models.append(ModelInUse(spec, fitted[source], version.version, which, version.sha256))
    return tuple(sorted(models, key=lambda model: (model.is_change, model.spec.id)))


def _version(config: Config, registry: Registry, model_id: str, which: str) -> Version:
    if which.isdigit():
        version = registry.version(model_id, which)
        version.check()
        return version
    return resolve(config, registry, model_id, which)


def _spec(version: Version) -> ModelSpec:
    table = tomllib.loads(version.file("bundle/model.toml").read_text("utf-8"))
    return parse_model(table, folder_name=version.model_id)


def _fitted(version: Version) -> FittedModel:
    """Give the fitted model of a version, equal in name and order of inputs to the signature that was logged with it."""
    from pophealth.prediction.bundle import read_bundle

    fitted = read_bundle(version.bundle)
    signature = json.loads(version.file("signature.json").read_bytes())
    signed = [column["name"] for column in json.loads(signature["inputs"])]
    if fitted.spec_id != version.model_id or list(fitted.input_names) != signed:
        msg = (
            f"model {version.model_id} version {version.version}: its bundle is not the model of its signature "
            f"({len(fitted.input_names)} inputs, {len(signed)} signed); it is not used"
        )
        raise IntegrityError(msg)
    return fitted


def check_declarations(
    models: tuple[ModelInUse, ...], columns: set[str], features: Mapping[str, Feature], library: CodelistLibrary
) -> None:
    """Refuse a model whose inputs are not what they were in training.

    Raises
    ------
    IntegrityError
        An input is not declared here, or its declaration or a codelist it reads is another one now.
    """
    for model in models:
        where = f"model {model.spec.id} version {model.version}"
        absent = sorted(model.reads - columns)
        if absent:
            msg = f"{where}: {len(absent)} of its inputs are not declared here, first {absent[0]}; it is not used"
            raise IntegrityError(msg)
        now = feature_digests(model.inputs, features, library)
        other = sorted(name for name, digest in now.items() if model.fitted.codelists.get(name) != digest)
        if other:
            msg = (
                f"{where}: {len(other)} of {len(model.inputs)} inputs are declared otherwise than in training, or read "
                f"other codelists, first {other[0]}. Restore them, or train and promote a new version."
            )
            raise IntegrityError(msg)


def missing_with_models(missing: Mapping[str, str], models: tuple[ModelInUse, ...]) -> dict[str, str]:
    """Give the columns that cannot be computed, with those of models that read one of them.

    A model is not asked about people of whom the source cannot tell something it learnt from.
    """
    found = dict(missing)
    for model in models:
        lacking = sorted(column for column in model.reads if column in missing)
        if lacking:
            found |= dict.fromkeys(model.makes, missing[lacking[0]])
    return found


def with_features(model: ModelInUse, features: FeaturePlan) -> ModelInUse:
    """Give the model with what it reads compiled on its own."""
    return replace(model, features=features)
