"""Nothing to write per list: this walk over the folder checks them all; and no clinical code stands here unread."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from pophealth.reference import load_codelist, load_library, passes_check_digit
from pophealth.reference.codelists import SHIPPED

FILES = sorted(SHIPPED.glob("*.csv"))
REPOSITORY = Path(__file__).resolve().parents[3]
SCANNED = ("src", "tests", "configs", "docs", "pipelines", "benchmarks", "models")
_ID = re.compile(r"(?<![0-9A-Za-z_.])[1-9][0-9]{5,17}(?![0-9A-Za-z_])(?!\.[0-9])")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_list_is_whole_and_says_where_it_comes_from(path: Path) -> None:
    item = load_codelist(path)
    assert "SYNTHETIC" not in item.systems
    text = " ".join((item.title, item.version, item.source, item.licence)).lower()
    assert not re.search(r"todo|tbd|xxx|placeholder|invented", text)
    if not item.pointer:
        assert item.codes["term"].null_count() == 0, "a code without a term cannot be read by a clinician"


def test_the_library_is_the_folder() -> None:
    assert load_library().ids == tuple(path.stem for path in FILES)
    assert not [path for path in SHIPPED.iterdir() if path.suffix != ".csv"]


def ids_in(text: str) -> set[str]:
    """Numbers of 6 to 18 digits standing by themselves that could be a concept's id."""
    found = sorted(set(_ID.findall(text)))
    return set(pl.Series(found, dtype=pl.String).filter(passes_check_digit(pl.Series(found, dtype=pl.String))))


def codes_of(path: Path) -> set[str]:
    """The codes in a table of patients: its columns that hold codes, each value once."""
    found: set[str] = set()
    for name in pl.read_parquet_schema(path):
        if "code" in name.lower() or "source_value" in name:
            found |= set(pl.read_parquet(path, columns=[name])[name].cast(pl.String).drop_nulls().unique())
    return found


def test_no_clinical_code_stands_here_that_was_not_read(shared_data: Path) -> None:
    """Every number that could be a SNOMED CT or dm+d id is in service-specs.md or in the reference pack."""
    read = ids_in((shared_data.parent / "design" / "service-specs.md").read_text("utf-8"))
    for path in shared_data.rglob("*.csv"):
        read |= ids_in(path.read_text("utf-8"))
    for path in (shared_data / "patients").rglob("*.parquet"):
        read |= ids_in(" ".join(codes_of(path)))
    unread = {
        str(path.relative_to(REPOSITORY)): sorted(lost)
        for top in SCANNED
        for path in sorted((REPOSITORY / top).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
        if (lost := ids_in(path.read_bytes().decode("utf-8", "ignore")) - read)
    }
    assert unread == {}, "write no code from memory; name where it was read, or write numbers with underscores"


def test_the_search_for_codes_would_find_one() -> None:
    from test_support.ids import concept_id

    made = concept_id("98765432100")
    for around in ("{}", '"{}"', "({}),", "code {}.", "x={};", "`{}`", "{},SNOMED,"):
        assert ids_in(around.format(made)) == {made}
    assert ids_in(f"a{made} {made}b 0.{made} {made[:-1]}") == set()
