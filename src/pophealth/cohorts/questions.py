"""Gives answers to yes-or-no questions about everybody of a frame: true, false or unknown; each wording is asked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.cohorts.predicate import compile_predicate
from pophealth.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pophealth.declare import CohortRule

Bools = npt.NDArray[np.bool_]


class Answer(NamedTuple):
    """One bool per person: whether the answer is true, and whether it is unknown. Neither: it is false."""

    true: Bools
    unknown: Bools


class Questions:
    """Answers about one frame. Rules share many questions (is she palliative?), so a wording is computed only once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self._answers: dict[str, Answer] = {}

    def ask(self, rules: Iterable[CohortRule], contract_year: str, *, tiers: bool = True) -> None:
        """Compute every question of `rules`, criteria and (unless left out) tiers, that was not asked before.

        Raises
        ------
        DeclarationError
            A predicate reads an undeclared column, is wrong SQL, compares different types, or is no yes-or-no question.
        """
        texts: dict[str, CohortRule] = {}
        for rule in rules:
            for predicate in [c.predicate for c in rule.criteria] + [tier.when for tier in rule.tiers if tiers]:
                texts.setdefault(rule.bind(predicate, contract_year), rule)
        fresh = {text: rule for text, rule in texts.items() if text not in self._answers}
        if not fresh:
            return
        made = computed(self.frame, fresh)
        kinds = made.schema
        for text, rule in fresh.items():
            if kinds[text] not in (pl.Boolean, pl.Null):
                msg = f"rule {rule.id}: predicate {text!r} is not a yes-or-no question"
                raise DeclarationError(msg)
        true = made.select(pl.all().cast(pl.Boolean).fill_null(value=False))
        unknown = made.select(pl.all().is_null())
        self._answers |= {text: Answer(true[text].to_numpy(), unknown[text].to_numpy()) for text in fresh}

    def __getitem__(self, text: str) -> Answer:
        """Give the answers to a bound predicate that was asked."""
        return self._answers[text]


def computed(frame: pl.DataFrame, texts: Mapping[str, CohortRule]) -> pl.DataFrame:
    """Give what bound SQL texts say of everybody in `frame`: a column each, named by its text.

    Raises
    ------
    DeclarationError
        A text cannot be computed; the message names the rule that `texts` gives for it.
    """
    columns = set(frame.columns)
    exprs = {text: compile_predicate(text, columns).alias(text) for text in texts}
    try:  # beside the frame's own columns, so that a text without a column (true) answers for everybody too
        return frame.with_columns(exprs.values()).select(list(exprs))
    except pl.exceptions.PolarsError:
        for text, rule in texts.items():  # once more, one by one: the message has to name the rule
            _try(rule, frame, exprs[text])
        msg = "rules: predicates can be computed one by one but not together; this is a fault of ours"
        raise DeclarationError(msg) from None


def _try(rule: CohortRule, frame: pl.DataFrame, expr: pl.Expr) -> None:
    try:
        frame.select(expr)
    except pl.exceptions.PolarsError as error:
        # the engine's own text can quote a value; only its kind is passed on
        msg = f"rule {rule.id}: a predicate cannot be computed ({type(error).__name__}); do its types agree?"
        raise DeclarationError(msg) from None
