"""Which practice was in which network when: half-open here, inclusive there; nobody is in two on one day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import DataContractError, UsageError
from pophealth.reference import (
    load_memberships,
    load_network_details,
    load_practice_map,
    members_on,
    one_practice_membership,
)
from pophealth.tables import Memberships

ODS_HEAD = (
    "Partner Organisation Code,Partner Name,PCN Code,Practice to PCN Relationship Start Date,"
    "Practice to PCN Relationship End Date\n"
)


def ods(folder: Path, *rows: str) -> Path:
    path = folder / "pcn_membership.csv"
    path.write_text(ODS_HEAD + "".join(row + "\n" for row in rows))
    return path


def network_on(memberships: pl.DataFrame, day: date, practice: str = "A81001") -> str | None:
    rows = members_on(memberships, day).filter(pl.col("practice_code") == practice)
    assert rows.height <= 1
    return rows["network_code"][0] if rows.height else None


def test_ends_are_inclusive_there_and_half_open_here(tmp_path: Path) -> None:
    rows, warnings = load_memberships(ods(tmp_path, "A81001,A,U11111,20200401,20210331", "A81001,A,U22222,20210401,"))
    assert warnings == []
    assert rows.schema == Memberships.create_empty().schema
    assert rows.select("start_date", "end_date").rows() == [
        (date(2020, 4, 1), date(2021, 4, 1)),
        (date(2021, 4, 1), None),
    ]
    assert [network_on(rows, day) for day in (date(2020, 3, 31), date(2020, 4, 1), date(2021, 3, 31))] == [
        None, "U11111", "U11111",
    ]  # fmt: skip
    assert network_on(rows, date(2021, 4, 1)) == "U22222"


@pytest.mark.parametrize(
    ("periods", "answers"),
    [
        # the later start wins from the day it begins
        (["U11111,20200401,", "U22222,20210401,"], {"2021-03-31": "U11111", "2021-04-01": "U22222"}),
        # one day shared: ODS ended the old one on the day the new one began
        (["U11111,20200401,20210401", "U22222,20210401,"], {"2021-03-31": "U11111", "2021-04-01": "U22222"}),
        # the earlier one goes on where the later one ended: outside the overlap nothing is changed
        (["U11111,20200401,", "U22222,20210401,20210430"], {"2021-04-30": "U22222", "2021-05-01": "U11111"}),
        # begun on one day: the one that ends later stays, whatever its code
        (["U99999,20240701,20240702", "U11111,20240701,"], {"2024-07-01": "U11111", "2024-07-03": "U11111"}),
        (["U11111,20240701,20240702", "U99999,20240701,"], {"2024-07-01": "U99999", "2024-07-03": "U99999"}),
        # not neighbours in order of start: the first one overlaps the third
        (
            ["U11111,20200401,", "U22222,20200501,20200531", "U33333,20200701,"],
            {"2020-05-31": "U22222", "2020-06-30": "U11111", "2020-07-01": "U33333"},
        ),
    ],
)
def test_of_two_on_one_day_the_later_start_wins(tmp_path: Path, periods: list[str], answers: dict[str, str]) -> None:
    rows, warnings = load_memberships(ods(tmp_path, *(f"A81001,A,{period}" for period in periods)))
    assert len(warnings) == 1
    assert "overlap a later one of the same practice; the later start wins" in warnings[0]
    assert {day: network_on(rows, date.fromisoformat(day)) for day in answers} == answers


DAY = date(2020, 1, 1)


@settings(max_examples=60, deadline=None)
@given(
    periods=st.lists(
        st.tuples(
            st.sampled_from(["A81001", "A81002"]),
            st.sampled_from(["U11111", "U22222", "U33333"]),
            st.integers(0, 20),
            st.none() | st.integers(-2, 12),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_day_by_day_it_is_what_a_clerk_would_say(
    tmp_path_factory: pytest.TempPathFactory, periods: list[tuple[str, str, int, int | None]]
) -> None:
    """The slow twin: of the rows in force on the day, the last begun; then the last to end; then the highest code."""
    rows = [
        (practice, network, DAY + timedelta(start), None if length is None else DAY + timedelta(start + length))
        for practice, network, start, length in periods
    ]
    lines = [
        f"{practice},P,{network},{start:%Y%m%d},{'' if end is None else f'{end:%Y%m%d}'}"
        for practice, network, start, end in rows
    ]
    path = ods(tmp_path_factory.mktemp("ods"), *lines)
    memberships, _ = load_memberships(path)
    assert Memberships.is_valid(memberships)
    for offset in range(-1, 36):
        day = DAY + timedelta(offset)
        for practice in ("A81001", "A81002"):
            in_force = [
                (start, end or date.max, network)
                for who, network, start, end in rows
                if who == practice and start <= day and (end is None or day <= end)
            ]
            assert network_on(memberships, day, practice) == (max(in_force)[2] if in_force else None)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    rows, warnings = load_memberships(
        ods(
            tmp_path,
            "A81001,A,U11111,20200401,",
            "A81002,B,U,20200401,",
            "A81003,C,U11111,2020-04-01,",
            "A81004,D,U11111,20200401,20210230",
            "A8100,E,U11111,20200401,",
            "A81006,F,U1111,20200401,",
            "A81007,G,U1111１,20200401,",
        )
    )
    assert rows["practice_code"].to_list() == ["A81001"]
    said = " | ".join(warnings)
    assert "1 rows in no network (code U) left out" in said
    assert "2 rows with a date that is none left out" in said, "an end that is lost would never end"
    assert "3 rows that break the contract left out" in said


def test_a_relationship_that_ended_before_it_began_was_never_in_force(tmp_path: Path) -> None:
    rows, _ = load_memberships(ods(tmp_path, "A81001,A,U11111,20200401,20200331", "A81002,B,U11111,20200401,20200401"))
    assert rows["practice_code"].to_list() == ["A81002"]
    assert network_on(rows, date(2020, 4, 1), "A81002") == "U11111"
    assert network_on(rows, date(2020, 4, 2), "A81002") is None


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_our_own_table_is_half_open_already(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"memberships{suffix}"
    frame = pl.DataFrame(
        {
            "practice_code": ["A81001"],
            "network_code": ["U11111"],
            "start_date": [date(2020, 4, 1)],
            "end_date": [date(2021, 4, 1)],
        }
    )
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    rows, warnings = load_memberships(path)
    assert warnings == []
    assert network_on(rows, date(2021, 3, 31)) == "U11111"
    assert network_on(rows, date(2021, 4, 1)) is None
    assert rows["practice_name"].to_list() == [None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "columns network_code, practice_code, start_date are missing; found .*a, b"),
        (ODS_HEAD, "none of 0 rows is a membership"),
        (ODS_HEAD + "A81001,A,U,20200401,\n", "none of 1 rows is a membership"),
        ("", "cannot be read as csv"),
        (ODS_HEAD + "A81001,A,U11111,20200401,,,,,\n", "cannot be read as csv"),
    ],
)
def test_a_file_that_is_no_membership_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "memberships.csv"
    path.write_text(text)
    with pytest.raises(DataContractError, match=said) as caught:
        load_memberships(path)
    assert "A81001" not in str(caught.value)


def test_a_truncated_parquet_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "memberships.parquet"
    with pytest.raises(DataContractError, match="cannot be read as parquet"):
        load_memberships(path)
    pl.DataFrame({"practice_code": ["A81001"]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataContractError, match="cannot be read as parquet"):
        load_memberships(path)


def test_one_practice_for_a_source_that_knows_none() -> None:
    class Site:
        practice_code = "Y00001"
        practice_name = "Made up"
        network_code = "U00001"

    rows = one_practice_membership(Site())
    assert Memberships.is_valid(rows)
    assert network_on(rows, date(1900, 1, 1), "Y00001") == "U00001"
    Site.network_code = "U"
    with pytest.raises(UsageError, match="network code"):
        one_practice_membership(Site())


def test_all_of_england_loads_and_agrees_with_the_practice_map(shared_data: Path) -> None:
    """ODS as of 2026-06-30 against the map of 1 July: 6,083 of 6,087 practices with a network; 52 unallocated in both."""
    folder = shared_data / "reference"
    memberships, warnings = load_memberships(folder / "pcn_membership.csv")
    assert warnings == [
        "memberships pcn_membership.csv: 8 periods overlap a later one of the same practice; the later start wins"
    ]
    on_the_day = members_on(memberships, date(2026, 6, 30))
    assert on_the_day["practice_code"].is_unique().all()
    mapped = load_practice_map(folder / "practice_map_2026-07.csv")
    both = mapped.join(on_the_day, on="practice_code", how="left", suffix="_ods")
    allocated = both.filter(pl.col("network_code").is_not_null())
    unallocated = both.filter(pl.col("network_code").is_null())
    assert allocated.height == 6_087
    assert int((allocated["network_code"] == allocated["network_code_ods"]).sum()) == 6_083
    assert (unallocated.height, unallocated["network_code_ods"].null_count()) == (52, 52)
    assert "U" not in set(memberships["network_code"]) | set(mapped["network_code"])


def test_published_network_details_load(shared_data: Path) -> None:
    networks = load_network_details(shared_data / "reference" / "pcn_details.csv")
    assert networks.height == 1_366
    assert networks["network_code"].is_unique().all()
    assert set(networks["sub_icb_code"].str.len_chars()) <= {3, 5}


def test_network_details_that_break_the_contract_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "details.csv"
    path.write_text("PCN Code,PCN Name,Current Sub ICB Loc Code\nU11111,A,26A\nU,B,26A\n")
    with pytest.raises(DataContractError, match="1 breaches in 2 rows"):
        load_network_details(path)
