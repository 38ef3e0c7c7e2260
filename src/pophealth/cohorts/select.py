"""Gives who a rule lists, in which order, and how everybody else fell away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pophealth.cohorts.predicate import columns_of
from pophealth.errors import DeclarationError

if TYPE_CHECKING:
    import polars as pl

    from pophealth.declare import CohortRule


@dataclass(frozen=True)
class Selection:
    """What one rule says of one network.

    Attributes
    ----------
    members : DataFrame
        One row per person listed, met, adjusted or excluded, in the columns of `masks.MEMBERS`.
    attrition : DataFrame
        Columns ``step``, ``criterion``, ``people``, ``unknown``: everybody registered, who is left after each include
        criterion (and of how many of them it is unknown), then how many are excluded, met, adjusted, unknown, listed.
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
    """Give what `rule` says of everybody in `frame`.

    Parameters
    ----------
    frame
        One row per registered person of a network: base columns, features, scores.
    contract_year
        As in ``2024-25``; a year after the last declared one is carried from it.
    not_computable
        Columns the source cannot give, with the reason.

    Raises
    ------
    DeclarationError
        The rule does not run in `contract_year`, or one of its predicates cannot be computed.
    """
    from pophealth.cohorts import members as made

    year = rule.year_for(contract_year)
    if year is None:
        msg = f"rule {rule.id}: does not run in {contract_year} (declared for {', '.join(rule.years)})"
        raise DeclarationError(msg)
    carried = None if year == contract_year else year
    reason = not_computable_because(rule, contract_year, not_computable)
    if reason is not None:
        return Selection(rule.id, made.no_members(), made.no_attrition(), reason, 0, 0, year, carried)
    judged = made.judge(rule, frame, contract_year)
    return Selection(
        rule_id=rule.id,
        members=made.members_of(rule, frame, judged, contract_year, carried),
        attrition=made.attrition_of(rule, judged),
        not_computable=None,
        near_misses=made.near_misses_of(rule, judged),
        unknown=made.unknown_of(judged),
        declared_year=year,
        carried_from=carried,
    )
