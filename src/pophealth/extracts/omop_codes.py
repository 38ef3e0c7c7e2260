"""Gives the code and code system behind OMOP concept ids, as far as the source's own concept table tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pophealth.reference import passes_check_digit
from pophealth.terms import CodeSystem

# OMOP vocabulary_id to our code systems, for vocabularies whose codes we know how to read.
_SYSTEMS = {
    "SNOMED": CodeSystem.SNOMED,
    "dm+d": CodeSystem.DMD,
    "ICD10": CodeSystem.ICD10,
    "OPCS4": CodeSystem.OPCS4,
    "LOINC": CodeSystem.LOINC,
    "RxNorm": CodeSystem.RXNORM,
    "CVX": CodeSystem.CVX,
}
_LOINC = r"^[0-9]{1,5}-[0-9]$"


@dataclass(frozen=True)
class Vocabulary:
    """Concepts with a code that can be read: concept_id (text), code, code_system."""

    concepts: pl.DataFrame

    def coded(self, frame: pl.DataFrame, prefix: str, default_system: str) -> pl.DataFrame:
        """Give ``code`` and ``code_system`` for each row of a domain table, in its order.

        The source concept says what was recorded; where the table does not know it, the standard concept says what it
        was taken to mean; where that is 0 or unknown too, the source value is the code, and its shape tells the system.
        """
        source_value = pl.col(f"{prefix}_source_value")
        rows = frame.select(
            (pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, dtype=pl.String)).alias(short)
            for name, short in (
                (f"{prefix}_source_concept_id", "source_id"),
                (f"{prefix}_concept_id", "standard_id"),
            )
        ).with_columns(frame.select(value=source_value.cast(pl.String).str.strip_chars()).to_series())
        for short in ("source", "standard"):
            named = self.concepts.rename(
                {"concept_id": f"{short}_id", "code": f"{short}_code", "code_system": f"{short}_system"}
            )
            rows = rows.join(named, on=f"{short}_id", how="left", maintain_order="left")
        return rows.select(
            code=pl.coalesce("source_code", "standard_code", "value"),
            code_system=pl.coalesce(
                "source_system", "standard_system", _system_of_shape(rows["value"], default_system)
            ),
        )


def _system_of_shape(values: pl.Series, default_system: str) -> pl.Expr:
    """Give the system a source code is of, by its check digit or its dash."""
    distinct = pl.DataFrame({"value": values.unique().drop_nulls()})
    shaped = distinct.with_columns(
        system=pl.when(pl.col("value").str.contains(_LOINC))
        .then(pl.lit(CodeSystem.LOINC.value))
        # RxNorm ids are numbers as well, and some would pass: the domain's own system has precedence there
        .when(pl.lit(passes_check_digit(distinct["value"])) & (pl.lit(default_system) != CodeSystem.RXNORM.value))
        .then(pl.lit(CodeSystem.SNOMED.value))
        .otherwise(pl.lit(default_system))
    )
    known = dict(shaped.iter_rows())
    return pl.col("value").replace_strict(known, default=default_system, return_dtype=pl.String)


def load_vocabulary(frames: Iterable[pl.DataFrame]) -> Vocabulary:
    """Give the concepts of a source's concept table, read in batches; none at all where it has no such table."""
    schema = dict.fromkeys(("concept_id", "code", "code_system"), pl.String)
    found = [pl.DataFrame(schema=schema)]
    for frame in frames:
        vocabulary = pl.col("vocabulary_id").cast(pl.String)
        readable = frame.filter(vocabulary.is_in(list(_SYSTEMS)), pl.col("concept_code").is_not_null())
        found.append(
            readable.select(
                concept_id=pl.col("concept_id").cast(pl.String),
                code=pl.col("concept_code").cast(pl.String),
                code_system=vocabulary.replace_strict({name: system.value for name, system in _SYSTEMS.items()}),
            )
        )
    return Vocabulary(pl.concat(found).unique("concept_id", keep="first", maintain_order=True))
