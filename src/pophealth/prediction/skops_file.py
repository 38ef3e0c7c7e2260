"""Gives scikit-learn estimators to and from ``.skops`` files that hold what this package writes and nothing else.

A ``.skops`` file is a zip of one JSON document and arrays; loading it makes objects of the types it names. Before that
happens every member, every array's head and every type in the document is held against explicit lists. Nothing here reads
a format that runs code.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator
from tokenize import TokenError
from typing import Any, NoReturn
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from pophealth.errors import IntegrityError
from pophealth.prediction.trees import check_trees

_SKLEARN_TREES = "sklearn.ensemble._hist_gradient_boosting"
CLASSES = {
    "logistic": "sklearn.linear_model._logistic.LogisticRegression",
    "gradient_boosting": f"{_SKLEARN_TREES}.gradient_boosting.HistGradientBoostingClassifier",
}
"""The estimator each kind is."""
_PLAIN = {
    ("DictNode", "builtins.dict"),
    ("ListNode", "builtins.list"),
    ("TupleNode", "builtins.tuple"),
    ("JsonNode", "builtins.str"),
    ("TypeNode", "builtins.str"),
    ("NdArrayNode", "numpy.ndarray"),
}
NODES: dict[str, frozenset[tuple[str, str]]] = {
    "logistic": frozenset({*_PLAIN, ("ObjectNode", CLASSES["logistic"]), ("NdArrayNode", "numpy.float64")}),
    "gradient_boosting": frozenset(
        {
            *_PLAIN,
            ("ObjectNode", CLASSES["gradient_boosting"]),
            ("ObjectNode", f"{_SKLEARN_TREES}.binning._BinMapper"),
            ("ObjectNode", f"{_SKLEARN_TREES}.predictor.TreePredictor"),
            ("ObjectNode", "sklearn.preprocessing._label.LabelEncoder"),
            ("ObjectNode", "sklearn._loss.loss.HalfBinomialLoss"),
            ("ObjectNode", "sklearn._loss.link.LogitLink"),
            ("ObjectNode", "sklearn._loss.link.Interval"),
            ("LossNode", "sklearn._loss._loss.CyHalfBinomialLoss"),
            ("NdArrayNode", "numpy.uint64"),
            ("NdArrayNode", "numpy.float64"),
            ("RandomGeneratorNode", "numpy.random._generator.Generator"),
        }
    ),
}
"""What a file may hold, by kind: skops' reader and the type it makes."""
TRUSTED: dict[str, list[str]] = {
    kind: sorted({name for _, name in nodes if name.startswith("sklearn.")}) for kind, nodes in NODES.items()
}
"""The types given to skops as trusted, by name; skops itself refuses any other it does not know as harmless."""

MOST_BYTES = 256 * 2**20
MOST_MEMBERS = 50_000
_MEMBER = re.compile(r"schema\.json|[0-9]{1,20}\.npy")
_FAULTS = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    ImportError,
    EOFError,
    BadZipFile,
    RecursionError,
)


def to_skops(estimator: Any) -> bytes:
    """Give an estimator as the bytes of a ``.skops`` file: the same bytes for the same estimator."""
    import skops.io

    with ZipFile(io.BytesIO(skops.io.dumps(estimator))) as written:
        document = json.loads(written.read("schema.json"))
        arrays = {name: written.read(name) for name in written.namelist() if name != "schema.json"}
    files: dict[bytes, str] = {}
    # skops names things by their place in memory, which says nothing: here by order, and arrays once by what they hold
    for number, node in enumerate(_nodes(document), start=1):
        if "__id__" in node:
            node["__id__"] = number
        if isinstance(node.get("file"), str):
            node["file"] = files.setdefault(arrays[node["file"]], f"{len(files) + 1}.npy")
    out = io.BytesIO()
    with ZipFile(out, "w", compression=ZIP_STORED) as file:
        for content, name in files.items():
            file.writestr(ZipInfo(name), content)
        # keys keep their order: the types of a dictionary's keys stand in a list beside it
        file.writestr(ZipInfo("schema.json"), json.dumps(document))
    return out.getvalue()


def from_skops(content: bytes, kind: str, *, columns: int, what: str) -> Any:
    """Give the estimator that a file holds.

    Parameters
    ----------
    kind
        ``logistic`` or ``gradient_boosting``: what the file must hold.
    columns
        Columns the estimator must take.
    what
        Words for the file, for messages.

    Raises
    ------
    IntegrityError
        The file is not one this package writes: no zip, an odd member name, compressed or overlapping members, an array
        that claims another size, a type that is not on the list, another version of scikit-learn, other columns.
    """
    _check_members(content, what)
    with ZipFile(io.BytesIO(content)) as file:
        _check_document(file, kind, what)
        for name in file.namelist():
            if name != "schema.json":
                _check_array(_read(file, name, what), f"{what}: {name}")
    estimator = _load(content, kind, what)
    _check_estimator(estimator, kind, columns, what)
    return estimator


def _refuse(what: str, why: str, cause: Exception | None = None) -> NoReturn:
    msg = f"{what}: {why}; it is not a model file this package writes, and nothing of it was loaded"
    raise IntegrityError(msg) from cause


def _check_members(content: bytes, what: str) -> None:
    if len(content) > MOST_BYTES:
        _refuse(what, f"{len(content):,} bytes, at most {MOST_BYTES:,} are read")
    try:
        with ZipFile(io.BytesIO(content)) as file:
            members = file.infolist()
    except (BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as fault:
        _refuse(what, "it is not a .skops file (no zip)", fault)
    names = [member.filename for member in members]
    odd = [name for name in names if _MEMBER.fullmatch(name) is None]
    if odd or len(set(names)) < len(names) or "schema.json" not in names or len(names) > MOST_MEMBERS:
        _refuse(
            what,
            f"{len(names):,} members, {len(odd)} with a name that is neither schema.json nor a number, or one twice",
        )
    if any(member.compress_type != ZIP_STORED or member.flag_bits & 1 for member in members):
        _refuse(what, "a member is compressed or encrypted")
    if any(member.file_size != member.compress_size for member in members):
        _refuse(what, "a member claims another size than it has")
    if sum(member.file_size for member in members) > len(content):
        _refuse(what, f"its members claim more than the {len(content):,} bytes of the file")


def _read(file: ZipFile, name: str, what: str) -> bytes:
    try:
        return file.read(name)
    except (BadZipFile, ValueError, NotImplementedError, EOFError, RuntimeError) as fault:
        _refuse(what, f"its member {name} cannot be read ({type(fault).__name__})", fault)


def _check_document(file: ZipFile, kind: str, what: str) -> None:
    content = _read(file, "schema.json", what)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as fault:
        _refuse(what, "schema.json cannot be read", fault)
    allowed = NODES[kind]
    names = set(file.namelist())
    seen = False
    for node in _nodes(document):
        if not {"__class__", "__module__", "__loader__"} & set(node):
            continue
        seen = True
        found = (str(node.get("__loader__")), f"{node.get('__module__')}.{node.get('__class__')}")
        if found not in allowed:
            _refuse(what, f"the type {found[1]} (read by {found[0]}) is not on the list of trusted types of {kind}")
        if node.get("type") == "numpy" and node.get("file") not in names:
            _refuse(what, "an array is named that is not in the file")
    if not seen:
        _refuse(what, "schema.json describes nothing")


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Give every object of a JSON document, in order, without recursion."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _check_array(content: bytes, what: str) -> None:
    """Refuse an array whose head claims another size than its bytes: it would be made before it is read."""
    stream = io.BytesIO(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a head that NumPy has to mend was not written by it
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(stream)
    except (*_FAULTS, SyntaxError, TokenError, UserWarning) as fault:
        _refuse(what, "it has no head of an array", fault)
    size = dtype.itemsize
    for length in shape:
        size *= int(length)
    if dtype.hasobject or any(length < 0 for length in shape) or size != len(content) - stream.tell():
        _refuse(what, "its head claims another size, or holds objects")


def _load(content: bytes, kind: str, what: str) -> Any:
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning
    from skops.io.exceptions import UntrustedTypesFoundException

    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            return skops.io.loads(content, trusted=TRUSTED[kind])
        except InconsistentVersionWarning as fault:
            _refuse(
                what,
                f"made with scikit-learn {fault.original_sklearn_version}, here is {fault.current_sklearn_version}",
            )
        except UntrustedTypesFoundException as fault:
            _refuse(what, "skops found a type that is not trusted", fault)
        except _FAULTS as fault:
            _refuse(what, f"it cannot be read ({type(fault).__name__})", fault)


def _check_estimator(estimator: Any, kind: str, columns: int, what: str) -> None:
    """Refuse an estimator that would not give one finite number a row."""
    found = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    if found != CLASSES[kind]:
        _refuse(what, f"it holds a {found}, not a {CLASSES[kind]}")
    fitted = vars(estimator)
    if fitted.get("n_features_in_") != columns:
        _refuse(what, f"it takes {fitted.get('n_features_in_')} columns, the model has {columns}")
    if [bool(value) for value in np.asarray(fitted.get("classes_")).ravel()] != [False, True]:
        _refuse(what, "its classes are not no and yes")
    if kind == "logistic":
        numbers = [np.asarray(fitted.get(name), np.float64) for name in ("coef_", "intercept_")]
        if (
            numbers[0].shape != (1, columns)
            or numbers[1].shape != (1,)
            or not all(np.isfinite(n).all() for n in numbers)
        ):
            _refuse(what, "its coefficients are not one finite number a column")
        return
    if fitted.get("_preprocessor") is not None or np.shape(fitted.get("_baseline_prediction")) != (1, 1):
        _refuse(what, "its trees have columns made before them, or no start")
    check_trees(estimator, columns=columns, what=what)
    try:
        given = float(estimator.decision_function(np.zeros((1, columns)))[0])
    except (*_FAULTS, OverflowError) as fault:
        _refuse(what, f"it cannot score ({type(fault).__name__})", fault)
    if not np.isfinite(given):
        _refuse(what, "it gives a score that is not a number")
