"""One small network of people whose records are written by hand, walked once for every test of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hand_cases import REGISTERS, TEXT, read_cases
from hand_written import site, walk
from pophealth.cohorts import select_all
from pophealth.plan import Plan
from trap_records import INDEX, PEOPLE, RECORDS

Row = dict[str, Any]


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, Plan]:
    """Give the frame of everybody, and the plan it was made with."""
    folder = Path(tmp_path_factory.mktemp("traps"))
    cases = read_cases(TEXT, REGISTERS)
    people = "\n".join([PEOPLE, *(case.person for case in cases)])
    records = dict(RECORDS)
    for case in cases:
        for table, row in case.records:
            records[table] = f"{records.get(table, '')}\n{row}"
    also = {name for case in cases for name in case.columns}  # registers that no rule reads
    return walk(site(folder / "site"), folder / "root", people, records, INDEX, "2024-25", also)


@pytest.fixture(scope="session")
def everybody(walked: tuple[pl.DataFrame, Plan]) -> tuple[dict[str, Row], dict[tuple[str, str], str]]:
    """Give the columns of everybody by name, and the status of everybody on every list they are on."""
    frame, plan = walked
    assert frame["patient_id"].is_unique().all()
    chosen = select_all(plan.rules, frame, contract_year="2024-25", not_computable=plan.not_computable)
    members = pl.concat([selection.members for selection in chosen.values()])
    rows = members.select("patient_id", "rule_id", "status").cast(pl.String).rows()
    assert len({row[:2] for row in rows}) == len(rows)  # 16: one row a person and rule
    return {row["patient_id"]: row for row in frame.to_dicts()}, {(who, rule): said for who, rule, said in rows}
