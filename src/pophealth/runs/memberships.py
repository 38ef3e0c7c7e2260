"""Gives the dated membership of practices in networks that a site is run and trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pophealth.config import OnePractice
from pophealth.errors import ConfigError
from pophealth.reference import load_memberships, one_practice_membership

if TYPE_CHECKING:
    import polars as pl

    from pophealth.config import Config


def memberships_of(config: Config) -> pl.DataFrame:
    """Give the dated membership: of the site's file, or the one practice and network that the configuration names.

    Raises
    ------
    ConfigError
        The configuration names neither.
    """
    if config.reference.memberships is not None:
        return load_memberships(config.reference.memberships)[0]
    if isinstance(config.extract.attribution, OnePractice):
        return one_practice_membership(config.extract.attribution)
    msg = "config reference.memberships: missing; people are counted by the dated membership of practices in networks"
    raise ConfigError(msg)
