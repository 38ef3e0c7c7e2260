"""Gives canonical tables from the OMOP common data model, versions 5.3 and 5.4, everyone in one named practice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pophealth.config import Extract, OnePractice
from pophealth.errors import ConfigError, DataContractError
from pophealth.extracts.columns import check_headings
from pophealth.extracts.layout import WHOLE, Notes, Rows, flags
from pophealth.extracts.omop_codes import Vocabulary, load_vocabulary
from pophealth.extracts.omop_people import patients_of, visits_of
from pophealth.extracts.reading import CsvForm, Reader

UNOBSERVED = "registrations (no observation period)"
CONDITION_AMONG_DRUGS = "condition_code_among_drugs"
_LONGEST_SUPPLY = 366
"""Days of supply that `tables.Medications` allows; longer is how long a treatment went on, not what was issued."""


@dataclass(frozen=True)
class Domain:
    """How one table of clinical facts names its columns."""

    prefix: str
    record: str
    day: str
    system: str


DOMAINS: dict[str, Domain] = {
    "condition_occurrence": Domain("condition", "condition_occurrence_id", "condition_start_date", "SNOMED"),
    "procedure_occurrence": Domain("procedure", "procedure_occurrence_id", "procedure_date", "SNOMED"),
    "observation": Domain("observation", "observation_id", "observation_date", "SNOMED"),
    "device_exposure": Domain("device", "device_exposure_id", "device_exposure_start_date", "SNOMED"),
    "measurement": Domain("measurement", "measurement_id", "measurement_date", "LOINC"),
    "drug_exposure": Domain("drug", "drug_exposure_id", "drug_exposure_start_date", "RxNorm"),
}
"""The code system of a domain is that of a source code about which nothing else is known."""

_NEEDED: dict[str, tuple[str, ...]] = {
    "person": ("person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth"),
    "observation_period": ("person_id", "observation_period_start_date", "observation_period_end_date"),
    "visit_occurrence": (
        "visit_occurrence_id", "person_id", "visit_concept_id", "visit_start_date", "visit_end_date",
    ),
    "death": ("person_id", "death_date"),
} | {
    name: ("person_id", domain.record, domain.day, f"{domain.prefix}_concept_id", f"{domain.prefix}_source_value")
    for name, domain in DOMAINS.items()
}  # fmt: skip
_NOT_READ = {
    "concept": "vocabulary",
    "condition_era": "derived from condition_occurrence",
    "drug_era": "derived from drug_exposure",
    "dose_era": "derived from drug_exposure",
}


class Omop:
    """``person``, ``condition_occurrence``, ``drug_exposure`` ... as Parquet or CSV; names and headings in any case."""

    derived = frozenset({UNOBSERVED})

    def __init__(self, extract: Extract) -> None:
        if not isinstance(extract.attribution, OnePractice):
            msg = 'config extract.attribution: an OMOP source knows no practice; name one (kind = "one_practice")'
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
            path.name: _NOT_READ.get(name, "holds no canonical table")
            for name, path in found.items()
            if name not in _NEEDED
        }
        missing = [name for name in ("person", "observation_period") if name not in self._files]
        if missing:
            msg = f"extract {extract.path}: no file for {', '.join(missing)}; this is no OMOP common data model"
            raise DataContractError(msg)
        self._concepts = found.get("concept")
        self._vocabulary: Vocabulary | None = None
        self._condition_codes: pl.Series | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The model keeps one file a table."""
        return (WHOLE,)

    def files(self, part: str) -> dict[str, tuple[Path, ...]]:
        """Give the files by table."""
        del part
        return {name: (path,) for name, path in self._files.items()}

    def practice_codes(self, part: str) -> set[str]:
        """Give nothing: there is but one part."""
        del part
        return set()

    def people(self, part: str) -> Iterator[Rows]:
        """Give persons, their observation periods as registrations, and deaths."""
        del part
        people: list[pl.DataFrame] = []
        for frame in self._batches("person"):
            people.append(patients_of(frame))
            yield Rows("person", "patients", people[-1])
        observed: list[pl.Series] = []
        for frame in self._batches("observation_period"):
            observed.append(frame["person_id"].cast(pl.String))
            yield Rows("observation_period", "registrations", self._registrations(frame))
        unobserved = pl.concat(people).filter(~pl.col("patient_id").is_in(pl.concat(observed).implode()))
        yield Rows(UNOBSERVED, "registrations", self._unobserved(unobserved))
        for frame in self._batches("death"):
            yield Rows("death", "deaths", frame.select(*flags(frame), patient_id="person_id", death_date="death_date"))

    def _registrations(self, periods: pl.DataFrame) -> pl.DataFrame:
        """Give observation periods as stays with the one practice: the day after the last is the first outside."""
        last = _day(pl.col("observation_period_end_date"), periods.schema["observation_period_end_date"])
        open_from = None
        if self.extract_date is not None:
            open_from = self.extract_date.toordinal() - self._attribution.current_within_days
        ended = last.dt.offset_by("1d")
        end = ended if open_from is None else pl.when(last <= date.fromordinal(open_from)).then(ended)
        return periods.select(
            *flags(periods),
            patient_id="person_id",
            practice_code=pl.lit(self._attribution.practice_code),
            start_date="observation_period_start_date",
            end_date=end,
            registration_type=pl.lit("regular"),
        )

    def _unobserved(self, people: pl.DataFrame) -> pl.DataFrame:
        """Give everyone without an observation period a place in the practice that makes nobody count as registered."""
        return people.select(
            "patient_id",
            practice_code=pl.lit(self._attribution.practice_code),
            start_date="birth_date",
            registration_type=pl.lit("other"),
        )

    def records(self, part: str, tables: Collection[str], columns: Collection[str] | None = None) -> Iterator[Rows]:
        """Give visits, medicines, measurements and coded events, each source file read once."""
        del part, columns
        if {"spells", "attendances", "appointments"} & set(tables):
            for frame in self._batches("visit_occurrence"):
                yield from (rows for rows in visits_of(frame) if rows.table in tables)
        if "medications" in tables:
            yield from self._medicines()
        for source in ("measurement", "condition_occurrence", "procedure_occurrence", "observation", "device_exposure"):
            holds_values = source in ("measurement", "observation")
            if "events" in tables or (holds_values and "measurements" in tables):
                for frame in self._batches(source):
                    yield from (rows for rows in self._facts(source, frame) if rows.table in tables)

    def _batches(self, source: str) -> Iterator[pl.DataFrame]:
        path = self._files.get(source)
        if path is None:
            return
        form = _form(path)
        lower = {name: name.lower() for name in self.reader.columns(path, form)}
        check_headings(list(lower.values()), _NEEDED[source], self.reader.name(path), list(lower.values()))
        for frame in self.reader.batches(path, form):
            yield frame.rename(lower)

    def _known(self) -> Vocabulary:
        if self._vocabulary is None:
            frames: Iterator[pl.DataFrame] = iter(())
            if self._concepts is not None:
                form = _form(self._concepts)
                wanted = [
                    name
                    for name in self.reader.columns(self._concepts, form)
                    if name.lower() in ("concept_id", "vocabulary_id", "concept_code")
                ]
                batches = self.reader.batches(self._concepts, form, wanted)
                frames = (frame.rename({name: name.lower() for name in wanted}) for frame in batches)
            self._vocabulary = load_vocabulary(frames)
        return self._vocabulary

    def _conditions(self) -> pl.Series:
        """Give the distinct source values of conditions: what of them stands among drugs is no drug."""
        if self._condition_codes is None:
            values = [
                frame["condition_source_value"].cast(pl.String) for frame in self._batches("condition_occurrence")
            ]
            self._condition_codes = pl.concat([pl.Series("code", [], dtype=pl.String), *values]).unique().drop_nulls()
        return self._condition_codes

    def _medicines(self) -> Iterator[Rows]:
        domain = DOMAINS["drug_exposure"]
        too_long = 0
        for frame in self._batches("drug_exposure"):
            misplaced = pl.col("drug_source_value").cast(pl.String).is_in(self._conditions().implode())
            rows = self._coded(frame, domain, _fails=pl.when(misplaced).then(pl.lit(CONDITION_AMONG_DRUGS)))
            given: dict[str, pl.Series] = {}
            if "days_supply" in frame.columns:
                supply = frame["days_supply"].cast(pl.Int64, strict=False)
                too_long += int((supply > _LONGEST_SUPPLY).sum())
                given["days_supply"] = pl.select(pl.when(supply <= _LONGEST_SUPPLY).then(supply)).to_series()
            if "quantity" in frame.columns:
                given["quantity"] = frame["quantity"]
            yield Rows("drug_exposure", "medications", rows.with_columns(**given))
        if too_long:
            self.notes.altered[f"drug_exposure: days_supply over {_LONGEST_SUPPLY} days, left out"] = too_long

    def _facts(self, source: str, frame: pl.DataFrame) -> Iterator[Rows]:
        """Give rows with a number as measurements, all others as events."""
        rows = self._coded(frame, DOMAINS[source])
        if "value_as_number" not in frame.columns:
            yield Rows(source, "events", rows)
            return
        has_number = frame["value_as_number"].is_not_null()
        unit = next((name for name in ("unit_source_value",) if name in frame.columns), None)
        numbers = rows.with_columns(
            frame["value_as_number"].alias("value"),
            (frame[unit].cast(pl.String) if unit else pl.Series([None] * frame.height, dtype=pl.String)).alias("unit"),
        )
        yield Rows(source, "measurements", numbers.filter(has_number))
        yield Rows(source, "events", rows.filter(~has_number))

    def _coded(self, frame: pl.DataFrame, domain: Domain, **more: pl.Expr) -> pl.DataFrame:
        rows = frame.select(
            *(name for name in flags(frame) if name not in more),
            patient_id="person_id",
            date=domain.day,
            record_id=pl.col(domain.record).cast(pl.String),
            **more,
        )
        return pl.concat([rows, self._known().coded(frame, domain.prefix, domain.system)], how="horizontal")


def _form(path: Path) -> CsvForm:
    """Give how a CSV file is written: the vocabulary's own downloads are separated by tabs."""
    if path.suffix == ".csv":
        with path.open("rb") as file:
            if b"\t" in file.readline(4096):
                return CsvForm(separator="\t")
    return CsvForm()


def _day(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Datetime):
        return column.dt.date()
    return column.str.to_date(strict=False) if kind == pl.String else column
