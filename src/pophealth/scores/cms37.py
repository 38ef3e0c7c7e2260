"""Gives the Cambridge Multimorbidity Score of 37 conditions, for each of its four outcomes."""

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
    "prostate_disorders",
    "thyroid_disorders",
    "diverticular_disease",
    "chronic_sinusitis",
    "peptic_ulcer",
    "substance_misuse",
    "psoriasis_or_eczema",
    "blindness_low_vision",
    "inflammatory_bowel",
    "peripheral_vascular_disease",
    "anorexia_bulimia",
    "chronic_liver_disease_viral_hepatitis",
    "migraine",
    "learning_disability",
    "bronchiectasis",
    "multiple_sclerosis",
    "parkinsons",
)
OUTPUTS = (
    Output("cms37_general", "float", "weight", "Sum of weights for general outcome; may be negative"),
    Output("cms37_mortality", "float", "weight", "Sum of weights for death; may be negative"),
    Output("cms37_unplanned_admissions", "float", "weight", "Sum of weights for unplanned admissions; may be negative"),
    Output("cms37_consultations", "float", "weight", "Sum of weights for consultations; may be negative"),
)

SCORE = Score(
    id="cms37",
    title="Cambridge Multimorbidity Score, 37 conditions",
    version="2020, 37 conditions",
    source="Payne and others, CMAJ 2020;192:E107",
    licence="Weights are published figures",
    range=(-0.02, 21.92),
    direction="higher is worse",
    inputs=condition_inputs(CONDITIONS),
    outputs=OUTPUTS,
    primary_output="cms37_general",
    compute=computation("cms37", CONDITIONS, tuple(output.name for output in OUTPUTS)),
    statement="The versions of 20, 37 and 21 conditions are different fits: their figures are never compared or mixed.",
)
