"""Gives which practice belonged to which network when, from our own table or the published ODS history."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from pophealth.config import OnePractice
from pophealth.errors import DataContractError
from pophealth.tables import Memberships, Networks
from pophealth.terms import EARLIEST_DAY, UNALLOCATED, network_code, practice_code

# Published column names of ODS `epcncorepartnerdetails` (reference pack README, NHS England ODS).
_ODS = {
    "Partner Organisation Code": "practice_code",
    "Partner Name": "practice_name",
    "PCN Code": "network_code",
    "Practice to PCN Relationship Start Date": "start_date",
    "Practice to PCN Relationship End Date": "end_date",
}
_COLUMNS = tuple(_ODS.values())


def load_memberships(path: Path) -> tuple[pl.DataFrame, list[str]]:
    """Give the dated membership (`tables.Memberships`), half-open, and warnings with counts.

    ODS ends are inclusive: the day after is the first outside. Periods of one practice that overlap are cut where the
    later one starts. The code U stands for "in no network": such rows are no membership.

    Raises
    ------
    DataContractError
        A column is missing, or not one row is a membership.
    """
    frame = _read(path)
    published = set(_ODS) <= set(frame.columns)
    if published:
        frame = frame.rename(_ODS).with_columns(
            _ods_date("start_date"), _ods_date("end_date").dt.offset_by("1d"), practice_name="practice_name"
        )
    for name in sorted(Memberships.optional - set(frame.columns)):
        frame = frame.with_columns(pl.lit(None).alias(name))
    missing = sorted(set(_COLUMNS) - set(frame.columns))
    if missing:
        msg = f"memberships {path.name}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}"
        raise DataContractError(msg)
    unallocated = frame["network_code"].cast(pl.String) == UNALLOCATED
    good, failure = Memberships.filter(
        frame.filter(~unallocated.fill_null(value=False)).select(Memberships.create_empty().columns), cast=True
    )
    if good.is_empty():
        msg = f"memberships {path.name}: none of {frame.height} rows is a membership: {failure.counts()}"
        raise DataContractError(msg)
    cut, warnings = _without_overlaps(good.unique())
    counts = {
        "in no network (code U)": int(unallocated.sum()),
        f"that break the contract {failure.counts()}": len(failure),
    }
    warnings += [f"memberships {path.name}: {count} rows {what} left out" for what, count in counts.items() if count]
    return cut, warnings


def _read(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)


def _ods_date(name: str) -> pl.Expr:
    return pl.col(name).str.strip_chars().replace("", None).str.to_date("%Y%m%d")


def _without_overlaps(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Give periods of which no two of one practice share a day: the later start wins."""
    ordered = rows.sort("practice_code", "start_date", "network_code").unique(
        ["practice_code", "start_date"], keep="last", maintain_order=True
    )
    following = pl.col("start_date").shift(-1).over("practice_code")
    overlaps = following.is_not_null() & (pl.col("end_date").is_null() | (pl.col("end_date") > following))
    cut = ordered.with_columns(
        pl.when(overlaps).then(following).otherwise("end_date").alias("end_date"), overlapped=overlaps
    )
    count = int(cut["overlapped"].sum()) + rows.height - ordered.height
    warnings = [f"memberships: {count} periods overlap a later one of the same practice; the later start wins"]
    # a relationship that ended before its first day was over was never in force
    kept = cut.filter(pl.col("end_date").is_null() | (pl.col("end_date") > pl.col("start_date"))).drop("overlapped")
    return kept, warnings if count else []


def members_on(memberships: pl.DataFrame, day: date) -> pl.DataFrame:
    """Give practice_code, network_code, practice_name of the memberships in force on `day`, by practice."""
    in_force = (pl.col("start_date") <= day) & (pl.col("end_date").is_null() | (pl.col("end_date") > day))
    return memberships.filter(in_force).select("practice_code", "network_code", "practice_name").sort("practice_code")


def one_practice_membership(attribution: OnePractice) -> pl.DataFrame:
    """Give the membership of a source that knows no practice: everyone in the one the configuration names."""
    row = {
        "practice_code": practice_code(attribution.practice_code),
        "practice_name": attribution.practice_name,
        "network_code": network_code(attribution.network_code),
        "start_date": EARLIEST_DAY,
        "end_date": None,
    }
    return Memberships.cast(pl.DataFrame([row]))


def load_practice_map(path: Path) -> pl.DataFrame:
    """Give practices with name, postcode and network (null where unallocated) of the published practice map.

    `name_key` and `postcode_key` are what other sources are matched on: upper case and trimmed, without spaces.

    Raises
    ------
    DataContractError
        A column is missing.
    """
    frame = pl.read_csv(path, infer_schema=False)
    wanted = ("PRACTICE_CODE", "PRACTICE_NAME", "PRACTICE_POSTCODE", "PCN_CODE")
    missing = sorted(set(wanted) - set(frame.columns))
    if missing:
        msg = f"practice map {path.name}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}"
        raise DataContractError(msg)
    return frame.select(
        practice_code="PRACTICE_CODE",
        practice_name="PRACTICE_NAME",
        practice_postcode="PRACTICE_POSTCODE",
        network_code=pl.when(pl.col("PCN_CODE") != UNALLOCATED).then("PCN_CODE"),
        name_key=pl.col("PRACTICE_NAME").str.strip_chars().str.to_uppercase(),
        postcode_key=pl.col("PRACTICE_POSTCODE").str.replace_all(" ", "").str.to_uppercase(),
    )


def load_network_details(path: Path) -> pl.DataFrame:
    """Give networks (`tables.Networks`) with name and sub-ICB of the published ODS list (`ePCN`).

    Raises
    ------
    DataContractError
        A column is missing, or rows break the contract.
    """
    frame = pl.read_csv(path, infer_schema=False)
    named = {"PCN Code": "network_code", "PCN Name": "network_name", "Current Sub ICB Loc Code": "sub_icb_code"}
    missing = sorted(set(named) - set(frame.columns))
    if missing:
        msg = f"network details {path.name}: columns {', '.join(missing)} are missing"
        raise DataContractError(msg)
    renamed = (
        frame.select(named)
        .rename(named)
        .with_columns(place_code=pl.lit(None, dtype=pl.String), icb_code=pl.lit(None, dtype=pl.String))
    )
    good, failure = Networks.filter(renamed, cast=True)
    if len(failure):
        msg = (
            f"network details {path.name}: {len(failure)} of {frame.height} rows break the contract: {failure.counts()}"
        )
        raise DataContractError(msg)
    return good
