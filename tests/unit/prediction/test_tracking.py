"""The register of models: what is logged can be found, checked and aliased, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pophealth.errors import ConfigError, IntegrityError, TryLaterError, UsageError
from pophealth.prediction.tracking import Registry, open_registry, signature_of
from test_support import postgres


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    with postgres.server(programs) as uri:
        yield uri


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables and nothing in them: making those takes longer than any test here."""
    path = tmp_path_factory.mktemp("blank") / "mlflow.db"
    open_registry(f"sqlite:///{path}", path.parent)
    return path


@pytest.fixture
def sqlite_uri(blank: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(blank, tmp_path / 'mlflow.db')}"


@pytest.fixture
def local(sqlite_uri: str, tmp_path: Path) -> Registry:
    return open_registry(sqlite_uri, tmp_path / "models")


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    uri = request.getfixturevalue("sqlite_uri" if request.param == "sqlite" else "postgres_uri")
    return open_registry(uri, tmp_path / "models")


def files(folder: Path, text: str = "{}") -> Path:
    made = folder / f"made-{len(list(folder.glob('made-*')))}"
    (made / "bundle").mkdir(parents=True)
    (made / "bundle" / "model.json").write_text(text)
    (made / "report.json").write_text("{}")
    return made


def log(registry: Registry, folder: Path, model_id: str, text: str = "{}", **more: object):
    facts = {"params": {"seed": 7, "long": "x" * 7_000}, "metrics": {"auroc": 0.75}, "tags": {"estimator": "logistic"}}
    dataset = {"digest": "ab" * 32, "rows": 10, "index_dates": ["2024-01-31"]}
    return registry.log(model_id, **{**facts, "dataset": dataset, **more}, files=files(folder, text))


def test_versions_count_up_and_aliases_move(registry: Registry, tmp_path: Path) -> None:
    first, second = (log(registry, tmp_path, "a_model", text) for text in ("{}", '{"b": 1}'))
    assert (first.version, second.version) == (1, 2)
    assert first.sha256 != second.sha256
    registry.set_alias("a_model", "champion", 1)
    assert registry.version("a_model", "champion").version == 1
    registry.set_alias("a_model", "champion", 2)
    assert registry.version("a_model", "champion").aliases == ("champion",)
    assert registry.version("a_model", "1").aliases == ()
    assert [version.version for version in registry.versions("a_model")] == [1, 2]
    assert (2, "a_model") in [(version.version, version.model_id) for version in registry.versions()]
    assert second.bundle.joinpath("model.json").read_text() == '{"b": 1}'
    assert registry.version("a_model", "2").tags["estimator"] == "logistic"
    run = registry._client.get_run(first.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"auroc": 0.75}
    assert json.loads(run.inputs.dataset_inputs[0].dataset.source) == {"manifest_sha256": "ab" * 32}


@pytest.mark.parametrize("which", ["9", "nobody", "0"])
def test_what_is_not_there_is_a_usage_error(registry: Registry, tmp_path: Path, which: str) -> None:
    with pytest.raises(UsageError, match="nothing registered as"):
        registry.version("none_such", which)
    log(registry, tmp_path, f"model_{which}")
    with pytest.raises(UsageError, match="models list"):
        registry.version(f"model_{which}", which)


def test_a_file_that_changed_or_is_gone_is_refused(local: Registry, tmp_path: Path) -> None:
    registry = local
    version = log(registry, tmp_path, "m")
    version.check()
    with pytest.raises(IntegrityError, match="nothing called other"):
        version.file("other")
    (version.bundle / "model.json").write_text("{ }")
    with pytest.raises(IntegrityError, match="SHA-256 differs"):
        version.check()
    assert version.file("report.json").is_file()
    (version.folder / "report.json").unlink()
    with pytest.raises(IntegrityError, match="missing"):
        version.check()


def test_the_list_of_hashes_is_itself_bound_to_the_registry(local: Registry, tmp_path: Path) -> None:
    registry = local
    version = log(registry, tmp_path, "m")
    (version.bundle / "model.json").write_text("evil")
    listing = json.loads((version.folder / "artifacts.json").read_text())
    from pophealth.files import sha256_of

    listing["bundle/model.json"] = sha256_of(version.bundle / "model.json")
    (version.folder / "artifacts.json").write_text(json.dumps(listing))
    with pytest.raises(IntegrityError, match=r"artifacts\.json"):
        registry.version("m", "1").check()


def test_what_others_registered_is_not_taken_for_ours(local: Registry, tmp_path: Path) -> None:
    registry = local
    registry._client.create_registered_model("m")
    registry._client.create_model_version("m", source="file:///tmp/evil")
    with pytest.raises(IntegrityError, match="not registered by"):
        registry.version("m", "1")


def test_a_registry_below_another_folder_finds_the_same_files(sqlite_uri: str, tmp_path: Path) -> None:
    log(open_registry(sqlite_uri, tmp_path / "models"), tmp_path, "m")
    (tmp_path / "models").rename(tmp_path / "moved")
    open_registry(sqlite_uri, tmp_path / "moved").version("m", "1").check()


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("file:///models", ConfigError),
        ("models", ConfigError),
        ("mysql://host/models", ConfigError),
        ("sqlite:////nowhere/at/all/mlflow.db", TryLaterError),
        ("postgresql://somebody:secret@127.0.0.1:1/models", TryLaterError),
    ],
)
def test_an_address_that_is_no_registry_or_does_not_answer(uri: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error) as caught:
        open_registry(uri, tmp_path)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_database_that_stops_answering_is_tried_later(tmp_path: Path) -> None:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    with postgres.server(programs) as uri:
        registry = open_registry(uri, tmp_path / "models")
        log(registry, tmp_path, "m")
    with pytest.raises(TryLaterError, match=r"cannot be reached|stopped answering"):
        registry.versions()


def test_the_signature_names_inputs_in_order() -> None:
    signature = json.loads(
        signature_of({"age_years": "Int16", "sex": "category", "has_x": "Boolean", "bmi": "Float64"})
    )
    inputs = json.loads(signature["inputs"])
    assert [(column["name"], column["type"]) for column in inputs] == [
        ("age_years", "long"),
        ("sex", "string"),
        ("has_x", "boolean"),
        ("bmi", "double"),
    ]


def test_one_file_alone_imports_mlflow() -> None:
    import re

    import pophealth

    source = Path(pophealth.__file__).parent
    found = {
        path.name for path in source.rglob("*.py") if re.search(r"^\s*(from|import) mlflow", path.read_text(), re.M)
    }
    assert found == {"tracking.py"}
    assert not [path for path in source.rglob("*.py") if re.search(r"\bpyfunc\b|load_model\(", path.read_text())]


def test_what_others_registered_hides_nothing_of_ours(local: Registry, tmp_path: Path) -> None:
    registry = local
    registry._client.create_registered_model("foreign")
    registry._client.create_model_version("foreign", source="file:///tmp/foreign")
    for number in range(120):
        registry._client.create_registered_model(f"empty_{number}")
    log(registry, tmp_path, "zz_ours")
    assert [version.model_id for version in registry.versions()] == ["zz_ours"]
