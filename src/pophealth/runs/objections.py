"""Gives whom a delivery must leave out as known on the day it is made: opted out, dead or deducted since the index date."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pophealth.errors import ConfigError
from pophealth.terms import LegalBasis

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.register import Bucket


@dataclass(frozen=True)
class Objections:
    """Pseudonyms of everyone on the site's opt-out lists, and a digest that goes into the run's identity."""

    patient_ids: frozenset[str]
    digest: str


def read_objections(config: Config, key: bytes, today: date) -> Objections:
    """Give the objections a site's lists hold, as pseudonyms.

    A list is a CSV with a head line ``# as_of: YYYY-MM-DD`` and a column ``nhs_number``.

    Raises
    ------
    ConfigError
        Under section 251 a real site has no national list, or a list is unreadable, undated or older than allowed.
    """
    lists = {"national_list": config.opt_outs.national_list, "type_1_list": config.opt_outs.type_1_list}
    needed = config.site.legal_basis is LegalBasis.SECTION_251 and not config.site.synthetic
    if needed and lists["national_list"] is None:
        msg = (
            "config opt_outs.national_list: missing. Under legal_basis 'section_251' a dated list of national data "
            "opt-outs is required (an empty list of today is a list)."
        )
        raise ConfigError(msg)
    numbers: set[str] = set()
    digest = hashlib.sha256(config.site.legal_basis.encode())
    for name, path in lists.items():
        if path is not None:
            numbers |= _read_list(name, path, today, config.opt_outs.max_age_days)
            digest.update(name.encode() + path.read_bytes())
    if config.site.legal_basis is LegalBasis.DIRECT_CARE:
        numbers = set()  # the practices act for their own patients: these objections are about other uses
    ids = (hmac.new(key, number.encode(), hashlib.sha256).hexdigest()[:32] for number in numbers)
    return Objections(frozenset(ids), digest.hexdigest())


def _read_list(name: str, path: Path, today: date, max_age_days: int) -> set[str]:
    try:
        head, _, body = path.read_text("utf-8").partition("\n")
    except OSError as error:
        msg = f"config opt_outs.{name}: {path} cannot be read ({error.strerror})"
        raise ConfigError(msg) from error
    match = re.fullmatch(r"# as_of: ([0-9]{4}-[0-9]{2}-[0-9]{2})\s*", head)
    if match is None:
        msg = f"config opt_outs.{name}: {path.name} must begin with '# as_of: YYYY-MM-DD', the day the list was made"
        raise ConfigError(msg)
    age = (today - date.fromisoformat(match[1])).days
    if not 0 <= age <= max_age_days:
        msg = (
            f"config opt_outs.{name}: {path.name} is {age} days old, allowed are 0 to {max_age_days} "
            "(opt_outs.max_age_days). Fetch a new list."
        )
        raise ConfigError(msg)
    reader = csv.DictReader(io.StringIO(body))
    if "nhs_number" not in (reader.fieldnames or []):
        msg = f"config opt_outs.{name}: {path.name} has no column nhs_number; found {reader.fieldnames}"
        raise ConfigError(msg)
    return {row["nhs_number"].replace(" ", "") for row in reader if row["nhs_number"]}


def left_out(buckets: list[Bucket], objections: Objections, extract_date: date | None) -> dict[str, pl.Series]:
    """Give, by reason, the pseudonyms that no row of a delivery may show.

    Parameters
    ----------
    buckets
        Every practice bucket of the network.
    objections
        What the site's lists say today.
    extract_date
        Last day the extract knows about; a registration that ended by then is a deduction. None: any end counts.
    """
    people = pl.concat([bucket.people.select("patient_id", "death_date") for bucket in buckets])
    stays = pl.concat(
        [bucket.registrations.select("patient_id", "end_date", "registration_type") for bucket in buckets]
    )
    gone = pl.col("end_date").is_not_null()
    if extract_date is not None:
        gone &= pl.col("end_date") <= extract_date
    still_here = stays.filter(~gone & (pl.col("registration_type") == "regular"))
    return {
        "opted_out": people["patient_id"].filter(people["patient_id"].is_in(list(objections.patient_ids))),
        "died": people.filter(pl.col("death_date").is_not_null())["patient_id"],
        "deducted": people.join(still_here, on="patient_id", how="anti")["patient_id"],
    }
