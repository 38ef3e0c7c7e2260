"""Gives the scores: every module of this folder that holds a ``SCORE``, found by walking it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from pophealth.declare import Score
from pophealth.errors import DeclarationError

_NOT_SCORES = frozenset({"__init__", "discovery"})


def load_scores() -> dict[str, Score]:
    """Give every score by its id, in order of ids. Nothing heavy is imported until a score is computed.

    Raises
    ------
    DeclarationError
        A module holds no ``SCORE``, or one of which the id is not the file name.
    """
    found: dict[str, Score] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in _NOT_SCORES:
            continue
        score = getattr(import_module(f"pophealth.scores.{path.stem}"), "SCORE", None)
        if not isinstance(score, Score) or score.id != path.stem:
            msg = f"scores/{path.name}: expected SCORE = Score(id={path.stem!r}, ...)"
            raise DeclarationError(msg)
        found[score.id] = score
    return found
