"""Gives canonical tables from native Synthea output, and puts each person into a practice by their last encounter."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pophealth.config import ByOrganisation, Extract, OnePractice
from pophealth.errors import ConfigError, DataContractError
from pophealth.extracts.columns import check_headings
from pophealth.extracts.layout import WHOLE, Notes, Rows, flags
from pophealth.extracts.reading import Reader
from pophealth.reference import load_practice_map
from pophealth.terms import CodeSystem

REGISTRATIONS = "registrations (from encounters)"
DEATHS = "deaths (from patients)"

# Synthea's measures of its own model, not clinical observations (reference pack README: QALY, DALY and QOLS rows).
_OWN_MEASURES = ("QALY", "DALY", "QOLS")
_SEX = {"F": "female", "M": "male"}

_DAY, _TIME = (0, 10), (11, 8)
"""Place and length of day and time of day in ``2024-01-31T08:15:00Z``; some files write the day alone."""


@dataclass(frozen=True)
class Coded:
    """A source table of coded rows that become events."""

    day: str
    system: str = CodeSystem.SNOMED.value
    code: str = "CODE"


_EVENTS: dict[str, Coded] = {
    "conditions": Coded("START"),
    "procedures": Coded("START"),
    "careplans": Coded("START"),
    "allergies": Coded("START"),
    "devices": Coded("START"),
    "supplies": Coded("DATE"),
    "imaging_studies": Coded("DATE", code="PROCEDURE_CODE"),
    "immunizations": Coded("DATE", CodeSystem.CVX.value),
}

# Which table an encounter is, by ENCOUNTERCLASS: a stay, an emergency attendance, or an appointment. Synthea records no
# method of admission: 99, not known (as hes_apc of the reference pack writes it), which is no emergency.
_ENCOUNTERS = {"inpatient": "spells", "emergency": "attendances"}
_NOT_KNOWN = "99"

_NEEDED: dict[str, tuple[str, ...]] = {
    "patients": ("Id", "BIRTHDATE", "DEATHDATE", "GENDER"),
    "encounters": ("Id", "START", "STOP", "PATIENT", "ORGANIZATION", "ENCOUNTERCLASS"),
    "organizations": ("Id", "NAME"),
    "observations": ("DATE", "PATIENT", "CODE", "VALUE", "UNITS", "TYPE"),
    "medications": ("START", "PATIENT", "CODE"),
} | {name: (coded.day, "PATIENT", coded.code) for name, coded in _EVENTS.items()}


class Synthea:
    """``patients``, ``encounters``, ``observations`` ... as Synthea exports them, in CSV or Parquet."""

    derived = frozenset({REGISTRATIONS, DEATHS})

    def __init__(self, extract: Extract) -> None:
        if extract.attribution is None:
            msg = (
                "config extract.attribution: missing; a Synthea source knows no practice. Name one, or a practice map."
            )
            raise ConfigError(msg)
        self.reader = Reader(extract.path)
        self.notes = Notes()
        self.extract_date: date | None = None
        self._attribution = extract.attribution
        found = {
            path.stem.lower(): path for path in sorted(extract.path.iterdir()) if path.suffix in (".csv", ".parquet")
        }
        self._files = {name: path for name, path in found.items() if name in _NEEDED}
        self.notes.files_not_read = {
            found[name].name: "holds no record of a person" for name in sorted(set(found) - set(_NEEDED))
        }
        missing = [name for name in ("patients", "encounters", "organizations") if name not in self._files]
        if missing:
            msg = f"extract {extract.path}: no file for {', '.join(missing)}; this is no native Synthea output"
            raise DataContractError(msg)

    @property
    def parts(self) -> tuple[str, ...]:
        """Synthea writes one file a table."""
        return (WHOLE,)

    def files(self, part: str) -> dict[str, tuple[Path, ...]]:
        """Give the files by table; organisations are no rows of a person, and are not accounted for."""
        del part
        return {name: (path,) for name, path in self._files.items() if name != "organizations"}

    def practice_codes(self, part: str) -> set[str]:
        """Give nothing: there is but one part."""
        del part
        return set()

    def people(self, part: str) -> Iterator[Rows]:
        """Give patients, their deaths, and the registration that the last encounter stands for."""
        del part
        for frame in self._batches("patients"):
            day = pl.col("BIRTHDATE").str.slice(*_DAY)
            sex = pl.col("GENDER").replace_strict(_SEX, default="not_known")
            yield Rows(
                "patients",
                "patients",
                frame.select(pl.col("Id").alias("patient_id"), *flags(frame), birth_date=day, sex=sex),
            )
            dead = frame.filter(pl.col("DEATHDATE").is_not_null())
            death = dead.select(patient_id="Id", death_date=pl.col("DEATHDATE").str.slice(*_DAY))
            yield Rows(DEATHS, "deaths", death)
        yield Rows(REGISTRATIONS, "registrations", self._registrations())

    def records(self, part: str, tables: Collection[str], columns: Collection[str] | None = None) -> Iterator[Rows]:
        """Give encounters, observations, medicines and coded events, each source file read once."""
        del part, columns
        if {"spells", "attendances", "appointments"} & set(tables):
            yield from (rows for rows in self._encounters() if rows.table in tables)
        if {"events", "measurements"} & set(tables):
            yield from (rows for rows in self._observations() if rows.table in tables)
        if "medications" in tables:
            for frame in self._batches("medications"):
                yield Rows(
                    "medications", "medications", _coded(frame, "medications", Coded("START", CodeSystem.RXNORM.value))
                )
        if "events" in tables:
            for source, coded in _EVENTS.items():
                for frame in self._batches(source):
                    yield Rows(source, "events", _coded(frame, source, coded))

    def _batches(self, source: str) -> Iterator[pl.DataFrame]:
        path = self._files.get(source)
        if path is None:
            return
        needed = _NEEDED[source]
        headings = self.reader.columns(path)
        check_headings(headings, needed, self.reader.name(path), headings)
        for frame in self.reader.batches(path):
            yield frame.with_columns(pl.col(name).cast(pl.String) for name in headings)

    def _observations(self) -> Iterator[Rows]:
        """Give numeric rows as measurements and the others as events. Synthea's own measures are out of scope."""
        for frame in self._batches("observations"):
            moment = pl.col("DATE")
            own = pl.when(pl.col("CODE").is_in(_OWN_MEASURES)).then(pl.lit("measure_of_the_simulation"))
            marked = _coded(frame.with_columns(_scope=own), "observations", Coded("DATE", CodeSystem.LOINC.value))
            values = frame.select(time=moment.str.slice(*_TIME).replace("", None), value="VALUE", unit="UNITS")
            is_number = (frame["TYPE"] == "numeric").fill_null(value=False)
            numbers = pl.concat([marked, values], how="horizontal").filter(is_number)
            yield Rows("observations", "measurements", numbers)
            yield Rows("observations", "events", marked.filter(~is_number))

    def _encounters(self) -> Iterator[Rows]:
        for frame in self._batches("encounters"):
            table = pl.col("ENCOUNTERCLASS").replace_strict(_ENCOUNTERS, default="appointments")
            by_table = frame.with_columns(_table=table).partition_by("_table", as_dict=True, include_key=False)
            for (name,), mine in by_table.items():
                yield Rows("encounters", str(name), _encounter(mine, str(name)))

    def _registrations(self) -> pl.DataFrame:
        """Give one registration a person: with the organisation of the last encounter, since the first one with it.

        Last in the order of START, then Id, of the encounters up to the extract date.
        """
        columns = ["PATIENT", "Id", "START", "ORGANIZATION"]
        encounters = pl.concat([frame.select(columns) for frame in self._batches("encounters")]).with_columns(
            day=pl.col("START").str.slice(*_DAY).str.to_date(strict=False)
        )
        if self.extract_date is not None:
            encounters = encounters.filter(pl.col("day") <= self.extract_date)
        last = encounters.sort("PATIENT", "START", "Id").unique("PATIENT", keep="last", maintain_order=True)
        since = (
            encounters.join(last.select("PATIENT", "ORGANIZATION"), on=["PATIENT", "ORGANIZATION"], how="semi")
            .group_by("PATIENT")
            .agg(start_date=pl.col("day").min())
        )
        placed = last.join(since, on="PATIENT").join(self._practices(), on="ORGANIZATION", how="inner")
        self._count(placed)
        return placed.sort("PATIENT").select(
            patient_id="PATIENT",
            practice_code="practice_code",
            start_date="start_date",
            registration_type=pl.lit("regular"),
        )

    def _practices(self) -> pl.DataFrame:
        """Give ORGANIZATION, practice_code, network_code of the organisations that are a practice."""
        organisations = pl.concat(list(self._batches("organizations")))
        if isinstance(self._attribution, OnePractice):
            return organisations.select(
                ORGANIZATION="Id",
                practice_code=pl.lit(self._attribution.practice_code),
                network_code=pl.lit(self._attribution.network_code),
            )
        assert isinstance(self._attribution, ByOrganisation)
        postcode = next((name for name in ("POSTCODE", "ZIP") if name in organisations.columns), None)
        if postcode is None:
            msg = "extract organizations: no column POSTCODE or ZIP to match practices on"
            raise DataContractError(msg)
        keyed = organisations.select(
            ORGANIZATION="Id",
            name_key=pl.col("NAME").str.strip_chars().str.to_uppercase(),
            postcode_key=pl.col(postcode).str.replace_all(" ", "").str.to_uppercase(),
        )
        practices = load_practice_map(self._attribution.practice_map).unique(["name_key", "postcode_key"], keep="none")
        return keyed.join(practices, on=["name_key", "postcode_key"]).select(
            "ORGANIZATION", "practice_code", "network_code"
        )

    def _count(self, placed: pl.DataFrame) -> None:
        in_network = placed.filter(pl.col("network_code").is_not_null())
        self.notes.people = {
            "matched_to_a_practice": placed.height,
            "matched_practices": placed["practice_code"].n_unique(),
            "matched_in_a_network": in_network.height,
            "matched_networks": in_network["network_code"].n_unique(),
            "matched_in_no_network": placed.height - in_network.height,
        }


def _coded(frame: pl.DataFrame, source: str, coded: Coded) -> pl.DataFrame:
    """Give rows of a source table as coded rows; those without an id of their own are numbered."""
    record = pl.col("Id") if "Id" in frame.columns else pl.lit(f"{source}-") + pl.col("_row").cast(pl.String)
    system = pl.lit(coded.system)
    if "SYSTEM" in frame.columns:  # allergies say which system each code is of
        system = pl.col("SYSTEM").replace({"SNOMED-CT": CodeSystem.SNOMED.value})
    return frame.select(
        pl.col("PATIENT").alias("patient_id"),
        pl.col(coded.code).alias("code"),
        *flags(frame),
        date=pl.col(coded.day).str.slice(*_DAY),
        code_system=system,
        record_id=record,
    )


def _encounter(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    patient, record = pl.col("PATIENT").alias("patient_id"), pl.col("Id").alias("record_id")
    began, ended = (pl.col(name).str.slice(*_DAY) for name in ("START", "STOP"))
    if table == "spells":
        return frame.select(
            patient, record, *flags(frame), admission_date=began, discharge_date=ended, method=pl.lit(_NOT_KNOWN)
        )
    if table == "attendances":
        return frame.select(patient, record, *flags(frame), date=began)
    return frame.select(
        patient, record, *flags(frame), date=began, category=pl.col("ENCOUNTERCLASS"), status=pl.lit("attended")
    )
