"""I am a promise: frozen declarations of windows, features, scores and rules. No engine lives here."""

from pophealth.declare.feature import CODED_TABLES, EXTRAS, Feature, parse_feature
from pophealth.declare.kind import Kind
from pophealth.declare.kinds import (
    BOOLEAN_KINDS,
    COUNT_KINDS,
    DATE_KINDS,
    DERIVED_KINDS,
    KINDS,
    NUMBER_KINDS,
    VALUE_KINDS,
)
from pophealth.declare.rule import PARTS, CohortRule, Criterion, Part, Tier, parse_rule
from pophealth.declare.score import Input, Option, Output, Score
from pophealth.declare.window import EVER, Window, months_before, parse_window

__all__ = [
    "BOOLEAN_KINDS",
    "CODED_TABLES",
    "COUNT_KINDS",
    "DATE_KINDS",
    "DERIVED_KINDS",
    "EVER",
    "EXTRAS",
    "KINDS",
    "NUMBER_KINDS",
    "PARTS",
    "VALUE_KINDS",
    "CohortRule",
    "Criterion",
    "Feature",
    "Input",
    "Kind",
    "Option",
    "Output",
    "Part",
    "Score",
    "Tier",
    "Window",
    "months_before",
    "parse_feature",
    "parse_rule",
    "parse_window",
]
