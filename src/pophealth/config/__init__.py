"""Gives the site configuration: frozen models, read from TOML."""

from pophealth.config.base import Section
from pophealth.config.extract import ByOrganisation, Extract, OnePractice, PlausibleRange, Supplies, TableMapping
from pophealth.config.planning import Delivery, FloorBy, Holdout, Planning
from pophealth.config.prediction import Models
from pophealth.config.sections import OptOuts, Reference, Restricted, Runs, Scores, Site
from pophealth.config.site import Config, load_config

__all__ = [
    "ByOrganisation",
    "Config",
    "Delivery",
    "Extract",
    "FloorBy",
    "Holdout",
    "Models",
    "OnePractice",
    "OptOuts",
    "Planning",
    "PlausibleRange",
    "Reference",
    "Restricted",
    "Runs",
    "Scores",
    "Section",
    "Site",
    "Supplies",
    "TableMapping",
    "load_config",
]
