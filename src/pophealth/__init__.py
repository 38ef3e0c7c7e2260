"""Population-health risk stratification for Primary Care Networks."""

__version__ = "0.1.0"
