"""Gives the workbook `lists.xlsx`: a sheet a service, the merged worklist, and a sheet that says what they are.

No cell is a formula or a link, whatever its text begins with. The same parcel gives the same bytes: the workbook says it
was made on the index date, and its entries carry no time of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.workbook_cells import Rows, with_rows
from pophealth.delivery.workbook_layout import (
    ACTION_COLUMNS,
    NETWORK_LABEL,
    README_SHEET,
    RUN_LABEL,
    SERVICE_COLUMNS,
    SHEETS,
    STATUS,
    WHEN,
    WORKLIST_COLUMNS,
    WORKLIST_SHEET,
    Column,
)
from pophealth.delivery.workbook_rows import listed_by_service, service_rows, worklist_rows

if TYPE_CHECKING:
    from pophealth.delivery.parcel import Parcel

STATUSES = ("reviewed", "booked", "done", "declined", "not_appropriate")
"""What a team can say of a row."""

OPTIONS = {
    "in_memory": True,  # no part of it stands in a shared folder, not for a moment
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write_workbook(parcel: Parcel, path: Path) -> None:
    """Write the workbook of a network at `path`.

    NHS numbers stand in it where `parcel.members` and `parcel.worklist` hold them.
    """
    import xlsxwriter

    made = BytesIO()
    sheets: list[tuple[Rows, Sequence[Column]]] = []
    with xlsxwriter.Workbook(made, OPTIONS) as book:
        _describe(book, parcel)
        formats = _formats(book)
        _write_readme(book, parcel, formats)
        _write_sheet(book, WORKLIST_SHEET, parcel.worklist.height, WORKLIST_COLUMNS, formats)
        sheets.append((partial(worklist_rows, parcel), WORKLIST_COLUMNS))
        for service, height in listed_by_service(parcel).items():
            _write_sheet(book, SHEETS[service], height, SERVICE_COLUMNS, formats)
            sheets.append((partial(service_rows, parcel, service), SERVICE_COLUMNS))
    entries = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, start=2)}
    with_rows(made, entries, path)


def practice_parcel(parcel: Parcel, practice: str) -> Parcel:
    """Give the part of a parcel that one practice may see: its own people, with their NHS numbers."""
    members = (parcel.practices or {})[practice]
    numbers = members.select("patient_id", "nhs_number").filter(pl.col("nhs_number").is_not_null()).unique()
    here = pl.col("practice_code").cast(pl.String) == practice
    worklist = (
        parcel.worklist.filter(here)
        .drop("nhs_number")
        .join(numbers, on="patient_id", how="left", maintain_order="left")
    )
    patients = parcel.patients.filter(here)
    evidence = parcel.evidence.join(patients.select("patient_id"), on="patient_id", how="semi")
    return replace(
        parcel, members=members, worklist=worklist, patients=patients, evidence=evidence, practices={practice: members}
    )


def _describe(book: Any, parcel: Parcel) -> None:
    day = date.fromisoformat(parcel.facts["index_date"])
    book.set_properties(
        {
            "title": f"Lists of {parcel.facts['network_code']}",
            "author": "pophealth",
            "created": datetime(day.year, day.month, day.day),  # noqa: DTZ001 - a day of the run, no moment
        }
    )


def _formats(book: Any) -> dict[str, Any]:
    top = {"valign": "top"}
    return {
        "text": book.add_format(top | {"num_format": "@"}),
        "number": book.add_format(top),
        "percent": book.add_format(top | {"num_format": "0.0%"}),
        "date": book.add_format(top | {"num_format": "yyyy-mm-dd"}),
        "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2}),
        "fill_in": book.add_format({"bold": True, "italic": True, "text_wrap": True, "valign": "top", "bottom": 2}),
        # beside the colour there is the word itself, in bold and underlined or italic: a print in grey says the same
        "urgent": book.add_format({"bold": True, "underline": 1, "bg_color": "#FFEB9C"}),
        "new": book.add_format({"italic": True, "bold": True, "bg_color": "#DDEBF7"}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
    }


def _write_sheet(book: Any, name: str, height: int, columns: Sequence[Column], formats: dict[str, Any]) -> None:
    """Add a sheet with its head line and everything about its columns; `workbook_cells` writes what stands below."""
    sheet = book.add_worksheet(name)
    last = max(height, 1)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, len(columns) - 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    fill_in = {column.name for column in ACTION_COLUMNS}
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width, formats[column.kind])
        sheet.write_string(0, place, column.heading, formats["fill_in" if column.name in fill_in else "head"])
    _mark(sheet, columns, last, formats)


def _mark(sheet: Any, columns: Sequence[Column], last: int, formats: dict[str, Any]) -> None:
    """Add what helps to read and to fill in: marks, and lists to choose from."""
    place = {column.heading: number for number, column in enumerate(columns)}
    for heading, text, name in (("Urgent", "yes", "urgent"), ("Place", "urgent", "urgent"), ("New", "yes", "new")):
        rule = {"type": "text", "criteria": "begins with", "value": text, "format": formats[name]}
        sheet.conditional_format(1, place[heading], last, place[heading], rule)
    sheet.data_validation(
        1,
        place[STATUS],
        last,
        place[STATUS],
        {
            "validate": "list",
            "source": list(STATUSES),
            "error_title": "Action",
            "error_message": "Choose one of the list, or leave it empty.",
        },
    )
    sheet.data_validation(
        1,
        place[WHEN],
        last,
        place[WHEN],
        {
            "validate": "date",
            "criteria": ">",
            "value": date(2000, 1, 1),
            "error_title": "Date done",
            "error_message": "Give the day as a date, not later than today.",
        },
    )


def _write_readme(book: Any, parcel: Parcel, formats: dict[str, Any]) -> None:
    facts = parcel.facts
    sheet = book.add_worksheet(README_SHEET)
    sheet.set_column(0, 0, 26, formats["head"])
    sheet.set_column(1, 1, 110, formats["wrap"])
    shared = facts.get("network_sharing_agreement")
    numbers = f"shown under the network sharing agreement {shared}" if shared else "not shown at network level"
    lines = [
        ("Lists of", str(facts.get("network_name") or facts["network_code"])),
        (NETWORK_LABEL, str(facts["network_code"])),
        (RUN_LABEL, str(facts["run_id"])),
        ("Index date", str(facts["index_date"])),
        ("Contract year", str(facts.get("contract_year", ""))),
        ("Data", "synthetic: nobody in here exists" if facts.get("synthetic") else "real records; handle as such"),
        ("NHS numbers", numbers if facts["purpose"] == "case_finding" else "not shown for this purpose"),
        ("What it is", "Prompts for a clinician, not decisions. Each row says why it is there; look at the record first."),
        ("What it is not", "Not an alerting service: it is made now and then, and nobody watches it. Act on results as ever."),
        ("Order", "Urgent and owed offers come first, then tier, open care gaps, predicted risk, rank."),
        ("Place", "urgent, owed, planned: within the slots of the team. waiting: beyond them. held out: measured later. "
                  "closed: done, declined or not appropriate, and not due again."),
        ("To fill in", f"On the sheet of a service, columns {STATUS} to Note code, one row a list. On the sheet "
                       f"{WORKLIST_SHEET} they count for every list of the row; the sheet of a service goes before it. "
                       "Return the file; `pophealth actions import` reads it. Nothing is written to any GP record."),
        ("Actions", ", ".join(STATUSES)),
        ("Note code", "a code of your own, letters, digits and . _ - only. Never a name, a number or a diagnosis."),
    ]  # fmt: skip
    for number, (label, text) in enumerate(lines):
        sheet.write_string(number, 0, label, formats["head"])
        sheet.write_string(number, 1, text, formats["wrap"])
