"""Gives the section on the extract: where it is, how it is laid out, what it supplies and what of it is believed."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pophealth.config.base import Section


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
    constants: dict[str, str] = Field(default_factory=dict)
    date_format: str = "%Y-%m-%d"
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
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
    tables: dict[str, TableMapping] = Field(default_factory=dict)
    extract_date: date | None = None
    self_contained_parts: bool | None = None
    recording_lag_days: int = Field(default=0, ge=0)
    plausible: dict[str, PlausibleRange] = Field(default_factory=dict)
    maximum_faulty_share: float = Field(default=0.2, gt=0, le=1)
    minimum_row_share: float = Field(default=0.5, ge=0, le=1)
    accept_fewer_rows: bool = False

    @model_validator(mode="after")
    def _tables_fit_the_layout(self) -> Extract:
        if bool(self.tables) != (self.layout == "mapping"):
            msg = f"layout '{self.layout}': tables describe layout 'mapping', which needs one at least, and no other"
            raise ValueError(msg)
        return self
