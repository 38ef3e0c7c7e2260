"""Rows in = kept + quarantined + out of scope, for whatever an extract holds; a batch's size decides nothing."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pophealth.errors import DataContractError
from pophealth.extracts import conform, reading
from pophealth.extracts.conservation import Conservation, Tally
from small_extract import OTHER, PRACTICE, Remembering, config_of, conformed, counts, default_tables, write_csv

KEYS = st.sampled_from(["a", "b", "c", "d", "e", "", "ü"])
TEXT_DAYS = st.dates(date(1899, 12, 1), date(2026, 1, 1)).map(str) | st.sampled_from(["", "01/02/2020", "1900-01-01"])
COLUMNS: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "patients": {
        "patient_id": KEYS,
        "nhs_number": st.sampled_from(["", "9434765919", "9434765870", "9434765918", "0000000000", "943 476 5919"]),
        "birth_date": TEXT_DAYS,
        "sex": st.sampled_from(["female", "male", "F", ""]),
    },
    "registrations": {
        "patient_id": KEYS,
        "practice_code": st.sampled_from([PRACTICE, OTHER, "a81001", "../A8", "A8100１", ""]),
        "start_date": TEXT_DAYS,
        "end_date": TEXT_DAYS,
        "registration_type": st.sampled_from(["regular", "temporary", "R"]),
    },
    "deaths": {"patient_id": KEYS, "death_date": TEXT_DAYS},
    "opt_outs": {
        "patient_id": KEYS,
        "opt_out_type": st.sampled_from(["type_1", "national", "?"]),
        "start_date": TEXT_DAYS,
        "end_date": TEXT_DAYS,
    },
    "merges": {"patient_id": KEYS, "into_patient_id": KEYS, "merged_date": TEXT_DAYS},
    "events": {
        "patient_id": KEYS,
        "date": TEXT_DAYS,
        "recorded_date": TEXT_DAYS,
        "code": st.sampled_from(["38341003", "38341004", "SYN:x", "=1", "59621000"]),
        "code_system": st.sampled_from(["SNOMED", "SYNTHETIC", "snomed"]),
        "record_id": st.sampled_from(["1", "2", ""]),
    },
    "measurements": {
        "patient_id": KEYS,
        "date": TEXT_DAYS,
        "time": st.sampled_from(["", "10:00:00", "x"]),
        "code": st.sampled_from(["271649006", "271650006"]),
        "code_system": st.just("SNOMED"),
        "record_id": st.just("1"),
        "value": st.sampled_from(["120", "80", "1.5", "", "x", "nan"]),
        "unit": st.sampled_from(["mmHg", "", "kPa"]),
    },
}


def extracts() -> st.SearchStrategy[dict[str, pl.DataFrame]]:
    def frame(name: str) -> st.SearchStrategy[pl.DataFrame]:
        rows = st.lists(st.fixed_dictionaries(COLUMNS[name]), max_size=8)
        schema = dict.fromkeys(COLUMNS[name], pl.String)
        return rows.map(lambda found: pl.DataFrame(found, schema=schema).with_columns(pl.all().replace("", None)))

    return st.fixed_dictionaries({name: frame(name) for name in COLUMNS})


def everything(writer: Remembering) -> dict[str, pl.DataFrame]:
    names = ("patients", "registrations", "opt_outs", "events", "measurements")
    return {name: writer.of(name) for name in names}


@given(extracts())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_row_of_any_extract_is_accounted_for(tmp_path_factory, tables: dict[str, pl.DataFrame]) -> None:
    folder = write_csv(tmp_path_factory.mktemp("any"), tables)
    account, writer = conformed(folder)
    document = account.to_dict()["sources"]
    for name, rows in tables.items():
        totals = account.totals()[name]
        assert totals["rows_in"] == rows.height
        assert totals["rows_in"] == totals["kept"] + totals["quarantined"] + totals["out_of_scope"]
        if name not in document:
            assert rows.is_empty()
            continue
        for entry in (document[name], *document[name]["practices"].values()):
            assert entry["rows_in"] == entry["kept"] + entry["quarantined"] + sum(entry["reasons"].values())
            assert max(entry["rules"].values(), default=0) <= entry["quarantined"] <= sum(entry["rules"].values())
    found = everything(writer)
    for name, rows in found.items():
        assert rows.height == account.totals()[name]["kept"]
    people = found["patients"]
    assert people["patient_id"].n_unique() == people.height
    assert people["nhs_number"].drop_nulls().n_unique() == people["nhs_number"].drop_nulls().len()
    home = dict(people.select("patient_id", "_practice").iter_rows())
    for name in set(found) - {"patients"}:
        assert all(home[who] == practice for who, practice in found[name].select("patient_id", "_practice").iter_rows())
    assert set(people["_practice"]) <= {PRACTICE, OTHER}


@given(extracts(), st.integers(1, 5))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_size_of_a_batch_changes_nothing(tmp_path_factory, tables: dict[str, pl.DataFrame], size: int) -> None:
    folder = write_csv(tmp_path_factory.mktemp("batches"), tables)
    account, writer = conformed(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BATCH_ROWS", size)
        other, others = conformed(folder)
    assert other.to_dict() == account.to_dict()
    for name, rows in everything(writer).items():
        assert everything(others)[name].equals(rows)


@given(extracts(), st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_rows_after_the_extract_date_change_nothing_that_is_kept(
    tmp_path_factory, tables: dict[str, pl.DataFrame], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("later")
    _, before = conformed(write_csv(folder, tables))
    later = {}
    day_of = {"registrations": "start_date", "merges": "merged_date", "events": "date", "measurements": "date"}
    for name, column in day_of.items():
        added = data.draw(st.lists(st.fixed_dictionaries(COLUMNS[name]), max_size=4))
        ahead = date(2024, 12, 31) + timedelta(days=data.draw(st.integers(1, 300)))
        rows = [row | {column: str(ahead)} for row in added]
        more = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS[name], pl.String)).with_columns(
            pl.all().replace("", None)
        )
        later[name] = pl.concat([tables[name], more])
    _, after = conformed(write_csv(folder, tables | later))
    for name, rows in everything(before).items():
        assert everything(after)[name].equals(rows)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_order_of_rows_changes_nothing_that_is_kept(tmp_path: Path, threads: int) -> None:
    tables = default_tables()
    _, one = conformed(write_csv(tmp_path / "one", tables))
    _, two = conformed(write_csv(tmp_path / "two", {name: frame.reverse() for name, frame in tables.items()}))
    for name, rows in everything(one).items():
        assert everything(two)[name].equals(rows)


def of(rows: int, kept: int, source_rows: int, spooled: int) -> Conservation:
    account, tally = Conservation("canonical"), Tally()
    tally.rows_in("events", "events", pl.DataFrame({"_practice": [PRACTICE], "len": [rows]}))
    tally.kept("events", "events", PRACTICE, kept, spooled=True)
    account.add(tally, {"events": source_rows})
    account.check({PRACTICE: spooled})
    return account


def test_an_account_that_does_not_add_up_is_refused() -> None:
    assert of(2, 2, 2, 2).totals()["events"]["kept"] == 2
    for numbers, what in (
        ((2, 1, 2, 1), "2 in, 1 kept"),
        ((2, 2, 3, 2), "its files hold 3 rows, 2 are accounted for"),
        ((2, 2, 2, 1), "2 rows kept, 1 in the register"),
    ):
        with pytest.raises(DataContractError, match=what):
            of(*numbers)


def test_what_passed_of_a_withheld_practice_is_out_of_scope(tmp_path: Path) -> None:
    account, _ = conformed(write_csv(tmp_path, default_tables()))
    account.withhold(PRACTICE, "too few rows")
    assert account.totals()["events"] == {"rows_in": 2, "kept": 0, "quarantined": 0, "out_of_scope": 2}
    assert counts(account, "events")["reasons"] == {"practice_withheld": 2}
    assert account.to_dict()["withheld"] == {PRACTICE: "too few rows"}


class Losing(Remembering):
    """A writer that loses a row, to see whether anybody notices."""

    def spool(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        super().spool(table, practice, frame)
        if table == "events":
            self.rows[practice] -= 1


def test_a_row_lost_on_the_way_to_the_register_is_noticed(tmp_path: Path) -> None:
    folder = write_csv(tmp_path, default_tables())
    with pytest.raises(DataContractError, match="do not add up"):
        conform(config_of(folder), Losing(), b"k" * 32)


def test_the_account_is_plain_and_the_same_every_time(tmp_path: Path) -> None:
    folder = write_csv(tmp_path, default_tables())
    one, two = conformed(folder)[0].to_dict(), conformed(folder)[0].to_dict()
    assert one == two

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        return all(map(plain, value)) if isinstance(value, list) else isinstance(value, int | str)

    assert plain(one)
    assert isinstance(one, dict)
    assert not isinstance(one, Counter)
