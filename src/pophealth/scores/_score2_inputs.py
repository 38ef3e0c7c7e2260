"""Gives the inputs that the SCORE2 family shares."""

from __future__ import annotations

from pophealth.declare import Input
from pophealth.scores._shared_inputs import above_zero, applies, flag

REGIONS = ("low", "moderate", "high", "very_high")

SMOKER = flag("is_current_smoker", "Smokes now", feature="smoking_status_latest = 'current'")
SBP = above_zero("sbp_mmhg", "mmHg", "Latest systolic blood pressure", feature="sbp_latest_mmhg")
TOTAL = above_zero(
    "total_cholesterol_mmol_l", "mmol/L", "Latest total cholesterol", feature="total_cholesterol_latest_mmol_l"
)
HDL = above_zero("hdl_mmol_l", "mmol/L", "Latest HDL cholesterol", feature="hdl_latest_mmol_l")
# The United Kingdom is in the low-risk region (clinical-scores.md section 9).
REGION = Input(
    "score2_region",
    "category",
    None,
    REGIONS,
    "taken as low, the region of the United Kingdom, flagged imputed",
    needed=False,
    optional=True,
    description="European risk region of the country of residence",
)
WITH_CVD = applies(
    "has_cvd",
    "Established cardiovascular disease; true is flagged not_applicable",
    feature="has_chd OR has_stroke_or_tia OR has_pad",
)
GATED = "rights unclear: the figures are facts of published papers; off until a site accepts"
