"""Gives computed scores: a frame in, the same rows out with the columns of a score added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pophealth.errors import UsageError
from pophealth.scores._discovery import load_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from pophealth.declare import Option, Score


def compute(score_id: str, frame: pl.DataFrame, options: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Give `frame`, rows in order and columns unchanged, with the columns of one score added.

    Parameters
    ----------
    score_id
        As `pophealth scores list` prints it.
    frame
        The input columns as `pophealth scores describe` says, and any others. A column that already has the name of an
        output is replaced.
    options
        Choices that the score declares; those left out keep their default.

    Raises
    ------
    UsageError
        No such score or option, or `frame` is not a Polars DataFrame.
    DataContractError
        A column that may not be absent is absent, or a value is of the wrong type or an unknown category.
    """
    import polars as pl

    score = load_score(score_id)
    if not isinstance(frame, pl.DataFrame):
        msg = f"score {score_id}: expected a polars.DataFrame, found {type(frame).__name__}"
        raise UsageError(msg)
    version = pl.lit(score.version).alias(score.version_output)
    return frame.with_columns(outputs_of(score, frame, options)).with_columns(version)


def outputs_of(score: Score, frame: pl.DataFrame, options: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Give only the declared outputs of `score` and its flags, row by row as `frame`.

    Raises
    ------
    UsageError, DataContractError
        As `compute`.
    """
    from pophealth.scores._prepare import prepare

    chosen = choose_options(score, options or {})
    return score.compute(prepare(score, frame), chosen)


def choose_options(score: Score, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give every option of `score`: as given (text is read by the type of its default), else the default.

    Raises
    ------
    UsageError
        An option the score does not declare, or a value it does not admit.
    """
    known = {option.name: option for option in score.options}
    unknown = sorted(set(given) - set(known))
    if unknown:
        msg = f"score {score.id} has no option {', '.join(unknown)}; it has: {', '.join(known) or 'none'}"
        raise UsageError(msg)
    return {
        name: _read_option(score, option, given[name]) if name in given else option.default
        for name, option in known.items()
    }


def _read_option(score: Score, option: Option, value: Any) -> Any:
    read: Any = None
    if isinstance(option.default, bool):
        read = (
            value
            if isinstance(value, bool)
            else {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
        )
    elif isinstance(option.default, float):
        read = _number(value)
    elif value is not None:
        read = str(value)
    if read is None or not _admits(option, read):
        msg = f"score {score.id}, option {option.name}: {option.description}"
        raise UsageError(msg)
    return read


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _admits(option: Option, value: Any) -> bool:
    if option.allowed is None:
        return True
    if isinstance(option.default, float):
        low, high = option.allowed
        return bool(float(low) <= value <= float(high))
    return value in option.allowed
