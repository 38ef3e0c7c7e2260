"""I say who is on a list, and why: rules as data, one selection per rule, an explanation per person."""

from pophealth.cohorts.explain import CriterionView, Explanation, explain
from pophealth.cohorts.predicate import columns_of, compile_predicate
from pophealth.cohorts.rules import load_rules
from pophealth.cohorts.select import Selection, select, select_all
from pophealth.cohorts.silence import silence_problem, silence_report

__all__ = [
    "CriterionView",
    "Explanation",
    "Selection",
    "columns_of",
    "compile_predicate",
    "explain",
    "load_rules",
    "select",
    "select_all",
    "silence_problem",
    "silence_report",
]
