"""Gives the Cambridge Multimorbidity Score of 20 conditions, for the general outcome and for death."""

from __future__ import annotations

from pophealth.declare import Output, Score
from pophealth.scores._cambridge import computation, condition_inputs

CONDITIONS = (
    "hypertension",
    "anxiety_or_depression",
    "painful_condition",
    "hearing_loss",
    "irritable_bowel",
    "asthma",
    "diabetes",
    "coronary_heart_disease",
    "ckd",
    "atrial_fibrillation",
    "constipation",
    "stroke_tia",
    "copd",
    "connective_tissue",
    "cancer_last_5y",
    "alcohol_problems",
    "heart_failure",
    "dementia",
    "psychosis_bipolar",
    "epilepsy",
)
OUTPUTS = (
    Output("cms20_general", "float", "weight", "Sum of weights for general outcome; may be negative"),
    Output("cms20_mortality", "float", "weight", "Sum of weights for death; may be negative"),
)

SCORE = Score(
    id="cms20",
    title="Cambridge Multimorbidity Score, 20 conditions",
    version="2020, 20 conditions",
    source="Payne and others, CMAJ 2020;192:E107",
    licence="Weights are published figures",
    range=(0, 16.33),
    direction="higher is worse",
    inputs=condition_inputs(CONDITIONS),
    outputs=OUTPUTS,
    primary_output="cms20_general",
    compute=computation("cms20", CONDITIONS, tuple(output.name for output in OUTPUTS)),
    statement="The versions of 20, 37 and 21 conditions are different fits: their figures are never compared or mixed.",
)
