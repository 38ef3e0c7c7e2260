"""Gives what a rule's criteria add up to, person by person: two masks, a status, a tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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


class Judgement(NamedTuple):
    """What a rule says of everybody, in the order of the frame.

    Attributes
    ----------
    answers
        Answer to each criterion, by its id.
    status : uint8 array
        Place in `STATUSES`.
    criteria_true, criteria_unknown : uint64 arrays
        Bit ``criterion.bit`` is set where the criterion is true, or unknown.
    """

    answers: dict[str, Answer]
    status: npt.NDArray[np.uint8]
    criteria_true: npt.NDArray[np.uint64]
    criteria_unknown: npt.NDArray[np.uint64]

    def has_status(self, status: Status) -> Bools:
        """Give of whom the rule says `status`."""
        return np.equal(self.status, STATUSES.index(status.value))


def judge(rule: CohortRule, questions: Questions, contract_year: str) -> Judgement:
    """Give the judgement of `rule` on everybody. Precedence: excluded > met > adjusted > listed.

    Any include false: not considered. None false and one unknown: unknown. Unknown elsewhere removes nobody.
    """
    questions.ask([rule], contract_year)
    answers = {c.id: questions[rule.bind(c.predicate, contract_year)] for c in rule.criteria}
    size = questions.frame.height
    true, unknown = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    for criterion in rule.criteria:
        answer, bit = answers[criterion.id], np.uint64(1 << criterion.bit)
        true |= answer.true * bit
        unknown |= answer.unknown * bit
    status = np.full(size, FIRST_ROW, np.uint8)
    for part, said in reversed(DECIDED_BY.items()):
        status[(true & part_bits(rule, part)) != 0] = STATUSES.index(said.value)
    include = part_bits(rule, "include")
    status[(unknown & include) != 0] = STATUSES.index(Status.UNKNOWN.value)
    status[((true | unknown) & include) != include] = STATUSES.index(NOT_CONSIDERED)
    return Judgement(answers, status, true, unknown)


def part_bits(rule: CohortRule, *parts: Part) -> np.uint64:
    """Give the mask of all criteria in `parts`."""
    return np.uint64(sum(1 << criterion.bit for criterion in rule.criteria if criterion.part in parts))


def ids_of(rule: CohortRule, *parts: Part) -> list[str]:
    """Give the ids of the criteria in `parts`, in order of their bits."""
    return [criterion.id for criterion in rule.criteria if criterion.part in parts]


def tier_of(rule: CohortRule, questions: Questions, contract_year: str) -> npt.NDArray[np.int8]:
    """Give the number of the first tier whose predicate is true, 0 for none; unknown is not that tier."""
    number = np.zeros(questions.frame.height, np.int8)
    for tier in reversed(rule.tiers):
        number[questions[rule.bind(tier.when, contract_year)].true] = tier.number
    return number
