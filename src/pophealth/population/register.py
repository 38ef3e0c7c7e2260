"""Gives the registered population of a practice on a date, with everyone left out counted by reason."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from pophealth.terms import LegalBasis, contract_year_end, contract_year_of

BASE_COLUMNS: dict[str, Any] = {
    "person": pl.UInt32,
    "patient_id": pl.String,
    "practice_code": pl.String,
    "sex": pl.Enum(["female", "male", "indeterminate", "not_known"]),
    "birth_date": pl.Date,
    "age_years": pl.Int16,
    "age_31_march_years": pl.Int16,
    "months_registered": pl.Int32,
    "lsoa_code": pl.String,
    "imd_decile": pl.Int8,
    "imd_quintile": pl.Int8,
}
"""Columns a rule may read beside features and scores: one row per registered person."""

REASONS = ("died", "not_born", "not_registered", "not_regular", "opted_out")
"""Why a person of the bucket is not counted, the first that holds."""


def registered(
    bucket_people: pl.DataFrame,
    registrations: pl.DataFrame,
    opt_outs: pl.DataFrame,
    *,
    index_date: date,
    practice: str,
    legal_basis: LegalBasis,
    areas: pl.DataFrame | None,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Give who is registered with `practice` on `index_date`, and how many were left out for what reason.

    Registered on or before the date, neither deregistered nor dead on or before it, regular registrations only
    (QOF and NCD convention, service-specs.md section 2). Under section 251 everyone with an objection in force is out;
    a practice working for its own patients (direct care) keeps them.

    Parameters
    ----------
    bucket_people
        One row per person: patient_id, birth_date, sex, lsoa_code, lsoa_vintage, death_date. Row i is person i.
    registrations
        patient_id, practice_code, start_date, end_date (first day no longer registered), registration_type.
    opt_outs
        patient_id, opt_out_type, start_date, end_date.
    areas
        Deprivation by lsoa_code and lsoa_vintage (`tables.Areas`); None leaves deciles null.

    Returns
    -------
    DataFrame
        Columns of `BASE_COLUMNS`, in the order of `bucket_people`. Age is in whole years; someone born on 29 February
        becomes older on 1 March of other years.
    dict
        Counts: ``people``, one per reason of `REASONS`, and ``registered``; the reasons and registered add up to people.
    """
    stays = _stays(registrations, practice, index_date)
    people = bucket_people.with_row_index("person").join(stays, on="patient_id", how="left", maintain_order="left")
    objecting = _objecting(opt_outs, index_date) if legal_basis is LegalBasis.SECTION_251 else []
    reasoned = people.with_columns(
        reason=pl.when(pl.col("death_date") <= index_date)
        .then(pl.lit("died"))
        .when(pl.col("birth_date") > index_date)
        .then(pl.lit("not_born"))
        .when(pl.col("is_regular").is_null())
        .then(pl.lit("not_registered"))
        .when(~pl.col("is_regular"))
        .then(pl.lit("not_regular"))
        .when(pl.col("patient_id").is_in(objecting))
        .then(pl.lit("opted_out"))
    )
    kept = reasoned.filter(pl.col("reason").is_null())
    counts = {"people": people.height}
    counts |= {reason: int((reasoned["reason"] == reason).sum()) for reason in REASONS}
    counts["registered"] = kept.height
    return _described(kept, index_date, practice, areas), counts


def _stays(registrations: pl.DataFrame, practice: str, index_date: date) -> pl.DataFrame:
    """Give one row per person registered with the practice on the date: since when, and whether regularly."""
    current = registrations.filter(
        pl.col("practice_code") == practice,
        pl.col("start_date") <= index_date,
        pl.col("end_date").is_null() | (pl.col("end_date") > index_date),
    ).with_columns(is_regular=pl.col("registration_type").cast(pl.String) == "regular")
    return (
        current.sort("is_regular", "start_date", descending=[True, False])
        .group_by("patient_id", maintain_order=True)
        .agg(pl.col("is_regular").first(), pl.col("start_date").first().alias("registered_since"))
    )


def _objecting(opt_outs: pl.DataFrame, index_date: date) -> list[str]:
    in_force = (pl.col("start_date") <= index_date) & (pl.col("end_date").is_null() | (pl.col("end_date") > index_date))
    return opt_outs.filter(in_force)["patient_id"].unique().to_list()


def _described(kept: pl.DataFrame, index_date: date, practice: str, areas: pl.DataFrame | None) -> pl.DataFrame:
    year_end = contract_year_end(contract_year_of(index_date))
    since = pl.col("registered_since")
    months = (index_date.year - since.dt.year()) * 12 + index_date.month - since.dt.month().cast(pl.Int32)
    described = kept.with_columns(
        practice_code=pl.lit(practice),
        age_years=_age(index_date),
        age_31_march_years=_age(year_end),
        months_registered=months - (since.dt.day() > index_date.day).cast(pl.Int32),
    )
    return _with_deprivation(described, areas).select(pl.col(name).cast(dtype) for name, dtype in BASE_COLUMNS.items())


def _age(day: date) -> pl.Expr:
    born = pl.col("birth_date")
    birthday_ahead = (born.dt.month() > day.month) | ((born.dt.month() == day.month) & (born.dt.day() > day.day))
    return (day.year - born.dt.year() - birthday_ahead.cast(pl.Int32)).cast(pl.Int16)


def _with_deprivation(people: pl.DataFrame, areas: pl.DataFrame | None) -> pl.DataFrame:
    """Give decile and quintile of the edition that belongs to the boundary year of the person's area code."""
    if areas is None:
        return people.with_columns(imd_decile=pl.lit(None), imd_quintile=pl.lit(None))
    deciles = areas.select("lsoa_code", pl.col("lsoa_vintage").cast(pl.Int16), pl.col("imd_decile").cast(pl.Int8))
    joined = people.with_columns(pl.col("lsoa_vintage").cast(pl.Int16)).join(
        deciles.unique(["lsoa_code", "lsoa_vintage"]),
        on=["lsoa_code", "lsoa_vintage"],
        how="left",
        maintain_order="left",
    )
    return joined.with_columns(imd_quintile=((pl.col("imd_decile") + 1) // 2).cast(pl.Int8))
