"""Gives the site configuration: TOML in, frozen models out; an unknown key is an error with a suggestion."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pophealth.errors import ConfigError, UsageError
from pophealth.terms import LegalBasis, Purpose, contract_year_start


class Section(BaseModel):
    """Base of every section: frozen; unknown keys, numbers in quotes, infinities and yes-or-no as 1 are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Said = Annotated[str, Field(pattern=r"\S")]
"""Text that says something: an agreement without a reference is none."""


class Site(Section):
    """Who runs it, for what purpose, on what basis."""

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


class Supplies(Section):
    """What the source supplies: code systems per coded table, and which other tables.

    A feature on anything not supplied is unknown, never false. `lacks_codelists` names codelists this source never
    codes although it supplies their code system (patterns with ``*``); `only_codelists`, where given, names all that it
    does code.
    """

    events: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()
    spells: bool = False
    attendances: bool = False
    appointments: bool = False
    outpatients: bool = False
    referrals: bool = False
    next_tests: bool = False
    deaths: bool = False
    medicine_map: bool = False
    values: bool = True
    lacks_codelists: tuple[str, ...] = ()
    only_codelists: tuple[str, ...] = ()

    def never_codes(self, codelist: str) -> bool:
        """Give whether the source is known never to code anything of a codelist."""
        only = self.only_codelists
        lacks = any(fnmatchcase(codelist, pattern) for pattern in self.lacks_codelists)
        return lacks or (bool(only) and not any(fnmatchcase(codelist, pattern) for pattern in only))


class PlausibleRange(Section):
    """Between what bounds a value of a codelist is believed, and in which units; no unit given counts as any of them."""

    low: float
    high: float
    units: tuple[str, ...] = ()


class OnePractice(Section):
    """Everyone is put into one named practice and network: for sources that know no practice.

    `current_within_days`: a period of observation that ended so shortly before the extract is taken to go on.
    """

    kind: Literal["one_practice"] = "one_practice"
    current_within_days: int = Field(default=0, ge=0)
    practice_code: str
    practice_name: str
    network_code: str
    network_name: str


class ByOrganisation(Section):
    """Last encounter's organisation, matched on upper-cased trimmed name and postcode without spaces."""

    kind: Literal["by_organisation"] = "by_organisation"
    practice_map: Path


class TableMapping(Section):
    """How one table of a site's own export becomes a canonical table (layout `mapping`).

    `file` is a name below `extract.path` and may hold ``*``, and ``{part}`` where the export comes in self-contained
    parts. `table` is the canonical table; without it, the name of this section.
    """

    file: str
    table: str | None = None
    columns: dict[str, str]
    constants: dict[str, str] = {}
    date_format: str = "%Y-%m-%d"
    values: dict[str, dict[str, str]] = {}
    units: dict[str, str] = {}
    separator: str = Field(default=",", min_length=1, max_length=1)
    null_values: tuple[str, ...] = ("",)
    encoding: str = "utf-8"


class Extract(Section):
    """Where the extract is, how it is laid out, and what of it is believed.

    `extract_date` is the last day the extract knows about; without it, the latest day recorded anywhere in it.
    `self_contained_parts` says whether the files of one name in every table's folder belong together; without it, they
    do when the names are the same. `maximum_faulty_share` is the share of a practice's rows of one table that may be
    undatable, or of its values of one codelist that may be implausible, before the practice is withheld.
    """

    layout: Literal["canonical", "mapping", "omop", "synthea"]
    path: Path
    supplies: Supplies
    attribution: Annotated[OnePractice | ByOrganisation, Field(discriminator="kind")] | None = None
    tables: dict[str, TableMapping] = {}
    extract_date: date | None = None
    self_contained_parts: bool | None = None
    recording_lag_days: int = Field(default=0, ge=0)
    plausible: dict[str, PlausibleRange] = {}
    maximum_faulty_share: float = Field(default=0.2, gt=0, le=1)
    minimum_row_share: float = Field(default=0.5, ge=0, le=1)
    accept_fewer_rows: bool = False

    @model_validator(mode="after")
    def _tables_fit_the_layout(self) -> Extract:
        if bool(self.tables) != (self.layout == "mapping"):
            msg = f"layout '{self.layout}': tables describe layout 'mapping', which needs one at least, and no other"
            raise ValueError(msg)
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

    `townsend_file` is the CSV or Parquet file of Townsend scores by area (columns lsoa11cd, townsend_2011).
    """

    also: tuple[str, ...] = ()
    licence_accepted: tuple[str, ...] = ()
    townsend_file: Path | None = None


class Runs(Section):
    """How a run is carried out; nothing here changes a result."""

    threads: int = Field(default=2, ge=1, le=256)
    rules: tuple[str, ...] = ()


class Config(Section):
    """The whole configuration of a site. Paths are resolved against the folder of the file."""

    site: Site
    extract: Extract
    reference: Reference = Reference()
    opt_outs: OptOuts = OptOuts()
    restricted: Restricted = Restricted()
    scores: Scores = Scores()
    runs: Runs = Runs()

    def digest_parts(self) -> dict[str, Any]:
        """Give what of the configuration decides results: no paths, no secrets, no number of threads."""
        whole = self.model_dump(mode="json", exclude={"runs": {"threads"}})
        return {name: _without_paths(section, type(getattr(self, name))) for name, section in whole.items()}

    def digest(self) -> str:
        """Give the SHA-256 of `digest_parts`, as hex."""
        return hashlib.sha256(json.dumps(self.digest_parts(), sort_keys=True).encode()).hexdigest()


def _without_paths(section: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    kept = {name: value for name, value in section.items() if "Path" not in str(model.model_fields[name].annotation)}
    if isinstance(kept.get("attribution"), dict):
        kept["attribution"] = {key: value for key, value in kept["attribution"].items() if key != "practice_map"}
    for table, mapping in kept.get("tables", {}).items():
        kept["tables"][table] = {key: value for key, value in mapping.items() if key != "file"}
    return kept


def load_config(path: Path) -> Config:
    """Give the configuration in a TOML file, its paths made absolute against the file's folder.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or breaks a rule; the message names key and nearest known key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        # by way of JSON: strict types, and still text for paths and dates
        config = Config.model_validate_json(json.dumps(table, default=str))
        resolved: Config = _resolve(config, path.parent.resolve())
    except OSError as error:
        msg = f"config {path}: cannot be read ({error.strerror})"
        raise ConfigError(msg) from error
    except ValidationError as error:
        problems = "; ".join(_problem(dict(item)) for item in error.errors())
        msg = f"config {path}: {problems}"
        raise ConfigError(msg) from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of 5,000 digits, a path with a NUL
        msg = f"config {path}: not TOML that a configuration can be: {error}"
        raise ConfigError(msg) from error
    return resolved


def _problem(item: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{where}: {item['msg']}"
    sections: list[type[BaseModel]] = [Config, *Section.__subclasses__()]
    known = {key for section in sections for key in section.model_fields}
    nearest = difflib.get_close_matches(str(item["loc"][-1]), sorted(known), n=1)
    return f"{where}: unknown key" + (f"; did you mean {nearest[0]!r}?" if nearest else "")


def _resolve(value: Any, base: Path) -> Any:
    if isinstance(value, Path):
        return value if value.is_absolute() else (base / value).resolve()
    if isinstance(value, tuple):
        return tuple(_resolve(item, base) for item in value)
    if isinstance(value, BaseModel):
        changes = {name: _resolve(getattr(value, name), base) for name in type(value).model_fields}
        return value.model_copy(update=changes)
    return value
