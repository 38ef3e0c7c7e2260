"""Gives a fitted model what its training looked like, as tonight's people will be compared with it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pophealth.prediction.apply import predict
from pophealth.prediction.drift import reference_of
from pophealth.prediction.fitted import FittedModel


def with_reference(fitted: FittedModel, frame: pl.DataFrame) -> FittedModel:
    """Give the model with the reference of a training frame: its inputs, and its risks as recalibrated by network.

    Risks before recalibration would make every repaired network look as if its people had changed.
    """
    places = frame.select("network_code").with_row_index("place").group_by("network_code", maintain_order=True)
    risk = pl.Series([0.0], dtype=pl.Float64).new_from_index(0, frame.height)
    for (network,), rows in places:
        here = rows["place"]
        risk = risk.scatter(here, predict(fitted, frame[here], network=str(network)))
    return replace(fitted, reference=reference_of(frame, fitted.input_names, risk))
