"""Gives why a person is on a list or not: every criterion's answer, and the smallest changes that would turn it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pophealth.cohorts.select import select
from pophealth.errors import UsageError
from pophealth.terms import Evidence, Status, evidence_words

if TYPE_CHECKING:
    import polars as pl

    from pophealth.cohorts.questions import Answer as Answers
    from pophealth.declare import CohortRule, Part

Answer = Literal["true", "false", "unknown"]
READ = evidence_words((Evidence.READ,))


@dataclass(frozen=True)
class CriterionView:
    """One criterion as it stands for one person, its predicate with the year's numbers in it."""

    id: str
    part: Part
    predicate: str
    value: Answer


@dataclass(frozen=True)
class Explanation:
    """What one rule says of one person, and why.

    `would_change` holds the smallest sets of criteria, with the answer each would need, that turn listed into not
    listed or not listed into listed; none is needed together with another set. `days_since_result` is filled by whoever knows
    the records: how old the result is behind an urgent tier.
    """

    rule_id: str
    catalogue_id: str
    service: str
    title: str
    evidence: str
    contract_year: str
    carried_from: str | None
    not_computable: str | None
    status: str
    tier: int | None
    tier_label: str | None
    rank: int | None
    listed: int
    criteria: tuple[CriterionView, ...]
    would_change: tuple[dict[str, str], ...]
    words: tuple[str, ...]
    days_since_result: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the explanation as plain values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Give the explanation as text for a person."""
        age = self.days_since_result
        return [
            f"{self.catalogue_id} {self.title} [{self.rule_id}]: {self.status}",
            *(f"  {sentence}" for sentence in self.words),
            *([] if self.evidence == READ else [f"  Evidence {self.evidence}."]),
            *([] if age is None else [f"  Urgent: {age} days since the result. This is not an alerting service."]),
            *(f"    {view.part} {view.id}: {view.value} ({view.predicate})" for view in self.criteria),
        ]


def explain(
    rule: CohortRule, frame: pl.DataFrame, person: str, *, contract_year: str, not_computable: dict[str, str]
) -> Explanation:
    """Give why `person` (a patient_id of `frame`, the whole network's) stands where the rule puts them.

    Raises
    ------
    UsageError
        The person is not in `frame`.
    """
    from pophealth.cohorts.masks import STATUSES, judge
    from pophealth.cohorts.questions import Questions

    row = frame.filter(frame["patient_id"] == person)
    if row.is_empty():
        msg = "the person asked about is not registered in this network on the index date"
        raise UsageError(msg)
    selection = select(rule, frame, contract_year=contract_year, not_computable=not_computable)
    views: tuple[CriterionView, ...] = ()
    status, place = "not computable", dict[str, Any]()
    if selection.not_computable is None:
        judged = judge(rule, Questions(row), contract_year)
        views = _views(rule, judged.answers, contract_year)
        status = STATUSES[judged.status[0]]
        place = next(iter(selection.members.filter(selection.members["patient_id"] == person).to_dicts()), {})
    listed = int((selection.members["status"] == Status.LISTED.value).sum())
    return Explanation(
        rule_id=rule.id,
        catalogue_id=rule.catalogue_id,
        service=rule.service,
        title=rule.title,
        evidence=evidence_words(rule.evidence),
        contract_year=contract_year,
        carried_from=selection.carried_from,
        not_computable=selection.not_computable,
        status=status,
        tier=place.get("tier"),
        tier_label=place.get("tier_label"),
        rank=place.get("rank"),
        listed=listed,
        criteria=views,
        would_change=_flips(views, listed=status == Status.LISTED.value),
        words=_words(status, views, place, listed, selection.not_computable),
    )


def _views(rule: CohortRule, answers: dict[str, Answers], contract_year: str) -> tuple[CriterionView, ...]:
    def word(answer: Answers) -> Answer:
        return "unknown" if answer.unknown[0] else "true" if answer.true[0] else "false"

    return tuple(
        CriterionView(c.id, c.part, rule.bind(c.predicate, contract_year), word(answers[c.id])) for c in rule.criteria
    )


def _flips(views: tuple[CriterionView, ...], *, listed: bool) -> tuple[dict[str, str], ...]:
    """Give the smallest changes that turn the outcome.

    Whoever is listed falls off by any one criterion: an include turning false, or another part turning true. Whoever is
    not needs all that stand in the way to turn, so there is one set only.
    """
    if listed:
        return tuple({view.id: "false" if view.part == "include" else "true"} for view in views)
    missing = {view.id: "true" for view in views if view.part == "include" and view.value != "true"}
    against = {view.id: "false" for view in views if view.part != "include" and view.value == "true"}
    return (missing | against,) if views else ()


_WHY = {
    Status.EXCLUDED.value: ("exclude", "Left out by"),
    Status.MET.value: ("met_when", "The need is met:"),
    Status.ADJUSTED.value: ("adjust", "Taken off by a personalised care adjustment:"),
}


def _words(
    status: str, views: tuple[CriterionView, ...], place: dict[str, Any], listed: int, reason: str | None
) -> tuple[str, ...]:
    """Give the outcome in sentences: why or why not, what is unknown, what would change it."""

    def named(value: Answer, *parts: str) -> str:
        return ", ".join(view.id for view in views if view.part in parts and view.value == value)

    if reason is not None:
        return (f"Not computable: {reason}. The rule says nothing of anybody.",)
    said: list[str] = []
    if status == Status.LISTED.value:
        tier = f", tier {place['tier']} ({place['tier_label']})" if place.get("tier") else ""
        said.append(f"Listed, rank {place['rank']} of {listed}{tier}: {named('true', 'include')}.")
    elif status in _WHY:
        part, opening = _WHY[status]
        said.append(f"{opening} {named('true', part)}.")
    elif status == Status.UNKNOWN.value:
        said.append(f"Neither listed nor left out: {named('unknown', 'include')} cannot be known from the record.")
    else:
        said.append(f"Not considered: {named('false', 'include')} does not hold.")
    open_questions = named("unknown", "exclude", "adjust", "met_when")
    if open_questions:
        said.append(f"Unknown, and so not held against anyone: {open_questions}.")
    if status == Status.LISTED.value:
        said.append("Any one criterion turning would take the person off.")
    else:
        changes = _flips(views, listed=False)[0]
        said.append("To be listed: " + ", ".join(f"{name} must be {value}" for name, value in changes.items()) + ".")
    return tuple(said)
