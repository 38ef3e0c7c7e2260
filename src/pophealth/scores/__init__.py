"""I am a published formula: one file per score."""

from pophealth.scores.discovery import load_scores

__all__ = ["load_scores"]
