"""Gives whether silence is credible: how likely it is to find nobody where a feature's normal share says some exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pophealth.errors import DataContractError

if TYPE_CHECKING:
    import polars as pl

    from pophealth.declare import Feature

LIMIT = 1e-6
"""A network stops when finding nobody is less likely than this (ARCHITECTURE, section 4: "Silence is an error")."""


def silence_problem(expected_share: float, n_people: int, found: int) -> float | None:
    """Give the probability of finding nobody among `n_people` at `expected_share`, when nobody was found; else None."""
    return None if found else float((1.0 - expected_share) ** n_people)


def silence_report(
    frame: pl.DataFrame, features: dict[str, Feature], not_computable: dict[str, str], *, network: str
) -> list[dict[str, Any]]:
    """Give a line for each feature that is true of nobody, least credible first.

    Parameters
    ----------
    frame
        One row per registered person, with the features' columns; features without a column there are passed over.
    features
        Features by output column; only those with a declared share count.
    not_computable
        Columns the source does not supply: unknown is not silence.

    Raises
    ------
    DataContractError
        For one feature or more, finding nobody has a probability under 1e-6.
    """
    lines: list[dict[str, Any]] = []
    for name in sorted({feature.name for feature in features.values()}):
        feature = features.get(name)
        if feature is None or not feature.share or name in not_computable or name not in frame.columns:
            continue
        chance = silence_problem(feature.share, frame.height, _found(frame[name], feature.outputs[name]))
        if chance is not None and frame.height:
            expected = feature.share * frame.height
            lines.append({"feature": name, "share": feature.share, "expected": round(expected, 1), "chance": chance})
    lines.sort(key=lambda line: (line["chance"], line["feature"]))
    silent = [line for line in lines if line["chance"] < LIMIT]
    if silent:
        first = silent[0]
        msg = (
            f"network {network}: {len(silent)} features are true of nobody among {frame.height} registered people, "
            f"first {first['feature']}: expected about {first['expected']:g}, found 0, which has a chance of "
            f"{first['chance']:.1e} (limit {LIMIT:g}). Is its codelist filled and its table complete? "
            "If the source does not hold these records, say so under supplies."
        )
        raise DataContractError(msg)
    return lines


def _found(column: pl.Series, dtype: str) -> int:
    """Give how many people a feature is true of: true, above zero, or not null, as its type has it."""
    if dtype == "bool":
        return int(column.sum() or 0)
    if dtype == "int":
        return int((column > 0).sum() or 0)
    return int(column.len() - column.null_count())
