"""The workbook: text stays text, dates are dates, the same parcel gives the same bytes, another reader reads it back."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pophealth.delivery.workbook import STATUSES, practice_parcel, write_workbook
from pophealth.delivery.workbook_layout import SERVICE_COLUMNS, SHEETS, WORKLIST_COLUMNS, WORKLIST_SHEET
from pophealth.delivery.workbook_read import read_workbook_actions
from pophealth.errors import DataContractError
from pophealth.planning import actions
from test_support.small_parcel import RISKY, parcel

TITLES = ["Read me", "Worklist", "Medication review", "CVD prevention"]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "lists.xlsx"
    write_workbook(parcel(), path)
    return path


def rows_of(path: Path, title: str) -> list[dict[str, object]]:
    head, *rows = openpyxl.load_workbook(path)[title].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_another_reader_reads_it_back_sheet_by_sheet(book: Path) -> None:
    opened = openpyxl.load_workbook(book)
    assert opened.sheetnames == TITLES
    first, second = rows_of(book, WORKLIST_SHEET)
    assert first["NHS number"] == "999 000 0018"
    assert (first["Order"], first["Place"], first["Urgent"], first["Age"], first["New"]) == (
        1,
        "urgent",
        "yes",
        90,
        "yes",
    )
    assert first["Lists, most severe first"] == f"SMR-02 {RISKY[0]} ({RISKY[6]})"
    assert (first["Predicted risk"], first["Days since result"], first["Last known action"]) == (0.25, 3, "booked")
    assert second["Lists, most severe first"] == f"SMR-02 {RISKY[0]} (other); CV-07 Risk (-)"
    assert (second["Sex"], second["Urgent"], second["Predicted risk"]) == ("not known", None, None)
    reviews = rows_of(book, "Medication review")
    assert [row["Rank"] for row in reviews] == [1, 2]
    assert reviews[0]["Latest deciding record"].date() == date(2024, 6, 1)
    assert reviews[0]["Record"] == f"{RISKY[7]} = 1.5"
    assert (reviews[0]["Urgent"], reviews[1]["Urgent"]) == ("yes", None)
    assert reviews[0]["Why"] == "old; frail"
    assert [row["List"] for row in rows_of(book, "CVD prevention")] == ["CV-07"]


def test_heads_stand_still_columns_can_be_filtered_and_what_is_a_date_is_one(book: Path) -> None:
    opened = openpyxl.load_workbook(book)
    for title, columns in (("Worklist", WORKLIST_COLUMNS), ("Medication review", SERVICE_COLUMNS)):
        sheet = opened[title]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == f"A1:{openpyxl.utils.get_column_letter(len(columns))}3"
        assert [cell.value for cell in sheet[1]] == [column.heading for column in columns]
        assert sheet.column_dimensions["A"].width == pytest.approx(columns[0].width, abs=1)
        kinds = {rule.type for ranges in sheet.conditional_formatting for rule in ranges.rules}
        assert kinds == {"beginsWith"}
        marks = [rule.dxf.font for ranges in sheet.conditional_formatting for rule in ranges.rules]
        assert all(font.b for font in marks), "not by colour alone"
        choices = {validation.type: validation.formula1 for validation in sheet.data_validations.dataValidation}
        assert choices["list"] == f'"{",".join(STATUSES)}"'
        assert "date" in choices
    cell = opened["Medication review"].cell(2, [column.name for column in SERVICE_COLUMNS].index("record_date") + 1)
    assert cell.is_date


def test_no_cell_is_a_formula_or_a_link_whatever_it_begins_with(book: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(book) as entries:
        xml = {name: entries.read(name).decode() for name in entries.namelist() if name.endswith((".xml", ".rels"))}
    for name, text in xml.items():
        assert not re.findall(r"<(?:\w+:)?(?:f|hyperlink|hyperlinks)[ >/]", text), name
        assert "externalLink" not in text
    for risky in RISKY:
        path = tmp_path / "one.xlsx"
        risked = parcel()
        frame = risked.members.with_columns(tier_label=pl.lit(risky))
        write_workbook(replace(risked, members=frame), path)
        cells = [row["Tier"] for row in rows_of(path, "Medication review")]
        assert cells == [risky.replace("\r", "_x000D_")] * 2, "the format writes a return so; a spreadsheet undoes it"
        types = {cell.data_type for cell in openpyxl.load_workbook(path)["Medication review"]["D"]}
        assert types == {"s"}, "text, and nothing else"


def test_the_same_parcel_gives_the_same_bytes(book: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.xlsx"
    write_workbook(parcel(), again)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (book, again)]
    assert digests[0] == digests[1]
    assert [path.name for path in tmp_path.iterdir()] == ["again.xlsx"], "no part is left"
    with zipfile.ZipFile(book) as entries:
        assert {entry.date_time for entry in entries.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "2025-01-31T00:00:00Z" in entries.read("docProps/core.xml").decode()


def test_no_number_stands_in_it_where_the_network_may_see_none(tmp_path: Path) -> None:
    path = tmp_path / "lists.xlsx"
    write_workbook(parcel(agreement=None), path)
    assert {row["NHS number"] for title in TITLES[1:] for row in rows_of(path, title)} == {None}
    assert "not shown at network level" in str(rows_of(path, "Read me"))
    mine = tmp_path / "practice.xlsx"
    write_workbook(practice_parcel(parcel(agreement=None), "A81002"), mine)
    assert {row["NHS number"] for title in TITLES[1:] for row in rows_of(mine, title)} == {"999 000 0026"}
    assert {row["Practice"] for title in TITLES[1:] for row in rows_of(mine, title)} == {"A81002"}


def test_libreoffice_converts_it_and_nothing_changes(book: Path, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("soffice is not installed (`make system`)")
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    for form in ("ods", "xlsx:Calc MS Excel 2007 XML"):
        words = [office, profile, "--headless", "--convert-to", form, "--outdir", str(tmp_path / "out"), str(book)]
        subprocess.run(words, check=True, capture_output=True, timeout=180)
    assert (tmp_path / "out" / "lists.ods").stat().st_size > 0
    saved = tmp_path / "out" / "lists.xlsx"
    for title in TITLES[1:]:
        assert plain(rows_of(saved, title)) == plain(rows_of(book, title))
    with zipfile.ZipFile(tmp_path / "out" / "lists.ods") as entries:
        content = entries.read("content.xml").decode()
    assert "table:formula" not in content
    assert "999 000 0018" in content


def plain(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def filled_in(book: Path, path: Path, cells: dict[tuple[str, int, str], object]) -> Path:
    """The workbook as a team saves it, with cells of its action columns filled in."""
    opened = openpyxl.load_workbook(book)
    for (title, row, heading), value in cells.items():
        place = [cell.value for cell in opened[title][1]].index(heading) + 1
        opened[title].cell(row, place).value = value
    opened.save(path)
    return path


FILLED = {
    ("Worklist", 3, "Action"): "reviewed",
    ("Worklist", 3, "Done by"): "A. Nurse",
    ("Worklist", 3, "Date done"): date(2025, 2, 3),
    ("CVD prevention", 2, "Action"): "done",
    ("CVD prevention", 2, "Done by"): "B. GP",
    ("CVD prevention", 2, "Date done"): date(2025, 2, 4),
    ("CVD prevention", 2, "Note code"): "N1",
}


def test_what_a_team_fills_in_comes_back_row_by_row(book: Path, tmp_path: Path) -> None:
    assert read_workbook_actions(book) == ("U12345", [])
    network, rows = read_workbook_actions(filled_in(book, tmp_path / "filled.xlsx", FILLED))
    assert network == "U12345"
    assert rows == [
        {
            "sheet": "Worklist", "row": "3", "patient_id": "p2", "rule_id": "smr_02; cv_07", "status": "reviewed",
            "who": "A. Nurse", "when": "2025-02-03", "note_code": "",
        },
        {
            "sheet": "CVD prevention", "row": "2", "patient_id": "p2", "rule_id": "cv_07", "status": "done",
            "who": "B. GP", "when": "2025-02-04", "note_code": "N1",
        },
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"PK", b"not a workbook"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(DataContractError, match="cannot be read as a workbook of ours"):
        read_workbook_actions(path)


def test_a_workbook_of_somebody_else_or_with_entities_is_refused(book: Path, tmp_path: Path) -> None:
    other = openpyxl.Workbook()
    other.save(tmp_path / "other.xlsx")
    with pytest.raises(DataContractError, match="expected the sheets"):
        read_workbook_actions(tmp_path / "other.xlsx")
    evil = tmp_path / "evil.xlsx"
    with zipfile.ZipFile(book) as entries, zipfile.ZipFile(evil, "w") as made:
        for name in entries.namelist():
            content = entries.read(name)
            if name == "xl/workbook.xml":
                head, _, rest = content.partition(b"?>")
                content = head + b'?><!DOCTYPE w [<!ENTITY a "b">]>' + rest
            made.writestr(name, content)
    with pytest.raises(DataContractError, match="declares entities"):
        read_workbook_actions(evil)


def test_a_lost_column_is_refused(book: Path, tmp_path: Path) -> None:
    lost = filled_in(book, tmp_path / "lost.xlsx", {("Worklist", 1, "Done by"): "Somebody"})
    with pytest.raises(DataContractError, match="lacks 1 of its columns"):
        read_workbook_actions(lost)


def test_one_word_means_one_thing_on_both_sides() -> None:
    assert STATUSES == actions.STATUSES
    assert all(len(title) <= 31 for title in SHEETS.values())
