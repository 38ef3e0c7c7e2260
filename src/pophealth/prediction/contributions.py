"""Gives, person by person, which features moved a raw score most, up and down, with the person's own values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.prediction.apply import check_inputs
from pophealth.prediction.fitted import FittedModel
from pophealth.prediction.scoring import parts_of

Floats = npt.NDArray[np.float64]

DIRECTIONS = ("up", "down")
CONTRIBUTIONS = pl.Schema(
    {
        "patient_id": pl.String(),
        "feature": pl.String(),
        "value": pl.String(),
        "contribution": pl.Float64(),
        "rank": pl.Int32(),
        "direction": pl.Enum(DIRECTIONS),
    }
)


def contributions(fitted: FittedModel, frame: pl.DataFrame, *, top: int | None = 5) -> pl.DataFrame:
    """Give the strongest contributions of each person.

    Parameters
    ----------
    frame
        patient_id and the predictors.
    top
        How many up and how many down at most; None gives every feature that moves the score at all.

    Returns
    -------
    DataFrame
        patient_id, feature, value (the person's own, as text; null where missing), contribution (to the log odds, or log
        hazard), rank (1 is the strongest of its direction), direction (up, down); people in the order of the frame, up
        before down, by rank. With `base_value` all contributions of a person sum to their raw score.

    Raises
    ------
    IntegrityError
        The predictors are not those of the training.
    """
    check_inputs(fitted, frame)
    parts = all_parts(fitted, frame)
    count = len(fitted.inputs) if top is None else min(top, len(fitted.inputs))
    blocks = [_strongest(parts, sign, count) for sign in (1.0, -1.0)]
    person = np.concatenate([rows for rows, _, _ in blocks])
    feature = np.concatenate([features for _, features, _ in blocks])
    rank = np.concatenate([ranks for _, _, ranks in blocks])
    down = np.repeat([0, 1], [blocks[0][0].size, blocks[1][0].size])
    order = np.lexsort((rank, down, person))
    person, feature, rank, down = person[order], feature[order], rank[order], down[order]
    return pl.DataFrame(
        {
            "patient_id": frame["patient_id"].cast(pl.String).gather(person),
            "feature": pl.Series(fitted.input_names, dtype=pl.String).gather(feature),
            "value": _values(fitted, frame, person, feature),
            "contribution": parts[person, feature],
            "rank": rank.astype(np.int32),
            "direction": pl.Series(DIRECTIONS, dtype=pl.String).gather(down).cast(CONTRIBUTIONS["direction"]),
        },
        schema=CONTRIBUTIONS,
    )


def all_parts(fitted: FittedModel, frame: pl.DataFrame) -> Floats:
    """Give every contribution: array of shape (n_people, n_predictors), in the order of the model's inputs."""
    return parts_of(fitted.body, fitted.inputs, frame)


def base_value(fitted: FittedModel) -> float:
    """Give the raw score that no feature has moved: what contributions are added to."""
    return float(fitted.body.base)


def _strongest(
    parts: Floats, sign: float, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give (person, feature, rank) of the `count` largest parts of one sign; equal ones by the order of the inputs."""
    size = sign * parts
    order = np.argsort(-size, axis=1, kind="stable")[:, :count]
    kept = np.take_along_axis(size, order, axis=1) > 0
    person, place = np.nonzero(kept)
    return person.astype(np.int64), order[person, place].astype(np.int64), (place + 1).astype(np.int64)


def _values(
    fitted: FittedModel, frame: pl.DataFrame, person: npt.NDArray[np.int64], feature: npt.NDArray[np.int64]
) -> pl.Series:
    """Give each row's own value as text."""
    texts = np.full(person.size, None, dtype=object)
    for place, item in enumerate(fitted.inputs):
        mine = feature == place
        if mine.any():
            texts[mine] = as_text(frame[item.name].gather(person[mine])).to_numpy()
    return pl.Series(texts.tolist(), dtype=pl.String)


def as_text(values: pl.Series) -> pl.Series:
    """Give values as a person reads them: whole numbers without a point, others with two places at most, yes and no."""
    if values.dtype == pl.Boolean:
        return values.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String)
    if values.dtype.is_float():
        return values.fill_nan(None).round(2).cast(pl.String).str.replace(r"\.0$", "")
    return values.cast(pl.String)
