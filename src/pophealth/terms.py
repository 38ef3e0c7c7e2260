"""Gives the words of the field: codes, enumerations and contract years, each in one place."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import NewType

from pophealth.errors import UsageError

NetworkCode = NewType("NetworkCode", str)
PracticeCode = NewType("PracticeCode", str)
PatientId = NewType("PatientId", str)

SERVICES: dict[str, str] = {
    "medication_review": "Structured medication review and medicines optimisation",
    "care_homes": "Enhanced health in care homes",
    "anticipatory_care": "Anticipatory (proactive) care",
    "personalised_care": "Personalised care",
    "early_cancer": "Supporting early cancer diagnosis",
    "cvd_prevention": "CVD prevention and diagnosis",
    "neighbourhood_inequalities": "Tackling neighbourhood inequalities",
}
"""The seven service specifications of the Network Contract, by the name of their folder of rules."""

UNALLOCATED = "U"
"""The network code of published files for practices in no network. It is never a network."""

EARLIEST_DAY = date(1900, 1, 1)
"""Day 0 of the register. A record on this very day is refused: 0 means missing there."""


class Sex(StrEnum):
    """Recorded sex, as the patients table holds it."""

    FEMALE = "female"
    MALE = "male"
    INDETERMINATE = "indeterminate"
    NOT_KNOWN = "not_known"


class CodeSystem(StrEnum):
    """Coding systems a record or a codelist can name."""

    SNOMED = "SNOMED"
    DMD = "dm+d"
    ICD10 = "ICD-10"
    OPCS4 = "OPCS-4"
    CTV3 = "CTV3"
    LOINC = "LOINC"
    RXNORM = "RxNorm"
    CVX = "CVX"
    SYNTHETIC = "SYNTHETIC"


class Purpose(StrEnum):
    """Why the run is made; it decides what may leave the building."""

    CASE_FINDING = "case_finding"
    COMMISSIONING = "commissioning"
    DEVELOPMENT = "development"


class LegalBasis(StrEnum):
    """On what basis confidential records are read."""

    SECTION_251 = "section_251"
    DIRECT_CARE = "direct_care"


class Engine(StrEnum):
    """What works networks through: threads of one process, or tasks of a cluster."""

    THREADS = "threads"
    SPARK = "spark"


class Status(StrEnum):
    """What a rule says of a person it considered. Precedence: excluded > met > adjusted > listed."""

    LISTED = "listed"
    MET = "met"
    ADJUSTED = "adjusted"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """How well a rule's source was read: V in a file, P as an excerpt of a page, K general knowledge, to be confirmed."""

    READ = "V"
    EXCERPT = "P"
    TO_BE_CONFIRMED = "K"


EVIDENCE_WORDS = {
    Evidence.READ: "read in a published file",
    Evidence.EXCERPT: "read as an excerpt of a public page",
    Evidence.TO_BE_CONFIRMED: "to be confirmed",
}
"""What stands beside a mark wherever it is shown: a K is never shown bare."""


def evidence_words(marks: tuple[Evidence, ...]) -> str:
    """Give marks with their words, as every output prints them: ``V: read in a published file; K: to be confirmed``."""
    return "; ".join(f"{mark.value}: {EVIDENCE_WORDS[mark]}" for mark in marks)


def network_code(text: str) -> NetworkCode:
    r"""Give `text` as a network code: U and five ASCII digits, nothing before or after.

    Raises
    ------
    UsageError
        `text` is anything else. ``\\d`` and ``$`` are avoided on purpose: they admit full-width digits and a newline.
    """
    if re.fullmatch(r"U[0-9]{5}", text) is None:
        msg = f"network code: expected U and five digits (as in U12345), found {len(text)} characters that are not that"
        raise UsageError(msg)
    return NetworkCode(text)


def practice_code(text: str) -> PracticeCode:
    """Give `text` as a practice code: one capital letter and five ASCII letters or digits, nothing before or after.

    Raises
    ------
    UsageError
        `text` is anything else.
    """
    if re.fullmatch(r"[A-Z][0-9A-Z]{5}", text) is None:
        msg = (
            f"practice code: expected a letter and five characters (as in A81001), found {len(text)} that are not that"
        )
        raise UsageError(msg)
    return PracticeCode(text)


def contract_year_of(day: date) -> str:
    """Give the contract year (1 April to 31 March) that `day` lies in, as in ``2024-25``."""
    first = day.year if (day.month, day.day) >= (4, 1) else day.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def contract_year_start(year: str) -> date:
    """Give 1 April of a contract year written ``2024-25`` (the quality service start date).

    Raises
    ------
    UsageError
        The text is not two consecutive years in that form.
    """
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", year)
    if match is None or (int(match[1]) + 1) % 100 != int(match[2]):
        msg = f"contract year: expected two consecutive years as in 2024-25, found {year!r}"
        raise UsageError(msg)
    return date(int(match[1]), 4, 1)


def contract_year_end(year: str) -> date:
    """Give 31 March at the end of a contract year (the payment period end date)."""
    start = contract_year_start(year)
    return date(start.year + 1, 3, 31)
