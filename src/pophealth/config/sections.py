"""Gives the sections on the site itself: purpose, facts it brings, objections, scores, runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from pophealth.config.base import Said, Section
from pophealth.errors import UsageError
from pophealth.terms import LegalBasis, Purpose, contract_year_start

_BUCKET = "[^\\s/:@]+(@[^\\s/:@]+)?(:[0-9]+)?(/|$)"
"""Names of bucket, account and port; a password has no place in a configuration, the environment holds it."""


class Site(Section):
    """Who runs it, for what purpose, on what basis.

    `register_url` names an object store (``s3://bucket/site``) that holds a copy of ``data_root/register``: runs read
    records from there. Deliveries, journal and state stay under `data_root`.
    """

    name: Said
    purpose: Purpose
    legal_basis: LegalBasis = LegalBasis.SECTION_251
    approval_reference: Said | None = None
    network_sharing_agreement: Said | None = None
    contract_year: str | None = None
    synthetic: bool = False
    data_root: Path = Path("data")
    key_file: Path = Path("keys/site.key")
    signing_key_file: Path | None = None
    register_url: Annotated[str, Field(pattern=rf"^[a-z][a-z0-9+]*://{_BUCKET}\S*$")] | None = None

    @property
    def register_place(self) -> Path | str:
        """What holds the folder ``register`` that runs read."""
        return self.register_url or self.data_root

    @model_validator(mode="after")
    def _basis_is_backed(self) -> Site:
        if self.legal_basis is LegalBasis.DIRECT_CARE and not self.approval_reference:
            msg = "legal_basis 'direct_care' needs approval_reference: the practices' own decision that allows it"
            raise ValueError(msg)
        if self.network_sharing_agreement and self.purpose is not Purpose.CASE_FINDING:
            msg = f"network_sharing_agreement excludes purpose '{self.purpose}': only case finding shows a number"
            raise ValueError(msg)
        if self.signing_key_file == self.key_file:
            msg = "signing_key_file and key_file are one file; pseudonyms and signatures need a key each"
            raise ValueError(msg)
        if self.contract_year is not None:
            try:
                contract_year_start(self.contract_year)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return self


class Reference(Section):
    """Facts the site brings: membership, areas, codelists and rules of its own."""

    memberships: Path | None = None
    network_details: Path | None = None
    areas_2011: Path | None = None
    areas_2021: Path | None = None
    medicine_map: Path | None = None
    codelists: tuple[Path, ...] = ()
    features: tuple[Path, ...] = ()
    rules: tuple[Path, ...] = ()


class OptOuts(Section):
    """Lists of objections beyond what the extract itself holds; both are applied again when delivering."""

    national_list: Path | None = None
    type_1_list: Path | None = None
    max_age_days: int = Field(default=8, ge=0, le=366)


class Restricted(Section):
    """Codes dropped at ingest (legally restricted or sensitive): a codelist file of the site."""

    codelist: Path | None = None


class Scores(Section):
    """Published scores: which to compute beside those that the rules read, and whose licence condition is met.

    `townsend_file` is the CSV or Parquet file of Townsend scores by area (columns lsoa11cd, townsend_2011), `imd_score_file`
    that of scores of the Index of Multiple Deprivation (columns lsoa_code, imd_score), which PARR-30 reads.
    """

    also: tuple[str, ...] = ()
    licence_accepted: tuple[str, ...] = ()
    townsend_file: Path | None = None
    imd_score_file: Path | None = None


class Runs(Section):
    """How a run is carried out; nothing here changes a result."""

    threads: int = Field(default=2, ge=1, le=256)
    networks_at_once: int = Field(default=1, ge=1, le=64)
    """Each network under way holds its own tables: peak memory grows with this number, and with nothing else."""
    rules: tuple[str, ...] = ()
