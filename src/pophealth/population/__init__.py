"""I decide who counts on a date."""

from pophealth.population.register import BASE_COLUMNS, registered

__all__ = ["BASE_COLUMNS", "registered"]
