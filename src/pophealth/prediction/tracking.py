"""Gives the register of fitted models: runs, versions and aliases in MLflow, with every file hashed beside them.

The only file that imports MLflow. Nothing is ever loaded through it: a version is a folder of our own files
(`bundle`), found below the artifacts folder and checked against the hash that the version carries. What is written
holds figures about people, never a row, an identifier or a value of one.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pophealth.errors import ConfigError, IntegrityError, TryLaterError, UsageError
from pophealth.files import json_bytes, place_folder, sha256_of
from pophealth.prediction.version import MANIFEST, Version, list_files

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

_CONNECT_SECONDS = 5
_NO_SUCH = "RESOURCE_DOES_NOT_EXIST"
_EXISTS = "RESOURCE_ALREADY_EXISTS"


class Registry:
    """The models of a site: log a training, list versions, move an alias, find what an alias means."""

    def __init__(self, client: MlflowClient, artifacts: Path, address: str) -> None:
        self._client = client
        self._artifacts = artifacts
        self._address = address

    def log(
        self,
        model_id: str,
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        dataset: Mapping[str, Any],
        tags: Mapping[str, str],
        files: Path,
    ) -> Version:
        """Log a training and register its model; give the new version. It carries no alias yet.

        Parameters
        ----------
        dataset
            ``digest`` (of the register's manifest) and what else is told of the rows trained on: counts, dates.
        files
            Folder with everything to be kept; it is moved, not copied.
        """
        list_files(files)
        with _reaching(self._address):
            run = self._client.create_run(self._experiment(model_id), tags=dict(tags))
            folder = self._folder(model_id, run.info.run_id)
            shutil.copytree(files, made := folder.with_name(f".{folder.name}"))
            place_folder(made, folder)
            self._log_facts(run, params, metrics, dataset)
            self._make_model(model_id)
            version = self._client.create_model_version(
                model_id,
                source=folder.joinpath("bundle").as_uri(),
                run_id=run.info.run_id,
                tags={**tags, "artifacts_sha256": sha256_of(folder / MANIFEST)},
                await_creation_for=0,
            )
            self._client.set_terminated(run.info.run_id)
            return self._version(self._client.get_model_version(model_id, str(version.version)))

    def versions(self, model_id: str | None = None) -> list[Version]:
        """Give the versions registered here, of one model or of all, by model and number; others' are passed over."""
        with _reaching(self._address):
            ours = [
                version
                for name in ([model_id] if model_id else self._names())
                for version in self._client.search_model_versions(f"name = '{name}'")
                if "artifacts_sha256" in version.tags
            ]
            # aliases come with one version asked for, not with a search
            found = [self._version(self._client.get_model_version(one.name, str(one.version))) for one in ours]
        return sorted(found, key=lambda version: (version.model_id, version.version))

    def version(self, model_id: str, which: str) -> Version:
        """Give the version that a number or an alias names.

        Raises
        ------
        UsageError
            There is none.
        """
        from mlflow.exceptions import MlflowException

        with _reaching(self._address):
            try:
                if which.isascii() and which.isdigit():
                    return self._version(self._client.get_model_version(model_id, which))
                found = self._client.get_model_version_by_alias(model_id, which)
                return self._version(self._client.get_model_version(model_id, str(found.version)))
            except MlflowException as error:
                if error.error_code not in (_NO_SUCH, "INVALID_PARAMETER_VALUE"):
                    raise
                msg = f"model {model_id}: nothing registered as {which!r}; `pophealth models list` shows what there is"
                raise UsageError(msg) from None

    def set_alias(self, model_id: str, alias: str, version: int) -> None:
        """Let `alias` mean `version` from now on. MLflow keeps no history of it: the promotion log does."""
        with _reaching(self._address):
            self._client.set_registered_model_alias(model_id, alias, str(version))

    def _names(self) -> list[str]:
        names: list[str] = []
        token: str | None = None
        while token != "":
            page = self._client.search_registered_models(page_token=token)
            names += [str(model.name) for model in page]
            token = page.token or ""
        return names

    def _experiment(self, model_id: str) -> str:
        found = self._client.get_experiment_by_name(model_id)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(model_id, artifact_location=(self._artifacts / model_id).as_uri()))

    def _folder(self, model_id: str, run_id: str) -> Path:
        """Give where MLflow looks for a run's files. It is worked out anew each time: the data root may have moved."""
        return self._artifacts / model_id / run_id / "artifacts"

    def _make_model(self, model_id: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(model_id)
        except MlflowException as error:
            if error.error_code != _EXISTS:
                raise

    def _log_facts(
        self, run: Run, params: Mapping[str, Any], metrics: Mapping[str, float], dataset: Mapping[str, Any]
    ) -> None:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        said = [Param(name, str(value)) for name, value in params.items()]
        measured = [Metric(name, value, timestamp=0, step=0) for name, value in metrics.items()]
        for start in range(0, max(len(said), len(measured)), 100):
            self._client.log_batch(
                run.info.run_id, params=said[start : start + 100], metrics=measured[start : start + 100]
            )
        trained_on = Dataset(
            name="register",
            digest=str(dataset["digest"])[:32],  # MLflow takes 36 characters; the whole digest stands in the source
            source_type="pophealth register",
            source=json.dumps({"manifest_sha256": dataset["digest"]}),
            profile=json.dumps(dict(dataset), sort_keys=True, default=str),
        )
        self._client.log_inputs(run.info.run_id, [DatasetInput(trained_on)])

    def _version(self, found: ModelVersion) -> Version:
        tags = {str(name): str(value) for name, value in found.tags.items()}
        if "artifacts_sha256" not in tags:
            msg = (
                f"model {found.name} version {found.version}: it was not registered by `pophealth models train`; "
                "nothing says what its files were"
            )
            raise IntegrityError(msg)
        return Version(
            model_id=str(found.name),
            version=int(found.version),
            run_id=str(found.run_id),
            aliases=tuple(sorted(found.aliases)),
            folder=self._folder(str(found.name), str(found.run_id)),
            sha256=tags.pop("artifacts_sha256"),
            tags=tags,
        )


def open_registry(uri: str, artifacts: Path) -> Registry:
    """Give the registry at a database; its tables are made where they are missing.

    Parameters
    ----------
    uri
        ``sqlite:///...`` or ``postgresql://...``. A password belongs in ``~/.pgpass`` (or ``PGPASSFILE``), not in it.
    artifacts
        Folder below which the files of each version lie.

    Raises
    ------
    ConfigError
        The address is none that MLflow keeps a registry in, or its tables are of another MLflow version.
    TryLaterError
        The database cannot be reached.
    IntegrityError
        SQLite's file is damaged.
    """
    uri, address = _probe(uri)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when MLflow is imported: nothing calls out from here
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    with _reaching(address):
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_registered_models(max_results=1)
    return Registry(client, artifacts, address)


def signature_of(inputs: Mapping[str, str]) -> bytes:
    """Give MLflow's signature of a model as JSON: its inputs by name and type in order, and the risk it gives."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    columns: list[Any] = [ColSpec(_mlflow_type(kind), name, required=False) for name, kind in inputs.items()]
    signature = ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double", "risk")]))
    return json_bytes(signature.to_dict())


def _mlflow_type(dtype: str) -> str:
    if dtype.startswith(("Int", "UInt")):
        return "long"
    return {"Boolean": "boolean", "Float32": "double", "Float64": "double"}.get(dtype, "string")


def _probe(uri: str) -> tuple[str, str]:
    """Give the address with its driver, and without its password, once it answers; MLflow itself knocks for minutes."""
    import sqlalchemy as sa

    try:
        url = sa.make_url(uri)
    except sa.exc.ArgumentError:
        msg = "config models.tracking_uri: not a database address; expected sqlite:///FILE or postgresql://HOST/NAME"
        raise ConfigError(msg) from None
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        msg = f"config models.tracking_uri: {kind!r} is no registry; expected sqlite:///FILE or postgresql://HOST/NAME"
        raise ConfigError(msg)
    if kind == "postgresql":
        url = url.set(drivername="postgresql+psycopg2")  # SQLAlchemy would take a driver that is not installed
    address = url.render_as_string(hide_password=True)
    options = {"connect_timeout": _CONNECT_SECONDS} if kind == "postgresql" else {}
    with _reaching(address):
        engine = sa.create_engine(url, connect_args=options, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    return url.render_as_string(hide_password=False), address


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    """Turn what a database or MLflow says into errors of ours; their own text may hold an address with a password."""
    import sqlalchemy.exc

    with warnings.catch_warnings():
        # MLflow's own use of SQLAlchemy 2.1: relationships it never loads
        warnings.simplefilter("ignore", sqlalchemy.exc.SADeprecationWarning)
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError):
            msg = (
                f"the model registry at {address} cannot be reached; what was delivered before is unchanged. Try later."
            )
            raise TryLaterError(msg) from None
        except MlflowException as error:
            text = str(error)
            if "out-of-date database schema" in text:
                msg = f"the model registry at {address} has tables of another MLflow version; see `mlflow db upgrade`"
                raise ConfigError(msg) from None
            if "file is not a database" in text or "disk image is malformed" in text:
                msg = f"the model registry at {address} is damaged; restore the file. What was delivered before is unchanged"
                raise IntegrityError(msg) from None
            if "OperationalError" in text or error.error_code == "TEMPORARILY_UNAVAILABLE":
                msg = f"the model registry at {address} stopped answering; nothing was promoted. Try later."
                raise TryLaterError(msg) from None
            raise
