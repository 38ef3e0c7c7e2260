"""I turn many records into one value: declarations, and one compiled plan."""

from pophealth.features.deciding import deciding_records
from pophealth.features.declared import load_features
from pophealth.features.evaluate import evaluate, evaluate_dates
from pophealth.features.plan import FeaturePlan, compile_plan
from pophealth.features.supply import why_not
from pophealth.features.warm_up import warm_up

__all__ = [
    "FeaturePlan",
    "compile_plan",
    "deciding_records",
    "evaluate",
    "evaluate_dates",
    "load_features",
    "warm_up",
    "why_not",
]
