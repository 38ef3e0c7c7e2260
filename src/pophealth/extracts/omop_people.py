"""Gives patients and hospital stays of the OMOP common data model: sex, birth and kind of visit by their concepts."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pophealth.extracts.layout import Rows, flags

# Concept ids of the OMOP vocabulary, domains Gender and Visit: 8507 and 8532 read in the person and concept tables of
# the reference pack, 9201 to 9203 in its visits (its README says which are inpatient and emergency).
_SEX = {8507: "male", 8532: "female"}
_INPATIENT, _OUTPATIENT, _EMERGENCY = 9201, 9202, 9203
_EMERGENCY_THEN_INPATIENT = 262
_METHOD_EMERGENCY, _METHOD_NOT_KNOWN = "21", "99"
"""Methods of admission as hes_apc of the reference pack writes them; 21 to 25 are emergencies (service-specs 3.1)."""


def patients_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Give persons; where month or day of birth are not recorded the first stands for them."""
    parts = [pl.col(f"{part}_of_birth").cast(pl.Int32, strict=False) for part in ("year", "month", "day")]
    sex = pl.col("gender_concept_id").cast(pl.Int64, strict=False)
    return frame.select(
        *flags(frame),
        patient_id=pl.col("person_id").cast(pl.String),
        birth_date=pl.date(parts[0], parts[1].fill_null(1), parts[2].fill_null(1)),
        sex=sex.replace_strict(_SEX, default="not_known", return_dtype=pl.String),
    )


def visits_of(frame: pl.DataFrame) -> Iterator[Rows]:
    """Give visits as stays, emergency attendances or appointments, by the concept of the visit."""
    concept = frame["visit_concept_id"].cast(pl.Int64, strict=False).fill_null(0)
    record = pl.col("visit_occurrence_id").cast(pl.String).alias("record_id")
    shared = [pl.col("person_id").alias("patient_id"), record, *(pl.col(name) for name in flags(frame))]
    began = pl.col("visit_start_date")
    destination = next(
        (name for name in ("discharged_to_source_value", "discharge_to_source_value") if name in frame.columns), None
    )
    is_stay = concept.is_in([_INPATIENT, _EMERGENCY_THEN_INPATIENT])
    method = pl.when(pl.lit(concept) == _EMERGENCY_THEN_INPATIENT).then(pl.lit(_METHOD_EMERGENCY))
    stays = frame.select(
        *shared,
        admission_date=began,
        discharge_date=pl.col("visit_end_date"),
        method=method.otherwise(pl.lit(_METHOD_NOT_KNOWN)),
        destination=pl.col(destination).cast(pl.String) if destination else pl.lit(None, dtype=pl.String),
    )
    yield Rows("visit_occurrence", "spells", stays.filter(is_stay))
    is_emergency = concept == _EMERGENCY
    yield Rows("visit_occurrence", "attendances", frame.select(*shared, date=began).filter(is_emergency))
    others = frame.select(*shared, date=began, category=pl.lit(None, dtype=pl.String), status=pl.lit("attended"))
    yield Rows("visit_occurrence", "appointments", others.filter(~is_stay & ~is_emergency))
