"""The records behind a figure about a discharge: the last stay, and what was counted before it."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from pophealth.declare import parse_feature
from pophealth.errors import DeclarationError
from pophealth.features.deciding_kinds import pick
from pophealth.features.deciding_rows import RECORD
from pophealth.features.moment import Moment
from pophealth.features.substances import substances_of

MOMENT = Moment(date(2024, 3, 31), "2023-24")
ROWS = """
spells      | 1 | 2024-03-10 | 2024-03-15 | 21
spells      | 2 | 2024-03-01 | 2024-03-02 | 21
spells      | 3 | 2024-02-01 | 2024-02-02 | 11
spells      | 4 | 2024-03-30 |            | 21
attendances | 5 | 2024-03-10 |            |
attendances | 6 | 2024-03-09 |            |
attendances | 7 | 2024-03-20 |            |
"""


def rows() -> pl.DataFrame:
    made: list[dict[str, Any]] = []
    for line in ROWS.strip().splitlines():
        table, record, day, discharge, method = (cell.strip() for cell in line.split("|"))
        row = {"number": 0, "role": 0, "table": table, "patient_id": "p", "record_id": record}
        row |= {"date": date.fromisoformat(day), "method": method or None}
        row |= {"discharge_date": date.fromisoformat(discharge) if discharge else None}
        made.append(row)
    return pl.DataFrame([{name: row.get(name) for name in RECORD} for row in made], schema=RECORD)


@pytest.mark.parametrize(
    ("declared", "records"),
    [
        ({"kind": "last_stay_days", "window": "30d"}, {"1"}),
        ({"kind": "last_stay_days", "method": "1", "window": "90d"}, {"3"}),
        ({"kind": "count_before_last_stay", "days": 30, "method": "2", "window": "30d"}, {"1", "2"}),
        ({"kind": "count_before_last_stay", "days": 60, "window": "30d"}, {"1", "2", "3"}),
        (
            {"kind": "count_before_last_stay", "tables": ["attendances", "spells"], "days": 9, "window": "30d"},
            {"1", "6"},
        ),
        ({"kind": "count_before_last_stay", "days": 30, "window": "1d"}, set()),
    ],
)
def test_the_records_shown_are_those_that_decided(declared: dict[str, Any], records: set[str]) -> None:
    feature = parse_feature("asked", declared | {"source": "made up"})
    given = rows().filter(pl.col("table").is_in(list(feature.tables)))
    assert set(pick(feature, given, MOMENT, None)["record_id"]) == records


def test_a_way_of_counting_that_nobody_knows_is_refused() -> None:
    feature = parse_feature("asked", {"kind": "distinct_substances", "count_by": "chapter", "source": "made up"})
    medicines = pl.DataFrame({"code": ["a"], "code_system": ["SYNTHETIC"], "substance": ["s"], "bnf_code": ["0101010"]})
    with pytest.raises(DeclarationError, match="bnf_paragraph"):
        substances_of(medicines, feature)
