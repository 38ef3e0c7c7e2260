"""The delivered tables' columns and types are a contract, and any Arrow reader opens them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pytest

from pophealth.delivery.columns import EVIDENCE, LABEL, MEMBERS, PATIENTS, arrow_table, values_of
from test_support import deliveries

CONTRACT = {
    "members": """network_code practice_code patient_id service rule_id catalogue_id contract_year carried_from status
        tier tier_label rank criteria_true criteria_unknown reasons nhs_number""",
    "patients": "patient_id age_years sex practice_code imd_quintile",
    "evidence": """patient_id rule_id criterion table record_id date code code_system term value unit window_from
        window_to""",
}
"""As ARCHITECTURE section 5 names them, in its order."""

TYPES = {
    "tier": pa.int8(),
    "rank": pa.int32(),
    "criteria_true": pa.uint64(),
    "criteria_unknown": pa.uint64(),
    "reasons": pa.list_(pa.string()),
    "patient_id": pa.string(),
    "nhs_number": pa.string(),
    "record_id": pa.string(),
    "code": pa.string(),
    "age_years": pa.int16(),
    "imd_quintile": pa.int8(),
    "date": pa.date32(),
    "window_from": pa.date32(),
    "window_to": pa.date32(),
    "value": pa.float64(),
}


def opened(path: Path) -> pa.Table:
    with pa.ipc.open_file(path) as reader:
        return reader.read_all()


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deliveries.deliver(tmp_path_factory.mktemp("delivery"))


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract_comes_first_in_its_order_and_types(delivery: Path, name: str) -> None:
    table = opened(delivery / f"{name}.arrow")
    wanted = CONTRACT[name].split()
    assert table.column_names[: len(wanted)] == wanted
    label = pa.dictionary(pa.int32(), pa.string())
    assert {column: table.schema.field(column).type for column in wanted} == {
        column: TYPES.get(column, label) for column in wanted
    }


def test_practices_have_the_same_columns(delivery: Path) -> None:
    whole = opened(delivery / "members.arrow").schema
    for code in deliveries.PRACTICES:
        assert opened(delivery / "practices" / code / "members.arrow").schema == whole


def test_further_columns_stand_behind_with_labels_for_text(delivery: Path) -> None:
    table = opened(delivery / "patients.arrow")
    behind = table.column_names[len(PATIENTS) :]
    assert behind == ["has_frailty", "frailty_latest", "frailty_latest_date", "efi_score", "count_issues_12m"]
    assert [table.schema.field(name).type for name in behind] == [
        pa.bool_(), LABEL, pa.date32(), pa.float64(), pa.int32(),
    ]  # fmt: skip
    assert opened(delivery / "evidence.arrow").column_names[len(EVIDENCE) :] == ["feature"]


def test_every_reader_sees_the_same_values(delivery: Path) -> None:
    table = opened(delivery / "members.arrow")
    assert table.column("reasons").to_pylist() == [["old", "frail"], ["old"], ["old", "reviewed"], []]
    assert table.column("criteria_true").to_pylist() == [3, 1, 5, 1]
    assert table.column("tier_label").to_pylist() == ["severe", "other", None, None]
    frame = pl.read_ipc(delivery / "members.arrow")
    assert frame.with_columns(pl.col(pl.Categorical).cast(pl.String)).to_dicts() == table.to_pylist()


def test_no_dictionary_has_an_unsigned_index(delivery: Path) -> None:
    """pandas refuses one (ehrQL issue 945)."""
    for path in delivery.rglob("*.arrow"):
        for field in opened(path).schema:
            if pa.types.is_dictionary(field.type):
                assert pa.types.is_signed_integer(field.type.index_type)
            assert not pa.types.is_large_string(field.type)
            assert not pa.types.is_string_view(field.type)


def test_masks_keep_their_64th_bit() -> None:
    rows = deliveries.parts()["members"].with_columns(criteria_true=pl.lit(2**64 - 1, dtype=pl.UInt64))
    assert arrow_table(rows, MEMBERS).column("criteria_true").to_pylist() == [2**64 - 1] * 4


def test_an_empty_list_keeps_its_columns(tmp_path: Path) -> None:
    nobody = {
        "members": deliveries.parts()["members"].clear(),
        "patients": deliveries.patients().clear(),
        "evidence": deliveries.evidence().clear(),
        "practices": {},
    }
    folder = deliveries.deliver(tmp_path, **nobody)
    full = deliveries.deliver(tmp_path / "full")
    for name in CONTRACT:
        table = opened(folder / f"{name}.arrow")
        assert table.num_rows == 0
        assert table.schema == opened(full / f"{name}.arrow").schema


def test_the_same_rows_give_the_same_bytes_whatever_their_dictionaries(tmp_path: Path) -> None:
    one = deliveries.deliver(tmp_path / "one")
    as_categories = {
        name: frame.with_columns(pl.col("practice_code").cast(pl.Categorical))
        for name, frame in (("members", deliveries.parts()["members"]), ("patients", deliveries.patients()))
    }
    in_pieces = pl.concat([as_categories["members"][:1], as_categories["members"][1:]], rechunk=False)
    two = deliveries.deliver(tmp_path / "two", **as_categories | {"members": in_pieces})
    assert deliveries.bytes_of(one) == deliveries.bytes_of(two)


def test_nothing_is_left_under_a_null(tmp_path: Path) -> None:
    """A masked value stays in Polars' buffers; in a delivered file it would be there for anyone with a hex viewer."""
    hidden = pl.when(pl.col("patient_id") != "p3")
    rows = deliveries.patients().with_columns(
        hidden.then(pl.lit("secret-label")).alias("label"),
        hidden.then(pl.lit(0x5EC2E7, dtype=pl.Int64)).alias("number"),
        hidden.then(pl.col("patient_id") == "p1").alias("is_it"),
        hidden.then(pl.date(2001, 2, 3)).alias("day"),
        hidden.then(pl.lit(["secret-flag"])).alias("flags"),
    )
    masked = rows.with_columns(
        pl.when(pl.lit(value=False)).then(pl.col("label", "number", "is_it", "day", "flags")).name.keep()
    )
    nulls = masked.with_columns(
        pl.lit(None, dtype=masked.schema[name]).alias(name) for name in ("label", "number", "is_it", "day")
    )
    one = deliveries.deliver(tmp_path / "masked", patients=masked)
    two = deliveries.deliver(tmp_path / "nulls", patients=nulls)
    assert (one / "patients.arrow").read_bytes() == (two / "patients.arrow").read_bytes()
    table = opened(deliveries.deliver(tmp_path / "some", patients=rows) / "patients.arrow")
    assert table.column("number").to_pylist() == [0x5EC2E7, 0x5EC2E7, None]
    assert table.column("is_it").to_pylist() == [True, False, None]
    assert table.column("label").to_pylist() == ["secret-label", "secret-label", None]
    assert table.column("flags").to_pylist() == [["secret-flag"], ["secret-flag"], None]
    assert table.schema.field("flags").type == pa.list_(pa.string())


def test_values_of_reads_one_column(delivery: Path) -> None:
    assert values_of(delivery / "members.arrow", "practice_code") == set(deliveries.PRACTICES)
    assert values_of(delivery / "members.arrow", "carried_from") == set()
