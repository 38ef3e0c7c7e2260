"""I am a published formula: one file per score."""

from pophealth.scores._computing import compute, outputs_of
from pophealth.scores._discovery import load_score, load_scores

__all__ = ["compute", "load_score", "load_scores", "outputs_of"]
