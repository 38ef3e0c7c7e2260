"""Gives the modified Cambridge Multimorbidity Score of 21 conditions, for death."""

from __future__ import annotations

from pophealth.declare import Output, Score
from pophealth.scores._cambridge import computation, condition_inputs

CONDITIONS = (
    "anxiety_or_depression",
    "painful_condition",
    "irritable_bowel",
    "diabetes",
    "ckd",
    "atrial_fibrillation",
    "constipation",
    "copd",
    "cancer_last_5y",
    "alcohol_problems",
    "heart_failure",
    "dementia",
    "epilepsy",
    "prostate_disorders",
    "substance_misuse",
    "chronic_liver_disease_viral_hepatitis",
    "learning_disability",
    "multiple_sclerosis",
    "parkinsonism",
    "peripheral_vascular_disease_leg",
    "schizophrenia_or_bipolar",
)
OUTPUTS = (Output("mcms21_mortality", "float", "log hazard ratio", "Sum of log hazard ratios for death; not a risk"),)

SCORE = Score(
    id="mcms21",
    title="Modified Cambridge Multimorbidity Score, 21 conditions",
    version="2023, 21 conditions",
    source="Tsang and others 2023, as in clinical-scores.md section 6",
    licence="Weights are published figures",
    range=(-0.39149, 10.511328),
    direction="higher is worse",
    inputs=condition_inputs(CONDITIONS),
    outputs=OUTPUTS,
    primary_output="mcms21_mortality",
    compute=computation("mcms21", CONDITIONS, tuple(output.name for output in OUTPUTS)),
    statement="Fitted beside age, age squared and sex: the bare sum is not a risk.",
)
