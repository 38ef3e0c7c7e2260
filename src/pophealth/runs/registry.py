"""Gives a site's register of models: where its configuration has it, what a training adds, what an alias means tonight."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pophealth import __version__
from pophealth.errors import ConfigError, IntegrityError, TryLaterError, UsageError
from pophealth.files import json_bytes, replace_file
from pophealth.runs.promotions import current, read_promotions

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.prediction.tracking import Registry
    from pophealth.prediction.version import Version
    from pophealth.runs.train import Trained


def registry_of(config: Config, *, make: bool = False) -> Registry:
    """Give the site's registry: the database its configuration names, else SQLite below the data root.

    Parameters
    ----------
    make
        Whether a registry that is not there yet is made; only a training makes one.

    Raises
    ------
    ConfigError
        There is none yet, or the configured address is no registry.
    TryLaterError
        The database cannot be reached, or its file is gone.
    """
    from pophealth.prediction.tracking import open_registry

    state = config.site.data_root / "state"
    uri = config.models.tracking_uri or f"sqlite:///{state / 'mlflow.db'}"
    if not make:
        _refuse_gone(config, uri)
    if config.models.tracking_uri is None:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return open_registry(uri, config.models.artifacts or state / "models")


def _refuse_gone(config: Config, uri: str) -> None:
    """Refuse a file of SQLite that is not there, which SQLite itself would make anew and empty."""
    kind, _, name = uri.partition(":///")
    if kind != "sqlite" or not name or Path(name).is_file():
        return
    if not read_promotions(config.site.data_root):
        msg = f"no model was registered yet ({name} does not exist); `pophealth models train` registers one"
        raise ConfigError(msg)
    msg = (
        f"the model registry {name} is gone, though this site promoted models from it; what was delivered before is "
        "unchanged. Restore the file from its last copy, then run again."
    )
    raise TryLaterError(msg)


def log_training(config: Config, trained: Trained, spec_folder: Path) -> Version:
    """Register what a training made: bundle, pictures, card, report, signature; give the new version.

    The folds of its people stay below the data root (``state/folds``); only the file's SHA-256 goes into the registry.
    """
    from pophealth.prediction.bundle import write_bundle

    state = config.site.data_root / "state"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(prefix=".training-", dir=state))
    try:
        bundle_sha256 = write_bundle(trained.fitted, made / "bundle")
        folds_sha256 = _keep_folds(state / "folds", trained)
        _write_files(made, trained, spec_folder)
        return registry_of(config, make=True).log(
            trained.spec.id,
            params=_params(trained),
            metrics=_metrics(trained),
            dataset=_dataset(trained),
            tags={
                "bundle_sha256": bundle_sha256,
                "folds_sha256": folds_sha256,
                "spec_version": str(trained.spec.version),
                "estimator": trained.fitted.estimator_kind,
                "code_version": __version__,
            },
            files=made,
        )
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write_files(made: Path, trained: Trained, spec_folder: Path) -> None:
    from pophealth.prediction.card import render_card
    from pophealth.prediction.plots import pictures
    from pophealth.prediction.tracking import signature_of

    (made / "plots").mkdir()
    for name, picture in pictures(trained.spec.title, trained.report).items():
        (made / "plots" / name).write_bytes(picture)
    words = (spec_folder / "card.md").read_text("utf-8")
    facts = {**_params(trained), "register": _dataset(trained)["digest"]}
    (made / "card.md").write_text(render_card(trained.spec, words, trained.report, facts), "utf-8")
    (made / "report.json").write_bytes(json_bytes(trained.report))
    (made / "candidates.json").write_bytes(json_bytes(trained.candidates))
    (made / "signature.json").write_bytes(signature_of({entry.name: entry.dtype for entry in trained.fitted.inputs}))


def _keep_folds(folder: Path, trained: Trained) -> str:
    import io

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = io.BytesIO()
    trained.folds.sort("patient_id").write_csv(text)
    digest = hashlib.sha256(text.getvalue()).hexdigest()
    replace_file(folder / f"{digest}.csv", text.getvalue())
    return digest


def _params(trained: Trained) -> dict[str, Any]:
    spec, fitted = trained.spec, trained.fitted
    settings = {item.kind: item.settings for item in spec.estimators}.get(fitted.estimator_kind, {})
    return {
        "estimator": fitted.estimator_kind,
        **{f"estimator.{name}": value for name, value in settings.items()},
        "candidates": ", ".join(trained.candidates),
        "outcome": spec.outcome.kind,
        "outcome_months": spec.outcome.months,
        "predictors": len(fitted.inputs),
        "index_dates": ", ".join(str(day) for day in trained.dataset["index_dates"]),
        "rows": trained.dataset["rows"],
        "events": trained.dataset["events"],
        "folds": spec.validation.folds,
        "seed": spec.validation.seed,
        "code_version": __version__,
    }


def _metrics(trained: Trained) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, figure in trained.report.get("metrics", {}).items():
        for bound in ("estimate", "low", "high"):
            if figure.get(bound) is not None:
                found[name if bound == "estimate" else f"{name}_{bound}"] = float(figure[bound])
    return found


def _dataset(trained: Trained) -> dict[str, Any]:
    return {"digest": trained.dataset["register"], **{k: v for k, v in trained.dataset.items() if k != "register"}}


def resolve(config: Config, registry: Registry, model_id: str, alias: str) -> Version:
    """Give the version that an alias means, every file of it checked.

    Raises
    ------
    ConfigError
        No version carries the alias.
    IntegrityError
        A file is missing or changed, or the alias was moved past this site's promotion log.
    """
    try:
        version = registry.version(model_id, alias)
    except UsageError:
        msg = (
            f"config models.use names {model_id}, of which no version is {alias}; train one and let it run with "
            f"`pophealth models promote {model_id} --version N --alias {alias}`"
        )
        raise ConfigError(msg) from None
    promoted = current(read_promotions(config.site.data_root), model_id, alias)
    if promoted is not None and (promoted.version, promoted.artifacts_sha256) != (version.version, version.sha256):
        msg = (
            f"model {model_id}: {alias} is version {version.version} in the registry, and version {promoted.version} in "
            "this site's promotion log; it was moved by another way. Promote the one that is meant."
        )
        raise IntegrityError(msg)
    version.check()
    return version
