"""A bundle comes back as it was written; a changed byte, a stranger's type or a trap is refused before anything is made."""

from __future__ import annotations

import ast
import io
import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from model_rows import SMALL_TREES, people, spec_of
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.errors import IntegrityError
from pophealth.files import json_bytes, sha256_of
from pophealth.prediction.apply import predict
from pophealth.prediction.bundle import read_bundle, write_bundle
from pophealth.prediction.contributions import all_parts
from pophealth.prediction.fit import fit
from pophealth.prediction.fitted import FittedModel
from pophealth.prediction.skops_file import TRUSTED, from_skops, to_skops

FRAME = people(1_000)
SETTINGS: dict[str, dict[str, Any]] = {
    "gradient_boosting": SMALL_TREES,
    "cox": {},
    "cox spline": {"baseline": "spline"},
    "weibull": {},
    "weibull log_logistic": {"distribution": "log_logistic"},
    "discrete_hazard": {},
    "logistic": {"C": 0.3},
    "stack": {"members": ["logistic", "gradient_boosting", "cox"]},
}
MODELS: dict[str, FittedModel] = {}


def model(name: str) -> FittedModel:
    if name not in MODELS:
        spec = spec_of("logistic", "gradient_boosting", settings={"gradient_boosting": SMALL_TREES})
        made = fit(FRAME, spec, EstimatorSpec(name.split()[0], SETTINGS[name]), seed=1)
        MODELS[name] = replace(
            made,
            recalibration={"U12345": (0.1, 0.95)},
            codelists={"has_diabetes": "a" * 64},
            spec_text='id = "for_tests"\n',
        )
    return MODELS[name]


def rewrite_manifest(folder: Path) -> None:
    """What someone would do who can write the folder: hashes that fit what they put there."""
    files = {path.name: sha256_of(path) for path in folder.iterdir() if path.name != "manifest.json"}
    (folder / "manifest.json").write_bytes(json_bytes({"layout": 1, "files": files}))


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_written_comes_back(name: str, tmp_path: Path) -> None:
    before = model(name)
    digest = write_bundle(before, tmp_path / "bundle")
    after = read_bundle(tmp_path / "bundle", sha256=digest)
    for field in (
        "spec_id",
        "spec_version",
        "estimator_kind",
        "inputs",
        "horizon_months",
        "recalibration",
        "codelists",
    ):
        assert getattr(after, field) == getattr(before, field)
    assert (after.training, after.reference, after.spec_text) == (before.training, before.reference, before.spec_text)
    assert predict(after, FRAME, network="U12345").to_list() == predict(before, FRAME, network="U12345").to_list()
    assert all_parts(after, FRAME).tolist() == all_parts(before, FRAME).tolist()


@pytest.mark.parametrize("name", ["logistic", "gradient_boosting", "cox"])
def test_a_curve_comes_back_and_scores_the_same(name: str, tmp_path: Path) -> None:
    spec = replace(spec_of(name), curved=("age_years",))
    made = fit(FRAME, spec, EstimatorSpec(name, SETTINGS[name]), seed=1)
    back = read_bundle(tmp_path, sha256=write_bundle(made, tmp_path))
    assert back.inputs == made.inputs
    assert [column.kind for column in back.inputs[0].columns] == ["value", "curve", "curve"]
    assert predict(back, FRAME).equals(predict(made, FRAME))


@pytest.mark.parametrize("name", ["logistic", "gradient_boosting", "cox", "stack"])
def test_the_same_model_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    first = write_bundle(model(name), tmp_path / "first")
    second = write_bundle(read_bundle(tmp_path / "first"), tmp_path / "second")
    assert first == second
    spec = spec_of("logistic", "gradient_boosting", settings={"gradient_boosting": SMALL_TREES})
    again = fit(FRAME, spec, EstimatorSpec(name, SETTINGS[name]), seed=1)
    again = replace(again, **{part: getattr(model(name), part) for part in ("recalibration", "codelists", "spec_text")})
    assert write_bundle(again, tmp_path / "third") == first


def test_names_of_files(tmp_path: Path) -> None:
    for name, expected in {
        "logistic": {"estimator.skops"},
        "cox": {"survival.json", "survival.arrow"},
        "stack": {"estimator_1.skops", "estimator_2.skops", "survival_3.json", "survival_3.arrow"},
    }.items():
        write_bundle(model(name), tmp_path / name)
        found = {path.name for path in (tmp_path / name).iterdir()}
        assert found == {"model.json", "model.toml", "manifest.json", *expected}


@pytest.mark.parametrize("name", ["gradient_boosting", "cox"])
def test_any_flipped_byte_is_refused(name: str, tmp_path: Path) -> None:
    digest = write_bundle(model(name), tmp_path / "bundle")
    for path in sorted((tmp_path / "bundle").iterdir()):
        original = path.read_bytes()
        for place in {0, len(original) // 2, len(original) - 1}:
            path.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
            with pytest.raises(IntegrityError, match=path.name):
                read_bundle(tmp_path / "bundle", sha256=digest)
        path.write_bytes(original)
    read_bundle(tmp_path / "bundle", sha256=digest)


def test_a_missing_file_a_file_too_many_and_no_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(model("logistic"), folder)
    (folder / "more.txt").write_text("x")
    with pytest.raises(IntegrityError, match=r"1 files that manifest.json does not list, first \['more.txt'\]"):
        read_bundle(folder)
    (folder / "more.txt").unlink()
    (folder / "estimator.skops").unlink()
    with pytest.raises(IntegrityError, match=r"estimator.skops is named by the manifest and missing"):
        read_bundle(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match=r"manifest.json is missing"):
        read_bundle(folder)


def test_a_manifest_that_points_outside_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(model("logistic"), folder)
    (tmp_path / "outside").write_text("x")
    listing = json.loads((folder / "manifest.json").read_bytes())
    listing["files"]["../outside"] = sha256_of(tmp_path / "outside")
    (folder / "manifest.json").write_bytes(json_bytes(listing))
    with pytest.raises(IntegrityError, match="1 listed outside the folder"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda facts: facts.update(layout=2), "has layout 2, this version reads 1"),
        (lambda facts: facts.pop("inputs"), "does not hold what layout 1 has"),
        (lambda facts: facts["inputs"].pop(), "takes 7 columns, the model has 6"),
        (
            lambda facts: facts["body"].update(files=["other.skops"]),
            "names other.skops, which the bundle does not hold",
        ),
        (lambda facts: facts["body"].update(kind="gradient_boosting"), "not on the list of trusted types"),
    ],
)
def test_a_description_that_does_not_fit_its_files_is_refused(change, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(model("logistic"), folder)
    facts = json.loads((folder / "model.json").read_bytes())
    change(facts)
    (folder / "model.json").write_bytes(json_bytes(facts))
    rewrite_manifest(folder)
    with pytest.raises(IntegrityError, match=words):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.with_columns(pl.lit(float("nan")).alias("value")), "numbers are not finite"),
        (lambda table: table.head(table.height - 1), "does not hold what layout 1 has"),
        (lambda table: table.filter(pl.col("array") != "means"), "does not hold what layout 1 has"),
        (lambda table: table.slice(1), "has .* numbers, the model has 7 columns"),
        (lambda table: table.with_columns(pl.col("value").cast(pl.Float32)), "expected the columns array"),
    ],
)
def test_numbers_that_are_not_a_survival_model_are_refused(change, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(model("cox"), folder)
    table = pl.read_ipc(io.BytesIO((folder / "survival.arrow").read_bytes()))
    changed = change(table).to_arrow()
    changed = changed.set_column(0, "array", changed["array"].cast(pa.string()))
    with pa.ipc.new_file(folder / "survival.arrow", changed.schema) as writer:
        writer.write_table(changed)
    rewrite_manifest(folder)
    with pytest.raises(IntegrityError, match=words):
        read_bundle(folder)


class Trap:
    """Whoever makes one of these leaves a file behind."""

    sprung = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self.sprung,))


def test_a_pickle_in_place_of_the_estimator_is_refused_and_not_run(tmp_path: Path) -> None:
    import pickle

    folder = tmp_path / "bundle"
    write_bundle(model("logistic"), folder)
    Trap.sprung = str(tmp_path / "sprung")
    (folder / "estimator.skops").write_bytes(pickle.dumps(Trap()))
    rewrite_manifest(folder)
    with pytest.raises(IntegrityError, match=r"estimator.skops: it is not a .skops file"):
        read_bundle(folder)
    assert not (tmp_path / "sprung").exists()
    pickle.loads((folder / "estimator.skops").read_bytes())
    assert (tmp_path / "sprung").exists(), "the trap works: it is the refusal that kept it shut"


def evil_document(sprung: Path) -> dict[str, Any]:
    """A schema that asks skops to call `os.mkdir`."""
    argument = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(str(sprung)),
        "is_json": True,
        "__id__": 3,
    }
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [argument],
        "__id__": 2,
    }
    function = {
        "__class__": "mkdir",
        "__module__": "posix",
        "__loader__": "FunctionNode",
        "content": {"module_path": "posix", "function": "mkdir"},
        "__id__": 4,
    }
    return {
        "__class__": "partial", "__module__": "functools", "__loader__": "PartialNode", "__id__": 1,
        "content": {"func": function, "args": arguments, "kwds": arguments, "namespace": arguments},
        "protocol": 2, "_skops_version": "0.16.0",
    }  # fmt: skip


def zipped(members: dict[str, bytes], compression: int = 0) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w", compression=compression) as file:
        for name, content in members.items():
            file.writestr(ZipInfo(name) if compression == 0 else name, content)
    return out.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_an_evil_skops_file_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(model("logistic"), folder)
    content = zipped({"schema.json": json.dumps(evil_document(tmp_path / "sprung")).encode()})
    (folder / "estimator.skops").write_bytes(content)
    rewrite_manifest(folder)
    with pytest.raises(IntegrityError, match=r"functools.partial \(read by PartialNode\) is not on the list"):
        read_bundle(folder)
    assert not (tmp_path / "sprung").exists()


def test_an_honest_estimator_that_is_not_on_the_list_is_refused() -> None:
    from sklearn.tree import DecisionTreeClassifier

    content = to_skops(DecisionTreeClassifier().fit([[0.0], [1.0]], [False, True]))
    with pytest.raises(
        IntegrityError, match=r"DecisionTreeClassifier .* is not on the list of trusted types of logistic"
    ):
        from_skops(content, "logistic", columns=1, what="test")


def test_only_named_types_are_trusted() -> None:
    assert TRUSTED["logistic"] == ["sklearn.linear_model._logistic.LogisticRegression"]
    assert all(name.startswith("sklearn.") for names in TRUSTED.values() for name in names)
    assert not {"sklearn.utils", "numpy", "builtins"} & {
        name.rsplit(".", 1)[0] for name in TRUSTED["gradient_boosting"]
    }


LOGISTIC = to_skops(LogisticRegression().fit([[0.0], [1.0], [2.0]], [False, True, True]))


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def an_object() -> bytes:
    """An array that NumPy would read with pickle."""
    out = io.BytesIO()
    np.save(out, np.array([{}], dtype=object), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            lambda good: zipped(good | {"../../etc/passwd": b"x"}),
            "1 with a name that is neither schema.json nor a number",
        ),
        (lambda good: zipped(good | {"/1.npy": b"x"}), "1 with a name"),
        (lambda good: zipped({"a.npy": b"x"}), "1 with a name"),
        (lambda good: zipped(good, ZIP_DEFLATED), "a member is compressed"),
        (lambda good: zipped({"schema.json": b"0" * 50_000_000}, ZIP_DEFLATED), "a member is compressed"),
        (lambda good: zipped(good | {"schema.json": b"{"}), "schema.json cannot be read"),
        (lambda good: zipped(good | {"schema.json": b"[" * 100_000}), "schema.json cannot be read"),
        (lambda good: zipped(good | {"schema.json": b"{}"}), "schema.json describes nothing"),
        (lambda good: zipped(good | {"1.npy": header("(1, 1000000000000)")}), "its head claims another size"),
        (lambda good: zipped(good | {"1.npy": b"not an array"}), "it has no head of an array"),
        (
            lambda good: zipped({name: data for name, data in good.items() if name != "1.npy"}),
            "an array is named that is not in the file",
        ),
        (lambda good: zipped(good | {"1.npy": an_object()}), "or holds objects"),
        (lambda good: LOGISTIC.replace(b"\x93NUMPY", b"\x93NUMPX", 1), "member 1.npy cannot be read"),
        (lambda good: LOGISTIC[:-30], "no zip"),
        (lambda good: b"", "no zip"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(made, words: str) -> None:
    with pytest.raises(IntegrityError, match=words):
        from_skops(made(members_of(LOGISTIC)), "logistic", columns=1, what="test")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_byte_is_changed_nothing_but_a_refusal_comes(data: st.DataObject) -> None:
    """In the file, or inside a member whose checksum is made to fit: an estimator that passes every check, or a refusal."""
    members = members_of(LOGISTIC)
    name = data.draw(st.sampled_from(["", *sorted(members)]))
    content = bytearray(members[name] if name else LOGISTIC)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    made = zipped(members | {name: bytes(content)}) if name else bytes(content)
    with suppress(IntegrityError):
        assert np.isfinite(from_skops(made, "logistic", columns=1, what="test").coef_).all()


def test_members_that_overlap_are_refused() -> None:
    """A zip bomb without compression: many entries of the directory that share the same bytes."""
    content = zipped(
        {f"{number}.npy": b"x" * 4_000 if number == 1 else b"" for number in range(1, 60)} | {"schema.json": b"{}"}
    )
    with ZipFile(io.BytesIO(content)) as file:
        size = next(member for member in file.infolist() if member.file_size == 4_000)
    assert size.header_offset == 0
    entry, first = bytearray(content), content.index(b"PK\x01\x02")
    for _ in range(59):
        entry[first + 20 : first + 28] = (4_000).to_bytes(4, "little") * 2  # compressed and real size
        entry[first + 42 : first + 46] = (0).to_bytes(4, "little")
        length = int.from_bytes(entry[first + 28 : first + 30], "little")
        first += 46 + length
    with pytest.raises(IntegrityError, match=r"its members claim more than|cannot be read|no zip"):
        from_skops(bytes(entry), "logistic", columns=1, what="test")


def test_another_version_of_scikit_learn_is_refused() -> None:
    members = members_of(LOGISTIC)
    import sklearn

    members["schema.json"] = members["schema.json"].replace(sklearn.__version__.encode(), b"1.0.2")
    with pytest.raises(IntegrityError, match=r"made with scikit-learn 1\.0\.2, here is"):
        from_skops(zipped(members), "logistic", columns=1, what="test")


def trees(**changes: Any) -> bytes:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(200, 3))
    estimator = HistGradientBoostingClassifier(max_iter=2, early_stopping=False, categorical_features=None)
    with threadpool_limits(1):
        estimator.fit(matrix, rng.random(200) < 1 / (1 + np.exp(-matrix[:, 0])))
    nodes = estimator._predictors[1][0].nodes
    for name, (place, value) in changes.items():
        nodes[name][place] = value
    return to_skops(estimator)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"left": (0, 4_000_000)}, "tree 1 of 2 has a left child outside itself"),
        ({"right": (0, 0)}, "tree 1 of 2 has a right child outside itself"),
        ({"feature_idx": (0, 3)}, "asks for a column beyond the 3"),
        ({"feature_idx": (0, -1)}, "asks for a column beyond the 3"),
        ({"value": (-1, np.inf)}, "holds a value that is not a number"),
        ({"is_categorical": (0, 1)}, "splits by category"),
        ({"count": (0, 0)}, "a node that no training row reached"),
    ],
)
def test_trees_that_point_outside_themselves_are_refused(changes: dict[str, Any], words: str) -> None:
    """scikit-learn follows child and column numbers without looking: a crafted file would read any memory."""
    from_skops(trees(), "gradient_boosting", columns=3, what="test")
    with pytest.raises(IntegrityError, match=words):
        from_skops(trees(**changes), "gradient_boosting", columns=3, what="test")


def test_coefficients_that_do_not_fit_are_refused() -> None:
    with pytest.raises(IntegrityError, match="it takes 1 columns, the model has 2"):
        from_skops(LOGISTIC, "logistic", columns=2, what="test")
    odd = LogisticRegression().fit([[0.0], [1.0], [2.0]], [False, True, True])
    odd.coef_ = np.array([[np.nan]])
    with pytest.raises(IntegrityError, match="not one finite number a column"):
        from_skops(to_skops(odd), "logistic", columns=1, what="test")
    words = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 1, 2])
    with pytest.raises(IntegrityError, match="its classes are not no and yes"):
        from_skops(to_skops(words), "logistic", columns=1, what="test")


SRC = Path(__file__).resolve().parents[3] / "src" / "pophealth"


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda path: str(path.relative_to(SRC)))
def test_nothing_loads_a_format_that_runs_code(path: Path) -> None:
    """Beside the imports that test_floors forbids: no pyfunc of MLflow, no pickle by way of NumPy, skops in one file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute | ast.Name):
            assert (node.attr if isinstance(node, ast.Attribute) else node.id) not in (
                "pyfunc",
                "read_pickle",
                "load_model",
            )
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == "skops" for name in names):
            assert path.name == "skops_file.py"
