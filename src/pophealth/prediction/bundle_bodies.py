"""Gives what an estimator learnt as files, and back: scikit-learn as ``.skops``, survival models as JSON and Arrow."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pophealth.errors import IntegrityError
from pophealth.files import json_bytes
from pophealth.prediction.estimators import Logistic, Trees
from pophealth.prediction.fitted import Body, Stacked
from pophealth.prediction.inputs import Input, column_names
from pophealth.prediction.skops_file import from_skops, to_skops
from pophealth.prediction.survival import AcceleratedFailure, Cox, DiscreteHazard, Spline, Steps

Floats = npt.NDArray[np.float64]


def body_files(body: Body | Stacked, kind: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Give the entry of a body in ``model.json`` and its files by name."""
    if not isinstance(body, Stacked):
        return _one(body, kind, "")
    files: dict[str, bytes] = {}
    members = []
    for place, (member_kind, member) in enumerate(body.members, start=1):
        entry, more = _one(member, member_kind, f"_{place}")
        members.append(entry)
        files |= more
    return {"kind": kind, "intercept": body.intercept, "weights": list(body.weights), "members": members}, files


def read_body(
    entry: Mapping[str, Any], content: Mapping[str, bytes], inputs: Sequence[Input], what: str
) -> Body | Stacked:
    """Give the body that an entry of ``model.json`` and the files describe.

    Raises
    ------
    IntegrityError
        A file is not what the entry says, or does not fit the inputs.
    KeyError, TypeError, ValueError
        The entry itself is malformed.
    """
    if entry["kind"] != "stack":
        return _read_one(entry, content, inputs, what)
    members = tuple((str(member["kind"]), _read_one(member, content, inputs, what)) for member in entry["members"])
    weights = tuple(float(weight) for weight in entry["weights"])
    if len(weights) != len(members) or not members:
        msg = f"{what}: a stack of {len(members)} members has {len(weights)} weights"
        raise IntegrityError(msg)
    return Stacked(members, weights, float(entry["intercept"]))


def _one(body: Body, kind: str, number: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    if isinstance(body, Logistic | Trees):
        name = f"estimator{number}.skops"
        return {"kind": kind, "files": [name]}, {name: to_skops(body.estimator)}
    facts, arrays = _numbers(body)
    names = [f"survival{number}.json", f"survival{number}.arrow"]
    files = {names[0]: json_bytes(facts), names[1]: _to_arrow(arrays)}
    return {"kind": kind, "files": names}, files


def _numbers(body: Body) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Give single numbers and arrays of a survival model."""
    if isinstance(body, Cox):
        arrays = {"coefficients": body.coefficients, "means": body.means}
        facts = {"form": "cox", "log_likelihood": body.log_likelihood}
        if isinstance(body.baseline, Steps):
            more = {"times": body.baseline.times, "cumulative_hazard": body.baseline.cumulative_hazard}
            return facts | {"baseline": "steps"}, arrays | more
        return facts | {"baseline": "spline"}, arrays | {"knots": body.baseline.knots, "phi": body.baseline.phi}
    if isinstance(body, AcceleratedFailure):
        names = ("distribution", "intercept", "shape", "log_likelihood")
        facts = {"form": "accelerated_failure", **{name: getattr(body, name) for name in names}}
        return facts, {"coefficients": body.coefficients}
    if isinstance(body, DiscreteHazard):
        facts = {"form": "discrete_hazard", "interval_months": body.interval_months}
        return facts, {"coefficients": body.coefficients, "intercepts": body.intercepts}
    msg = f"no way to store a {type(body).__name__}"
    raise TypeError(msg)


def _read_one(entry: Mapping[str, Any], content: Mapping[str, bytes], inputs: Sequence[Input], what: str) -> Body:
    kind, names = str(entry["kind"]), list(entry["files"])
    absent = [name for name in names if name not in content]
    if absent:
        msg = f"{what}: model.json names {absent[0]}, which the bundle does not hold"
        raise IntegrityError(msg)
    columns = len(column_names(inputs, native=kind == "gradient_boosting"))
    if kind in ("logistic", "gradient_boosting"):
        estimator = from_skops(content[names[0]], kind, columns=columns, what=f"{what}: {names[0]}")
        return Logistic(estimator) if kind == "logistic" else Trees(estimator)
    facts = json.loads(content[names[0]])
    arrays = _from_arrow(content[names[1]], f"{what}: {names[1]}")
    sizes = {name: arrays[name].size for name in ("coefficients", "means") if name in arrays}
    if set(sizes.values()) != {columns}:
        msg = f"{what}: {names[1]} has {sizes} numbers, the model has {columns} columns"
        raise IntegrityError(msg)
    return _survival(facts, arrays)


def _survival(facts: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Body:
    if facts["form"] == "cox":
        baseline: Steps | Spline
        if facts["baseline"] == "steps":
            baseline = Steps(arrays["times"], arrays["cumulative_hazard"])
            if baseline.times.size != baseline.cumulative_hazard.size or (np.diff(baseline.times) <= 0).any():
                msg = "baseline times do not ascend, or have no hazard each"
                raise ValueError(msg)
        else:
            baseline = Spline(arrays["knots"], arrays["phi"])
            if baseline.knots.size != baseline.phi.size or (baseline.knots <= 0).any():
                msg = "baseline knots and their coefficients differ in number"
                raise ValueError(msg)
        return Cox(arrays["coefficients"], arrays["means"], baseline, float(facts["log_likelihood"]))
    if facts["form"] == "accelerated_failure":
        return AcceleratedFailure(
            {"weibull": "weibull", "log_logistic": "log_logistic"}[facts["distribution"]],  # type: ignore[arg-type]
            arrays["coefficients"],
            float(facts["intercept"]),
            float(facts["shape"]),
            float(facts["log_likelihood"]),
        )
    if facts["form"] == "discrete_hazard":
        return DiscreteHazard(float(facts["interval_months"]), arrays["intercepts"], arrays["coefficients"])
    msg = f"unknown form of a survival model: {facts['form']!r}"
    raise ValueError(msg)


def _to_arrow(arrays: Mapping[str, Floats]) -> bytes:
    """Give named arrays as an Arrow file of one row a number."""
    names = [name for name, values in arrays.items() for _ in range(values.size)]
    values = np.concatenate([np.asarray(array, np.float64) for array in arrays.values()])
    table = pa.table({"array": pa.array(names, pa.string()), "value": pa.array(values, pa.float64())})
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _from_arrow(content: bytes, what: str) -> dict[str, Floats]:
    try:
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        table.validate(full=True)
    except (pa.ArrowInvalid, OSError) as fault:
        msg = f"{what}: not an Arrow file"
        raise IntegrityError(msg) from fault
    if table.schema != pa.schema({"array": pa.string(), "value": pa.float64()}):
        msg = f"{what}: expected the columns array (text) and value (float64), found {table.schema.names}"
        raise IntegrityError(msg)
    names, values = np.array(table["array"].to_pylist(), object), table["value"].to_numpy()
    if not np.isfinite(values).all():
        msg = f"{what}: {int((~np.isfinite(values)).sum())} of {values.size} numbers are not finite"
        raise IntegrityError(msg)
    return {str(name): values[names == name].copy() for name in dict.fromkeys(names.tolist())}
