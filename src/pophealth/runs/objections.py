"""Gives whom a delivery must leave out as known on the day it is made: opted out, dead or deducted since the index date."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pophealth.errors import ConfigError
from pophealth.pseudonyms import pseudonyms, purpose_key
from pophealth.terms import LegalBasis

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.register import Bucket


_A_YEAR = 366


@dataclass(frozen=True)
class Objections:
    """Pseudonyms of everyone on the site's opt-out lists, and a digest that goes into the run's identity.

    `apply` is False where the practices act for their own patients (direct care): objections are about other uses.
    """

    patient_ids: frozenset[str]
    digest: str
    apply: bool = True


def read_objections(config: Config, site_key: bytes, today: date) -> Objections:
    """Give the objections a site's lists hold, as pseudonyms of the site's purpose.

    A list is a CSV with a head line ``# as_of: YYYY-MM-DD`` and a column ``nhs_number`` of ten digits (spaces allowed).

    Raises
    ------
    ConfigError
        Under section 251 a real site has no national list; or a list is unreadable, undated, older than allowed, or
        holds anything that is not ten digits: an objection that cannot be matched must not pass for one that was.
    """
    lists = {"national_list": config.opt_outs.national_list, "type_1_list": config.opt_outs.type_1_list}
    apply = config.site.legal_basis is LegalBasis.SECTION_251
    if apply and not config.site.synthetic and lists["national_list"] is None:
        msg = (
            "config opt_outs.national_list: missing. Under legal_basis 'section_251' a dated list of national data "
            "opt-outs is required (an empty list of today is a list)."
        )
        raise ConfigError(msg)
    numbers: set[str] = set()
    digest = hashlib.sha256(config.site.legal_basis.encode())
    for name, path in lists.items():
        if path is not None:
            content = _content(name, path)
            numbers |= _numbers(name, path, content, today, config.opt_outs.max_age_days)
            digest.update(f"{name} {len(content)} ".encode() + content)
    ids = pseudonyms(purpose_key(site_key, config.site.purpose), numbers if apply else ())
    return Objections(frozenset(ids), digest.hexdigest(), apply=apply)


def type_1_objections(config: Config, site_key: bytes, today: date) -> frozenset[str]:
    """Give the pseudonyms on the site's list of type 1 objections: under section 251 nothing of theirs is ingested.

    Raises
    ------
    ConfigError
        As `read_objections`.
    """
    path = config.opt_outs.type_1_list
    if path is None or config.site.legal_basis is not LegalBasis.SECTION_251:
        return frozenset()
    content = _content("type_1_list", path)
    numbers = _numbers("type_1_list", path, content, today, config.opt_outs.max_age_days)
    return frozenset(pseudonyms(purpose_key(site_key, config.site.purpose), numbers))


def _content(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"config opt_outs.{name}: {path} cannot be read ({error.strerror})"
        raise ConfigError(msg) from error


def _numbers(name: str, path: Path, content: bytes, today: date, max_age_days: int) -> set[str]:
    what = f"config opt_outs.{name}: {path.name}"
    try:
        head, _, body = content.decode("utf-8-sig").partition("\n")
    except UnicodeDecodeError:
        msg = f"{what} is not UTF-8 text; export the list as CSV"
        raise ConfigError(msg) from None
    age = (today - _as_of(head.strip(), what)).days
    if not 0 <= age <= max_age_days:
        msg = (
            f"{what} is {age} days old, allowed are 0 to {max_age_days} (opt_outs.max_age_days). Fetch a new list; "
            "nothing was delivered."
        )
        raise ConfigError(msg)
    reader = csv.DictReader(io.StringIO(body))
    if "nhs_number" not in (reader.fieldnames or []):
        msg = f"{what}: expected a column nhs_number on its second line, found {len(reader.fieldnames or [])} others"
        raise ConfigError(msg)
    numbers = [(row["nhs_number"] or "").replace(" ", "") for row in reader]
    damaged = [place for place, number in enumerate(numbers) if re.fullmatch(r"[0-9]{10}", number) is None]
    if damaged:
        msg = (
            f"{what}: {len(damaged)} of {len(numbers)} entries are not ten digits, first entry {damaged[0] + 1}. "
            "HINT: spreadsheets drop digits of long numbers; export the column as text."
        )
        raise ConfigError(msg)
    return set(numbers)


def _as_of(head: str, what: str) -> date:
    """Give the day a list was made; its first line says it."""
    match = re.fullmatch(r"# as_of: ([0-9]{4}-[0-9]{2}-[0-9]{2}),*", head)  # a spreadsheet pads the line with commas
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        msg = f"{what} must begin with '# as_of: YYYY-MM-DD', the day the list was made"
        raise ConfigError(msg) from None


def left_out(buckets: list[Bucket], objections: Objections, extract_date: date | None) -> dict[str, pl.Series]:
    """Give, by reason, the pseudonyms that no row of a delivery may show.

    Parameters
    ----------
    buckets
        Every practice bucket of the network.
    objections
        What the site's lists say today. Objections of the extract's own table that are in force as far as the extract
        knows are applied too: they may be newer than the index date.
    extract_date
        Last day the extract knows about. A registration whose end is recorded is a deduction, also one announced for
        the days after; only an end more than a year ahead stands for none (systems write 2099 for "still here").
        None: any end counts.
    """
    people = pl.concat([bucket.people.select("patient_id", "death_date") for bucket in buckets])
    objecting = set(objections.patient_ids)
    here: list[pl.DataFrame] = []
    for bucket in buckets:
        if objections.apply:
            objecting |= set(bucket.opt_outs.filter(_in_force(extract_date))["patient_id"])
        regular = pl.col("registration_type").cast(pl.String) == "regular"
        # a stay with another practice is no reason to keep somebody on this one's list
        mine = pl.col("practice_code") == bucket.practice
        here.append(bucket.registrations.filter(mine, regular, _stays(extract_date)).select("patient_id"))
    return {
        "opted_out": people["patient_id"].filter(people["patient_id"].is_in(sorted(objecting))),
        "died": people.filter(pl.col("death_date").is_not_null())["patient_id"],
        "deducted": people.join(pl.concat(here), on="patient_id", how="anti")["patient_id"],
    }


def _in_force(day: date | None) -> pl.Expr:
    """Give whether a period is open as far as is known on `day`; one that begins later is known too, and counts."""
    ended = pl.col("end_date").is_not_null()
    return ~ended if day is None else ~(ended & (pl.col("end_date") <= day))


def _stays(day: date | None) -> pl.Expr:
    """Give whether no end of a stay is known on `day`."""
    return _in_force(day + timedelta(days=_A_YEAR) if day else None)
