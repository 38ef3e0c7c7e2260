"""Gives the register an extract: checked, conformed part by part, and accounted for to the last row."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from pophealth.errors import DataContractError
from pophealth.extracts.checksums import Sent, read_sent
from pophealth.extracts.codes import CodeBook
from pophealth.extracts.conservation import Conservation
from pophealth.extracts.extract_date import latest_date
from pophealth.extracts.guard import suspicious
from pophealth.extracts.layout import WHOLE, Layout
from pophealth.extracts.layouts import open_layout
from pophealth.extracts.overlap import find_overlaps
from pophealth.extracts.parts import PartTaker, nobody_elsewhere, rows_by_source
from pophealth.extracts.plausible import make_bounds
from pophealth.extracts.quarantine import Measures
from pophealth.extracts.records import Spool
from pophealth.reference import load_codelist, load_memberships, members_on
from pophealth.terms import LegalBasis

if TYPE_CHECKING:
    from pophealth.config import Config


class Writer(Spool, Protocol):
    """What takes rows and counts them by practice (`register.Writer`)."""

    rows: Counter[str]


def conform(
    config: Config,
    writer: Writer,
    key: bytes,
    *,
    today: date = date.max,
    objecting: frozenset[str] = frozenset(),
) -> Conservation:
    """Give the account of an extract whose good rows were handed to `writer`.

    Parameters
    ----------
    key
        Pseudonym key of the site and purpose (`pseudonyms.purpose_key`).
    today
        No day after it is taken for the extract's date where the extract does not state one.
    objecting
        Pseudonyms of everyone on the site's own list of type 1 objections.

    Raises
    ------
    DataContractError
        The extract breaks its contract as a whole, or a damaged part hides which practices it holds.
    """
    extract = config.extract
    layout = open_layout(extract)
    sent = read_sent(extract.path)
    conservation = Conservation(extract.layout)
    damaged = _damaged(layout, sent, extract.path)
    sound = [part for part in layout.parts if part not in damaged]
    day = extract.extract_date or sent.extract_date or latest_date(layout, sound, today)
    layout.extract_date = day
    measures = _measures(config, day)
    elsewhere = find_overlaps(layout, sound, measures) if len(sound) > 1 else {}
    for part in layout.parts:
        taker = PartTaker(layout, part, measures)
        try:
            _refuse(damaged.get(part))
            taker.take(writer, key, objecting, elsewhere.get(part, nobody_elsewhere()))
            _check_rows(layout, part, sent)
        except DataContractError as error:
            conservation.lose_part(part, _practices_of(taker, layout, part, config, day, error), str(error))
            continue
        conservation.add(taker.tally, rows_by_source(layout, part))
        if taker.care_homes:
            conservation.documents.setdefault("care_homes.json", []).extend(taker.care_homes)
    for practice, reason in suspicious(conservation, measures.bounds, extract.maximum_faulty_share).items():
        conservation.withhold(practice, reason)
    conservation.check(writer.rows)
    conservation.describe(layout.notes, day)
    return conservation


def _measures(config: Config, day: date) -> Measures:
    restricted = config.restricted.codelist
    return Measures(
        extract_date=day,
        synthetic=config.site.synthetic,
        section_251=config.site.legal_basis is LegalBasis.SECTION_251,
        values=config.extract.supplies.values,
        recording_lag_days=config.extract.recording_lag_days,
        codes=CodeBook(
            synthetic=config.site.synthetic,
            restricted=None if restricted is None else load_codelist(restricted).codes,
        ),
        bounds=make_bounds(config.reference.codelists, config.extract.plausible),
    )


def _damaged(layout: Layout, sent: Sent, folder: Path) -> dict[str, str]:
    """Give the parts whose files are not the ones that were sent, with the reason.

    Raises
    ------
    DataContractError
        The extract has no parts, or a file that is missing belongs to none of them.
    """
    damaged: dict[str, str] = {}
    for name in sent.missing(folder):
        msg = f"extract {name}: in the list of checksums that came with the extract, and not there"
        part = Path(name).stem
        if part not in layout.parts:
            raise DataContractError(msg)
        damaged[part] = msg
    for part in layout.parts:
        try:
            sent.check(folder, [path for paths in layout.files(part).values() for path in paths])
        except DataContractError as error:
            if part == WHOLE:
                raise
            damaged[part] = str(error)
    return damaged


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise DataContractError(reason)


def _check_rows(layout: Layout, part: str, sent: Sent) -> None:
    """Refuse a part whose files hold other numbers of rows than their manifest says."""
    for paths in layout.files(part).values():
        for path in paths:
            name = layout.reader.name(path)
            stated, found = sent.rows.get(name), layout.reader.rows.get(path)
            if stated is not None and found is not None and stated != found:
                msg = f"extract {name}: {found} rows, its manifest says {stated}. Have it sent again."
                raise DataContractError(msg)


def _practices_of(
    taker: PartTaker, layout: Layout, part: str, config: Config, day: date, error: DataContractError
) -> set[str]:
    """Give the practices that a part which could not be read holds: nothing of theirs may be used.

    Raises
    ------
    DataContractError
        The error that stopped the part, where the extract has no other, or nobody can say whose records are in it.
    """
    if part == WHOLE:
        raise error
    found = set(taker.practices)
    with suppress(DataContractError):  # the registrations may be what is damaged
        found |= layout.practice_codes(part)
    if re.fullmatch(r"[A-Z][0-9A-Z]{5}", part):
        found.add(part)
    if re.fullmatch(r"U[0-9]{5}", part):
        found.discard(part)
        if config.reference.memberships is not None:
            members = members_on(load_memberships(config.reference.memberships)[0], day)
            found |= set(members.filter(pl.col("network_code") == part)["practice_code"])
    found = {code for code in found if re.fullmatch(r"[A-Z][0-9A-Z]{5}", code)}
    if not found:
        raise error
    return found
