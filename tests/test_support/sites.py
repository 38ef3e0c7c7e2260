"""A small site with keys, reference files, an opt-out list and a register of three people: made in a moment."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pophealth.register import open_writer
from pophealth.register.layout import SCHEMAS
from pophealth.runs.clock import today
from pophealth.runs.keys import initialise_keys

CONFIG = """\
[site]
name = "test"
purpose = "case_finding"
network_sharing_agreement = "DSA 1"
data_root = "data"
key_file = "keys/site.key"
signing_key_file = "keys/signing.key"

[extract]
layout = "canonical"
path = "extract"

[extract.supplies]
events = ["SNOMED"]
medications = ["dm+d"]
measurements = ["SNOMED"]
medicine_map = true

[reference]
memberships = "memberships.csv"
areas_2021 = "areas.csv"
medicine_map = "medicines.csv"

[opt_outs]
national_list = "national.csv"
type_1_list = "type_1.csv"
"""

NETWORKS = {"A81001": "U11111", "A81002": "U22222"}


def make_site(folder: Path, *, register: bool = True) -> Path:
    """Give the configuration file of a site made in `folder`."""
    folder.mkdir(parents=True)
    (folder / "extract").mkdir()
    rows = "".join(f"{practice},{network},2019-10-01\n" for practice, network in NETWORKS.items())
    (folder / "memberships.csv").write_text("practice_code,network_code,start_date\n" + rows)
    (folder / "areas.csv").write_text("lsoa21_code,imd2025_rank,imd2025_decile\nE01000001,26525,8\n")
    (folder / "medicines.csv").write_text("code,code_system,substance,bnf_code\nSYN:m1,SYNTHETIC,a,0101\n")
    for name in ("national", "type_1"):
        write_list(folder / f"{name}.csv")
    initialise_keys(folder / "keys")
    if register:
        write_register(folder / "data")
    path = folder / "config.toml"
    path.write_text(CONFIG)
    return path


def write_list(path: Path, *numbers: str, days_old: int = 0) -> None:
    """Write an opt-out list of `numbers`, made `days_old` days ago."""
    as_of = today() - timedelta(days=days_old)
    path.write_text(f"# as_of: {as_of}\nnhs_number\n" + "".join(f"{number}\n" for number in numbers))


def write_register(root: Path, *, died: date | None = None) -> None:
    """Write a snapshot with one person in the first practice and two in the second."""
    with open_writer(root) as writer:
        for practice, people in (("A81001", ["a"]), ("A81002", ["b", "c"])):
            writer.spool(
                "patients",
                practice,
                _table("patients", patient_id=people, birth_date=date(1950, 1, 1), sex="female", death_date=died),
            )
            writer.spool(
                "registrations",
                practice,
                _table(
                    "registrations",
                    patient_id=people,
                    practice_code=practice,
                    start_date=date(2000, 1, 1),
                    registration_type="regular",
                ),
            )
        writer.finish(facts={"extract_date": "2025-02-28"}, documents={})


def _table(name: str, patient_id: list[str], **values: object) -> pl.DataFrame:
    frame = pl.DataFrame({"patient_id": patient_id})
    return frame.with_columns(
        pl.lit(values.get(column)).cast(dtype).alias(column)
        for column, dtype in SCHEMAS[name].items()
        if column != "patient_id"
    )
