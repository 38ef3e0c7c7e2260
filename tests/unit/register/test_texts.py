"""Numbers of texts equal those of a dictionary; checksums equal the reference; each kernel is compiled once."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.kernels import ingest_order, ingest_text
from pophealth.kernels.ingest_checksum import xxh64
from pophealth.kernels.postings import frozen
from pophealth.register.concepts import SYSTEMS, concepts_of
from pophealth.register.texts import TextNumbers, text_parts

TEXTS = st.one_of(st.text(max_size=40), st.sampled_from(["", "a", "b", "12345678", "123456789", "12345678x", "x" * 64]))


@settings(deadline=None)
@given(pieces=st.lists(st.lists(st.tuples(TEXTS, st.integers(0, 2)), max_size=30), max_size=4))
def test_numbers_are_those_of_a_dictionary(pieces: list[list[tuple[str, int]]]) -> None:
    numbers, known = TextNumbers(), dict[tuple[str, int], int]()
    for piece in pieces:
        expected = [known.setdefault(item, len(known)) for item in piece]
        texts = pl.Series([text for text, _ in piece], dtype=pl.String)
        assert numbers.number(texts, np.array([salt for _, salt in piece], np.uint8)).tolist() == expected
    assert len(numbers) == len(known)
    assert numbers.texts().to_pylist() == [text for text, _ in known]
    assert numbers.salts().tolist() == [salt for _, salt in known]


def test_many_and_long_texts_make_it_grow() -> None:
    texts = [f"{number % 5_000}-" + "y" * (number % 5_000 % 97) for number in range(20_000)] + ["z" * 100_000]
    numbers = TextNumbers()
    assert numbers.number(pl.Series(texts)).tolist() == [*(list(range(5_000)) * 4), 5_000]
    assert numbers.texts().to_pylist() == [*texts[:5_000], texts[-1]]


def test_a_slice_is_numbered_as_it_stands() -> None:
    texts = pl.Series(["a", "b", "a", "a text of more than twelve bytes"])[1:]
    assert TextNumbers().number(texts).tolist() == [0, 1, 2]


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 3), st.text(alphabet="ab1\u00e9", max_size=9)), max_size=80
    )
)
def test_ties_are_sorted_by_the_bytes_of_their_text(rows: list[tuple[int, int, str]]) -> None:
    person = frozen(np.array([row[0] for row in rows], np.uint32))
    day = frozen(np.array([row[1] for row in rows], np.uint16))
    order = ingest_order.order_by_person_and_day(person, day, 3)
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: (rows[row][:2], row))
    tied = np.zeros(len(rows), np.uint8)
    offsets, data = text_parts(pa.array([row[2] for row in rows], pa.large_string()))
    same = ingest_text.sort_ties_by_text(order, person, day, np.empty_like(order), offsets, data, tied)
    expected = sorted(range(len(rows)), key=lambda row: (rows[row][:2], rows[row][2].encode(), row))
    assert order.tolist() == expected
    repeats = [place for place in range(1, len(rows)) if rows[expected[place]] == rows[expected[place - 1]]]
    assert np.flatnonzero(tied).tolist() == repeats
    assert same == len(repeats)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 30_000, 65_535])), max_size=60))
def test_the_order_by_concept_is_stable(rows: list[tuple[int, int]]) -> None:
    offsets = np.zeros(7, np.uint32)
    concept = frozen(np.array([row[0] for row in rows], np.uint32))
    order = ingest_order.order_by_concept(concept, frozen(np.array([row[1] for row in rows], np.uint16)), offsets)
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: (rows[row], row))
    assert offsets.tolist() == [sum(row[0] < number for row in rows) for number in range(7)]


@settings(deadline=None)
@given(values=st.lists(st.integers(0, 9), max_size=30))
def test_compacted_values_keep_their_order(values: list[int]) -> None:
    places, used = ingest_order.compacted(frozen(np.array(values, np.uint32)), 10)
    assert used.tolist() == sorted(set(values))
    assert [used[place] for place in places] == values


def test_concepts_come_by_hint_then_system_then_code() -> None:
    numbers = TextNumbers()
    spooled = [("SNOMED", "9"), ("SYNTHETIC", "1"), ("SNOMED", "1"), ("SNOMED", "5"), ("CTV3", "7")]
    numbers.number(
        pl.Series([code for _, code in spooled]),
        np.array([SYSTEMS.index(system) for system, _ in spooled], np.uint8),
    )
    hint = pl.DataFrame({"code_system": ["SNOMED", "SNOMED", "SNOMED"], "code": ["5", "9", "5"], "place": [7, 2, 1]})
    plain, hinted = concepts_of(numbers), concepts_of(numbers, hint)
    rest = [("CTV3", "7"), ("SNOMED", "1")]
    assert plain.frame.select("code_system", "code").rows() == [
        *rest, ("SNOMED", "5"), ("SNOMED", "9"), ("SYNTHETIC", "1"),
    ]  # fmt: skip
    assert hinted.frame.select("code_system", "code").rows() == [
        ("SNOMED", "5"), ("SNOMED", "9"), *rest, ("SYNTHETIC", "1"),
    ]  # fmt: skip
    for concepts in (plain, hinted):
        rows = concepts.frame.select("code_system", "code").rows()
        assert [rows[number] for number in concepts.of_number] == spooled
        assert [
            (SYSTEMS[system], concepts.texts[text].as_py())
            for system, text in zip(concepts.system_of_number, concepts.text_of_number.tolist(), strict=True)
        ] == spooled
    assert plain.texts.to_pylist() == ["1", "5", "7", "9"]


PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
ALL = 2**64 - 1


def slow_xxh64(data: bytes) -> str:
    """Give XXH64 as its specification words it (seed 0)."""

    def turned(value: int, bits: int) -> int:
        return (value << bits | value >> 64 - bits) & ALL

    def rounded(state: int, word: int) -> int:
        return turned((state + word * PRIMES[1]) & ALL, 31) * PRIMES[0] & ALL

    left = data
    if len(data) >= 32:
        lanes = [(PRIMES[0] + PRIMES[1]) & ALL, PRIMES[1], 0, -PRIMES[0] & ALL]
        while len(left) >= 32:
            lanes = [rounded(lane, word) for lane, word in zip(lanes, struct.unpack("<4Q", left[:32]), strict=True)]
            left = left[32:]
        state = sum(turned(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & ALL
        for lane in lanes:
            state = ((state ^ rounded(0, lane)) * PRIMES[0] + PRIMES[3]) & ALL
    else:
        state = PRIMES[4]
    state = (state + len(data)) & ALL
    while len(left) >= 8:
        word = struct.unpack("<Q", left[:8])[0]
        state = (turned(state ^ rounded(0, word), 27) * PRIMES[0] + PRIMES[3]) & ALL
        left = left[8:]
    if len(left) >= 4:
        word = struct.unpack("<I", left[:4])[0]
        state = (turned(state ^ word * PRIMES[0] & ALL, 23) * PRIMES[1] + PRIMES[2]) & ALL
        left = left[4:]
    for byte in left:
        state = turned(state ^ byte * PRIMES[4] & ALL, 11) * PRIMES[0] & ALL
    state = (state ^ state >> 33) * PRIMES[1] & ALL
    state = (state ^ state >> 29) * PRIMES[2] & ALL
    return f"{state ^ state >> 32:016x}"


@settings(deadline=None)
@given(data=st.binary(max_size=200), skip=st.integers(0, 9))
def test_checksums_are_those_of_the_specification_wherever_the_bytes_begin(data: bytes, skip: int) -> None:
    assert xxh64(memoryview(data)[skip:]) == slow_xxh64(data[skip:])


@pytest.mark.parametrize(
    ("text", "known"),
    [("", "ef46db3751d8e999"), ("a", "d24ec4f1a98c6e5b"), ("abc", "44bc2cf5ad770999")],
    ids=["nothing", "one", "three"],
)
def test_known_checksums(text: str, known: str) -> None:
    """Published test values of the reference implementation."""
    assert xxh64(text.encode()) == known


def test_each_kernel_is_compiled_for_one_kind_of_array(tmp_path: Path) -> None:
    """A second signature would be compiled in the middle of an ingest: mapped, made and empty arrays have to be alike."""
    import numba

    from pophealth.kernels import ingest_checksum
    from pophealth.register import open_snapshot, open_writer
    from pophealth.register.layout import SCHEMAS

    person = pl.DataFrame({"patient_id": ["a"]}).select(
        pl.lit(None).alias(name) if name != "patient_id" else pl.col(name) for name in SCHEMAS["patients"]
    )
    event = pl.DataFrame({"patient_id": ["a", "a"]}).with_columns(
        date=pl.date(2020, 1, 1), recorded_date=pl.date(2020, 1, 1), code=pl.lit("1"), code_system=pl.lit("SNOMED"),
        record_id=pl.lit("1"),
    )  # fmt: skip
    for rows in (event, event[:1], pl.concat([event] * 3)):
        with open_writer(tmp_path) as writer:
            writer.spool("patients", "A81001", person)
            writer.spool("events", "A81001", rows)
            writer.spool("events", "A81001", rows.clear())
            writer.finish(facts={}, documents={})
        assert open_snapshot(tmp_path).bucket("A81001").shards[0].postings["events"].lag.size == rows.height
    assert len(ingest_text.number_texts.signatures) == 1
    for module in (ingest_text, ingest_order, ingest_checksum):
        for name, function in vars(module).items():
            called = not name.startswith("_") or name == "_xxh64"  # others are compiled into those
            if called and isinstance(function, numba.core.dispatcher.Dispatcher):
                assert len(function.signatures) <= 1, (name, function.signatures)
