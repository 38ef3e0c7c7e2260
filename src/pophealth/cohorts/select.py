"""Gives who each rule lists, in which order, and how everybody else fell away."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pophealth.cohorts.predicate import columns_of
from pophealth.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from pophealth.declare import CohortRule


@dataclass(frozen=True)
class Selection:
    """What one rule says of one network.

    Attributes
    ----------
    members : DataFrame
        One row per person listed, met, adjusted or excluded, in the columns of `members.MEMBERS`.
    attrition : DataFrame
        Columns ``step``, ``criterion``, ``people``, ``unknown``: everybody registered, who is left after each include
        criterion (and of how many of them it is unknown), then how many are excluded, met, adjusted, unknown, listed.
    attrition_by_group : DataFrame
        The same steps by deprivation quintile, sex, age band and ethnicity: ``step``, ``criterion``, ``grouping``,
        ``group``, ``people``.
    not_computable : str or None
        Why the rule lists nobody although it is in force.
    near_misses : int
        People with exactly one include criterion false and nothing else against them.
    unknown : int
        People of whom nothing speaks against, but something that must be known is not.
    declared_year, carried_from : str
        The contract year whose parameters apply; `carried_from` is that year where it is not the one asked for.
    """

    rule_id: str
    members: pl.DataFrame
    attrition: pl.DataFrame
    attrition_by_group: pl.DataFrame
    not_computable: str | None
    near_misses: int
    unknown: int
    declared_year: str
    carried_from: str | None


def not_computable_because(rule: CohortRule, contract_year: str, not_computable: dict[str, str]) -> str | None:
    """Give why `rule` cannot be computed: the reasons of its criteria's columns, each once; none when it can.

    Columns that only order the list (tiers, `rank_by`) do not stop a rule.
    """
    reasons: dict[str, None] = {}
    for criterion in rule.criteria:
        for column in sorted(columns_of(rule.bind(criterion.predicate, contract_year))):
            if column in not_computable:
                reasons[not_computable[column]] = None
    return "; ".join(reasons) or None


def select(rule: CohortRule, frame: pl.DataFrame, *, contract_year: str, not_computable: dict[str, str]) -> Selection:
    """Give what `rule` says of everybody in `frame`; as `select_all` with one rule."""
    return select_all([rule], frame, contract_year=contract_year, not_computable=not_computable)[rule.id]


def select_all(
    rules: Iterable[CohortRule], frame: pl.DataFrame, *, contract_year: str, not_computable: dict[str, str]
) -> dict[str, Selection]:
    """Give what each rule says of everybody in `frame`, by rule id.

    Parameters
    ----------
    frame
        One row per registered person of a network: base columns, features, scores.
    contract_year
        As in ``2024-25``; a year after the last declared one is carried from it.
    not_computable
        Columns the source cannot give, with the reason. One that is absent from `frame` (a score whose licence is not
        accepted, a model that is not in use) is unknown for everybody where it orders a list or splits it into tiers.

    Raises
    ------
    DeclarationError
        A rule does not run in `contract_year`, or one of its predicates cannot be computed.
    """
    import polars as pl

    from pophealth.cohorts.attrition import ATTRITION, BY_GROUP
    from pophealth.cohorts.members import MEMBERS

    verdicts = [_verdict(rule, contract_year, not_computable) for rule in rules]
    computable = [verdict for verdict in verdicts if verdict.not_computable is None]
    frame = frame.with_columns(pl.lit(None).alias(name) for name in sorted(set(not_computable) - set(frame.columns)))
    nothing = _Said(pl.DataFrame(schema=MEMBERS), pl.DataFrame(schema=ATTRITION), pl.DataFrame(schema=BY_GROUP), 0, 0)
    said = _said(frame, computable, contract_year)
    return {
        verdict.rule.id: Selection(
            verdict.rule.id,
            *(of.members, of.attrition, of.attrition_by_group),
            verdict.not_computable,
            *(of.near_misses, of.unknown),
            verdict.declared_year,
            verdict.carried_from,
        )
        for verdict in verdicts
        for of in [said.get(verdict.rule.id, nothing)]
    }


class _Said(NamedTuple):
    """What one rule that can be computed says of everybody."""

    members: pl.DataFrame
    attrition: pl.DataFrame
    attrition_by_group: pl.DataFrame
    near_misses: int
    unknown: int


def _said(frame: pl.DataFrame, verdicts: list[_Verdict], contract_year: str) -> dict[str, _Said]:
    """Give what each rule says, by its id. All of them share questions, terms of orders, and the frames they are cut from."""
    import numpy as np

    from pophealth.cohorts.attrition import attrition_frames, groups_of, near_misses_of, steps_of
    from pophealth.cohorts.masks import judge
    from pophealth.cohorts.members import members_frame, rows_of
    from pophealth.cohorts.order import Orders
    from pophealth.cohorts.questions import Questions
    from pophealth.terms import Status

    rules = [verdict.rule for verdict in verdicts]
    questions, orders, groups = Questions(frame), Orders(frame, rules, contract_year), groups_of(frame)
    questions.ask(rules, contract_year)
    judged = [judge(rule, questions, contract_year) for rule in rules]
    steps = [steps_of(rule, of, groups) for rule, of in zip(rules, judged, strict=True)]
    rows = [rows_of(rule, questions, orders, of, contract_year) for rule, of in zip(rules, judged, strict=True)]
    carried = [verdict.carried_from for verdict in verdicts]
    members = members_frame(frame, list(zip(rules, carried, rows, strict=True)), contract_year)
    whole, parts = attrition_frames(steps, groups)
    heights = [len(of.names) for of in steps]
    cut = zip(
        _shared_out(members, [of.person.size for of in rows]),
        _shared_out(whole, heights),
        _shared_out(parts, [height * groups.number for height in heights]),
        strict=True,
    )
    return {
        rule.id: _Said(*frames, near_misses_of(rule, of), int(np.count_nonzero(of.has_status(Status.UNKNOWN))))
        for rule, of, frames in zip(rules, judged, cut, strict=True)
    }


def _shared_out(rows: pl.DataFrame, heights: list[int]) -> list[pl.DataFrame]:
    """Give `rows` cut, in their order, into pieces of these heights."""
    firsts = [0, *itertools.accumulate(heights)]
    return [rows.slice(first, height) for first, height in zip(firsts[:-1], heights, strict=True)]


@dataclass(frozen=True)
class _Verdict:
    """What is known of a rule before anybody is looked at."""

    rule: CohortRule
    declared_year: str
    carried_from: str | None
    not_computable: str | None


def _verdict(rule: CohortRule, contract_year: str, not_computable: dict[str, str]) -> _Verdict:
    year = rule.year_for(contract_year)
    if year is None:
        msg = f"rule {rule.id}: does not run in {contract_year} (declared for {', '.join(rule.years)})"
        raise DeclarationError(msg)
    carried = None if year == contract_year else year
    return _Verdict(rule, year, carried, not_computable_because(rule, contract_year, not_computable))
