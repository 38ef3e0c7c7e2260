"""Gives what a rule's criteria add up to, person by person: two masks, a status, a tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pophealth.terms import Status

if TYPE_CHECKING:
    from pophealth.cohorts.questions import Answer, Bools, Questions
    from pophealth.declare import CohortRule, Part

NOT_CONSIDERED = "not considered"
"""What stands for a status where an include criterion is false: there is no row."""

STATUSES = (
    NOT_CONSIDERED,
    Status.UNKNOWN.value,
    Status.LISTED.value,
    Status.ADJUSTED.value,
    Status.MET.value,
    Status.EXCLUDED.value,
)
"""Every outcome, by the number `Judgement.status` uses; from `FIRST_ROW` on a person has a member row."""
FIRST_ROW = STATUSES.index(Status.LISTED.value)

DECIDED_BY: dict[Part, Status] = {"exclude": Status.EXCLUDED, "met_when": Status.MET, "adjust": Status.ADJUSTED}
"""Parts that take a person off, in order of precedence, with the status each gives."""


Masks: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]


class Judgement(NamedTuple):
    """What a rule says of everybody, in the order of the frame.

    Attributes
    ----------
    answers
        Answer to each criterion, by its id.
    status : uint8 array
        Place in `STATUSES`.
    criteria_true, criteria_unknown : unsigned arrays
        Bit ``criterion.bit`` is set where the criterion is true, or unknown; as narrow as the number of criteria allows.
    """

    answers: dict[str, Answer]
    status: npt.NDArray[np.uint8]
    criteria_true: Masks
    criteria_unknown: Masks

    def has_status(self, status: Status) -> Bools:
        """Give of whom the rule says `status`."""
        return np.equal(self.status, STATUSES.index(status.value))


def judge(rule: CohortRule, questions: Questions, contract_year: str) -> Judgement:
    """Give the judgement of `rule` on everybody. Precedence: excluded > met > adjusted > listed.

    Any include false: not considered. None false and one unknown: unknown. Unknown elsewhere removes nobody.
    """
    questions.ask([rule], contract_year, tiers=False)  # tiers may read a score that is not there
    answers = {c.id: questions[rule.bind(c.predicate, contract_year)] for c in rule.criteria}
    size = questions.frame.height
    width = np.min_scalar_type((1 << len(rule.criteria)) - 1)
    true, unknown = np.zeros(size, width), np.zeros(size, width)
    for criterion in rule.criteria:
        answer = answers[criterion.id]
        true |= answer.true.astype(width) << criterion.bit
        if answer.unknown.any():
            unknown |= answer.unknown.astype(width) << criterion.bit
    return Judgement(answers, _status(rule, true, unknown), true, unknown)


def _status(rule: CohortRule, true: Masks, unknown: Masks) -> npt.NDArray[np.uint8]:
    status = np.full(true.size, FIRST_ROW, np.uint8)
    for part, said in reversed(DECIDED_BY.items()):
        if bits := part_bits(rule, part):
            np.copyto(status, STATUSES.index(said.value), where=(true & bits) != 0)
    include = part_bits(rule, "include")
    np.copyto(status, STATUSES.index(Status.UNKNOWN.value), where=(unknown & include) != 0)
    np.copyto(status, STATUSES.index(NOT_CONSIDERED), where=((true | unknown) & include) != include)
    return status


def part_bits(rule: CohortRule, *parts: Part) -> int:
    """Give the mask of all criteria in `parts`."""
    return sum(1 << criterion.bit for criterion in rule.criteria if criterion.part in parts)


def ids_of(rule: CohortRule, *parts: Part) -> list[str]:
    """Give the ids of the criteria in `parts`, in order of their bits."""
    return [criterion.id for criterion in rule.criteria if criterion.part in parts]


def tier_of(
    rule: CohortRule, questions: Questions, contract_year: str, who: npt.NDArray[np.int64]
) -> npt.NDArray[np.int8]:
    """Give the number of the first tier whose predicate is true of each of `who`, 0 for none; unknown is not that tier."""
    number = np.zeros(who.size, np.int8)
    for tier in reversed(rule.tiers):
        np.copyto(number, np.int8(tier.number), where=questions[rule.bind(tier.when, contract_year)].true[who])
    return number
