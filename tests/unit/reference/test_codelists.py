"""A damaged codelist is refused, with the line named and no id shown; a whole one says where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import CodelistError
from pophealth.reference import CodelistLibrary, load_codelist, load_library
from test_support.ids import KNOWN, description_id

HEAD = "# title: A list\n# version: 1\n# source: somewhere\n# licence: facts\n"
ROWS = "code,code_system,term\n10725009,SNOMED,Benign hypertension\n80274001,SNOMED,Glomerular filtration rate\n"


def written(folder: Path, text: str, name: str = "a_list", encoding: str = "utf-8") -> Path:
    path = folder / f"{name}.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_whole_list_loads_with_its_provenance(tmp_path: Path) -> None:
    item = load_codelist(written(tmp_path, HEAD + ROWS))
    assert (item.id, item.title, item.version, item.source, item.licence) == (
        "a_list", "A list", "1", "somewhere", "facts",
    )  # fmt: skip
    assert item.codes.schema == {"code": pl.String, "code_system": pl.String, "term": pl.String, "category": pl.String}
    assert item.codes["code"].to_list() == ["10725009", "80274001"]
    assert item.is_filled
    assert item.systems == ("SNOMED",)


@pytest.mark.parametrize("change", ["bom", "crlf", "blank lines", "spaces"])
def test_what_editors_do_to_a_file_changes_nothing(tmp_path: Path, change: str) -> None:
    text = HEAD + ROWS
    if change == "crlf":
        text = text.replace("\n", "\r\n")
    elif change == "blank lines":
        text = text.replace("10725009", "\n10725009") + "\n\n"
    elif change == "spaces":
        text = text.replace("10725009,SNOMED,", " 10725009 , SNOMED , ")
    path = written(tmp_path, text, encoding="utf-8-sig" if change == "bom" else "utf-8")
    plain = load_codelist(written(tmp_path, HEAD + ROWS, "b_list"))
    assert load_codelist(path).digest == plain.digest


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("10725009,SNOMED,x\n1.0725009E+07,SNOMED,y\n", "1 of 2 codes are numbers that a spreadsheet rounded, first on line 7"),
        ("10725009.0,SNOMED,x\n", "a spreadsheet rounded, first on line 6"),
        ("10725009,SNOMED,x\n\n999021851000230000,SNOMED,y\n", "a spreadsheet rounded, first on line 8"),
        ("10725009,SNOMED,x\n10725008,SNOMED,y\n", "1 of 2 codes fail the SNOMED CT check digit or partition, first on line 7"),
        ("107250O9,SNOMED,x\n", "check digit or partition, first on line 6"),
        ("1072500９,SNOMED,x\n", "check digit or partition, first on line 6"),
        ("10725009,SNOMED,x\n10725009,SNOMED,y\n", "1 of 2 codes stand there twice, first on line 7"),
        ("10725009,SNOWMED,x\n", "1 of 1 codes are in an unknown code system, first on line 6"),
        ('10725009,SNOMED,"one\ntwo"\n10725008,SNOMED,y\n', "check digit or partition, first on line 8"),
        (",SNOMED,x\n", "have no code or no code system, first on line 6"),
        ("10725009,,x\n", "have no code or no code system, first on line 6"),
        ("SYN:1,SNOMED,x\n", "mix the system SYNTHETIC with codes that are not 'SYN:...', first on line 6"),
        ("SYN:1,ICD-10,x\n", "mix the system SYNTHETIC"),
        ("10725009,SYNTHETIC,x\n", "mix the system SYNTHETIC"),
        ("10725009,SNOMED,Pain, left\n", "line 6 has 4 cells, expected 3"),
        ("10725009,SNOMED\n", "line 6 has 2 cells, expected 3"),
        ('10725009,SNOMED,"x\n', "is not CSV"),
    ],
)  # fmt: skip
def test_damage_is_named_by_its_line_and_shows_no_id(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(CodelistError, match=re.escape(said)) as caught:
        load_codelist(written(tmp_path, HEAD + "code,code_system,term\n" + rows))
    assert not re.search(r"[0-9]{6}", str(caught.value).replace("\n", ""))
    assert "a_list.csv" in str(caught.value)
    assert ("HINT: spreadsheets" in str(caught.value)) == ("digit" in said or "spreadsheet" in said)


def test_a_description_is_not_a_concept(tmp_path: Path) -> None:
    rows = f"10725009,SNOMED,x\n{description_id('1234567100011')},SNOMED,y\n"
    with pytest.raises(CodelistError, match=r"1 of 2 codes are ids of descriptions or relationships, .* on line 7"):
        load_codelist(written(tmp_path, HEAD + "code,code_system,term\n" + rows))


def test_letters_that_look_like_powers_are_fine_in_other_systems(tmp_path: Path) -> None:
    rows = "code,code_system,term\n13E20,CTV3,x\n1371.,CTV3,y\nI10,ICD-10,z\n8480-6,LOINC,w\n"
    assert load_codelist(written(tmp_path, HEAD + rows)).codes.height == 4


@pytest.mark.parametrize("missing", ["title", "version", "source", "licence"])
def test_a_list_without_provenance_is_refused(tmp_path: Path, missing: str) -> None:
    head = "".join(line for line in HEAD.splitlines(keepends=True) if not line.startswith(f"# {missing}"))
    with pytest.raises(CodelistError, match=f"the head lacks {missing}"):
        load_codelist(written(tmp_path, head + ROWS))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the head lacks title, version, source, licence"),
        (HEAD, "0 codes; a pointer holds none"),
        (HEAD + "code,term\n10725009,x\n", "columns code_system are missing on line 5"),
        (HEAD + "# pointer: yes\n" + ROWS, "2 codes; a pointer holds none"),
        (HEAD + "# pointer: yes\n", "a pointer says"),
        (HEAD + "# pointer: yes\n# where: TRUD\n", "a pointer says"),
        (HEAD + "# pointer: yes\n# where: TRUD\n# refset_id: 999021851000230107\n", "refset_id fails"),
        (HEAD + "code,code,code_system,term\n10725009,10725009,SNOMED,x\n", "a heading stands twice"),
    ],
)
def test_a_file_that_is_no_codelist_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CodelistError, match=said):
        load_codelist(written(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a_list.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CodelistError, match="cannot be read as UTF-8"):
        load_codelist(path)


@pytest.mark.parametrize("name", ["A_list", "a-list", "a+b", "a list", "ä"])
def test_a_name_that_no_declaration_can_say_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CodelistError, match="small letters, digits and underscores"):
        load_codelist(written(tmp_path, HEAD + ROWS, name))


def test_a_pointer_holds_no_code_and_says_where_to_get_them(tmp_path: Path) -> None:
    head = HEAD + "# pointer: yes\n# cluster: PCSP agreed\n# refset_id: 999021851000230108\n# where: TRUD\n"
    item = load_codelist(written(tmp_path, head))
    assert (item.pointer, item.is_filled, item.where) == (True, False, "TRUD")
    assert item.codes.schema == load_codelist(written(tmp_path, HEAD + ROWS, "b_list")).codes.schema


def test_a_sites_list_replaces_the_shipped_one_and_fills_a_pointer(tmp_path: Path) -> None:
    shipped = load_library()
    pointer = next(name for name in shipped.ids if shipped.get(name).pointer)
    written(tmp_path, HEAD + "code,code_system,term\nSYN:1,SYNTHETIC,x\n", pointer)
    library = load_library(tmp_path)
    assert library.ids == shipped.ids
    assert library.get(pointer).is_filled
    assert library.digest != shipped.digest


@pytest.mark.parametrize("folder", ["absent", "empty", "a file"])
def test_a_folder_without_lists_is_refused(tmp_path: Path, folder: str) -> None:
    path = tmp_path / "lists"
    if folder == "empty":
        path.mkdir()
    elif folder == "a file":
        path.write_text("x")
    with pytest.raises(CodelistError, match="is no folder that holds a codelist"):
        load_library(path)


def test_unions_by_name_and_the_nearest_name_when_there_is_none(tmp_path: Path) -> None:
    one = load_codelist(written(tmp_path, HEAD + ROWS, "one"))
    two = load_codelist(written(tmp_path, HEAD + ROWS + f"{KNOWN[2]},SNOMED,z\n", "two"))
    library = CodelistLibrary({"two": two, "one": one})
    assert library.ids == ("one", "two")
    assert library.get("one+two").codes["code"].to_list() == ["10725009", "80274001", KNOWN[2]]
    assert "one+two" in library
    assert "one+three" not in library
    with pytest.raises(CodelistError, match="did you mean 'two'"):
        library.get("one+twoo")
    assert library.terms().columns == ["code", "code_system", "term"]
    assert library.terms().height == 3


def test_the_digest_follows_codes_and_words_and_not_their_order(tmp_path: Path) -> None:
    head, first, second = ROWS.splitlines(keepends=True)
    base = load_codelist(written(tmp_path, HEAD + ROWS)).digest
    assert load_codelist(written(tmp_path, HEAD + head + second + first)).digest == base
    assert load_codelist(written(tmp_path, HEAD + head + first)).digest != base
    assert load_codelist(written(tmp_path, HEAD + ROWS.replace("Benign", "Mild"))).digest != base
