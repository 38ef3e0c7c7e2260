"""Gives answers to yes-or-no questions about everybody of a frame: true, false or unknown; each wording is asked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.cohorts.predicate import compile_predicate
from pophealth.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable

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

    def ask(self, rules: Iterable[CohortRule], contract_year: str) -> None:
        """Compute every question of `rules`, criteria and tiers, that was not asked before.

        Raises
        ------
        DeclarationError
            A predicate reads an undeclared column, is wrong SQL, compares different types, or is no yes-or-no question.
        """
        texts: dict[str, CohortRule] = {}
        for rule in rules:
            for predicate in [c.predicate for c in rule.criteria] + [tier.when for tier in rule.tiers]:
                texts.setdefault(rule.bind(predicate, contract_year), rule)
        fresh = {text: rule for text, rule in texts.items() if text not in self._answers}
        columns = set(self.frame.columns)
        exprs = {text: compile_predicate(text, columns).alias(text) for text in fresh}
        try:
            made = self.frame.select(exprs.values())
        except pl.exceptions.PolarsError:
            for text, rule in fresh.items():  # once more, one by one: the message has to name the rule
                run(rule, self.frame, [exprs[text]])
            msg = "rules: predicates can be computed one by one but not together; this is a fault of ours"
            raise DeclarationError(msg) from None
        kinds = made.schema
        for text, rule in fresh.items():
            if kinds[text] not in (pl.Boolean, pl.Null):
                msg = f"rule {rule.id}: predicate {text!r} is not a yes-or-no question"
                raise DeclarationError(msg)
            self._answers[text] = _answer(made[text], self.frame.height)

    def __getitem__(self, text: str) -> Answer:
        """Give the answers to a bound predicate that was asked."""
        return self._answers[text]


def run(rule: CohortRule, frame: pl.DataFrame, exprs: Iterable[pl.Expr]) -> pl.DataFrame:
    """Give the values of `exprs` over `frame`; one that reads no column may be one row high only."""
    try:
        return frame.select(exprs)
    except pl.exceptions.PolarsError as error:
        # the engine's own text can quote a value; only its kind is passed on
        msg = f"rule {rule.id}: a predicate cannot be computed ({type(error).__name__}); do its types agree?"
        raise DeclarationError(msg) from None


def _answer(column: pl.Series, height: int) -> Answer:
    answers = column.cast(pl.Boolean)
    if answers.len() != height:  # a predicate without a column (true) has one answer for everybody
        answers = answers.new_from_index(0, height)
    return Answer(answers.fill_null(value=False).to_numpy(), answers.is_null().to_numpy())
