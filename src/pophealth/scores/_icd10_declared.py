"""Gives what the scores over diagnosis codes declare alike: the input column and the choice about unreadable codes."""

from __future__ import annotations

from pophealth.declare import Input, Option

CODES_MEAN = (
    "ICD-10 codes (WHO edition, as in hospital records); dots, dagger and asterisk marks, X padding and case do not matter. "
    "Not ICD-10-CM. An empty list means no diagnosis; a blank entry is padding, a list of nulls alone is missing"
)
NO_SCORE = "no score; an empty list is not missing (in CSV an empty field is missing, and ; alone is an empty list)"


def codes_input(feature: str, lookback: str) -> Input:
    """Give the one column of codes, fed in the line by a feature of the stated look-back."""
    return Input(
        "icd10_codes", "codes", "ICD-10", None, NO_SCORE, feature=feature, description=f"{CODES_MEAN}. {lookback}"
    )


MALFORMED = Option(
    "malformed_codes",
    default="refuse",
    allowed=("refuse", "flag"),
    description="refuse or flag: what to do with a code that is not a letter, a digit and one to four more",
)
# one broken code must not stop a network's night: there it is passed over and flagged
LINE_OPTIONS = (("malformed_codes", "flag"),)
