"""Gives the Cambridge Multimorbidity Score in each of its published versions: one computation, three declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input

if TYPE_CHECKING:
    import polars as pl

# How each condition counts: clinical-scores.md section 6, "Condition rules"; those not named there: code ever.
RULES = {
    "anxiety_or_depression": "a code in 12 months, or 4 or more scripts in 12 months; anxiety and depression are one",
    "cancer_last_5y": "first code in the last 5 years",
    "ckd": "the better of the last two eGFR below 60",
    "constipation": "4 or more laxative scripts in a year",
    "epilepsy": "a code ever and a drug in 12 months",
    "painful_condition": (
        "4 or more prescription-only analgesics in 12 months, or 4 or more specified anti-epileptics without epilepsy"
    ),
    "asthma": "a code ever and a script in 12 months",
    "irritable_bowel": "a code, or 4 or more antispasmodic scripts",
    "psoriasis_or_eczema": "a code, and 4 or more scripts (not simple emollients)",
    "migraine": "4 or more antimigraine scripts",
    "psychosis_bipolar": "a code ever, or lithium ever",
    "schizophrenia_or_bipolar": "a code ever, or lithium ever",
}

# What of the line feeds a condition that is more than one code ever (features/score_cambridge.toml).
FED_BY = {
    "anxiety_or_depression": "has_cms_anxiety_or_depression_coded_12m OR antidepressant_or_anxiolytic_issues_12m >= 4",
    "asthma": "has_cms_asthma_coded AND on_inhaler_12m",
    "cancer_last_5y": "has_cms_cancer_coded_5y AND NOT has_cms_cancer_coded_before_5y",
    "ckd": "has_cms_egfr_twice_under_60",
    "constipation": "laxative_issues_12m >= 4",
    "epilepsy": "has_cms_epilepsy_coded AND on_antiepileptic_12m",
    "irritable_bowel": "has_cms_irritable_bowel_coded OR antispasmodic_issues_12m >= 4",
    "migraine": "antimigraine_issues_12m >= 4",
    "painful_condition": (
        "prescription_only_analgesic_issues_12m >= 4 OR (pain_antiepileptic_issues_12m >= 4 AND NOT has_cms_epilepsy_coded)"
    ),
    "peripheral_vascular_disease_leg": "has_cms_peripheral_vascular_disease_coded",
    "psoriasis_or_eczema": "has_cms_psoriasis_or_eczema_coded AND psoriasis_eczema_treatment_issues_12m >= 4",
    "psychosis_bipolar": "has_cms_psychosis_bipolar_coded OR had_lithium_ever",
    "schizophrenia_or_bipolar": "has_cms_psychosis_bipolar_coded OR had_lithium_ever",
}


def condition_inputs(names: tuple[str, ...]) -> tuple[Input, ...]:
    """Give the inputs ``has_<condition>`` of a version."""
    return tuple(
        Input(
            f"has_{name}",
            "bool",
            missing="no score: a condition that is unknown is not absent",
            feature=FED_BY.get(name, f"has_cms_{name}_coded"),
            description=RULES.get(name, "a code ever"),
        )
        for name in names
    )


def computation(
    score_id: str, names: tuple[str, ...], outcomes: tuple[str, ...]
) -> Callable[[pl.DataFrame, Mapping[str, Any]], pl.DataFrame]:
    """Give the computation of a version: per outcome the sum of its weights. Negative weights are real; no clamp at 0."""

    def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
        """Give one sum of weights per outcome; null where a condition is unknown."""
        import polars as pl

        from pophealth.scores._columns import floats
        from pophealth.scores._data import read_table
        from pophealth.scores._flags import Flags
        from pophealth.scores._weighted import read_conditions, weighted_sum

        flags = Flags(inputs.height)
        conditions = read_conditions(inputs, names, flags)
        table = {row["condition"]: row for row in read_table("cambridge_multimorbidity")}
        columns = [
            floats(outcome, weighted_sum(conditions, {name: table[name][outcome] for name in names}))
            for outcome in outcomes
        ]
        return pl.DataFrame([*columns, flags.series(f"{score_id}_flags")])

    return compute
