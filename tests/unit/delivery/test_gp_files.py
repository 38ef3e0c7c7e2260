"""Files for the systems of practices: numbers of the listed, one a line, nothing else; with a readme that says check."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from pophealth.delivery.gp_files import write_gp_files
from test_support.small_parcel import parcel

BIRTHS = pl.DataFrame({"patient_id": ["p1", "p2", "p3"], "birth_date": [date(1934, 3, 5), None, date(2017, 1, 1)]})


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_each_list_of_each_practice_is_a_file_of_each_form(tmp_path: Path) -> None:
    written = write_gp_files(tmp_path, parcel().practices, BIRTHS, ("nhs-only", "nhs-dob"), "2025-01-31")
    found = files(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in written} == set(found)
    assert {name: text for name, text in found.items() if name.endswith(".csv")} == {
        "A81001/gp/nhs-only/smr_02.csv": "9990000018\r\n",
        "A81001/gp/nhs-dob/smr_02.csv": "9990000018,05/03/1934\r\n",
        "A81002/gp/nhs-only/smr_02.csv": "9990000026\r\n",
        "A81002/gp/nhs-only/cv_07.csv": "9990000026\r\n",
        "A81002/gp/nhs-dob/smr_02.csv": "",
        "A81002/gp/nhs-dob/cv_07.csv": "",
    }
    for practice in ("A81001", "A81002"):
        readme = found[f"{practice}/gp/README.txt"]
        assert "CHECK WITH YOUR SUPPLIER" in readme
        assert practice in readme


def test_no_form_asked_for_is_no_file(tmp_path: Path) -> None:
    assert write_gp_files(tmp_path, parcel().practices, BIRTHS, (), "2025-01-31") == []
    assert files(tmp_path) == {}
