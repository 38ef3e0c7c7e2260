"""Gives the scores: every module of this folder that holds a ``SCORE``, found by walking it."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path

from pophealth.declare import Score
from pophealth.errors import DeclarationError, UsageError


def load_scores() -> dict[str, Score]:
    """Give every score by its id, in order of ids. Nothing heavy is imported until a score is computed.

    Raises
    ------
    DeclarationError
        A module holds no ``SCORE``, or one of which the id is not the file name.
    """
    return {name: _load(name) for name in _score_ids()}


def load_score(score_id: str) -> Score:
    """Give one score.

    Raises
    ------
    UsageError
        No score has that id; the message names the nearest.
    """
    known = _score_ids()
    if score_id not in known:
        near = difflib.get_close_matches(score_id, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        msg = f"score {score_id!r} does not exist{hint} `pophealth scores list` names {len(known)}"
        raise UsageError(msg)
    return _load(score_id)


def _score_ids() -> list[str]:
    """Give the names of the modules that are scores: all but those that begin with an underscore."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def _load(name: str) -> Score:
    score = getattr(import_module(f"pophealth.scores.{name}"), "SCORE", None)
    if not isinstance(score, Score) or score.id != name:
        msg = f"scores/{name}.py: expected SCORE = Score(id={name!r}, ...)"
        raise DeclarationError(msg)
    return score
