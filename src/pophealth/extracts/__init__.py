"""I open somebody else's file: an extract becomes canonical rows under pseudonyms, and every row is accounted for."""

from pophealth.extracts.conform import conform
from pophealth.extracts.conservation import Conservation

__all__ = ["Conservation", "conform"]
