"""Gives raw scores and risks of a body, whatever its kind, alone or in a stack, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.prediction.calibration import expit
from pophealth.prediction.fitted import Body, Stacked
from pophealth.prediction.inputs import Input, Matrices, owners

Floats = npt.NDArray[np.float64]

ROWS = 100_000
"""Rows whose columns are made at a time: what a frame of any height needs of memory."""


def raw_of(body: Body | Stacked, inputs: Sequence[Input], frame: pl.DataFrame) -> Floats:
    """Give raw scores, one a row."""
    return _by_parts(lambda rows: _raw(body, rows), inputs, frame, np.zeros(0))


def risk_of(body: Body | Stacked, inputs: Sequence[Input], frame: pl.DataFrame, months: float) -> Floats:
    """Give the chance of the event within `months`, before any recalibration."""
    raw = raw_of(body, inputs, frame)
    return expit(raw) if isinstance(body, Stacked) else body.risk(raw, months)


def parts_of(body: Body | Stacked, inputs: Sequence[Input], frame: pl.DataFrame) -> Floats:
    """Give what each feature adds to the raw score: array of shape (n_people, n_inputs), the sum over its columns."""
    return _by_parts(lambda rows: _parts(body, rows), inputs, frame, np.zeros((0, len(inputs))))


def _by_parts(
    give: Callable[[Matrices], Floats], inputs: Sequence[Input], frame: pl.DataFrame, nobody: Floats
) -> Floats:
    if not frame.height:  # scikit-learn refuses to look at nobody
        return nobody
    own = frame.select([item.name for item in inputs])
    return np.concatenate([give(Matrices(tuple(inputs), rows)) for rows in own.iter_slices(ROWS)])


def _raw(body: Body | Stacked, rows: Matrices) -> Floats:
    if not isinstance(body, Stacked):
        return body.raw(rows.of(native=body.native))
    whole = np.full(rows.frame.height, body.intercept)
    for weight, (_, member) in zip(body.weights, body.members, strict=True):
        whole += weight * member.raw(rows.of(native=member.native))
    return whole


def _parts(body: Body | Stacked, rows: Matrices) -> Floats:
    if not isinstance(body, Stacked):
        return _by_input(body, rows)
    whole = np.zeros((rows.frame.height, len(rows.inputs)))
    for weight, (_, member) in zip(body.weights, body.members, strict=True):
        if weight:
            whole += weight * _by_input(member, rows)
    return whole


def _by_input(body: Body, rows: Matrices) -> Floats:
    parts = body.parts(rows.of(native=body.native))
    whole = np.zeros((rows.frame.height, len(rows.inputs)))
    for place, owner in enumerate(owners(rows.inputs, native=body.native).tolist()):
        whole[:, owner] += parts[:, place]
    return whole
