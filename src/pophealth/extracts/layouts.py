"""Gives the layout a configuration names."""

from __future__ import annotations

from pophealth.config import Extract
from pophealth.errors import ConfigError
from pophealth.extracts.canonical import Canonical
from pophealth.extracts.layout import Layout
from pophealth.extracts.mapping import Mapped
from pophealth.extracts.omop import Omop
from pophealth.extracts.synthea import Synthea


def open_layout(extract: Extract) -> Layout:
    """Give the layout of an extract, its files found and nothing read.

    Raises
    ------
    ConfigError
        The folder is not there, or settings contradict the layout.
    DataContractError
        Files without which nothing can be done are missing.
    """
    if not extract.path.is_dir():
        msg = f"config extract.path: {extract.path} is no folder"
        raise ConfigError(msg)
    if extract.attribution is not None and extract.layout in ("canonical", "mapping"):
        msg = f"config extract.attribution: layout {extract.layout!r} has practices of its own, in registrations"
        raise ConfigError(msg)
    match extract.layout:
        case "canonical":
            return Canonical(extract)
        case "mapping":
            return Mapped(extract)
        case "omop":
            return Omop(extract)
        case "synthea":
            return Synthea(extract)
