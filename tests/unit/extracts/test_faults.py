"""Damaged files: named and refused; of an extract in parts, only the practices of the damaged part are held back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import DataContractError
from pophealth.extracts.reading import Reader
from small_extract import (
    EVENTS,
    OTHER,
    PATIENTS,
    PRACTICE,
    REGISTRATIONS,
    config_of,
    conformed,
    default_tables,
    rules,
    table,
    write_csv,
    write_parts,
)


def two_parts() -> dict[str, dict[str, pl.DataFrame]]:
    """Give two parts, one practice each, of two people each."""

    def renamed(text: str, **words: str) -> str:
        for old, new in words.items():
            text = text.replace(old, new)
        return text

    first = {"patients": PATIENTS, "registrations": REGISTRATIONS, "events": EVENTS}
    second = {
        "patients": renamed(PATIENTS, **{"\na ": "\nc ", "\nb ": "\nd "}),
        "registrations": renamed(REGISTRATIONS, **{"\na ": "\nc ", "\nb ": "\nd ", PRACTICE: OTHER}),
        "events": renamed(EVENTS, **{"\na ": "\nc ", "\nb ": "\nd "}),
    }
    return {"U10001": {k: table(v) for k, v in first.items()}, "U10002": {k: table(v) for k, v in second.items()}}


@pytest.mark.parametrize("cut", ["1 %", "half", "last byte"])
@pytest.mark.parametrize("name", ["patients", "registrations", "events"])
def test_a_truncated_file_is_named_and_its_kind_of_damage(tmp_path: Path, cut: str, name: str) -> None:
    for other, frame in default_tables().items():
        frame.write_parquet(tmp_path / f"{other}.parquet")
    path = tmp_path / f"{name}.parquet"
    content = path.read_bytes()
    path.write_bytes(
        content[: {"1 %": len(content) // 100, "half": len(content) // 2, "last byte": len(content) - 1}[cut]]
    )
    with pytest.raises(DataContractError, match=rf"{name}\.parquet: cannot be read as Parquet"):
        conformed(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'patient_id,"date\n', b"PK\x03\x04"])
def test_what_is_no_csv_is_named(tmp_path: Path, content: bytes) -> None:
    write_csv(tmp_path, default_tables())
    (tmp_path / "events.csv").write_bytes(content)
    with pytest.raises(DataContractError, match=r"events\.csv"):
        conformed(tmp_path)


def test_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    (tmp_path / "events.csv").write_bytes((tmp_path / "events.csv").read_bytes().replace(b"SNOMED", b"SN\xe9MED"))
    with pytest.raises(DataContractError, match=r"events\.csv: cannot be read as CSV"):
        conformed(tmp_path)


@given(place=st.floats(0, 1), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_a_flipped_bit_never_passes_a_list_of_checksums(tmp_path_factory, place: float, bit: int) -> None:
    folder = tmp_path_factory.mktemp("flip")
    for name, frame in default_tables().items():
        frame.write_parquet(folder / f"{name}.parquet")
    path = folder / "events.parquet"
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  ./{file.name}" for file in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    conformed(folder)
    content = bytearray(path.read_bytes())
    content[min(int(place * len(content)), len(content) - 1)] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(DataContractError, match=r"events\.parquet: its SHA-256"):
        conformed(folder)


def test_page_checksums_are_verified_where_the_sender_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame({"code": [f"code number {number}" for number in range(5_000)]})
    pq.write_table(frame.to_arrow(), path, write_page_checksum=True, compression="none", use_dictionary=False)
    content = path.read_bytes()
    place = content.index(b"code number 4000") + 5
    path.write_bytes(content[:place] + b"X" + content[place + 1 :])
    with pytest.raises(DataContractError, match="cannot be read as Parquet"):
        list(Reader(tmp_path).batches(path))


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def lose(path: Path) -> None:
    path.unlink()


def drop_a_column(path: Path) -> None:
    pl.read_parquet(path).drop("record_id").write_parquet(path)


def retype(path: Path) -> None:
    pl.read_parquet(path).with_columns(pl.col("code").cast(pl.Int64)).write_parquet(path)


@pytest.mark.parametrize("harm", [damage, lose, drop_a_column, retype])
def test_a_damaged_part_holds_back_its_practices_and_no_other(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    write_parts(tmp_path, two_parts())
    clean, expected = conformed(tmp_path)
    harm(tmp_path / "events" / "U10001.parquet")
    account, writer = conformed(tmp_path, extract={"supplies": {"events": ["SNOMED"]}})
    assert list(account.withheld) == [PRACTICE]
    assert account.to_dict()["parts_not_read"] == {"U10001": account.withheld[PRACTICE]}
    assert "U10001" in account.withheld[PRACTICE]
    for name in ("patients", "events"):
        mine, theirs = (rows.of(name).filter(pl.col("_practice") == OTHER) for rows in (writer, expected))
        assert mine.equals(theirs)
    assert clean.totals()["events"]["kept"] == 4
    assert account.totals()["events"]["kept"] == 2


def test_a_part_whose_registrations_are_damaged_is_known_by_its_network(tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "extract", two_parts())
    damage(folder / "registrations" / "U10001.parquet")
    with pytest.raises(DataContractError, match="registrations/U10001"):
        conformed(folder)  # nobody can say whose records are in it
    members = f"practice_code,network_code,start_date\n{PRACTICE},U10001,2020-01-01\n{OTHER},U10002,2020-01-01\n"
    (tmp_path / "memberships.csv").write_text(members)
    account, writer = conformed(folder, reference={"memberships": tmp_path / "memberships.csv"})
    assert list(account.withheld) == [PRACTICE]
    assert set(writer.of("patients")["_practice"]) == {OTHER}


def test_a_part_of_the_manifest_that_is_damaged_or_missing_is_held_back(tmp_path: Path) -> None:
    write_parts(tmp_path, two_parts())
    files = {
        path.relative_to(tmp_path).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "rows": pl.read_parquet(path).height,
        }
        for path in sorted(tmp_path.rglob("*.parquet"))
    }
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"files": files, "extract_date": "2024-06-30"}))
    account, _ = conformed(tmp_path, extract={"extract_date": None})
    assert account.facts["extract_date"] == "2024-06-30"
    assert account.withheld == {}
    changed = tmp_path / "events" / "U10002.parquet"
    pl.read_parquet(changed).with_columns(code=pl.lit("59621000")).write_parquet(changed)
    account, _ = conformed(tmp_path)
    assert list(account.withheld) == [OTHER]
    changed.unlink()
    account, _ = conformed(tmp_path)
    assert "not there" in account.withheld[OTHER]


def test_a_manifest_that_counts_other_rows_is_told(tmp_path: Path) -> None:
    write_parts(tmp_path, two_parts())
    files = {
        path.relative_to(tmp_path).as_posix(): {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": 2}
        for path in sorted(tmp_path.rglob("*.parquet"))
    }
    files["events/U10001.parquet"]["rows"] = 3
    (tmp_path / "extract.json").write_text(json.dumps({"files": files}))
    account, _ = conformed(tmp_path)
    assert account.withheld == {
        PRACTICE: "extract events/U10001.parquet: 2 rows, its manifest says 3. Have it sent again."
    }


@pytest.mark.parametrize("text", ["not json", "[]", '{"files": {"a": 1}}', '{"extract_date": "soon"}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path, default_tables())
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataContractError, match=r"manifest\.json"):
        conformed(tmp_path)


def test_a_list_of_checksums_that_is_none_is_refused_by_line(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    (tmp_path / "SHA256SUMS").write_text("abc  events.csv\n")
    with pytest.raises(DataContractError, match="1 of 1 lines are not"):
        conformed(tmp_path)


def test_a_file_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    name = "patients.csv"
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()} *{name}\n")
    with pytest.raises(DataContractError, match="not in the list of checksums"):
        conformed(tmp_path)


def test_files_of_one_name_that_do_not_belong_together_are_found_out(tmp_path: Path) -> None:
    parts = two_parts()
    parts["U10001"]["events"], parts["U10002"]["events"] = parts["U10002"]["events"], parts["U10001"]["events"]
    write_parts(tmp_path, parts)
    account, _ = conformed(tmp_path)
    assert sorted(account.withheld) == [PRACTICE, OTHER]
    assert "self_contained_parts = false" in account.withheld[PRACTICE]
    account, writer = conformed(tmp_path, extract={"self_contained_parts": False})
    assert account.withheld == {}
    assert writer.of("events").height == 4


def test_parts_asked_for_and_not_there_are_refused(tmp_path: Path) -> None:
    write_csv(tmp_path, default_tables())
    with pytest.raises(DataContractError, match="self_contained_parts is set"):
        conformed(tmp_path, extract={"self_contained_parts": True})


def test_a_person_in_two_parts_is_counted_once_where_registered_last(tmp_path: Path) -> None:
    parts = two_parts()
    number = pl.when(pl.col("patient_id").is_in(["a", "c"])).then(pl.lit("9434765919"))
    for tables in parts.values():
        tables["patients"] = tables["patients"].with_columns(nhs_number=number)
    parts["U10002"]["registrations"] = parts["U10002"]["registrations"].with_columns(start_date=pl.lit("2015-01-01"))
    deaths = {"U10001": "a", "U10002": "d"}
    for part, who in deaths.items():
        parts[part]["deaths"] = table(f"patient_id | death_date\n{who} | 2024-01-01")
    write_parts(tmp_path, parts)
    account, writer = conformed(tmp_path)
    numbered = writer.of("patients").filter(pl.col("nhs_number").is_not_null())
    assert numbered["_practice"].to_list() == [OTHER]
    assert numbered["death_date"].is_not_null().all()  # dead by the record of the other part
    assert rules(account, "patients") == {"duplicate_nhs_number": 1}
    assert rules(account, "events") == {"duplicate_nhs_number": 1}
    whole, expected = conformed(tmp_path, extract={"self_contained_parts": False})
    assert whole.totals() == account.totals()
    assert writer.of("patients").equals(expected.of("patients"))
    assert writer.of("events").equals(expected.of("events"))


def test_an_objection_in_one_part_holds_in_the_other(tmp_path: Path) -> None:
    parts = two_parts()
    for tables in parts.values():
        who = pl.when(pl.col("patient_id").is_in(["a", "c"])).then(pl.lit("9434765919"))
        tables["patients"] = tables["patients"].with_columns(nhs_number=who)
    parts["U10001"]["opt_outs"] = table("patient_id | opt_out_type | start_date\na | type_1 | 2020-01-01")
    write_parts(tmp_path, parts)
    account, writer = conformed(tmp_path)
    assert writer.of("patients").height == 2
    assert account.to_dict()["persons"]["type_1_opt_out"] == 2


def test_messages_hold_no_identifier(tmp_path: Path) -> None:
    secret = "9434765919"
    patients = f"patient_id | nhs_number | birth_date | sex\n{secret} | {secret} | 1950-03-04 | female"
    write_csv(tmp_path, default_tables(patients=patients))
    with (tmp_path / "events.csv").open("a") as file:
        file.write(f'{secret},"unfinished\n')
    try:
        account, _ = conformed(tmp_path)
        told = json.dumps(account.to_dict())
    except DataContractError as error:
        told = str(error)
    assert secret not in told
    assert config_of(tmp_path).extract.path == tmp_path
